"""The pytest plugin by itself, as pip installs it: fixtures, markers, reservations, a reset."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

PLUGIN = ROOT / "integrations" / "pytest"
STAND_INS = ROOT / "tests" / "support" / "fake_frameworks"


@pytest.fixture
def suite(tmp_path):
    """Runs a test file in a pytest with the plugin: `code, text = suite(source, *options)`."""
    def run(source, *options, conftest="", env=None):
        (tmp_path / "test_it.py").write_text(source)
        (tmp_path / "conftest.py").write_text(conftest)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "pytest_hexcore.plugin", "-p",
             "no:cacheprovider", "--strict-markers", *options], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            timeout=300, env={**os.environ, "PYTHONPATH": f"{PLUGIN}:{STAND_INS}",
                 "HEXCORE_RESERVATIONS": str(tmp_path / "reservations"), **(env or {})})
        return done.returncode, done.stdout

    return run


def test_memory_that_a_test_keeps_is_warned_of_even_if_it_fails(suite):
    code, text = suite("""
kept = []

def test_fails(memory_cleanup_fixture):
    assert memory_cleanup_fixture["host"]["resident_bytes"] > 0
    kept.append(b"x" * (150 << 20))
    assert False

def test_gives_back(memory_cleanup_fixture):
    assert b"x" * (150 << 20)
""")
    assert code == 1 and "1 failed, 1 passed, 1 warning" in text
    assert "MemoryKept: test_it.py::test_fails keeps 15" in text
    assert "the warning is for more than 100 MiB" in text


def test_the_threshold_is_a_setting_and_a_bad_one_is_refused(suite):
    source = """
kept = []
def test_keeps(memory_cleanup_fixture):
    kept.append(b"x" * (30 << 20))
"""
    assert "1 warning" in suite(source, "-o", "hexcore_kept_warning=10MiB")[1]
    code, text = suite(source, "-o", "hexcore_kept_warning=much")
    assert code == 4 and "hexcore_kept_warning: 'much' is not a size" in text


def test_it_goes_with_parameters_classes_and_asynchronous_fixtures(suite):
    code, text = suite("""
import pytest

pytestmark = pytest.mark.usefixtures("memory_cleanup_fixture")

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def value(memory_cleanup_fixture):
    yield 5

@pytest.mark.anyio
async def test_async(value):
    assert value == 5

@pytest.mark.parametrize("size", [1, 2])
class TestInAClass:
    @pytest.mark.isolated
    @pytest.mark.memory(host="1GiB", gpu="4GiB")
    def test_sizes(self, size, gpu_resource_manager):
        assert size and gpu_resource_manager.min_free_memory_gb == 4.0
""", "-W", "error")
    assert code == 0 and "3 passed" in text, text


def test_it_imports_no_framework(suite):
    code, text = suite("""
import sys

def test_none(memory_cleanup_fixture, gpu_resource_manager, memory_tracker):
    assert gpu_resource_manager.cleanup()["devices"] == {}

def test_still_none():
    assert not {"torch", "cupy", "jax"} & set(sys.modules)
""", "-W", "ignore::RuntimeWarning")
    assert code == 0, text


def test_what_pytorch_gives_back_is_waited_for_and_proven(suite):
    code, text = suite("""
import torch
from pytest_hexcore import force_complete_gpu_reset

def test_reset():
    torch.cuda.start(2)
    torch.cuda.hold(0, 1 << 30, 5 << 30)
    torch.cuda.late_answers = 3
    found = force_complete_gpu_reset()
    card = found["devices"]["cuda:0"]
    assert card["before"] == {"allocated_bytes": 1 << 30, "cached_bytes": 4 << 30,
                              "free_bytes": 11 << 30}
    assert card["after"] == {"allocated_bytes": 1 << 30, "cached_bytes": 0, "free_bytes": 15 << 30}
    assert card["given_back_bytes"] == card["came_back_bytes"] == 4 << 30
    assert card["is_clean"] and card["waited_ms"] > 0
    assert found["devices"]["cuda:1"]["is_clean"] and not found["problems"]

def test_what_never_comes_back_is_said():
    torch.cuda.hold(0, 0, 4 << 30)
    torch.cuda.late_answers = 10_000_000
    card = force_complete_gpu_reset(timeout_s=0.05)["devices"]["cuda:0"]
    assert card["given_back_bytes"] == 4 << 30 and card["came_back_bytes"] == 0
    assert not card["is_clean"] and card["waited_ms"] >= 50

