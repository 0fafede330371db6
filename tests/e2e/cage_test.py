"""hexcore limit and hexcore doctor: limits that hold, and nothing that is left of what ran."""

import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from program import wait_until


@pytest.fixture(scope="session")
def bad_child(hexcore):
    path = Path(hexcore.path).parent / "tests" / "cage" / "bad_child"
    if not path.exists():
        pytest.skip("the program with the bad children is not built (HEXCORE_TESTS)")
    return path


@pytest.fixture
def mark(tmp_path):
    """A variable that all that comes of a test has in its environment, whatever it does."""
    return {"HEXCORE_BAD": str(tmp_path)}


def processes_of(mark):
    (text,) = (f"{name}={value}".encode() for name, value in mark.items())
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and text in (folder / "environ").read_bytes().split(b"\0"):
                found.append(folder.name)
        except OSError:
            pass  # it has ended, or is another user's
    return found


def wait_until_gone(mark):
    """There is no event for the end of somebody else's processes."""
    end = time.monotonic() + 240
    while processes_of(mark):
        assert time.monotonic() < end, f"{processes_of(mark)} still run"
        time.sleep(0.001)


def test_a_command_within_its_limits_keeps_its_code_and_words(hexcore):
    code, out, err = hexcore("limit", "--memory", "1GiB", "--", "sh", "-c",
                             "read line; echo \"$line\"; echo aside >&2; exit 7", stdin="words\n")
    assert (code, out, err) == (7, "words\n", "aside\n")


@pytest.mark.parametrize("mode", ["hold", "take-slowly"])
def test_over_the_limit_all_is_killed_and_the_code_is_3(hexcore, bad_child, mode, mark):
    code, out, err = hexcore("limit", "--memory", "64MiB", "--", bad_child, mode, 400, env=mark)
    assert code == 3
    assert out == ""
    assert "over its limit" in err and "64.0 MiB" in err and "bad_child" in err
    assert not processes_of(mark)


def test_what_is_left_is_named_and_ended(hexcore, bad_child, mark):
    code, _, err = hexcore("limit", "--", bad_child, "daemons", 3, env=mark)
    assert code == 0
    assert err.count("process bad_child") == 3
    assert not processes_of(mark)


def test_the_document_is_alone_on_stdout(hexcore, bad_child, mark):
    code, out, err = hexcore("limit", "--format", "json", "--memory", "64MiB", "--device",
                             "host=32MiB", "--", "sh", "-c", f"echo said; {bad_child} hold 400",
                             env=mark)
    document = json.loads(out)
    assert code == 3
    assert "said" in err
    assert document["schema"] == "hexcore.limit/1"
    assert document["ended_by_us"] == "over_budget"
    assert document["breach"]["limit_bytes"] == document["memory_limit_bytes"] == 64 << 20
    assert document["breach"]["owners"][0]["name"].startswith("bad_child")
    assert document["devices"] == [{"device": "host0", "limit_bytes": 32 << 20, "peak_bytes": None}]


def test_a_timeout_ends_what_does_not_listen(hexcore, mark):
    code, _, err = hexcore("limit", "--timeout", "1ms", "--", "sleep", "1000", env=mark)
    assert code == 3
    assert "longer than" in err
    assert not processes_of(mark)


# Starts eight processes, which end with it; 5: it was refused one.
FORKS = """
import os, sys
end, kept = os.pipe()
try:
    for _ in range(8):
        if os.fork() == 0:
            os.close(kept)
            os.read(end, 1)
            os._exit(0)
except BlockingIOError:
    sys.exit(5)
sys.exit(6)
"""


def test_a_process_too_many_is_refused_and_nothing_is_killed(hexcore):
    code, out, err = hexcore("limit", "--format", "json", "--processes", "5", "--",
                             sys.executable, "-I", "-S", "-c", FORKS)
    document = json.loads(out)
    is_limited = document["guards"]["limits_processes"]
    assert code == document["exit_code"] == (5 if is_limited else 6)
    assert document["ended_by_us"] is None and document["breach"] is None
    assert (document["processes_refused"] > 0) == is_limited
    assert ("was refused more" if is_limited else "was not limited") in " ".join(err.split())
    told = " ".join(hexcore("limit", "--help").stdout.split())
    assert "Beyond --processes" in told and "its exit code stays its own" in told


def test_temporary_files_go_with_their_folder(hexcore, bad_child, tmp_path):
    code, _, err = hexcore("limit", "--own-tmp", "--", bad_child, "file",
                           env={"TMPDIR": str(tmp_path)})
    assert code == 0
    assert "temporary file left behind" in err
    assert not list(tmp_path.iterdir())


def test_devices_get_no_more_than_their_limit(hexcore, random_model):
    limit = ("limit", "--device", "host=64MiB", "--", hexcore.path, "plan", random_model())
    code, _, err = hexcore(*limit, "--device", "host=65MiB")
    assert code == 3
    assert "64.0 MiB" in err and "host0" in err
    assert hexcore(*limit, "--device", "host=64MiB").code == 0


@pytest.mark.parametrize("arguments", [
    ["--memory", "1GiB"], ["--memory", "1GiB", "sleep", "1"], ["--memory", "much", "--", "true"],
    ["--device", "host", "--", "true"], ["--device", "tpu:1=4GiB", "--", "true"],
    ["--timeout", "-3s", "--", "true"], ["--data-limit", "--", "true"],
    ["--", "/no/such/program"],
])
def test_wrong_usage_is_said(hexcore, arguments):
    code, out, err = hexcore("limit", *arguments)
    assert code == 2
    assert out == "" and err


