"""What the runner is told of the tests that were collected."""

import collections
import math
from collections import namedtuple

from .channel import sayable
from .sizes import parse_size


def group_of(item):
    """Tests of one group share a worker: those of a file, or of an xdist_group. Fixtures of a
    module or the session are then made once for all of them."""
    group = item.get_closest_marker("xdist_group")
    if group:
        name = group.args[0] if group.args else group.kwargs.get("name", "default")
        return f"xdist_group {name}"
    return item.nodeid.split("::")[0]


def budget_of(item):
    """The markers' sizes in bytes: {"host": 1 << 30, "cuda:0": ...}. Raises ValueError for a
    size that is none, or for a marker that names something else."""
    sizes = {}
    for marker in item.iter_markers("memory"):  # the closest to the test comes first
        if marker.args or not marker.kwargs:
            raise ValueError("the marker is used as memory(host=\"1GiB\", gpu=\"4GiB\")")
        for name, size in marker.kwargs.items():
            device = device_of(name)
            sizes.setdefault(device, parse_size(size))
    return sizes


def device_of(name):
    """The runner's name of a device that a marker calls host, gpu, gpu1, cuda0 ..."""
    if name == "host":
        return name
    for kind in ("gpu", "cuda"):
        number = name[len(kind):].strip("_")
        if name.startswith(kind) and (number.isdigit() or not number):
            return f"cuda:{int(number or 0)}"
    raise ValueError(f"the marker memory knows host, gpu and gpu0, gpu1 ..., not {name}")


def timeout_of(item):
    """Seconds, of the marker that pytest-timeout reads; None without, and where that plugin runs,
    for it is its own then. Raises ValueError for what is no time."""
    marker = item.get_closest_marker("timeout")
    if marker is None or item.config.pluginmanager.has_plugin("timeout"):
        return None
    told = marker.args[0] if marker.args else marker.kwargs.get("timeout")
    try:
        seconds = float(told) if told is not None else 0.0
    except (TypeError, ValueError):
        seconds = math.nan
    if math.isnan(seconds) or seconds < 0:
        raise ValueError(f"{told!r} is no time in seconds")
    return seconds if 0 < seconds < math.inf else None


# item: None for a file that could not be collected. problem: why it cannot run, and so fails.
Listed = namedtuple("Listed", "item message problem")


def listed(items, errors):
    """What there is to run, in order: the items, then a test for each (node id, text) of
    `errors`, which fails."""
    seen = collections.Counter()
    tests = []
    for item in items:
        problem, budget, timeout = "", {}, None
        try:
            budget = budget_of(item)
        except ValueError as error:
            problem = f"its marker `memory`: {error}"
        try:
            timeout = timeout_of(item)
        except ValueError as error:
            problem = f"its marker `timeout`: {error}"
        file, line, _ = item.location
        message = {"group": sayable(group_of(item)), "file": sayable(file),
                   "line": line + 1 if line is not None else 0,
                   "tags": sorted({sayable(mark.name) for mark in item.iter_markers()})}
        if item.get_closest_marker("isolated"):
            message["isolated"] = True
        if budget:
            message["budget"] = budget
        if timeout:
            message["timeout_s"] = timeout
        _add(tests, seen, item.nodeid, message, item, problem)
    for name, text in errors:
        _add(tests, seen, name, {"group": sayable(name), "file": sayable(name)}, None, text)
    return tests


def _add(tests, seen, name, message, item, problem):
    name = sayable(name)
    seen[name] += 1
    message.update(test=len(tests), name=name,
                   id=name if seen[name] == 1 else f"{name} #{seen[name]}")
    tests.append(Listed(item, message, sayable(problem)))
