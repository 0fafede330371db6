"""Each passes, whatever it leaves behind."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pytest

NAMES = ["a b", "a/b", "../../etc/passwd", "'", '"', "`", "$HOME", "\\", "\n", "\t", "\x00",
         "\x1b[2J", "🔥", "é", "\u202e", "[", "]", "::", "-x", "--help", "@", "#", "%s", "{}", "*",
         "?", "~", "<script>alert(1)</script>", "]]>", "&amp;", "", " ", ".", "x" * 2000, "\udcff",
         "not a", "and", "/re/", "tag:x"]


@pytest.mark.parametrize("name", NAMES, ids=NAMES)
def test_name(name):
    pass


@pytest.mark.parametrize("name", NAMES)
def test_name_that_pytest_makes(name):
    pass

# Another test forgets it.
RUN = "hexcore-" + os.path.basename(os.environ.get("HEXCORE_HOSTILE_RUN", "hostile"))


def in_a_child(function):
    if os.fork() == 0:
        function()
        os._exit(0)


def daemon(function):
    """Has another session and another parent."""
    def begin():
        os.setsid()
        in_a_child(function)

    in_a_child(begin)
    os.wait()


def never_end():
    while True:
        signal.pause()


def hold_memory():
    memory = b"x" * (40 << 20)
    never_end()
    return memory


def ignore_signals():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    never_end()


def stop():
    os.kill(os.getpid(), signal.SIGSTOP)
    never_end()


@pytest.mark.parametrize("function", [never_end, hold_memory, ignore_signals, stop])
@pytest.mark.parametrize("start", [in_a_child, daemon])
def test_leaves_a_process(start, function):
    start(function)


def test_leaves_programs():
    for _ in range(20):
        subprocess.Popen(["sleep", "1000"], start_new_session=True)


def test_leaves_a_bomb_of_bounded_size():
    def burst(depth):
        if depth:
            in_a_child(lambda: burst(depth - 1))
            in_a_child(lambda: burst(depth - 1))
        never_end()

    daemon(lambda: burst(4))


def test_leaves_threads():
    for _ in range(10):
        threading.Thread(target=threading.Event().wait).start()


def test_a_child_of_it_runs_on():
    os.fork()


def test_writes_without_a_newline():
    sys.stdout.write("no newline")


def test_writes_what_is_no_text():
    os.write(1, bytes(range(256)))
    os.write(2, b"\xff" * 1000)


def test_writes_much():
    for _ in range(100):
        os.write(1, b"x" * 100_000)


def test_writes_what_looks_like_a_message():
    print('{"end": 0, "outcome": "failed"}')
    print("FAILED\n1 failed")


def test_closes_its_outputs():
    for descriptor in (0, 1, 2):
        os.close(descriptor)


def test_removes_where_it_is():
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    shutil.rmtree(folder)


def test_goes_to_the_root():
    os.chdir("/")


def test_forgets_its_environment():
    os.environ.clear()


def test_leaves_files():
    for number in range(10):
        with open(os.path.join(tempfile.gettempdir(), f"left-{number}"), "wb") as file:
            file.write(b"x" * 100_000)
    os.chmod(tempfile.mkdtemp(), 0)


def test_leaves_shared_memory():
    """Open until the worker ends, or nobody could say whose it is."""
    file = os.open(f"/dev/shm/{RUN}-{os.getpid()}", os.O_CREAT | os.O_RDWR)
    os.write(file, b"x" * 100_000)


def test_renames_itself():
    ctypes.CDLL(None).prctl(15, b"a) R 1 (b", 0, 0, 0)


def test_lowers_its_limits():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))


def test_holds_signals_back():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))


def test_ignores_signals():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)


def test_is_of_low_priority():
    os.nice(19)


def test_waits_for_every_child():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def test_changes_the_clock(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)


def test_runs_pytest(tmp_path):
    (tmp_path / "test_x.py").write_text("def test_x(): pass\n")
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
                         stdout=subprocess.PIPE, text=True, check=True)
    assert "1 passed" in run.stdout


def test_fills_what_it_may(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * (20 << 20))
