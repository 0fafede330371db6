"""`hexcore test -- pytest`: how pytest's tests are run, and that its options and plugins stand."""

import json
import sys
import xml.etree.ElementTree as ElementTree

import pytest


@pytest.fixture
def run(hexcore, tmp_path):
    """Writes files into a folder and runs them: `code, out, err, verdicts = run({...}, *words)`.

    `options` are those of `hexcore test`."""
    def runs(files, *words, jobs=2, env=None, options=()):
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        found = tmp_path / "found.json"
        found.unlink(missing_ok=True)
        code, out, err = hexcore("test", "-j", jobs, "--config", "none", "--json", found,
                                 *options, "--", sys.executable, "-m", "pytest", *words,
                                 cwd=tmp_path,
                                 env={"HEXCORE_RESERVATIONS": str(tmp_path / "reservations"),
                                      **(env or {})})
        tests = json.loads(found.read_text())["tests"] if found.exists() else []
        return code, out, err, {test["id"]: test["verdict"] for test in tests}

    return runs


SHARED = """
import os
import pytest

@pytest.fixture(scope="session")
def of_session():
    return os.getpid()

@pytest.fixture(scope="module")
def of_module():
    return os.getpid()
"""


def test_a_file_shares_a_worker_and_the_marked_have_their_own(run, tmp_path):
    code, out, err, verdicts = run({"test_shared.py": SHARED + """
def test_one(of_session, of_module):
    assert of_session == of_module == os.getpid()

def test_two(of_session, of_module):
    assert of_session == of_module == os.getpid()
    open("shared", "w").write(str(os.getpid()))

@pytest.mark.isolated
def test_isolated(of_module):
    open("isolated", "w").write(str(of_module))

@pytest.mark.memory(host="1GiB")
def test_budget(of_module):
    open("budget", "w").write(str(of_module))
"""})
    assert code == 0, out + err
    assert set(verdicts.values()) == {"passed"} and len(verdicts) == 4
    assert len({(tmp_path / name).read_text() for name in ("shared", "isolated", "budget")}) == 3


def test_workers_look_like_those_of_xdist_and_what_they_start_does_not_look_like_ours(run):
    code, out, err, _ = run({"test_it.py": """
import os, subprocess, sys, tempfile

def test_worker(pytestconfig, tmp_path):
    name = os.environ["PYTEST_XDIST_WORKER"]
    assert pytestconfig.workerinput["workerid"] == name and name.startswith("gw")
    assert tempfile.gettempdir() == os.environ["TMPDIR"] and tempfile.gettempdir() in str(tmp_path)

def test_environment():
    assert os.environ["PYTEST_ADDOPTS"] == "-q" and os.environ["PYTHONPATH"] == "/of/the/user"
    assert not [name for name in os.environ if name.startswith("HEXCORE_TEST_")]

def test_pytest_in_it(tmp_path):
    (tmp_path / "test_x.py").write_text("def test_x(): pass")
    subprocess.run([sys.executable, "-m", "pytest", tmp_path], check=True)
"""}, env={"PYTEST_ADDOPTS": "-q", "PYTHONPATH": "/of/the/user"})
    assert code == 0, out + err


def test_what_one_of_several_tests_left_fails_the_run_and_accuses_none_of_them(run, tmp_path):
    code, out, err, verdicts = run({"test_it.py": """
import subprocess

def test_leaves():
    subprocess.Popen(["sleep", "1000"])

def test_is_fine(): pass
"""}, options=["--fail-on", "residue", "--junit", tmp_path / "found.xml"])
    first, last = "test_it.py::test_leaves", "test_it.py::test_is_fine"
    assert code == 1 and verdicts == {first: "passed", last: "failed"}, out + err
    _, told = json.loads((tmp_path / "found.json").read_text())["tests"]
    who = f"one of the 2 tests of its process, {first} to {last}"
    assert told["memory"] == "unattributable"
    assert told["reason"].startswith(f"{who}, left ")
    assert told["left_by_one_of"] == {"tests": 2, "first": first, "last": last}
    failure, = ElementTree.parse(tmp_path / "found.xml").iter("failure")
    assert failure.get("message") == told["reason"]
    shown = " ".join(out.split())
    assert who in shown and f"{first} to {last} (2 tests) +" in shown
    assert "passed, and left" not in shown


