"""What PyTorch, CuPy and JAX have taken of GPUs, in their own words.

Each reader asks a framework only once the program itself has imported it and begun to use a GPU
with it: nothing here imports a framework, starts a driver or makes a CUDA context.
"""

import ctypes
import os
import sys
from collections import namedtuple

# What `hexcore watch` itself was started with, after which it numbers GPUs.
WATCHERS_GPUS = "HEXCORE_WATCH_GPUS"
OWN_GPUS = "CUDA_VISIBLE_DEVICES"


# Of one device, by the watcher's name of it, in bytes: what is given to the program's tensors or
# arrays, and what is taken of the device and given to nobody.
Memory = namedtuple("Memory", "device allocated cache")


def device_name(ordinal):
    """The watcher's name of the GPU that CUDA gives this number here. A program may have hidden
    some since; then the numbers differ."""
    visible, watchers = os.environ.get(OWN_GPUS), os.environ.get(WATCHERS_GPUS)
    if visible is None or visible == watchers:
        return f"cuda:{ordinal}"
    listed = visible.split(",")
    entry = listed[ordinal].strip() if ordinal < len(listed) else "?"
    if watchers:
        known = [one.strip() for one in watchers.split(",")]
        entry = str(known.index(entry)) if entry in known else entry
    return f"cuda:{entry}"


def of_pytorch():
    """What its caching allocator has of each GPU."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return
    for ordinal in range(cuda.device_count()):
        stats = cuda.memory_stats_as_nested_dict(ordinal)
        allocated, reserved = (stats[name]["all"]["current"] if name in stats else 0
                               for name in ("allocated_bytes", "reserved_bytes"))
        yield Memory(device_name(ordinal), allocated, max(0, reserved - allocated))


def of_cupy():
    """What its default memory pool has of each GPU."""
    cupy = sys.modules.get("cupy")
    default_pool = getattr(cupy, "get_default_memory_pool", None)
    if default_pool is None:
        return
    pool = default_pool()
    for ordinal in _gpus_in_use():
        with cupy.cuda.Device(ordinal):
            yield Memory(device_name(ordinal), pool.used_bytes(), pool.free_bytes())


def of_jax():
    """What its allocator has of each GPU. By default it takes three quarters at its start."""
    global _jax_process
    bridge = sys.modules.get("jax._src.xla_bridge")
    # In a child of the process that started it, it would tell what the parent has.
    if bridge is None or _jax_process not in (None, os.getpid()):
        return
    if not bridge.backends_are_initialized():  # the only way to ask without starting them
        return
    _jax_process = os.getpid()
    for device in sys.modules["jax"].local_devices():
        stats = device.memory_stats() if device.platform in ("gpu", "cuda") else None
        if stats:
            allocated = stats.get("bytes_in_use", 0)
            yield Memory(device_name(device.local_hardware_id), allocated,
                         max(0, stats.get("pool_bytes", 0) - allocated))


_jax_process = None
READERS = {"pytorch": of_pytorch, "cupy": of_cupy, "jax": of_jax}


def _gpus_in_use():
    """The numbers of the GPUs on which this process has a primary CUDA context already."""
    try:  # only if it is loaded: loading it would start the driver
        cuda = ctypes.CDLL("libcuda.so.1", mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
    except OSError:
        return
    count, device = ctypes.c_int(), ctypes.c_int()
    flags, active = ctypes.c_uint(), ctypes.c_int()
    if cuda.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return  # not started, or the child of a process that started it
    for ordinal in range(count.value):
        if (cuda.cuDeviceGet(ctypes.byref(device), ordinal) == 0 and
                cuda.cuDevicePrimaryCtxGetState(device, ctypes.byref(flags),
                                                ctypes.byref(active)) == 0 and active.value):
            yield ordinal
