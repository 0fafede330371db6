"""Memory that an allocator has taken and nobody uses, as far as allocators tell."""

import ctypes

from .framework_memory import READERS


class _Mallinfo2(ctypes.Structure):
    """glibc's struct mallinfo2 (malloc.h), all of whose fields are sizes or counts."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
        "fordblks", "keepcost")]


def _glibc():
    """glibc's arenas, all of them; None with another C library, or before glibc 2.33."""
    mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo2 is None:
        return None
    mallinfo2.argtypes, mallinfo2.restype = [], _Mallinfo2
    info = mallinfo2()
    return {"device": "host", "allocator": "glibc", "used_bytes": info.uordblks + info.hblkhd,
            "unused_bytes": info.fordblks}


def fragmentation():
    """A list of {"device", "allocator", "used_bytes", "unused_bytes", "unused_ratio"}.

    Unused is what the allocator keeps of the device and has given to nobody: glibc's free lists,
    the cache of PyTorch, the pools of CuPy and JAX. An allocator that does not tell is not listed.
    """
    found = [_glibc()] + [
        {"device": memory.device, "allocator": kind, "used_bytes": memory.allocated,
         "unused_bytes": memory.cache}
        for kind, read in READERS.items() for memory in read()]
    return [entry | {"unused_ratio": _ratio(entry)} for entry in found if entry]


def _ratio(entry):
    total = entry["used_bytes"] + entry["unused_bytes"]
    return entry["unused_bytes"] / total if total else 0.0