def test_a_crash_ends_one_test_and_shows_what_it_printed(run, tmp_path):
    code, out, err, verdicts = run({"test_it.py": """
import os

def test_before(): pass

def test_crash():
    print("the last words")
    os.abort()

def test_after(): pass
"""})
    assert code == 1
    assert verdicts == {"test_it.py::test_before": "passed", "test_it.py::test_crash": "crashed",
                        "test_it.py::test_after": "passed"}
    assert "the last words" in out + err
    tests = json.loads((tmp_path / "found.json").read_text())["tests"]
    stack = next(test for test in tests if test["signal"])["runs"][0]["stack"]
    assert stack["frames"][0]["own"] and stack["frames"][0]["name"].startswith("test_crash at ")
    assert "in test_crash at" in " ".join(out.split())


def test_what_a_test_keeps_is_told_and_what_workers_share_is_not_counted(run, tmp_path):
    """The pytest that collects has 300 MiB, which its workers have, too, and do not take again."""
    code, out, err, _ = run({"conftest.py": "shared = b'x' * (300 << 20)\n", "test_it.py": """
kept = []
def test_keeps():
    kept.append(b"x" * (150 << 20))
def test_gives_back():
    assert b"x" * (150 << 20)
"""})
    assert code == 0 and "+150 MiB" in " ".join(out.split()), out + err
    tests = {test["id"]: test for test in
             json.loads((tmp_path / "found.json").read_text())["tests"]}
    assert tests["test_it.py::test_keeps"]["memory"] == "kept"
    assert tests["test_it.py::test_gives_back"]["memory"] == "clean"
    assert 150 << 20 <= tests["test_it.py::test_keeps"]["host"]["peak_bytes"] < 250 << 20


def test_plugins_of_the_pytest_that_collects_see_every_test(run, tmp_path):
    """The reports of workers, a crash, sections and properties; and sessions begin once."""
    files = {"conftest.py": """
def pytest_sessionstart(session):
    open("sessions", "a").write("begins ")

def pytest_sessionfinish(session):
    open("sessions", "a").write("ends ")
""", "test_it.py": """
import os, pytest
def test_passes(record_property):
    record_property("key", "value")
def test_fails():
    print("printed")
    assert False
def test_crashes(): os._exit(0)
@pytest.mark.skip(reason="why")
def test_skipped(): pass
@pytest.mark.parametrize("x", ["a/b", "é"])
def test_parameters(x): pass
"""}
    code, _, err, verdicts = run(files, "--junitxml=own.xml")
    assert code == 1 and len(verdicts) == 6, err
    suite = ElementTree.parse(tmp_path / "own.xml").getroot()[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "2", "errors": "0", "skipped": "1"}
    assert suite.find(".//property").get("value") == "value"
    assert (tmp_path / "sessions").read_text() == "begins ends "

    _, _, _, again = run({}, "--lf")
    assert again == {"test_it.py::test_fails": "failed", "test_it.py::test_crashes": "crashed"}


OPTIONS = {"test_it.py": """
import pytest

def test_a(): assert False
def test_b(): assert False
def test_c(): pass
def test_stop(): pytest.exit("enough")
def test_z(): pass
"""}


