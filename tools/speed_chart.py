"""Decode speed by shape and way as SVG, drawn by matplotlib: once for each of GitHub's themes."""

import io
import statistics

import speed_data

WIDTH_IN, BAR_IN, HEAD_IN, FOOT_IN = 9.0, 0.25, 0.62, 0.58
LEFT, RIGHT = 0.30, 0.97  # of the width
NOTE = ("Decoding, {}: the rounds as dots, their median, and \N{MULTIPLICATION SIGN} of the "
        "fastest stock way beside it\nMeasured on {}")
THEMES = {
    "light": {"ink": "#1f2328", "quiet": "#59636e", "stock": "#9aa4af", "hexcore": "#2f6fb3",
              "dot": "#1f2328"},
    "dark": {"ink": "#f0f6fc", "quiet": "#9198a1", "stock": "#656c76", "hexcore": "#539bf5",
             "dot": "#f0f6fc"},
}
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "hexcore",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 9,
}


def panels(data):
    """Each shape of which something is drawn, with its rows in the order of the ways."""
    for shape, about in data.shapes.items():
        rows = [(way, *data.drawn[shape, way]) for way in data.ways if (shape, way) in data.drawn]
        if rows:
            yield about, rows


def cards(data):
    """What the drawn rows were measured on, without drivers and versions."""
    found = dict.fromkeys(measurement["card"].split(" (")[0]
                          for _, rows in panels(data) for _, measurement, _ in rows)
    return " and ".join(found)


def over_stock(data, measurement, row):
    """The median of the row's ratios to the fastest stock way on the same devices, or None."""
    def beside(other):
        return other.get("drawn") and data.devices(other) == data.devices(row)

    base = data.baseline(measurement, row, "decode", beside)
    if base is None or data.is_stock(row):
        return None
    return statistics.median(speed_data.ratios(row["decode"], base["decode"]))


def speed(tokens_per_s):
    return f"{tokens_per_s:.0f}" if tokens_per_s >= 1000 else f"{tokens_per_s:.1f}"


def places(data, rows):
    """From above, where each bar is, and where the names of their devices are."""
    at, devices, bars, heads = 0.0, None, [], []
    for way, _, _ in rows:
        if data.ways[way]["devices"] != devices:
            devices = data.ways[way]["devices"]
            heads.append((at + 0.1, devices))
            at += 1
        bars.append(at)
        at += 1
    return bars, heads, at


def draw_panel(axes, data, about, rows, theme):
    bars, heads, end = places(data, rows)
    longest = max(max(row["decode"]) for _, _, row in rows)
    for at, (way, measurement, row) in zip(bars, rows):
        median = statistics.median(row["decode"])
        axes.barh(at, median, height=0.72, color=theme[data.ways[way]["by"]])
        if len(row["decode"]) > 1:
            axes.scatter(row["decode"], [at] * len(row["decode"]), s=7, color=theme["dot"],
                         linewidths=0, zorder=3)
        ratio = over_stock(data, measurement, row)
        axes.text(max(row["decode"]) + longest * 0.012, at,
                  speed(median) + (f"\N{EN SPACE} {ratio:.2f}\N{MULTIPLICATION SIGN}"
                                   if ratio else ""),
                  va="center", color=theme["ink"], fontweight="bold" if ratio else "normal")
        axes.text(-longest * 0.012, at, data.ways[way]["name"], ha="right", va="center",
                  color=theme["ink"])
    for at, devices in heads:
        axes.text(-longest * 0.012, at, devices, ha="right", va="center", color=theme["quiet"],
                  fontsize=8)
    axes.set_title(about["name"], loc="left", fontsize=10.5, fontweight="bold", color=theme["ink"],
                   pad=4)
    axes.set_xlim(0, longest * 1.17)
    axes.set_ylim(end - 0.4, -0.5)
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=7)
    axes.tick_params(axis="x", colors=theme["quiet"], labelsize=8, length=0)
    axes.grid(axis="x", color=theme["quiet"], alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def draw(data, theme_name):
    """The picture as text."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    theme, shown = THEMES[theme_name], list(panels(data))
    heights = [HEAD_IN + BAR_IN * places(data, rows)[2] for _, rows in shown]
    height = sum(heights) + FOOT_IN
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, height))
        below = height
        for (about, rows), taken in zip(shown, heights):
            below -= taken
            axes = figure.add_axes((LEFT, (below + 0.22) / height, RIGHT - LEFT,
                                    (taken - HEAD_IN) / height), facecolor="none")
            draw_panel(axes, data, about, rows, theme)
        figure.text(LEFT, 0.12 / height, NOTE.format(data.document["unit"], cards(data)),
                    fontsize=8, color=theme["quiet"])
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={
            "Title": "Decode speed by shape and way", "Date": None, "Creator": None,
            "Format": None, "Type": None})
    return "".join(line.rstrip() + "\n" for line in written.getvalue().splitlines())
