"""What `hexcore test` costs: a test over running its binary alone, a thousand GoogleTests against
ctest, five hundred small pytest tests against pytest-xdist, two hundred mixed tests against the
best schedule that search finds, and suites that nobody here wrote, whose verdicts have to be the
same as without. Times are the best of --rounds, of those suites in turn with and without, and for
short ones of as many as take three seconds. Exits with 1 if a bound is missed."""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from isolating import schedules, suites

TRIVIAL, CATCH2, PYTESTS, MODULES, MIXED = 1000, 200, 500, 10, 200
BOUNDS = {"googletest_overhead_ms": 3.0, "catch2_overhead_ms": 3.0,
          "googletest_1000_over_ctest_ratio": 1.5, "pytest_test_ms": 15.0,
          "pytest_500_over_xdist_ratio": 1.1, "mixed_best_schedule_over_ours_ratio": 0.9}
SUITE_BOUND = 1.1
SUITE_SECONDS = 3.0  # what others do on the machine is more than a suite of a fifth of a second


class Bench:
    def __init__(self, arguments, folder):
        build = Path(os.environ.get("HEXCORE_BUILD", "build/release")).resolve()
        self.program, self.bench = build / "hexcore", build / "bench/isolating"
        self.rounds, self.jobs = arguments.rounds, arguments.jobs or len(os.sched_getaffinity(0))
        self.folder, self.figures, self.wrong = folder, {}, []
        self.env = {**os.environ, "XDG_STATE_HOME": str(folder / "state"),
                    "HEXCORE_RESERVATIONS": str(folder / "reservations")}

    def time(self, *words, cwd=None, env=None, codes=(0,)):
        """Seconds, the best of the rounds, and what it printed last."""
        best = None
        for _ in range(self.rounds):
            begin = time.monotonic()
            run = subprocess.run([str(word) for word in words], cwd=cwd, stdin=subprocess.DEVNULL,
                                 env={**self.env, **(env or {})}, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, check=False)
            took = time.monotonic() - begin
            if run.returncode not in codes:
                shown = run.stdout.decode("utf-8", "replace")[-4000:]
                sys.exit(f"{' '.join(map(str, words))}: exit code {run.returncode}\n{shown}")
            best = took if best is None else min(best, took)
        return best

    def test(self, *words, jobs=None, options=(), **more):
        return self.time(self.program, "test", "-j", jobs or self.jobs, *options, "--", *words,
                         **more)

    def in_turn(self, theirs, ours):
        """Seconds of both, each the best; one after the other, so that both have the same luck."""
        rounds, self.rounds = self.rounds, 1
        best, begin, done = (float("inf"), float("inf")), time.monotonic(), 0
        while done < rounds or time.monotonic() - begin < SUITE_SECONDS:
            best = tuple(map(min, best, (theirs(), ours())))
            done += 1
        self.rounds = rounds
        return best

    def say(self, name, figure):
        self.figures[name] = figure
        suites.say(f"{name} {figure:.3f}")


def one_by_one(bench, binary, names, filtered):
    """Each test in a process of its own, by a shell, which is as little as it can be."""
    script = "".join(f"'{binary}' {filtered(name)} >/dev/null || exit\n" for name in names)
    file = bench.folder / "one_by_one.sh"
    file.write_text(script, encoding="utf-8")
    return bench.time("sh", file)


def overhead(bench):
    googletest = bench.bench / "bench_googletests"
    names = [f"All/Trivial.Passes/{number}" for number in range(TRIVIAL)]
    alone = one_by_one(bench, googletest, names, lambda name: f"--gtest_filter={name}")
    ours = bench.test(googletest, "--gtest_filter=All/Trivial*", jobs=1)
    bench.say("googletest_alone_ms", alone / TRIVIAL * 1e3)
    bench.say("googletest_overhead_ms", (ours - alone) / TRIVIAL * 1e3)
    catch2 = bench.bench / "bench_catch2_tests"
    if not catch2.exists():
        suites.say("there is no Catch2 2: its tests are left out")
        return
    alone = one_by_one(bench, catch2, [f"trivial {number}" for number in range(1, CATCH2 + 1)],
                       lambda name: f"'{name}'")
    ours = bench.test(catch2, jobs=1)
    bench.say("catch2_alone_ms", alone / CATCH2 * 1e3)
    bench.say("catch2_overhead_ms", (ours - alone) / CATCH2 * 1e3)


