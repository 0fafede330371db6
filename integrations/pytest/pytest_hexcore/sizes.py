"""Sizes of memory as people write them, by the rules of Hexcore's options."""

import re

MIB = 1 << 20
GIB = 1 << 30
_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgtpe", start=1):
    _UNITS.update({_letter + "b": 1000**_power, _letter + "ib": 1024**_power,
                   _letter: 1024**_power})
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]*)?) *([a-zA-Z]*)")


def parse_size(size):
    """Bytes of "1.5GiB", "16GB", "512MiB" or a plain number. Raises ValueError for what is none."""
    text = size if isinstance(size, str) else repr(size)
    found = None if isinstance(size, bool) else _SIZE.fullmatch(text)
    factor = _UNITS.get(found[2].lower()) if found else None
    if factor is None:
        raise ValueError(f"{size!r} is not a size; write 16GiB, 512MiB or plain bytes")
    number = float(found[1]) if "." in found[1] else int(found[1])
    return round(number * factor)


def shown(size_bytes):
    """For people: "212 MiB", "1.50 GiB"."""
    size, unit = float(size_bytes), 0
    while abs(size) >= 1024 and unit < 4:
        size, unit = size / 1024, unit + 1
    name = ("B", "KiB", "MiB", "GiB", "TiB")[unit]
    return f"{size:.2f} {name}" if unit >= 3 else f"{size:.0f} {name}"
