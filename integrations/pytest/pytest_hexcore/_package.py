"""Hexcore's Python package: the one that is there, so that what tests tell by it and what is told
here are one program's, else the copy that this package brings."""

try:
    import hexcore
    from hexcore import framework_memory
except ImportError:  # none, or something else of that name
    from . import _hexcore as hexcore
    from ._hexcore import framework_memory

__all__ = ["framework_memory", "hexcore"]
