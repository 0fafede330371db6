"""Tests that need much memory, and give it back: the pytest plugin `hexcore`.

    def test_training(memory_cleanup_fixture, gpu_resource_manager):
        with gpu_resource_manager.reserve_memory("training", 6.0):
            ...

Nothing here imports PyTorch, CuPy or JAX; it knows them once the tests have imported them. What it
does is described in docs/testing.md of Hexcore.
"""

import importlib

__version__ = "0.1.0"
__all__ = ["GPUResourceManager", "IsolatedFailure", "IsolatedRun", "force_complete_gpu_reset",
           "memory_statistics"]

_WHERE = {"GPUResourceManager": ".resource_manager", "IsolatedFailure": ".isolated",
          "IsolatedRun": ".isolated", "force_complete_gpu_reset": ".reset",
          "memory_statistics": ".memory"}


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name], __name__), name)
