#!/usr/bin/env python3
"""Writes what docs/measured/speed.json holds into pages and pictures (docs/formats/speed.md).

    speed_report.py [--check] [--add FILE]

A line `<!-- speed: ID -->` of a page stands before the table of that measurement, and
`<!--speed: SHAPE WAY/WAY MEASURE-->` before the median of such ratios within a sentence. The
pictures are docs/images/decode-light.svg and -dark.svg. --check writes nothing and says what would
change; --add takes a measurement that `./dev bench programs` wrote, in place of one with the same
id; where both have a row of a bar, the bar is its.
"""

import argparse
import json
import re
import statistics
import sys
from pathlib import Path

import speed_chart
import speed_data
import speed_table

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/measured.md")
TABLE = re.compile(r"(?m)^(<!-- speed: ([\w-]+) -->\n\n?)((?:\|.*\n)*)")
RATIO = re.compile(r"(<!--speed: (\S+) (\S+)/(\S+) (\S+)-->)(\d+\.\d\d)?")


def told_ratio(data, shape, way, other, name):
    speeds = []
    for wanted in (way, other):
        if (shape, wanted) not in data.drawn:
            raise speed_data.DataError(f"a page tells of {shape}, {wanted}, which is not drawn")
        speeds.append(data.drawn[shape, wanted][1][name])
    return f"{statistics.median(speed_data.ratios(*speeds)):.2f}"


def renewed(data, text):
    """A page with the data's tables and ratios."""
    def with_table(found):
        if found[2] not in data.measurements:
            raise speed_data.DataError(f"a page shows {found[2]}, of which there is no measurement")
        between = "" if found[3] else "\n"  # a new table, before what followed the line
        return found[1] + speed_table.table(data, data.measurements[found[2]]) + between

    text = TABLE.sub(with_table, text)
    return RATIO.sub(lambda found: found[1] + told_ratio(data, *found.groups()[1:5]), text)


def all_files(data):
    """Each file that is made of the data, with what has to be in it."""
    for name in PAGES:
        yield ROOT / name, renewed(data, (ROOT / name).read_text(encoding="utf-8"))
    for theme in speed_chart.THEMES:
        yield ROOT / f"docs/images/decode-{theme}.svg", speed_chart.draw(data, theme)


def data_text(document):
    """JSON with a line for each row, shape and way."""
    def line(entry):
        return json.dumps(entry, ensure_ascii=False)

    def listed(entries, depth):
        inner = f",\n{depth}  ".join(entries)
        return f"[\n{depth}  {inner}\n{depth}]"

    def block(entry, depth, lists):
        told = [f"{line(key)}: " + (listed(lists[key](value), depth + "  ") if key in lists
                                    else line(value)) for key, value in entry.items()]
        return "{\n" + ",\n".join(f"{depth}  {part}" for part in told) + f"\n{depth}}}"

    def rows(entries):
        return [line(entry) for entry in entries]

    def measurements(entries):
        return [block(entry, "    ", {"rows": rows}) for entry in entries]

    return block(document, "", {"shapes": rows, "ways": rows, "measurements": measurements}) + "\n"


def add(document, measurement):
    """In place of the one with its id, or behind the last; what it draws, no other does."""
    others = document["measurements"]
    at = next((number for number, other in enumerate(others) if other["id"] == measurement["id"]),
              len(others))
    others[at:at + 1] = [measurement]
    drawn = {(row["shape"], row["way"]) for row in measurement["rows"] if row.get("drawn")}
    for other in others:
        for row in other["rows"] if other is not measurement else []:
            if (row["shape"], row["way"]) in drawn:
                row.pop("drawn", None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--add", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    try:
        data = speed_data.read()
        if arguments.add:
            add(data.document, json.loads(arguments.add.read_text(encoding="utf-8")))
            data = speed_data.SpeedData(data.document)
            speed_data.DATA.write_text(data_text(data.document), encoding="utf-8")
        stale = []
        for path, text in all_files(data):
            if path.is_file() and path.read_text(encoding="utf-8") == text:
                continue
            stale.append(str(path.relative_to(ROOT)))
            if not arguments.check:
                path.write_text(text, encoding="utf-8")
    except speed_data.DataError as error:
        sys.exit(f"error: {error}")
    if arguments.check and stale:
        sys.exit(f"{', '.join(stale)}: not what docs/measured/speed.json says; run ./dev golden")


if __name__ == "__main__":
    main()
