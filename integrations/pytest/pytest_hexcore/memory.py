"""What this process has of main memory and of GPUs, as far as that can be asked without starting
anything: no framework is imported and no driver opened for it."""

import os
import sys

_PAGE = os.sysconf("SC_PAGE_SIZE")
_FRAMEWORKS = ("torch", "cupy", "jax")


def resident_bytes():
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE


def framework_memory():
    """What each imported framework has of each GPU that it uses; one that cannot be asked, as while
    it is being imported, has nothing."""
    if not any(name in sys.modules for name in _FRAMEWORKS):
        return []
    from ._package import framework_memory as readers

    found = []
    for read in readers.READERS.values():
        try:
            found.extend(read())
        except Exception:  # noqa: BLE001 (any that a framework may raise)
            continue
    return found


def framework_bytes():
    """{"cuda:0": bytes}: what is given to tensors and arrays and what is cached."""
    total = {}
    for memory in framework_memory():
        total[memory.device] = total.get(memory.device, 0) + memory.allocated + memory.cache
    return total


def memory_statistics():
    """{"host": {"resident_bytes"}, "cuda:0": {"allocated_bytes", "cached_bytes"}, ...}: this process
    now. Of GPUs those that PyTorch, CuPy or JAX use in it, all three together."""
    found = {"host": {"resident_bytes": resident_bytes()}}
    for memory in framework_memory():
        device = found.setdefault(memory.device, {"allocated_bytes": 0, "cached_bytes": 0})
        device["allocated_bytes"] += memory.allocated
        device["cached_bytes"] += memory.cache
    return found


def kept(before, after):
    """{"host": bytes}: what each device has more of in `after`, of what is in use."""
    grown = {}
    for device, now in after.items():
        key = "resident_bytes" if device == "host" else "allocated_bytes"
        grown[device] = now[key] - before.get(device, {}).get(key, 0)
    return grown
