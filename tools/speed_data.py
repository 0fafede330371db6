"""Measured speeds as docs/formats/speed.md has them, and what they are of stock's."""

import json
import statistics
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "docs/measured/speed.json"
SCHEMA = "hexcore.speed/1"
MEASURES = ("decode", "prompt")


class DataError(Exception):
    """What is wrong with the data, in one sentence."""


def by_id(entries, what):
    found = {entry["id"]: entry for entry in entries}
    if len(found) < len(entries):
        raise DataError(f"two {what} have the same id")
    return found


class SpeedData:
    """The document, its shapes, ways and measurements by id."""

    def __init__(self, document):
        if document.get("schema") != SCHEMA:
            raise DataError(f"the schema is {document.get('schema')!r}, expected {SCHEMA!r}")
        self.document = document
        self.shapes = by_id(document["shapes"], "shapes")
        self.ways = by_id(document["ways"], "ways")
        self.measurements = by_id(document["measurements"], "measurements")
        self.drawn = {}
        for measurement in document["measurements"]:
            for row in measurement["rows"]:
                self._take(measurement, row)

    def _take(self, measurement, row):
        place = f"{measurement['id']}: {row['shape']}, {row['way']}"
        if row["shape"] not in self.shapes or row["way"] not in self.ways:
            raise DataError(f"{place}: there is no such shape or way")
        if not row["decode"] or not all(speed > 0 for name in MEASURES for speed in row[name]):
            raise DataError(f"{place}: a speed is no positive number, or there is none")
        if row.get("drawn"):
            key = (row["shape"], row["way"])
            if key in self.drawn:
                raise DataError(f"{place}: it is drawn of {self.drawn[key][0]['id']} as well")
            self.drawn[key] = (measurement, row)

    def is_stock(self, row):
        return self.ways[row["way"]]["by"] == "stock"

    def devices(self, row):
        return self.ways[row["way"]]["devices"]

    def baseline(self, measurement, row, name, among=lambda _: True):
        """The fastest stock row of the shape, by the same program if that was measured, or None."""
        stock = [other for other in measurement["rows"]
                 if other["shape"] == row["shape"] and self.is_stock(other) and among(other)]
        same = [other for other in stock if other["program"] == row["program"]]
        return max(same or stock, key=lambda other: statistics.median(other[name]), default=None)


def read(path=DATA):
    return SpeedData(json.loads(Path(path).read_text(encoding="utf-8")))


def ratios(speeds, base):
    """Round by round, where both have as many; else over the median of the base."""
    if len(speeds) != len(base):
        base = [statistics.median(base)] * len(speeds)
    return [speed / other for speed, other in zip(speeds, base)]