def test_a_cage_holds_within_another(hexcore, bad_child, mark):
    code, out, err = hexcore("limit", "--memory", "1GiB", "--format", "json", "--", hexcore.path,
                             "limit", "--memory", "64MiB", "--", bad_child, "hold", 400, env=mark)
    assert code == 3
    assert "64.0 MiB" in err
    document = json.loads(out)
    assert document["breach"] is None and document["exit_code"] == 3
    assert not processes_of(mark)


def test_signals_are_for_the_command(hexcore):
    with hexcore.start("limit", "--", "sh", "-c",
                       "trap 'echo told; exit 5' TERM; echo ready; while :; do sleep 0.01; done",
                       stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "told\n"
    assert process.returncode == 5


def test_doctor_proves_each_guard(hexcore):
    document = hexcore.json("doctor")
    assert document["schema"] == "hexcore.doctor/1"
    assert document["all_hold"]
    results = {proof["against"]: proof["result"] for proof in document["proofs"]}
    for guard in ["too much memory at once", "too much memory slowly", "daemons", "fork bomb",
                  "hang, SIGTERM ignored", "kill -9 of the runner"]:
        assert results[guard] == "holds", document
    code, out, _ = hexcore("doctor")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80


@pytest.fixture
def as_nobody(hexcore, bad_child):
    """Runs `hexcore` as another user, to whom its folder and its libraries may be closed."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; the other tests ran without rights")
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is missing")
    libraries = [line.split(" => ")[1].split(" (")[0] for line in subprocess.run(
        ["ldd", hexcore.path], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        if " => /" in line and not line.split(" => ")[1].startswith(("/lib", "/usr"))]
    # $TMPDIR may be a folder that is closed to others.
    with tempfile.TemporaryDirectory(prefix="hexcore-nobody-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        for file in [hexcore.path, Path(hexcore.path).parent / "hexcore-supervisor", bad_child,
                     *libraries]:
            shutil.copy(file, folder)

        def run(*words, env):
            return subprocess.run(
                ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                 f"{folder}/hexcore", *words], capture_output=True, text=True, check=False,
                timeout=600, cwd="/", env=os.environ | env | {
                    "TMPDIR": "/tmp", "HOME": "/nowhere", "LD_LIBRARY_PATH": folder})

        run.bad_child = f"{folder}/bad_child"
        yield run


def test_a_user_without_rights_is_protected_too(as_nobody, mark):
    run = as_nobody("limit", "--format", "json", "--memory", "64MiB", "--", as_nobody.bad_child,
                    "hold", "400", env=mark)
    document = json.loads(run.stdout)
    assert run.returncode == 3, run.stderr
    assert document["guards"]["memory"] == "polling"
    assert document["guards"]["kill"] == "sweep"
    assert document["guards"]["share"] == "observation"
    assert not processes_of(mark)
    run = as_nobody("limit", "--", as_nobody.bad_child, "daemons", "4", env=mark)
    assert run.stderr.count("process bad_child") == 4
    assert not processes_of(mark)


def test_a_user_without_rights_is_told_what_protects(as_nobody):
    run = as_nobody("doctor", "--format", "json", env={})
    document = json.loads(run.stdout)
    assert document["all_hold"], document
    assert len(document["guards"]["why"]) >= 3


def read_bytes(pipe, count, process):
    """False: the other side has ended before it said as much."""
    while count > 0:
        ready, _, _ = select.select([pipe], [], [], 1)
        if not ready and process.poll() is not None:
            return False
        if ready:
            read = os.read(pipe, count)
            if not read:
                return False
            count -= len(read)
    return True


def test_nothing_is_left_whenever_the_runner_is_killed(hexcore, bad_child, tmp_path, mark):
    steps = 12
    chance = random.Random(4)
    for moment in range(50):
        # From the start of the runner on; the last are after all of them.
        wanted = moment % (steps + 2) - 1
        ours, theirs = os.pipe()
        process = hexcore.start("limit", "--own-tmp", "--", bad_child, "go-on", steps, theirs,
                                env=mark | {"TMPDIR": str(tmp_path)}, pass_fds=[theirs])
        os.close(theirs)
        if wanted < 0:
            for _ in range(chance.randrange(2000)):
                os.sched_yield()
        else:
            assert read_bytes(ours, wanted, process)
        process.kill()
        process.wait()
        wait_until_gone(mark)
        os.close(ours)
    # What had no supervisor yet is a folder without anything in it.
    for folder in tmp_path.iterdir():
        assert not list(folder.glob("tmp/*")), folder


DAEMONS = """
import os, signal, time

def leave_a_daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(1000)
        os._exit(0)

def go_on():
    pipe = os.open(os.environ["PROGRESS"], os.O_WRONLY)
    for _ in range(4):
        leave_a_daemon()
        os.write(pipe, b"p")
    time.sleep(1000)

def test_one():
    go_on()
def test_two():
    go_on()
"""


def test_nothing_is_left_whenever_the_runner_of_tests_is_killed(hexcore, tmp_path, mark):
    (tmp_path / "test_daemons.py").write_text(DAEMONS, encoding="utf-8")
    progress = tmp_path / "progress"
    os.mkfifo(progress)
    ours = os.open(progress, os.O_RDWR)
    for moment in range(24):
        process = hexcore.start("test", "-j", "2", "--", sys.executable, "-m", "pytest", "-q",
                                tmp_path, cwd=tmp_path, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL,
                                env=mark | {"PROGRESS": str(progress)})
        # While it collects, at first: no test has begun.
        wanted = moment % 6 - 1
        if wanted < 0:
            wait_until(lambda: len(processes_of(mark)) > 1, process)
        else:
            assert read_bytes(ours, wanted, process)
        process.kill()
        process.wait()
        wait_until_gone(mark)
        while select.select([ours], [], [], 0)[0]:
            os.read(ours, 100)
    os.close(ours)
