"""`hexcore test -- pytest`: how it ends before its tests have."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import wait_until


def test_a_pytest_whose_plugin_hangs_does_not_keep_the_run_from_ending(hexcore, tmp_path):
    (tmp_path / "conftest.py").write_text("""
import signal, os
def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        open("hangs", "w").close()
        while True:
            signal.pause()
""")
    for name in "abc":
        (tmp_path / f"test_{name}.py").write_text("def test(): pass")
    runner = hexcore.start("test", "-j", "1", "--config", "none", "--grace", "100ms", "--",
                           sys.executable, "-m", "pytest", cwd=tmp_path,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until((tmp_path / "hangs").exists, runner)
    runner.send_signal(signal.SIGINT)
    runner.wait(timeout=50)


@pytest.mark.parametrize("setting", ["", "hexcore_spawn = true"], ids=["forked", "new"])
@pytest.mark.parametrize("waits", [
    "wait()",
    """
    try:
        wait()
    except BaseException:
        pass  # it was asked to end all the same"""], ids=["waits", "catches all"])
def test_an_interrupt_lets_fixtures_take_down_what_they_set_up(hexcore, tmp_path, setting, waits):
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{setting}\n")
    (tmp_path / "test_it.py").write_text(f"""
import os, pytest, signal, time
def wait():
    while True:
        time.sleep(0.01)  # pause() would miss a signal that comes right before it
def made(name):
    open(name, "w").close()
    yield
    os.remove(name)
of_session = pytest.fixture(scope="session")(lambda: (yield from made("session")))
of_module = pytest.fixture(scope="module")(lambda: (yield from made("module")))
of_test = pytest.fixture(lambda: (yield from made("test")))
def test_forks():
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
def test_waits(of_session, of_module, of_test):
    open("waits", "w").close()
    {waits}
def test_after(of_module): open("never", "w").close()
""")
    runner = hexcore.start("test", "--config", "none", "--grace", "10min", "--", sys.executable,
                           "-m", "pytest", cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    wait_until((tmp_path / "waits").exists, runner)
    assert {"session", "module", "test"} < set(os.listdir(tmp_path))
    runner.send_signal(signal.SIGINT)
    out, _ = runner.communicate()
    assert runner.returncode == 130 and "INTERRUPT" in out, out
    assert not {"session", "module", "test", "never"} & set(os.listdir(tmp_path))


def test_it_ends_when_its_runner_is_killed(hexcore, tmp_path):
    """The pytest that collects, and its worker."""
    (tmp_path / "test_it.py").write_text("""
import os, signal
def test_waits():
    with open("pids", "w") as file:
        file.write(f"{os.getpid()} {os.environ['COLLECTS']}")
    os.rename("pids", "told")
    signal.pause()
""")
    (tmp_path / "conftest.py").write_text("import os; os.environ['COLLECTS'] = str(os.getpid())")
    runner = hexcore.start("test", "--config", "none", "--", sys.executable, "-m", "pytest",
                           cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until((tmp_path / "told").exists, runner)
    pids = [int(pid) for pid in (tmp_path / "told").read_text().split()]
    runner.kill()
    runner.wait()
    for pid in pids:
        _wait_for_end(pid)


def _wait_for_end(pid, timeout_s=240):
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state in "ZX":
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} still runs")
