"""Bad tests under `hexcore test`: every verdict is right, none is lost, nothing stays behind."""

import json
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

BUILD = Path(os.environ.get("HEXCORE_BUILD", "build/release")).resolve()
PROGRAMS = BUILD / "tests" / "hostile"

# Another one, of another version (tools/try_catch2_3.sh).
CATCH2 = Path(os.environ.get("HEXCORE_HOSTILE_CATCH2", PROGRAMS / "hostile_catch2"))

pytestmark = pytest.mark.skipif(not (PROGRAMS / "hostile_plain").exists(),
                                reason="the bad tests are not built here (sanitizers)")


@pytest.fixture(scope="module")
def table():
    shown = subprocess.run([PROGRAMS / "hostile_plain"], capture_output=True, check=True).stdout
    things = json.loads(shown)
    assert len({thing["name"] for thing in things}) == len(things) >= 100
    return things


def run(hexcore, tmp_path, *command):
    """What the document of a run says of each test, by its id."""
    file = tmp_path / "results.json"
    junit = tmp_path / "results.xml"
    done = subprocess.run(
        [hexcore.path, "test", "--config", "none", "--grace", "300ms", "-j", "4", "--json", file,
         "--junit", junit, "--", *command],
        capture_output=True, timeout=600, check=False,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path)})
    assert done.returncode == 1, done.stderr[-3000:]
    document = json.loads(file.read_bytes())
    assert subprocess.run(["xmllint", "--noout", junit], check=False).returncode == 0 \
        if shutil.which("xmllint") else junit.stat().st_size > 0
    tests = {test["id"]: test for test in document["tests"]}
    assert len(tests) == len(document["tests"]), "each test is there once"
    return tests


def shown(name):
    """As an id has it: without what a terminal would not show."""
    return "".join(c if c >= " " and c != "\u202e" else "?" * len(c.encode()) for c in name)


def compare(table, tests, framework, ids):
    wrong = []
    for thing, identity in zip(table, ids):
        test = tests.pop(identity, None)
        if test is None:
            wrong.append(f"{identity}: lost")
            continue
        if test["verdict"] not in thing[framework].split("|"):
            wrong.append(f"{identity}: {test['verdict']} and not {thing[framework]}: "
                         f"{test['reason'][:200]}")
        elif test["memory"] not in thing["memory"].split("|"):
            wrong.append(f"{identity}: memory {test['memory']} and not {thing['memory']}")
        if thing["budget"]:
            assert test["host"]["budget_bytes"] == 48 << 20, identity
    assert not tests, f"nobody knows {sorted(tests)}"
    assert not wrong, "\n".join(wrong)


def test_of_googletest_each_verdict_is_right_and_nothing_stays(hexcore, tmp_path, table):
    program = tmp_path / "hostile_googletest"
    shutil.copy2(PROGRAMS / "hostile_googletest", program)
    tests = run(hexcore, tmp_path, program)
    compare(table, tests, "googletest", ["Hostile." + shown(thing["name"]) for thing in table])
    nothing_stays(tmp_path, program)


def test_of_catch2_each_verdict_is_right_and_nothing_stays(hexcore, tmp_path, table):
    program = tmp_path / "hostile_catch2"
    shutil.copy2(CATCH2, program)
    tests = run(hexcore, tmp_path, program)
    known = [thing for thing in table if thing["googletest"] != "skipped"]
    compare(known, tests, "catch2", [shown(thing["name"]) for thing in known])
    nothing_stays(tmp_path, program)


def test_of_ctest_each_verdict_is_right_and_nothing_stays(hexcore, tmp_path, table):
    program = tmp_path / "hostile_plain"
    shutil.copy2(PROGRAMS / "hostile_plain", program)
    lines = []
    for number, thing in enumerate(table):
        name = f"[==[{thing['name']}]==]"
        labels = f"LABELS memory:{thing['budget']}" if thing["budget"] else ""
        timeout = "TIMEOUT 1.5" if thing["hangs"] else ""
        lines.append(f"add_test({name} {program} {number})\n"
                     f"set_tests_properties({name} PROPERTIES SKIP_RETURN_CODE 77 {labels} "
                     f"{timeout})\n")
    (tmp_path / "CTestTestfile.cmake").write_text("".join(lines))
    tests = run(hexcore, tmp_path, "ctest", "--test-dir", tmp_path)
    compare(table, tests, "ctest", [shown(thing["name"]) for thing in table])
    nothing_stays(tmp_path, program)


def test_nothing_stays_where_the_runner_is_killed(hexcore, tmp_path):
    """With kill -9, 50 times, each after another number of lines that it wrote."""
    program = tmp_path / "hostile_googletest"
    shutil.copy2(PROGRAMS / "hostile_googletest", program)
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"),
                   "TMPDIR": str(tmp_path)}
    words = [hexcore.path, "test", "--config", "none", "-j", "4"]
    bad = "leaves or Hostile.waits or stops or ignores or blocks or starts or much"
    chance = random.Random(12)
    for moment in range(50):
        runner = subprocess.Popen([*words, "-E", bad, "--shuffle", str(moment), "--", program],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env=environment)
        for _ in range(chance.randrange(24)):
            runner.stdout.readline()
        runner.kill()
        runner.wait()
        deadline = time.monotonic() + 240
        while left := processes_of(program):
            assert time.monotonic() < deadline, f"{left} still run after moment {moment}"
            time.sleep(0.01)
        runner.stdout.close()
    # The next run removes what the killed ones could not.
    subprocess.run([*words, "-E", "=Hostile.fails", "--", program], env=environment,
                   capture_output=True, timeout=240, check=False)
    nothing_stays(tmp_path, program)


def processes_of(program):
    running = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # A killed process may be a zombie of somebody else's for a moment: it runs no program.
            if os.readlink(folder / "exe").startswith(str(program)):
                running.append(int(folder.name))
        except OSError:
            pass
    return running


def nothing_stays(tmp_path, program):
    running = processes_of(program)
    assert not running, f"{running} still run"
    segments = [path.name for path in Path("/dev/shm").glob("hostile-*")]
    assert not segments
    left = {path.name for path in tmp_path.iterdir()} - {
        program.name, "results.json", "results.xml", "state", "CTestTestfile.cmake", "Testing"}
    assert not left
