"""What a program tells of itself: labels, marks, and what it holds by name or by allocation."""

import contextlib
import ctypes
import functools
import os

from ._library import encoded, telling

# In the order of HEXCORE_HOLDER_LEDGER and those after it in hexcore/tracker.h.
KINDS = ("ledger", "pytorch", "cupy", "jax", "program")
# Called at the end of each label, while it is still open: who samples tells what is there then.
at_label_end = []


class label(contextlib.ContextDecorator):  # noqa: N801 (used like a function)
    """What this thread does from here on, as a context manager or a decorator; labels nest.

    Repeats of one label are compared with each other: memory that is still there after each of
    them is a leak. Raises TypeError for a function whose body runs later than its call (async, or
    a generator): open the label within it.
    """

    def __init__(self, name):
        self._name = encoded(name)

    def __enter__(self):
        telling.hexcore_label_begin(self._name)
        return self

    def __exit__(self, *_):
        try:
            for tell in at_label_end:
                tell()
        finally:
            telling.hexcore_label_end()
        return False

    def __call__(self, function):
        import inspect  # which takes longer to load than all else here

        later = (inspect.iscoroutinefunction, inspect.isgeneratorfunction,
                 inspect.isasyncgenfunction)
        if any(runs_later(function) for runs_later in later):
            raise TypeError(f"the body of {function.__qualname__} runs after its call has "
                            "returned; use `with hexcore.label(...)` within it")
        return super().__call__(function)


def mark(name):
    """Marks this moment in the recording."""
    telling.hexcore_mark(encoded(name))


class Holder:
    """Something in this process that knows exactly what it holds of a device: `Holder("cuda:0")`.

    `device` is the name that `hexcore watch` gives it (host, cuda:0); `total_bytes` its size or
    budget, 0 if there is none.
    """

    def __init__(self, device="host", kind="program", total_bytes=0):
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of holder; there are {', '.join(KINDS)}")
        self._opening = KINDS.index(kind), encoded(device), _size(total_bytes, "total_bytes")
        self._number, self._process = 0, None

    def _open(self):
        """Its number: 0 as long as nobody listens, and another in the child of a fork."""
        if not self._number or self._process != os.getpid():
            self._number = telling.hexcore_holder_open(*self._opening)
            self._process = os.getpid()
        return self._number

    def amounts(self, bytes_by_name):
        """All that it holds now, such as {"weights": 1 << 30, "cache": 1 << 20}."""
        sizes = [_size(size, name) for name, size in bytes_by_name.items()]
        if number := self._open():
            count = len(sizes)
            names = (ctypes.c_char_p * count)(*map(encoded, bytes_by_name))
            telling.hexcore_amounts(number, count, names, (ctypes.c_uint64 * count)(*sizes))

    def allocated(self, allocation, size_bytes, purpose=""):
        """An allocation with a number of the caller's own, such as its address, which no other
        living one has."""
        telling.hexcore_allocated(self._open(), allocation, _size(size_bytes, "size_bytes"),
                                  encoded(purpose))

    def released(self, allocation):
        """The allocation of that number is gone."""
        telling.hexcore_released(self._open(), allocation)


def _size(size_bytes, name):
    size = int(size_bytes)
    if not 0 <= size < 1 << 64:
        raise ValueError(f"{name} is {size} bytes; a size is 0 or more, and below 2^64")
    return size


@functools.lru_cache(maxsize=None)
def _program(device):
    return Holder(device)


def amounts(bytes_by_name, device="host"):
    """All that this program holds of a device now, by name."""
    _program(device).amounts(bytes_by_name)


def allocated(allocation, size_bytes, purpose="", device="host"):
    """This program has taken memory of a device; see Holder.allocated."""
    _program(device).allocated(allocation, size_bytes, purpose)


def released(allocation, device="host"):
    """This program has given back what it told as allocated."""
    _program(device).released(allocation)
