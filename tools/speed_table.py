"""A measurement's rows as a table in Markdown."""

import statistics

import speed_data


def figures(numbers, form="{}"):
    return ", ".join(form.format(number) for number in numbers)


def markdown(cells):
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells) + "\n"


def table(data, measurement):
    """The rows of a measurement as Markdown."""
    stock = [row for row in measurement["rows"] if data.is_stock(row)]
    modelled = any("modelled_ms" in row for row in measurement["rows"])
    several = len({row["shape"] for row in measurement["rows"]}) > 1
    kinds = {(row["shape"], row["program"]) for row in stock}
    over = "over stock" if len(stock) == len(kinds) else "over the better of stock"
    heads = [""]
    for name in speed_data.MEASURES:
        heads += [name, over] if stock else [name]
    heads += ["a token, measured", "modelled"] if modelled else []
    lines, shape = [markdown(heads), "|---" * len(heads) + "|\n"], None
    for row in measurement["rows"]:
        begins = several and row["shape"] != shape
        shape = row["shape"]
        cells = [(data.shapes[shape]["short"] + ": " if begins else "") + row["name"]]
        for name in speed_data.MEASURES:
            cells.append(figures(row[name]))
            if stock:
                cells.append(ratio_cell(data, measurement, row, name))
        if modelled:
            cells += [f"{1000 / statistics.median(row['decode']):.2f} ms",
                      f"{row['modelled_ms']:.2f} ms"]
        lines.append(markdown(cells))
    return "".join(lines)


def ratio_cell(data, measurement, row, name):
    base = data.baseline(measurement, row, name)
    if row is base:
        return "1"
    if base is None or data.is_stock(row):
        return ""
    return figures(speed_data.ratios(row[name], base[name]), "{:.2f}")
