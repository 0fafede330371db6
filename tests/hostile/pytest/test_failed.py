"""Each fails, some in a way that is hard to tell."""

import os
import signal
import sys
import unittest

import pytest


class BadText(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class Own(BaseException):
    pass


@pytest.mark.parametrize("error", [
    AssertionError(), SystemExit(0), SystemExit(3), SystemExit("text"), GeneratorExit(),
    StopIteration(), MemoryError(), RecursionError(), OSError(28, "No space left on device"),
    BadText(), Own(), Exception("\udcff\ud800"), Exception("\x00\x1b[31m\x07\n\n]]>"),
    Exception("x" * 1_000_000), Exception("🔥" * 1000),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "?")],
    ids=lambda error: type(error).__name__)
def test_raises(error):
    raise error


def test_exits():
    sys.exit(0)


def test_recurses():
    test_recurses()


def test_compares_long_texts():
    assert "a" * 3000 == "b" * 3000


def test_prints_much_and_fails():
    for _ in range(50):
        print("y" * 100_000)
    os.write(1, b"\xff\xfe no newline")
    assert False


def test_its_finalizer_fails(request):
    request.addfinalizer(lambda: 1 / 0)


def test_two_failures(request):
    request.addfinalizer(lambda: 1 / 0)
    assert False


@pytest.fixture
def broken():
    raise ValueError("no such thing")


def test_its_fixture_fails(broken):
    pass


def test_wants_what_there_is_not(nothing_of_that_name):
    pass


@pytest.mark.xfail(strict=True)
def test_passes_unexpectedly():
    pass


def test_kills_what_watches_over_it():
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()


def test_a_child_of_it_reports_as_well():
    os.fork()
    assert False


def test_closes_the_files_of_its_outputs():
    sys.stdout.close()
    sys.stderr.close()


def test_fails_with_threads_alive():
    import threading

    threading.Thread(target=threading.Event().wait).start()
    assert False


@pytest.mark.memory(host="a lot")
def test_its_marker_is_no_size():
    pass


@pytest.mark.memory(moon="1GiB")
def test_its_marker_is_of_no_device():
    pass


class UnitTest(unittest.TestCase):
    def test_one_subtest_fails(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertNotEqual(i, 1)

    @unittest.expectedFailure
    def test_succeeds_unexpectedly(self):
        pass

    def test_exits(self):
        sys.exit(0)