@pytest.mark.parametrize("words, left", [
    (["-k", "c or z"], {"c": "passed", "z": "passed"}),
    (["--deselect", "test_it.py::test_stop", "-k", "not a and not b"],
     {"c": "passed", "z": "passed"}),
    (["-x"], {"a": "failed"}),
    (["--maxfail=2"], {"a": "failed", "b": "failed"}),
    (["-k", "c or stop or z"], {"c": "passed", "stop": "failed"}),
    (["-p", "no:hexcore", "-k", "test_c"], {"c": "passed"}),
    (["-s", "-vv", "--tb=short", "-k", "test_c"], {"c": "passed"}),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_pytests_own_options_stand(run, words, left):
    _, out, err, verdicts = run(OPTIONS, *words)
    ran = {name: verdict for name, verdict in verdicts.items() if verdict != "skipped"}
    assert ran == {f"test_it.py::test_{name}": verdict for name, verdict in left.items()}, out + err


@pytest.mark.parametrize("words, said", [
    (["nowhere.py"], "file or directory not found: nowhere.py"),
    (["--nonsense"], "unrecognized arguments: --nonsense"),
    (["--collect-only", "test_it.py"], "--list` shows"),
    (["test_broken.py"], "No module named 'no_module_of_that_name'"),
], ids=lambda value: value[0] if isinstance(value, list) else "")
def test_why_there_is_nothing_to_run_is_said_in_a_line(run, words, said):
    code, out, err, _ = run({**OPTIONS, "test_broken.py": "import no_module_of_that_name"}, *words)
    assert code == 2 and said in err.replace("\n", " "), out + err


def test_where_pytest_goes_on_without_a_file_it_is_a_failure(run):
    code, _, err, verdicts = run({"test_ok.py": "def test_ok(): pass",
                                  "test_broken.py": "import no_module_of_that_name"},
                                 "--continue-on-collection-errors")
    assert code == 1
    assert verdicts == {"test_ok.py::test_ok": "passed", "test_broken.py": "failed"}, err


def test_markers_that_mean_nothing_fail_their_test_and_no_other(run):
    code, out, err, verdicts = run({"test_it.py": """
import pytest
@pytest.mark.timeout("soon")
def test_no_time(): pass
@pytest.mark.timeout(float("nan"))
def test_no_number(): pass
@pytest.mark.timeout(float("inf"))
def test_any_time(): pass
@pytest.mark.timeout(1e300)
def test_long_time(): pass
def test_last(): pass
"""}, "-p", "no:timeout")
    assert code == 1
    assert verdicts == {
        "test_it.py::test_no_time": "failed", "test_it.py::test_no_number": "failed",
        "test_it.py::test_any_time": "passed", "test_it.py::test_long_time": "passed",
        "test_it.py::test_last": "passed"}, out + err


def test_reports_that_no_json_can_hold_are_passed_on_all_the_same(run, tmp_path):
    code, out, err, _ = run({"conftest.py": """
import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    report = (yield).get_result()
    report.odd = {"number": float("nan"), "thing": object()}
""", "test_it.py": "def test_a(): pass\ndef test_b(): pass\n"}, "--junitxml=own.xml")
    assert code == 0, out + err
    assert ElementTree.parse(tmp_path / "own.xml").getroot()[0].get("tests") == "2"


def test_what_a_test_leaves_at_the_end_of_its_worker_fails_none(run):
    """A handler that raises, and a child that multiprocessing waits for in vain."""
    code, out, err, verdicts = run({"test_it.py": """
import atexit, multiprocessing, signal
def test_leaves_a_handler():
    atexit.register(lambda: 1 / 0)
def test_leaves_a_child():
    multiprocessing.get_context("fork").Process(target=signal.pause).start()
def test_last(): pass
"""})
    assert code == 0 and set(verdicts.values()) == {"passed"}, out + err


def test_a_test_that_kills_the_pytest_that_collected_costs_no_other(run):
    kills = {"conftest.py": "import os; collects = os.getpid()", "test_a.py": """
import os, signal
import conftest
def test_kills(): os.kill(conftest.collects, signal.SIGKILL)
"""}
    others = {f"test_{name}.py": "def test(): pass" for name in "bcd"}
    code, out, err, verdicts = run(kills | others, jobs=1)
    assert code == 0 and set(verdicts.values()) == {"passed"} and len(verdicts) == 4, out + err


def test_a_collector_that_is_killed_while_it_is_asked_for_a_worker_costs_no_test(run):
    """What was sent to it is lost with it."""
    code, out, err, verdicts = run({"conftest.py": """
import os, signal
forks, fork = 0, os.fork
def fork_once():
    global forks
    forks += 1
    if forks == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return fork()
os.fork = fork_once
""", **{f"test_{name}.py": "def test(): pass" for name in "abc"}}, jobs=1)
    assert code == 0 and set(verdicts.values()) == {"passed"} and len(verdicts) == 3, out + err


def test_nothing_chosen_is_a_failure(run):
    code, _, err, verdicts = run(OPTIONS, "-k", "nothing_of_that_name")
    assert code == 1 and not verdicts, err


@pytest.mark.parametrize("begins, setting, said", [
    ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", "",
     "started the thread"),
    ("", "hexcore_spawn = true", "hexcore_spawn is set")], ids=["a thread", "a setting"])
def test_a_worker_is_a_new_pytest_where_a_fork_would_not_do(run, begins, setting, said):
    """With the same verdicts."""
    code, out, err, verdicts = run({"pytest.ini": f"[pytest]\n{setting}\n",
                                    "test_it.py": begins + """
import os
def test_a(tmp_path): print("printed"); assert False
def test_b(): os._exit(3)
def test_c(): assert os.environ["PYTEST_XDIST_WORKER"]
"""})
    assert code == 1
    assert [verdicts[f"test_it.py::test_{name}"] for name in "abc"] == [
        "failed", "crashed", "passed"], out + err
    assert said in " ".join((out + err).split())


def test_unittest_doctest_and_asynchronous_tests_run(run):
    code, out, err, verdicts = run({"conftest.py": """
import pytest
@pytest.fixture
def anyio_backend():
    return "asyncio"
""", "test_it.py": '''
"""
>>> 1 + 1
2
"""
import pytest, unittest

class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = 1
    def test_method(self):
        self.assertEqual(self.made, 1)

@pytest.mark.anyio
async def test_async():
    pass
'''}, "--doctest-modules")
    assert code == 0 and len(verdicts) == 3, out + err
