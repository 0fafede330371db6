"""hexcore test: tests of a real program, run by the real one."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from program import wait_until
from terminal import Terminal

HEXCORE = Path(os.environ.get("HEXCORE_BIN", "build/release/hexcore")).resolve()
SAMPLE = Path(os.environ.get("HEXCORE_BUILD", HEXCORE.parent)) / "tests/isolate/runner_sample"
# What a test waits for is an event.
PATIENT = ["-j", "2"]


@pytest.fixture
def run(hexcore, tmp_path):
    """Runs tests of the sample that a filter fits: `code, out, err = run("Quick")`."""
    assert SAMPLE.exists(), f"{SAMPLE} is missing; build test_isolate"

    def call(select, *options, **more):
        return hexcore("test", *PATIENT, "-E", select, *options, "--", SAMPLE,
                       env=environment(tmp_path), cwd=tmp_path, **more)

    return call


def environment(folder):
    return {"HEXCORE_SAMPLE_FOLDER": str(folder), "XDG_STATE_HOME": str(folder / "state")}


@pytest.fixture
def results(run, tmp_path):
    """The same; gives the document."""
    def call(select, *options, code=0):
        file = tmp_path / "results.json"
        outcome = run(select, *options, "--json", file)
        assert outcome.code == code, outcome.stdout + outcome.stderr
        return json.loads(file.read_text(encoding="utf-8"))

    return call


def verdicts(document):
    return {test["id"]: test["verdict"] for test in document["tests"]}


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def number_in(file):
    """What a test has left there; 0 while it has not."""
    return int(file.read_text(encoding="ascii")) if file.exists() else 0


def test_each_test_has_the_verdict_that_it_deserves(results):
    document = results("Quick", code=1)
    assert document["schema"] == "hexcore.test/1" and document["framework"] == "googletest"
    assert verdicts(document) == {
        "Quick.Passes": "passed", "Quick.Fails": "failed", "Quick.Skips": "skipped",
        "Quick.Crashes": "crashed", "Quick.ExitsInTheMiddle": "crashed"}
    assert document["summary"]["passed"] == 1 and document["summary"]["crashed"] == 2
    tests = {test["id"]: test for test in document["tests"]}
    assert tests["Quick.Crashes"]["signal"] == "SIGSEGV"
    frames = tests["Quick.Crashes"]["runs"][0]["stack"]["frames"]
    own = next(frame["name"] for frame in frames if frame["own"])
    assert "Quick_Crashes_Test::TestBody()" in own, frames
    assert "words before the end" in tests["Quick.Fails"]["runs"][0]["output"]
    assert tests["Quick.Passes"]["host"]["peak_bytes"] > 0


def test_failures_are_shown_with_their_output_and_the_lines_fit_a_terminal(run):
    code, out, err = run("Quick")
    assert code == 1 and err == ""
    assert re.search(r"^ +PASS \[ *\d+\.\d{3} s +[\d.]+ [KM]iB\] Quick\.Passes$", out, re.MULTILINE)
    assert re.search(r"^ +SIGSEGV \[.*\] Quick\.Crashes$", out, re.MULTILINE)
    assert out.count("words before the end") == 1
    assert " 4 run: 1 passed, 1 failed, 2 crashed, 1 skipped;" in out
    ours = [line for line in out.splitlines() if "expression" not in line]
    assert max(len(line) for line in ours if "/" not in line) <= 80


def test_only_a_document_is_on_stdout_if_it_is_asked_for(run):
    code, out, err = run("Quick.Passes", "--format", "json")
    assert code == 0 and json.loads(out)["tests"][0]["id"] == "Quick.Passes"
    assert "PASS" in err


def test_tests_run_beside_each_other(results):
    results("Quick.Passes")  # of an unknown program the first runs alone
    assert verdicts(results("Meeting or Quick.Passes")) == {
        "Quick.Passes": "passed", "Meeting.One": "passed", "Meeting.Other": "passed"}


def test_where_memory_runs_short_the_biggest_is_ended_and_runs_again_alone(run, results, tmp_path):
    results("Memory.IsSmall")
    document = results("Memory.Is*", "--memory", "200MiB")
    assert verdicts(document) == {"Memory.IsSmall": "passed", "Memory.IsLarge": "passed",
                                  "Memory.IsLarger": "flaky_memory"}
    larger, = (test for test in document["tests"] if test["id"] == "Memory.IsLarger")
    first, second = larger["runs"]
    assert first["for_memory"] and "memory was short" in first["reason"]
    assert second["alone"] and second["verdict"] == "passed"
    assert document["most_at_once_bytes"] > 200 << 20

    # What they take is known now, so that they don't meet again.
    (tmp_path / "larger").unlink()
    code, out, _ = run("Memory.IsLarger", "--memory", "200MiB", "--list")
    assert code == 0 and out == "Memory.IsLarger\n"


def test_a_declared_budget_is_enforced(results, tmp_path):
    (tmp_path / "hexcore.toml").write_text(
        '[[test]]\nfilter = "Memory.GoesOverItsBudget"\nmemory = "64MiB"\n', encoding="utf-8")
    document = results("Memory.GoesOverItsBudget", code=1)
    test, = document["tests"]
    assert test["verdict"] == "over_budget" and test["host"]["budget_bytes"] == 64 << 20
    breach = test["runs"][-1]["breach"]  # of an earlier one if the machine's memory was short
    assert breach["limit_bytes"] == 64 << 20
    assert breach["owners"][0]["name"].endswith("runner_sample"), breach


def test_what_there_never_can_be_memory_for_is_a_failure_or_a_skip(results, tmp_path):
    (tmp_path / "hexcore.toml").write_text(
        '[[test]]\nfilter = "Quick.Passes"\nmemory = "64MiB"\n', encoding="utf-8")
    document = results("Quick.Passes", "--memory", "32MiB", code=1)
    assert verdicts(document) == {"Quick.Passes": "postponed"}
    assert "64.0 MiB" in document["tests"][0]["reason"]
    document = results("Quick.Passes", "--memory", "32MiB", "--allow-skip")
    assert verdicts(document) == {"Quick.Passes": "skipped"}


def test_a_test_that_hangs_is_ended_whatever_it_ignores(results, tmp_path):
    document = results("Slow.IgnoresTheRequestToEnd", "--timeout", "1s", "--grace", "100ms", code=1)
    assert verdicts(document) == {"Slow.IgnoresTheRequestToEnd": "timed_out"}
    assert not is_running(number_in(tmp_path / "slow"))


def test_what_a_test_leaves_is_ended_and_said(results, run, tmp_path):
    document = results("Residue")
    test, = document["tests"]
    assert test["verdict"] == "passed" and test["memory"] == "residue"
    assert [residue["kind"] for residue in test["runs"][0]["residues"]] == ["process"]
    assert not is_running(number_in(tmp_path / "orphan"))
    (tmp_path / "orphan").unlink()
    code, out, _ = run("Residue", "--fail-on", "residue")
    assert code == 1 and "RESIDUE" in out


def test_a_test_that_passes_after_a_failure_is_called_flaky(results):
    document = results("Again", "--retries", "1")
    assert verdicts(document) == {"Again.PassesTheSecondTime": "flaky"}
    assert document["tests"][0]["attempts"] == 2


def test_what_failed_last_time_is_run_again_by_itself(results, run):
    results("Quick.Passes or Quick.Fails", code=1)
    document = results("Quick", "--rerun-failed", code=1)
    assert verdicts(document) == {"Quick.Fails": "failed"} and document["deselected"] > 0


def test_parts_of_the_tests_are_all_of_them_once(run):
    _, everything, _ = run("not Slow", "--list")
    parts = [run("not Slow", "--list", "--partition", f"{part}/3")[1] for part in (1, 2, 3)]
    assert all(parts)
    assert sorted("".join(parts).splitlines()) == sorted(everything.splitlines())


def test_a_seed_gives_the_same_order_again(run):
    orders = [run("*", "--list", "--shuffle", seed)[1] for seed in (7, 7, 8)]
    assert orders[0] == orders[1] != orders[2]


def test_budgets_are_proposed_by_what_tests_took(run, results, tmp_path):
    code, out, err = run("Memory", "--propose")
    assert code == 1 and out == "" and "run them first" in err
    (tmp_path / "larger").write_text("0")  # so that it ends by itself
    results("Memory.IsLarger or Memory.IsSmall")
    code, out, _ = run("Memory", "--propose")
    assert code == 0 and "IsSmall" not in out
    (tmp_path / "hexcore.toml").write_text(out, encoding="utf-8")
    document = results("Memory.IsLarger")
    test, = document["tests"]
    assert 200 << 20 < test["host"]["budget_bytes"] < 300 << 20
    assert run("Memory", "--propose")[0] == 1  # it has one by now


def test_a_seed_at_random_is_said(run):
    _, out, _ = run("Quick.Passes", "--shuffle", "random")
    seed = re.search(r"this order again: --shuffle (\d+)", out)[1]
    assert run("*", "--list", "--shuffle", seed)[0] == 0


@pytest.mark.parametrize("watches", [{}, {"HEXCORE_SAMPLE_WATCHES": "1"},
                                     {"GTEST_PRINT_TIME": "0", "GTEST_BRIEF": "1"}])
def test_in_one_process_each_test_has_the_same_verdict(hexcore, tmp_path, watches):
    """Also those after one that ended the process; with a listener in the program and without."""
    file = tmp_path / "results.json"
    done = hexcore("test", "--together", "-E", "Quick", "--json", file, "--", SAMPLE,
                   env={**environment(tmp_path), **watches}, cwd=tmp_path)
    document = json.loads(file.read_text(encoding="utf-8"))
    assert verdicts(document) == {
        "Quick.Passes": "passed", "Quick.Fails": "failed", "Quick.Skips": "skipped",
        "Quick.Crashes": "crashed", "Quick.ExitsInTheMiddle": "crashed"}, done.stdout
    tests = {test["id"]: test for test in document["tests"]}
    assert "Expected equality" in tests["Quick.Fails"]["reason"]
    assert "words before the end" in tests["Quick.Fails"]["runs"][0]["output"]
    assert tests["Quick.Skips"]["reason"].endswith("not today")


def test_a_repeat_that_fails_is_the_result(run):
    code, out, _ = run("Third", "--repeat", "30")
    assert code == 1 and "in repeat 3 of 30" in out and "leaks host is not known" in \
        " ".join(out.split())


def test_what_the_c_library_gives_out_tells_of_every_byte(hexcore, tmp_path):
    file = tmp_path / "results.json"
    done = hexcore("test", "-E", "Repeats and not Third", "--repeat", "12", "--json", file, "--",
                   SAMPLE, env={**environment(tmp_path), "HEXCORE_SAMPLE_WATCHES": "1"},
                   cwd=tmp_path)
    tests = {test["id"]: test for test in json.loads(file.read_text(encoding="utf-8"))["tests"]}
    assert {name: test["memory"] for name, test in tests.items()} == {
        "Repeats.LeakMuch": "leak", "Repeats.LeakABit": "leak", "Repeats.LeakNothing": "clean"}, \
        done.stdout
    growth, = tests["Repeats.LeakABit"]["growth"]
    assert growth["device"] == "host" and 100 <= growth["bytes_per_repeat"] <= 128
    assert "leaks" in done.stdout and "LEAK" in done.stdout and done.code == 0
    done = hexcore("test", "-E", "Repeats.LeakABit", "--repeat", "12", "--fail-on", "leak", "--",
                   SAMPLE, env={**environment(tmp_path), "HEXCORE_SAMPLE_WATCHES": "1"},
                   cwd=tmp_path)
    assert done.code == 1


@pytest.mark.parametrize("options, words", [(["--together"], "share no process"),
                                            (["--repeat", "9"], "ends with it")])
def test_tests_of_ctest_share_no_process(hexcore, tmp_path, options, words):
    (tmp_path / "CTestTestfile.cmake").write_text("add_test(one true)\n")
    done = hexcore("test", *options, "--", "ctest", "--test-dir", tmp_path)
    assert done.code == 2 and words in done.stderr


@pytest.mark.parametrize("options", [["-E", "NoSuchTest"], ["--rerun-failed"]])
def test_nothing_to_run_is_a_failure(hexcore, tmp_path, options):
    code, out, err = hexcore("test", *options, "--", SAMPLE, env=environment(tmp_path))
    assert code == 1 and out == "" and "is meant" in err


@pytest.mark.parametrize("words", [["--", "/bin/true"], [], [SAMPLE], ["-E", "(", "--", SAMPLE],
                                   ["-j", "0", "--", SAMPLE], ["--partition", "3/2", "--", SAMPLE],
                                   ["--timeout", "soon", "--", SAMPLE]])
def test_wrong_usage_is_a_sentence(hexcore, tmp_path, words):
    code, out, err = hexcore("test", *words, env=environment(tmp_path))
    assert code == 2 and out == "" and err.startswith("hexcore: ")


def test_after_an_interrupt_nothing_runs_and_the_results_are_there(hexcore, tmp_path):
    results = tmp_path / "results.json"
    process = hexcore.start("test", *PATIENT, "-E", "=Slow.Waits", "--json", results, "--", SAMPLE,
                            env=environment(tmp_path), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: number_in(tmp_path / "waits"), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "waits at most 10.0 s for Slow.Waits to end" in " ".join(err.split())
    assert not is_running(number_in(tmp_path / "waits"))
    document = json.loads(results.read_text(encoding="utf-8"))
    assert document["interrupted"] and verdicts(document) == {"Slow.Waits": "failed"}


def test_a_second_interrupt_does_not_wait_for_a_test_that_ignores_the_first(hexcore, tmp_path):
    process = hexcore.start("test", *PATIENT, "--grace", "1h", "-E", "Slow.Ignores*", "--", SAMPLE,
                            env=environment(tmp_path))
    wait_until(lambda: number_in(tmp_path / "slow"), process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)  # another signal, so that the two do not count as one
    assert process.wait() == 130
    assert not is_running(number_in(tmp_path / "slow"))


def test_t_on_a_terminal_says_what_runs(hexcore, tmp_path):
    terminal = Terminal(hexcore, "test", *PATIENT, "-E", "=Slow.Waits", "--", SAMPLE,
                        env=environment(tmp_path), size=(24, 80))
    terminal.read_until(lambda _: number_in(tmp_path / "waits"))
    terminal.write("t")
    said = f"Slow.Waits pid {number_in(tmp_path / 'waits')}"
    assert said in terminal.read_until(lambda text: said in text)
    terminal.write("\x03")
    assert terminal.exit_code() == 130


ALLOWED = {"testsuites": {"testsuite"}, "testsuite": {"testcase", "properties"},
           "testcase": {"skipped", "error", "failure", "rerunFailure", "flakyFailure", "system-out",
                        "system-err"},
           "flakyFailure": {"stackTrace", "system-out", "system-err"},
           "rerunFailure": {"stackTrace", "system-out", "system-err"}}
NEEDED = {"testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
          "testcase": {"name", "classname", "time"}, "failure": {"message", "type"},
          "error": {"message", "type"}, "flakyFailure": {"message", "type"}}


def test_junit_is_what_its_readers_know(run, tmp_path):
    file = tmp_path / "results.xml"
    code, _, _ = run("Quick or Again", "--retries", "1", "--junit", file)
    assert code == 1
    root = ElementTree.parse(file).getroot()
    for node in root.iter():
        assert {child.tag for child in node} <= ALLOWED.get(node.tag, set())
        assert NEEDED.get(node.tag, set()) <= set(node.attrib)
    suite, = root
    assert suite.get("name") == "runner_sample"
    assert [suite.get(key) for key in ("tests", "failures", "errors", "skipped")] == [
        "6", "1", "2", "1"]
    cases = {case.get("name"): {child.tag for child in case} for case in suite}
    assert "failure" in cases["Quick.Fails"] and "skipped" in cases["Quick.Skips"]
    assert "flakyFailure" in cases["Again.PassesTheSecondTime"]
