"""How many workers pytest-xdist starts for `-n auto`."""

import os
import warnings

import pytest

from .memory import resident_bytes
from .sizes import parse_size, shown

# What a worker takes at least, over what this process has itself before it imports the tests.
_LEAST = 256 << 20
_KEPT_BACK = 1 << 30
WORKER_MEMORY = "hexcore_worker_memory"


def workers_by_memory(config):
    """As many as there are cores, but no more than the memory is enough for that nobody has
    reserved; None where nobody can say, for xdist to answer as always."""
    from .free_memory import free_host_bytes
    from .reservations import Unavailable, unreserved_bytes

    try:
        free = unreserved_bytes()
    except Unavailable:
        free = free_host_bytes()
    told = config.getini(WORKER_MEMORY)
    each = parse_size(told) if told else max(_LEAST, 2 * resident_bytes())
    fitting = max(1, (free - _KEPT_BACK) // each)
    cores = len(os.sched_getaffinity(0))
    if fitting >= cores:
        return None
    warnings.warn(pytest.PytestWarning(
        f"{fitting} workers instead of {cores}: {shown(free)} of memory are free and not reserved, "
        f"{shown(_KEPT_BACK)} of it kept back, and each is counted with {shown(each)} "
        f"({WORKER_MEMORY} says how much)"), stacklevel=1)
    return fitting
