"""What programs tell `hexcore watch` of themselves, Hexcore's own among them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import on

MIB = 1 << 20


@pytest.fixture(scope="module")
def telling(hexcore):
    """A program that tells of itself."""
    return hexcore.path.parent / "tests/track/telling_child"


@pytest.fixture
def runtime(tmp_path):
    """An environment with a runtime folder of its own, and where the folders of watchers are."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    return {"XDG_RUNTIME_DIR": str(folder)}, folder / "hexcore"


def watched(hexcore, folder, *command, options=(), env=None):
    """The recording of a command as JSON, what the summary says, and how the command ended."""
    recording, out = folder / "out.hxr", folder / "out.json"
    outcome = hexcore("watch", *options, "-o", recording, "--", *command, env=env)
    told = hexcore("report", recording, "-o", out, env=env)
    assert told.code == 0, told.stderr
    return json.loads(out.read_text()), " ".join(outcome.stderr.split()), outcome


def host(document):
    return next(device for device in document["devices"] if device["name"] == "host")


def test_a_run_tells_the_ledgers_of_its_devices_to_the_byte(hexcore, demo_model, tmp_path):
    """What its own report accounts is what the watcher was told."""
    document, summary, ended = watched(
        hexcore, tmp_path, hexcore.path, "run", demo_model, *on("320MiB", "320MiB"), "-n", "8",
        "--raw", "-p", "Gravity", "--format", "json")
    run = json.loads(ended.stdout)
    told = {holder["device"]: holder for holder in document["holders"]
            if holder["kind"] == "ledger"}
    for device in run["devices"]:
        assert told[device["name"]]["peak_bytes"] == device["peak_bytes"]
        assert 0 < told[device["name"]]["total_bytes"] <= device["budget_bytes"]  # less a reserve
        assert told[device["name"]]["last_bytes"] == 0, "nothing is left once it has ended"
    # Whether the host's peak was seen while they were held depends on when it was looked at.
    if host(document)["peak_holdings"]:
        assert "outside Hexcore's ledgers" in summary
    assert document["lost_records"] == 0


def test_a_program_tells_labels_marks_and_what_it_holds(hexcore, telling, tmp_path):
    document, _, ended = watched(hexcore, tmp_path, telling, "story")
    assert ended.code == 0
    assert [(label["name"], label["count"]) for label in document["labels"]] == [("step", 3),
                                                                                 ("inner", 3)]
    assert [mark["name"] for mark in document["marks"]] == ["begun"]
    peaks = {holder["device"]: holder["peak_bytes"] for holder in document["holders"]}
    assert peaks == {"host": 8 * MIB, "cuda:0": 9 * MIB}


@pytest.fixture
def library(hexcore):
    path = hexcore.path.parent / "libhexcore-tracker.so"
    if not path.exists():
        pytest.skip("a build with sanitizers has no library that Python could load")
    return path


def test_the_peak_has_the_label_that_was_open(hexcore, tmp_path, library):
    """Of the step that holds 64 MiB while it waits for the next sample."""
    script = """
import ctypes, sys, time
telling = ctypes.CDLL(sys.argv[1])
for step in range(3):
    telling.hexcore_label_begin(b"decode")
    kept = bytearray(b"x") * ((64 if step == 1 else 1) << 20)
    time.sleep(2 if step == 1 else 0.1)  # much longer than from one sample to the next
    del kept
    telling.hexcore_label_end()
"""
    document, summary, _ = watched(hexcore, tmp_path, sys.executable, "-c", script, library,
                                   options=["--interval", "10"])
    assert host(document)["peak_label"] == "decode 2"
    assert ", decode 2" in summary


# Twenty processes, each of which does ten steps a second for three seconds.
TWENTY = """
import ctypes, os, sys, time
for _ in range(19):
    if os.fork() == 0:
        break
telling = ctypes.PyDLL(sys.argv[1])
for step in range(30):
    telling.hexcore_label_begin(b"step")
    time.sleep(0.1)
    telling.hexcore_label_end()
try:
    while os.wait():
        pass
except ChildProcessError:
    pass  # all have told to their end
"""


def test_watching_twenty_processes_that_tell_takes_little_of_a_core(hexcore, tmp_path, library):
    """By the time of the processor: less than a hundredth on a machine that does nothing else. A
    busy one takes a multiple for the same."""
    document, _, _ = watched(hexcore, tmp_path, sys.executable, "-c", TWENTY, library)
    assert document["processes_watched"] == 20
    assert sum(label["count"] for label in document["labels"]) == 20 * 30
    assert document["lost_records"] == 0
    assert document["cost"]["share_of_core_ratio"] < 0.2


def test_nothing_is_lost_of_a_program_that_is_killed(hexcore, telling, tmp_path, runtime):
    env, folders = runtime
    document, _, ended = watched(hexcore, tmp_path, telling, "killed", env=env)
    assert ended.code == 128 + signal.SIGKILL
    assert [label["count"] for label in document["labels"]] == [3, 3]
    assert document["lost_records"] == 0
    assert list(folders.iterdir()) == [], "the folder is gone with the watcher"


def test_a_program_goes_on_when_its_watcher_is_killed_and_reset_finds_what_is_left(
        hexcore, telling, tmp_path, runtime):
    env, folders = runtime
    watcher = hexcore.start("watch", "-o", tmp_path / "out.hxr", "--", telling, "waits", env=env,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.DEVNULL)
    assert watcher.stdout.readline() == "told\n"
    watcher.kill()
    watcher.wait()
    # A pipe that it still has: the program is not ended by its watcher's end.
    watcher.stdin.write("\n")
    watcher.stdin.flush()
    assert watcher.stdout.readline() == "watched 1\n"
    watcher.stdout.read()  # until it has ended
    (left,) = folders.iterdir()
    assert any(path.suffix == ".ring" for path in left.iterdir())
    code, out, _ = hexcore("reset", "--end", "--format", "json", env=env)
    assert [(each["kind"], each["ended"]) for each in json.loads(out)["leftovers"]
            if each["path"] == str(left)] == [("watch", True)], code
    assert not left.exists()


def test_a_program_does_not_wait_for_a_watcher_that_is_stopped(hexcore, telling, tmp_path):
    """Its ring is full long before it ends; what was lost is told."""
    recording = tmp_path / "out.hxr"
    script = f'kill -STOP $PPID; "{telling}" flood 200000; kill -CONT $PPID'
    watcher = hexcore.start("watch", "-o", recording, "--", "sh", "-c", script,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = watcher.communicate(timeout=240)
    assert watcher.returncode == 0, err
    assert int(out) > 0
    told = hexcore("report", recording, "-o", tmp_path / "out.json")
    assert told.code == 0, told.stderr
    lost = json.loads((tmp_path / "out.json").read_text())["lost_records"]
    assert 0 < lost < 400_002
    assert "came faster than could be heard" in " ".join(err.split())


def test_where_no_folder_can_be_made_the_command_runs_and_the_summary_says_so(
        hexcore, telling, tmp_path):
    blocked = tmp_path / "hexcore"
    blocked.write_text("no folder")
    document, summary, ended = watched(hexcore, tmp_path, telling, "story",
                                       env={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert ended.code == 0
    assert document["labels"] == []
    assert "could not be heard" in summary and str(Path(blocked)) in summary


def test_a_variable_that_names_no_watchers_folder_does_no_harm(telling, tmp_path):
    for folder in ("/nowhere", str(tmp_path), "/dev/null"):
        run = subprocess.run([telling, "story"], env=os.environ | {"HEXCORE_WATCH": folder},
                             check=False, capture_output=True)
        assert run.returncode == 0
