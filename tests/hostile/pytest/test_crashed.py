"""Each ends its process, or makes it unable to say how it went."""

import ctypes
import faulthandler
import os
import signal
import sys
import threading
import unittest

import pytest

LIBC = ctypes.CDLL(None)
SIGNALS = ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGKILL", "SIGTERM", "SIGHUP",
           "SIGQUIT", "SIGSYS", "SIGTRAP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF",
           "SIGXCPU"]


def die(number):
    signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None
    os.kill(os.getpid(), number)
    signal.pause()


@pytest.mark.parametrize("name", SIGNALS)
def test_signal(name):
    die(getattr(signal, name))


@pytest.mark.parametrize("code", [0, 1, 2, 3, 5, 42, 86, 126, 127, 255])
def test_exit(code):
    os._exit(code)


@pytest.mark.parametrize("program", [["true"], ["false"], ["sh", "-c", "exit 3"],
                                     ["sh", "-c", "kill -9 $$"]])
def test_becomes_another_program(program):
    os.execvp(program[0], program)


def test_reads_nothing():
    ctypes.string_at(0)


def test_writes_nowhere():
    ctypes.memset(8, 1, 8)


def test_calls_nothing():
    ctypes.CFUNCTYPE(None)(0)()


def test_frees_what_is_none():
    LIBC.free(ctypes.c_void_p(0x1234))


def test_aborts():
    LIBC.abort()


def test_exits_from_c():
    LIBC.exit(0)


def test_overflows_the_stack():
    faulthandler._stack_overflow()


def test_fatal_error():
    ctypes.pythonapi.Py_FatalError(b"this is the end")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_thread_dies_for_all(number):
    threading.Thread(target=os.kill, args=(os.getpid(), number)).start()
    threading.Event().wait()


def test_a_thread_ends_the_process():
    threading.Thread(target=os._exit, args=(0,)).start()
    threading.Event().wait()


def test_a_child_kills_its_parent():
    parent = os.getpid()
    if os.fork() == 0:
        os.kill(parent, signal.SIGKILL)
        os._exit(0)
    signal.pause()


def test_kills_its_group():
    os.killpg(0, signal.SIGKILL)
    signal.pause()


def test_closes_all_descriptors():
    os.closerange(0, 4096)


def test_closes_all_but_its_output():
    os.closerange(3, 4096)


def test_writes_over_all_descriptors():
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3, 256):
        if descriptor != nothing:
            os.dup2(nothing, descriptor)


def test_writes_without_end():
    while True:
        os.write(1, b"x" * (1 << 20))


def test_dies_while_it_writes():
    sys.stdout.write("half a li")
    sys.stdout.flush()
    die(signal.SIGKILL)


def test_dies_in_a_finalizer(request):
    request.addfinalizer(lambda: os._exit(0))


@pytest.fixture
def deadly():
    os._exit(0)


def test_its_fixture_exits(deadly):
    pass


class TestItsClassExits:
    @classmethod
    def setup_class(cls):
        os._exit(0)

    def test_never_runs(self):
        pass


class UnitTest(unittest.TestCase):
    def test_exits(self):
        os._exit(0)

    def test_exits_in_a_subtest(self):
        with self.subTest(i=1):
            os._exit(0)