def test_its_settings_come_too_late(monkeypatch):
    import os
    monkeypatch.delenv("PYTORCH_CUDA_ALLOC_CONF", raising=False)
    assert "too late" in force_complete_gpu_reset(alloc_conf="a:b")["alloc_conf"]
    assert "PYTORCH_CUDA_ALLOC_CONF" not in os.environ
""")
    assert code == 0, text


def test_its_settings_are_set_before_pytorch_is_imported_and_only_if_asked(suite):
    code, text = suite("""
import os
from pytest_hexcore import force_complete_gpu_reset

def test_settings(monkeypatch):
    monkeypatch.setenv("PYTORCH_CUDA_ALLOC_CONF", "")
    assert force_complete_gpu_reset()["alloc_conf"] == "not asked for"
    assert os.environ["PYTORCH_CUDA_ALLOC_CONF"] == ""
    assert force_complete_gpu_reset(alloc_conf="a:b")["alloc_conf"] == "set"
    assert os.environ["PYTORCH_CUDA_ALLOC_CONF"] == "a:b"
""")
    assert code == 0, text


def test_a_manager_gives_out_what_there_is_and_says_who_has_it(suite):
    code, text = suite("""
import os, signal
import pytest
from pytest_hexcore import GPUResourceManager, reservations

def test_reservations(gpu_resource_manager):
    first = gpu_resource_manager.reserve_memory("training", 0.25, device="host")
    assert first and first.host_bytes == 1 << 28
    with pytest.raises(ValueError):
        gpu_resource_manager.reserve_memory("training", 0.25, device="host")
    other = GPUResourceManager(min_free_memory_gb=0, reserved_memory_gb=0)
    assert not other.reserve_memory("far too much", 1e6, device="host")
    assert "far too much needs" in other.refusal and "training" in other.refusal
    assert gpu_resource_manager.release_memory("training") and not first
    assert not gpu_resource_manager.release_memory("training")

def test_least_free():
    manager = GPUResourceManager(min_free_memory_gb=1e6)
    assert not manager.reserve_memory("little", 0.001, device="host")
    assert "have to be free" in manager.refusal

def test_what_a_killed_process_reserved_is_free_again():
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        kept = reservations.reserve("the child", 1 << 20)
        os.write(write, b"x")
        signal.pause()
    os.read(read, 1)
    folder = os.environ["HEXCORE_RESERVATIONS"]
    files = [name for name in os.listdir(folder) if name.endswith(".json")]
    assert len(files) == 1
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    reservations.unreserved_bytes()
    assert not [name for name in os.listdir(folder) if name.endswith(".json")]
""")
    assert code == 0, text


def test_a_waiting_one_gets_what_is_given_back(suite):
    code, text = suite("""
import threading
from pytest_hexcore import reservations

