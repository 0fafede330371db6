"""hexcore watch --pid: processes that run already."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from program import wait_until

MIB = 1 << 20
# Takes 64 MiB in a child; both end with stdin. Says when it has them.
PARENT = """
import os, sys
if os.fork() == 0:
    kept = bytearray(b"x") * (64 << 20)
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)
os.wait()
"""


@pytest.fixture
def parent():
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", PARENT], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def start(hexcore, recording, pid):
    return hexcore.start("watch", "--interval", "5", "-o", recording, "--pid", pid,
                         stderr=subprocess.PIPE, text=True)


def report(hexcore, recording):
    out = Path(f"{recording}.json")
    code, _, err = hexcore("report", recording, "-o", out)
    assert code in (0, 4), err
    return json.loads(out.read_text()) if code == 0 else None


def sees_both(hexcore, recording):
    """Whether both processes, with their memory, are in the recording."""
    def seen():
        document = recording.exists() and report(hexcore, recording)
        return document and any(
            device["peak_bytes"] > 64 * MIB and len(device["peak_processes"]) == 2
            for device in document["devices"])
    return seen


def test_it_ends_with_the_process(hexcore, tmp_path, parent):
    recording = tmp_path / "ends.hxr"
    watch = start(hexcore, recording, parent.pid)
    wait_until(sees_both(hexcore, recording), watch)
    parent.stdin.close()
    _, err = watch.communicate(timeout=240)
    assert watch.returncode == 0
    text = " ".join(err.split())
    assert f"(pid {parent.pid}) ended after" in text
    assert "watched 2 processes" in text
    document = report(hexcore, recording)
    assert (document["ending"], document["exit"], document["attached_pid"]) == (
        "unknown", None, parent.pid)
    assert document["command"][1:4] == ["-I", "-S", "-c"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_it_leaves_the_process_as_it_was(hexcore, tmp_path, parent, number):
    recording = tmp_path / "detached.hxr"
    watch = start(hexcore, recording, parent.pid)
    wait_until(sees_both(hexcore, recording), watch)
    before = Path(f"/proc/{parent.pid}/status").read_text(encoding="ascii")
    watch.send_signal(number)
    _, err = watch.communicate(timeout=240)
    assert watch.returncode == 0
    assert "goes on; it was watched for" in " ".join(err.split())
    assert report(hexcore, recording)["ending"] == "running"
    after = Path(f"/proc/{parent.pid}/status").read_text(encoding="ascii")
    for line in ("TracerPid", "SigBlk", "SigCgt", "VmPeak", "Threads"):
        assert [x for x in before.splitlines() if x.startswith(line)] == [
            x for x in after.splitlines() if x.startswith(line)]
    parent.stdin.close()
    assert parent.wait(240) == 0


def test_what_is_no_process_is_wrong_usage(hexcore, tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    for words, sentence in [
            (["--pid", ended.pid], f"there is no process {ended.pid}"),
            (["--pid", "0"], "--pid"), (["--pid", "x"], "--pid"), (["--pid", "-1"], "--pid"),
            (["--pid", "4194305"], "--pid"),
            (["--pid", os.getpid(), "--", "true"], "leave it out, or the command"),
            (["--pid", os.getpid(), "--python"], "--python is for a command that is started"),
            (["--pid", os.getpid(), "--stacks"], "--stacks is for a command that is started"),
            (["--neutral", "step"], "--neutral is for a command that is started")]:
        code, out, err = hexcore("watch", *words, env={"XDG_STATE_HOME": str(tmp_path)})
        assert (code, out) == (2, ""), words
        assert sentence in " ".join(err.split())
    assert not list(tmp_path.glob("hexcore/recordings/*")), "nothing was watched"
    assert not list(tmp_path.glob("hexcore/watching/*"))


def test_a_thread_is_no_process(hexcore):
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        code, _, err = hexcore("watch", "--pid", thread.native_id)
    finally:
        done.set()
        thread.join()
    assert code == 2
    assert "is a thread" in err
