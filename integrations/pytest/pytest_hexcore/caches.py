"""Gives back what PyTorch, CuPy and JAX keep and nobody uses, where they are imported and used."""

import ctypes
import gc
import sys


def trim_host():
    """Garbage is freed, and what the allocator keeps is the system's again."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)


def used_torch():
    """torch.cuda where the program uses a GPU by it, else None."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    try:
        return cuda if cuda is not None and cuda.is_initialized() else None
    except AttributeError:  # while it is being imported
        return None


def empty_caches():
    """Returns {framework: what could not be given back, and why}."""
    trim_host()
    problems = {}
    for name, empty in (("pytorch", _empty_torch), ("cupy", _empty_cupy), ("jax", _empty_jax)):
        try:
            empty()
        except Exception as error:  # noqa: BLE001 (any that a framework may raise)
            problems[name] = f"{type(error).__name__}: {error}"
    return problems


def _empty_torch():
    cuda = used_torch()
    if cuda is not None:
        for ordinal in range(cuda.device_count()):
            cuda.synchronize(ordinal)
        cuda.empty_cache()


def _empty_cupy():
    """Its pools give back on the GPU that is current. One that has no context must not get one."""
    from ._package import framework_memory

    cupy = sys.modules.get("cupy")
    if getattr(cupy, "get_default_memory_pool", None) is None:
        return
    for memory in framework_memory.of_cupy():
        if memory.cache:
            cupy.get_default_memory_pool().free_all_blocks()
            break


def _empty_jax():
    """What it compiled; of the memory that it took at its start it gives nothing back."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is not None and bridge.backends_are_initialized():
        sys.modules["jax"].clear_caches()
