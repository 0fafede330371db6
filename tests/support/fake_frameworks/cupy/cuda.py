"""A driver that is loaded at the program's first use of a GPU, as the real one is."""

import ctypes

pools = {}  # of each GPU: bytes in use, bytes free
current = 0


def start(driver, gpu):
    """Makes a context on one GPU of those that the library `driver` has."""
    ctypes.CDLL(driver).make_context(gpu)


class Device:
    def __init__(self, gpu):
        assert gpu in pools, f"this makes a context on GPU {gpu}"
        self.gpu = gpu

    def __enter__(self):
        global current
        self.before, current = current, self.gpu

    def __exit__(self, *_):
        global current
        current = self.before