def test_waits(monkeypatch):
    monkeypatch.setattr(reservations, "free_bytes", lambda device: 10 << 30)
    all_of_it = 9 << 30
    first = reservations.reserve("first", all_of_it)
    got = []
    second = threading.Thread(
        target=lambda: got.append(reservations.reserve("second", all_of_it // 2, timeout_s=60)))
    second.start()
    first.release()
    second.join()
    assert got[0]
    got[0].release()
""")
    assert code == 0, text


def test_what_runs_isolated_leaves_nothing(suite):
    code, text = suite("""
import math, os, signal, threading, time
import pytest
from pytest_hexcore import GPUResourceManager, IsolatedFailure

manager = GPUResourceManager()

def orphan():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.pause()
        os._exit(0)
    return len(b"x" * (50 << 20))

def raises():
    raise KeyError("of the child")

def test_result_and_proof():
    run = manager.run_isolated(orphan)
    assert run.result == 50 << 20 and run.verdict == "residue" and run.ended
    assert run.peak_bytes >= 50 << 20 and "was ended" in run.proof
    assert manager.run_isolated(math.sqrt, 4.0).verdict == "clean"

def test_failures():
    with pytest.raises(KeyError):
        manager.run_isolated(raises)
    with pytest.raises(IsolatedFailure, match="SIGABRT"):
        manager.run_isolated(os.abort)
    with pytest.raises(IsolatedFailure, match="exit code 0"):
        manager.run_isolated(os._exit, 0)
    impatient = GPUResourceManager()
    impatient.isolation_timeout_s = 0.1
    with pytest.raises(IsolatedFailure, match="ended after 0.1 s"):
        impatient.run_isolated(signal.pause)

def stops_its_parent():
    os.kill(os.getppid(), signal.SIGSTOP)
    signal.pause()

def stops_its_grandparent():
    with open(f"/proc/{os.getppid()}/stat") as file:
        os.kill(int(file.read().rpartition(")")[2].split()[1]), signal.SIGSTOP)
    signal.pause()

def kills_its_parent():
    os.write(int(os.environ["TOLD"]), str(os.getpid()).encode())
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()

@pytest.mark.parametrize("function", [stops_its_parent, stops_its_grandparent])
def test_who_stops_what_watches_over_it_is_ended_all_the_same(function):
    impatient = GPUResourceManager()
    impatient.isolation_timeout_s = 0.2
    with pytest.raises(IsolatedFailure, match="ended after 0.2 s"):
        impatient.run_isolated(function)

def test_who_kills_its_parent_does_not_outlive_it(monkeypatch):
    reading, writing = os.pipe()
    monkeypatch.setenv("TOLD", str(writing))
    with pytest.raises(IsolatedFailure, match="SIGKILL"):
        manager.run_isolated(kills_its_parent)
    with pytest.raises(ProcessLookupError):
        os.kill(int(os.read(reading, 16)), 0)

def test_a_signal_without_a_name_and_a_long_result():
    with pytest.raises(IsolatedFailure, match="signal 40"):
        manager.run_isolated(dies_by, 40)
    assert len(manager.run_isolated(bytes, 10 << 20).result) == 10 << 20

def dies_by(number):
    os.kill(os.getpid(), number)

def test_commands():
    run = manager.run_isolated(["sh", "-c", "echo words; sleep 1000 & exit 3"])
    assert run.result == 3 and run.output == "words\\n" and run.verdict == "residue"

def test_with_threads_it_is_a_new_python():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert manager.run_isolated(math.sqrt, 9.0).result == 3.0
    finally:
        stop.set()
        thread.join()

def test_without_isolation():
    run = GPUResourceManager(enable_process_isolation=False).run_isolated(os.getpid)
    assert run.result == os.getpid()
""")
    assert code == 0, text


def test_workers_are_no_more_than_memory_is_enough_for(suite):
    """The hook is called as pytest-xdist does; here it only stands in."""
    hook = """
class Spec:
    def pytest_xdist_auto_num_workers(self, config):
        pass

def pytest_addhooks(pluginmanager):
    pluginmanager.add_hookspecs(Spec)
"""
    source = """
def test_answer(pytestconfig):
    (answer,) = pytestconfig.hook.pytest_xdist_auto_num_workers(config=pytestconfig) or [None]
    assert answer == %s
"""
    code, text = suite(source % 1, "-o", "hexcore_worker_memory=1000TiB", conftest=hook)
    assert code == 0 and "1 workers instead of" in text, text
    code, text = suite(source % None, "-o", "hexcore_worker_memory=1MiB", conftest=hook)
    assert code == 0, text


def test_the_tracker_puts_peaks_into_the_report(suite, tmp_path, hexcore):
    """With Hexcore's own package, which has the library beside it."""
    code, text = suite("""
def test_peak(memory_tracker):
    memory = b"x" * (50 << 20)
    assert memory_tracker.analyze_memory_patterns()["growth"]
""", f"--junitxml={tmp_path / 'out.xml'}", env={
        "PYTHONPATH": f"{hexcore.path.parent / 'python'}:{PLUGIN}"})
    assert code == 0, text
    assert '.peak_bytes" value="' in (tmp_path / "out.xml").read_text()


def test_a_wheel_of_it_stands_alone(tmp_path):
    """It brings Hexcore's package along."""
    source = shutil.copytree(PLUGIN, tmp_path / "source")
    wheel = subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps",
                            "--no-build-isolation", "--disable-pip-version-check", "-w", tmp_path,
                            source], text=True, capture_output=True, check=False)
    if wheel.returncode and "bdist_wheel" in wheel.stderr:
        pytest.skip("setuptools here makes no wheels without the package wheel, which is missing")
    assert wheel.returncode == 0, wheel.stderr
    (found,) = tmp_path.glob("pytest_hexcore-*.whl")
    target = tmp_path / "installed"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", found, target], check=True)
    code = ("import pytest_hexcore._package as p, pytest_hexcore, json;"
            "print(json.dumps([p.hexcore.__name__, sorted(pytest_hexcore.memory_statistics())]))")
    run = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": target},
                         cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True)
    assert json.loads(run.stdout) == ["pytest_hexcore._hexcore", ["host"]]
