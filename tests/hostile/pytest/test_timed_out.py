"""Each never ends by itself."""

import ctypes
import os
import signal
import threading
import time

import pytest

pytestmark = pytest.mark.timeout(1)


def test_waits():
    signal.pause()


def test_ignores_being_asked():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        signal.pause()


def test_holds_signals_back():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    threading.Event().wait()


def test_stops_itself():
    os.kill(os.getpid(), signal.SIGSTOP)
    signal.pause()


def test_computes():
    while True:
        pass


def test_hangs_in_c():
    ctypes.CDLL(None).sleep(100_000)


def test_writes_on():
    while True:
        print("x" * 100)
        time.sleep(0.001)


def test_hangs_in_a_finalizer(request):
    request.addfinalizer(threading.Event().wait)
