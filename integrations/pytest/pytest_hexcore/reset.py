"""Gives back what frameworks keep of GPUs, and proves what came back."""

import os
import sys
import time

from .caches import empty_caches, used_torch
from .free_memory import gpus
from .memory import memory_statistics

_VARIABLE = "PYTORCH_CUDA_ALLOC_CONF"
# What a driver rounds to, and what others do meanwhile, is not what we wait for.
_TOLERANCE = 32 << 20
_LOOK_S = 0.005
_NOTHING = {"allocated_bytes": 0, "cached_bytes": 0}


def force_complete_gpu_reset(alloc_conf=None, timeout_s=10.0):
    """Empties the caches of PyTorch, CuPy and JAX, as far as they are imported and use a GPU, and
    waits until what they gave back is free by the driver's word. Tensors and arrays that somebody
    holds stay.

    Returns a dictionary: "devices", for each GPU that is used here "before" and "after"
    ({"allocated_bytes", "cached_bytes", "free_bytes"}; free_bytes None where nobody can tell),
    "given_back_bytes" by the frameworks, "came_back_bytes" by the driver, "waited_ms" and
    "is_clean": all that was given back is free, and nothing is cached; "host", the same of this
    process's main memory with "resident_bytes"; "problems", {framework: why it could not};
    "alloc_conf", what became of `alloc_conf`, which is to be PYTORCH_CUDA_ALLOC_CONF: it is set
    only if that is still of use.
    """
    told = _set_alloc_conf(alloc_conf)
    before, free_before = memory_statistics(), _free_by_device()
    problems = empty_caches()
    after = memory_statistics()
    devices = {}
    begun = time.monotonic()
    for device in sorted({*before, *after} - {"host"}):
        was, now = before.get(device, _NOTHING), after.get(device, _NOTHING)
        given_back = max(0, sum(was.values()) - sum(now.values()))
        free = _wait(device, free_before.get(device), given_back, begun + timeout_s)
        waited_ms = round((time.monotonic() - begun) * 1000, 3)
        known = free is not None and free_before.get(device) is not None
        came_back = free - free_before[device] if known else None
        devices[device] = {
            "before": dict(was, free_bytes=free_before.get(device)),
            "after": dict(now, free_bytes=free),
            "given_back_bytes": given_back, "came_back_bytes": came_back, "waited_ms": waited_ms,
            "is_clean": now["cached_bytes"] == 0 and known and
            came_back >= given_back - _TOLERANCE}
    return {"devices": devices, "host": {"before": before["host"], "after": after["host"]},
            "problems": problems, "alloc_conf": told}


def _set_alloc_conf(wanted):
    if wanted is None:
        return "not asked for"
    current = os.environ.get(_VARIABLE)
    if "torch" in sys.modules and current != wanted:
        return (f"too late: PyTorch is imported and reads {_VARIABLE} when it begins; it is "
                f"{current!r}. Set it before the tests import torch")
    os.environ[_VARIABLE] = wanted
    return "set"


def _free_by_device():
    """By PyTorch where it uses the GPU, for it asks the driver in this process already; else by the
    driver's own program, where a framework uses a GPU at all."""
    cuda = used_torch()
    if cuda is not None:
        return {f"cuda:{ordinal}": cuda.mem_get_info(ordinal)[0]
                for ordinal in range(cuda.device_count())}
    if len(memory_statistics()) == 1:
        return {}
    return {gpu.name: gpu.free_bytes for gpu in gpus()}


def _wait(device, free_before, given_back, until):
    """What is free once as much came back as was given, or at the deadline."""
    while True:
        free = _free_by_device().get(device)
        if free is None or free_before is None or \
                free - free_before >= given_back - _TOLERANCE or time.monotonic() >= until:
            return free
        time.sleep(_LOOK_S)
