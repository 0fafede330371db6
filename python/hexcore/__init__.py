"""Tells `hexcore watch` what a Python program does, and watches the program from within.

    import hexcore

    @hexcore.label("step")
    def step(batch): ...

    with hexcore.label("evaluate"):
        hexcore.mark("the data is loaded")

Where nobody watches, or the library is not there, each call does nothing; hexcore.status() says
which it is. What PyTorch, CuPy and JAX hold is told by `import hexcore.frameworks`.
"""

import importlib

from ._library import status, watched
from .telling import Holder, allocated, amounts, label, mark, released

__all__ = ["GPUMemoryTracker", "Holder", "Leak", "Tracker", "allocated", "amounts",
           "expect_neutral", "label", "mark", "released", "status", "watched"]

# What a program that only tells does without, so that telling it begins in a few milliseconds.
_LATER = {"GPUMemoryTracker": ".gpu_memory_tracker", "Leak": ".tracker", "Tracker": ".tracker",
          "expect_neutral": ".tracker"}


def __getattr__(name):
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LATER[name], __name__), name)
