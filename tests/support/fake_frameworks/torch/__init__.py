"""Stands in for PyTorch where there is no GPU: what hexcore.frameworks asks of it, no more."""

from . import cuda  # noqa: F401
