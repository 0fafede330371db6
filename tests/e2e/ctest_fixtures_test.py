"""CTest's fixtures under `hexcore test`: what a set-up leaves lives for those that require it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from program import wait_until

SETUP = """
segment=/dev/shm/hexcore-$(basename $PWD)-$1
exec 3<> $segment
echo shared >&3
echo temporary > $TMPDIR/file
echo $segment $TMPDIR/file > $1.places
setsid sleep 1000 > /dev/null 2>&1 &
echo $! > $1.pid.new; mv $1.pid.new $1.pid
"""
USES = "kill -0 $(cat $1.pid) && cat $(cat $1.places)"
CLEANS = "kill $(cat $1.pid) && rm $(cat $1.places)"


def write(folder, *tests):
    """(name, script, its word, properties)"""
    lines = []
    for name, script, word, properties in tests:
        (folder / name).write_text(script)
        lines.append(f'add_test({name} sh {folder / name} {word})\n'
                     f'set_tests_properties({name} PROPERTIES WORKING_DIRECTORY {folder} '
                     f'{properties})\n')
    (folder / "CTestTestfile.cmake").write_text("".join(lines))


def pid_in(file):
    return int(file.read_text()) if file.exists() else 0


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_server_lives_until_its_clean_up_and_what_is_left_then_is_residue(hexcore, tmp_path):
    write(tmp_path,
          ("good-up", SETUP, "good", "FIXTURES_SETUP good"),
          ("good-used", USES, "good", "FIXTURES_REQUIRED good"),
          ("good-down", CLEANS, "good", "FIXTURES_CLEANUP good"),
          ("bad-up", SETUP, "bad", "FIXTURES_SETUP bad"),
          ("bad-used", USES, "bad", "FIXTURES_REQUIRED bad"),
          ("bad-down", "true", "bad", "FIXTURES_CLEANUP bad"),
          ("failing-up", SETUP + "false", "failing", "FIXTURES_SETUP failing"),
          ("failing-used", "true", "failing", "FIXTURES_REQUIRED failing"))
    results = tmp_path / "results.json"
    code, out, err = hexcore("test", "-j", "2", "--json", results, "--", "ctest", "--test-dir",
                             tmp_path, cwd=tmp_path)
    tests = {test["id"]: test for test in json.loads(results.read_text())["tests"]}
    assert code == 1, out + err
    assert {name for name, test in tests.items() if test["verdict"] != "passed"} == {
        "failing-up", "failing-used"}, out
    assert {name for name, test in tests.items() if test["memory"] != "clean"} == {
        "bad-up", "failing-up"}, out
    kinds = [residue["kind"] for residue in tests["bad-up"]["runs"][0]["residues"]]
    assert sorted(kinds) == ["process", "shared_memory", "temporary_file"]
    assert "what bad-up set up was still there after its clean-up: " in " ".join(err.split())
    for name in ("good", "bad", "failing"):
        assert not is_running(pid_in(tmp_path / f"{name}.pid"))
        places = (tmp_path / f"{name}.places").read_text().split()
        assert not any(os.path.exists(place) for place in places)


def said_until(process, words):
    """What it says until then, in one line."""
    said = ""
    while words not in said:
        line = process.stderr.readline()
        assert line, said
        said = f"{said} {line.strip()}"
    return said


def test_a_second_interrupt_does_not_wait_for_what_a_fixture_left(hexcore, tmp_path):
    ignores = "trap '' TERM; echo $$ > $1.new; mv $1.new $1; sleep 1000; sleep 1000"
    (tmp_path / "ignores").write_text(ignores)
    write(tmp_path, ("up", "setsid sh ignores it.pid > /dev/null 2>&1 &", "", "FIXTURES_SETUP it"),
          ("used", ignores, "used.pid", "FIXTURES_REQUIRED it"))
    process = hexcore.start("test", "--grace", "1h", "--", "ctest", "--test-dir", tmp_path,
                            cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    pids = [tmp_path / "it.pid", tmp_path / "used.pid"]
    wait_until(lambda: all(file.exists() for file in pids), process)
    process.send_signal(signal.SIGINT)
    said = said_until(process, "does not wait")
    assert "waits at most 1 h 00 min for used and for what 1 test set up to end" in said
    assert all(is_running(pid_in(file)) for file in pids)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 130
    assert not any(is_running(pid_in(file)) for file in pids)


def test_a_fixture_over_its_budget_is_told_of_while_others_run(hexcore, tmp_path):
    (tmp_path / "grows.py").write_text("""
import os, time
while not os.path.exists("grow"):
    time.sleep(0.001)
kept = bytearray(b"x") * (200 << 20)
time.sleep(1000)
""")
    (tmp_path / "hexcore.toml").write_text('[[test]]\nfilter = "=up"\nmemory = "64MiB"\n')
    write(tmp_path, ("up", f"setsid {sys.executable} -S grows.py > /dev/null 2>&1 &", "",
                     "FIXTURES_SETUP it"),
          ("used", "touch grow; until test -e told; do sleep 0.01; done", "",
           "FIXTURES_REQUIRED it"))
    results = tmp_path / "results.json"
    process = hexcore.start("test", "--json", results, "--", "ctest", "--test-dir", tmp_path,
                            cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    said = said_until(process, "on memory")
    assert "what up set up was ended before its clean-up: it used " in said
    assert " of its 64.0 MiB on memory" in said
    (tmp_path / "told").touch()
    assert process.wait() == 1
    tests = {test["id"]: test["verdict"] for test in json.loads(results.read_text())["tests"]}
    assert tests == {"up": "over_budget", "used": "passed"}


def test_a_fixture_ends_with_its_run_and_is_nobodys_residue(hexcore, tmp_path):
    write(tmp_path, ("up", SETUP, "it", "FIXTURES_SETUP it"),
          ("used", "touch reached; sleep 1000", "it", "FIXTURES_REQUIRED it"),
          ("down", "true", "it", "FIXTURES_CLEANUP it"))
    for ending, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
        results = tmp_path / "results.json"
        results.unlink(missing_ok=True)
        for name in ("reached", "it.pid"):
            (tmp_path / name).unlink(missing_ok=True)
        process = hexcore.start("test", "--json", results, "--", "ctest", "--test-dir", tmp_path,
                                cwd=tmp_path)
        wait_until(lambda: (tmp_path / "reached").exists(), process)
        server = pid_in(tmp_path / "it.pid")
        assert is_running(server)
        process.send_signal(ending)
        assert process.wait() == code
        while is_running(server):  # its supervisor sees to that
            time.sleep(0.001)
        if ending == signal.SIGINT:
            tests = {test["id"]: test for test in json.loads(results.read_text())["tests"]}
            assert tests["up"]["verdict"] == "passed" and tests["up"]["memory"] == "clean"