def thousand(bench):
    """Against ctest, which runs the same processes as gtest_discover_tests() lists them."""
    googletest = bench.bench / "bench_googletests"
    folder = bench.folder / "ctest"
    folder.mkdir()
    (folder / "CTestTestfile.cmake").write_text("".join(
        f"add_test([=[T{number}]=] [=[{googletest}]=]"
        f" [==[--gtest_filter=All/Trivial.Passes/{number}]==])\n"
        for number in range(TRIVIAL)), encoding="utf-8")
    by_ctest = bench.time("ctest", "--test-dir", folder, f"-j{bench.jobs}")
    ours = bench.test(googletest, "--gtest_filter=All/Trivial*")
    bench.say("ctest_1000_s", by_ctest)
    bench.say("googletest_1000_s", ours)
    bench.say("googletest_1000_over_ctest_ratio", ours / by_ctest)


def small_pytests(bench):
    folder = bench.folder / "pytests"
    folder.mkdir()
    for module in range(MODULES):
        (folder / f"test_{module}.py").write_text("".join(
            f"def test_{number}():\n    assert sum(range({number})) >= 0\n\n"
            for number in range(PYTESTS // MODULES)), encoding="utf-8")
    python = suites.pytest_environment(suites.cache_folder())
    command = [python / "pytest", "-q", "-p", "no:cacheprovider"]
    by_xdist = bench.time(*command, "-n", bench.jobs, cwd=folder)
    ours = bench.test(*command, cwd=folder)
    bench.say("xdist_500_s", by_xdist)
    bench.say("pytest_500_s", ours)
    bench.say("pytest_500_over_xdist_ratio", ours / by_xdist)
    one = bench.test(*command, "test_0.py::test_0", cwd=folder, jobs=1)
    all_in_one = bench.test(*command, "test_0.py", cwd=folder, jobs=1)
    bench.say("pytest_test_ms", (all_in_one - one) / (PYTESTS // MODULES - 1) * 1e3)


def free_memory(bench):
    shown = subprocess.run([bench.program, "devices", "--format", "json"], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    return json.loads(shown)["host"]["available_bytes"]


def mixed(bench):
    """The second run, which knows how long each takes; what they need of memory is declared, not
    taken, so that a machine's speed with pages is not measured."""
    rng = random.Random(20261130)
    # What is free on a machine that does other things changes by some percent.
    memory = int(free_memory(bench) * 0.9)
    tests = [(rng.choice([50, 100, 200, 400, 800]) * rng.uniform(0.5, 1.5),
              rng.choice([0.01, 0.02, 0.05, 0.1, 0.3, 0.6])) for _ in range(MIXED)]
    folder = bench.folder / "mixed"
    folder.mkdir()
    (folder / "times").write_text("\n".join(str(int(ms)) for ms, _ in tests), encoding="utf-8")
    (folder / "hexcore.toml").write_text("".join(
        f'[[test]]\nfilter = "All/Mixed.TakesItsTime/{number}"\n'
        f'memory = "{int(memory * share)}"\n\n' for number, (_, share) in enumerate(tests)),
        encoding="utf-8")
    googletest = bench.bench / "bench_googletests"
    command = [googletest, "--gtest_filter=All/Mixed*"]
    more = {"cwd": folder, "env": {"MIXED_TESTS": str(folder / "times")}}
    rounds, bench.rounds = bench.rounds, 1
    results = bench.folder / "mixed.json"
    first = bench.test(*command, jobs="auto", **more)
    ours = bench.test(*command, jobs="auto", options=("--json", results), **more)
    bench.rounds = rounds
    # As long as each really took, starting it included: the machine may do other things.
    took = {test["id"]: test["duration_ms"] / 1e3
            for test in json.loads(results.read_text("utf-8"))["tests"]}
    best = schedules.best([(took[f"All/Mixed.TakesItsTime/{number}"], share)
                           for number, (_, share) in enumerate(tests)],
                          len(os.sched_getaffinity(0)), 1.0)
    bench.say("mixed_first_run_s", first)
    bench.say("mixed_s", ours)
    bench.say("mixed_best_schedule_s", best)
    bench.say("mixed_best_schedule_over_ours_ratio", best / ours)


def junit_verdicts(file):
    """Of each test: passed, failed or skipped."""
    verdicts = {}
    for case in ElementTree.parse(file).iter("testcase"):
        kinds = {child.tag for child in case}
        name = f"{case.get('classname')}.{case.get('name')}"
        verdicts[name] = ("failed" if kinds & {"failure", "error"}
                          else "skipped" if "skipped" in kinds else "passed")
    return verdicts


def our_verdicts(file):
    """By id, in JUnit's three words."""
    words = {"passed": "passed", "flaky": "passed", "skipped": "skipped"}
    return {test["id"]: words.get(test["verdict"], "failed")
            for test in json.loads(file.read_text("utf-8"))["tests"]}


def as_pytest_names(verdicts):
    """JUnit's `tests.test_a.TestB.test_c` of `tests/test_a.py::TestB::test_c`."""
    named = {}
    for node, verdict in verdicts.items():
        path, _, rest = node.partition("::")
        parts, bracket = rest, ""
        if "[" in rest:
            parts, _, bracket = rest.partition("[")
            bracket = "[" + bracket
        *classes, name = parts.split("::")
        classname = ".".join([path.removesuffix(".py").replace("/", "."), *classes])
        named[f"{classname}.{name}{bracket}"] = verdict
    return named


def compare(bench, name, theirs, ours, took_theirs, took_ours):
    different = sorted(test for test in theirs.keys() | ours.keys()
                       if theirs.get(test) != ours.get(test))
    bench.figures[f"{name}_tests"] = len(theirs)
    bench.figures[f"{name}_different_verdicts"] = len(different)
    for test in different[:10]:
        suites.say(f"{name}: {test} is {theirs.get(test)} without, {ours.get(test)} with us")
    if different:
        bench.wrong.append(f"{name}: {len(different)} verdicts differ")
    bench.say(f"{name}_without_s", took_theirs)
    bench.say(f"{name}_s", took_ours)
    bench.say(f"{name}_ours_over_without_ratio", took_ours / took_theirs)


def by_ctest(bench, name, build):
    if build is None:
        suites.say(f"{name}: its source is not to be had here")
        return
    theirs, ours = bench.folder / f"{name}.xml", bench.folder / f"{name}.json"
    command = ["ctest", "--test-dir", build]
    took_theirs, took_ours = bench.in_turn(
        lambda: bench.time(*command, f"-j{bench.jobs}", "--output-junit", theirs, codes=(0, 8)),
        lambda: bench.test(*command, options=("--json", ours), codes=(0, 1)))
    verdicts = {test.rpartition(".")[2] if test.count(".") else test: verdict
                for test, verdict in junit_verdicts(theirs).items()}
    compare(bench, name, verdicts, our_verdicts(ours), took_theirs, took_ours)


def by_pytest(bench, name, source, python):
    theirs, ours = bench.folder / f"{name}.xml", bench.folder / f"{name}.json"
    command = [python / "pytest", "-q", "-p", "no:cacheprovider"]
    took_theirs, took_ours = bench.in_turn(
        lambda: bench.time(*command, "-n", bench.jobs, "--junit-xml", theirs, cwd=source,
                           codes=(0, 1)),
        lambda: bench.test(*command, options=("--json", ours), cwd=source, codes=(0, 1)))
    compare(bench, name, junit_verdicts(theirs), as_pytest_names(our_verdicts(ours)), took_theirs,
            took_ours)


def real(bench):
    cache = suites.cache_folder()
    by_ctest(bench, "googletests_own", suites.googletest(cache))
    by_ctest(bench, "fmt", suites.fmt(cache))
    by_pytest(bench, "click", *suites.click(cache))


def is_missed(name, figure):
    bound = BOUNDS.get(name, SUITE_BOUND if name.endswith("_ours_over_without_ratio") else None)
    if bound is None:
        return False
    return figure < bound if name == "mixed_best_schedule_over_ours_ratio" else figure > bound


PARTS = {"overhead": overhead, "thousand": thousand, "pytest": small_pytests, "mixed": mixed,
         "real": real}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be repeated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, help="at once; as many as there are cores if not given")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, Path(folder))
        for name, part in PARTS.items():
            if name in (arguments.only or PARTS):
                part(bench)
    missed = [f"{name} {figure:.3f}" for name, figure in bench.figures.items()
              if is_missed(name, figure)] + bench.wrong
    if arguments.format == "json":
        print(json.dumps(bench.figures, indent=2))
    else:
        width = max(map(len, bench.figures))
        for name, figure in bench.figures.items():
            shown = figure if isinstance(figure, int) else f"{figure:.3f}"
            print(f"{name:<{width}}  {shown:>10}")
    for figure in missed:
        print(f"MISSED: {figure}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
