"""Small programs of which it is known whether they leak, judged with their allocations told and by
samples alone: the verdicts against the truth, and after how many repeats each was known. Noise
varies with each run; the seed is printed. Exits with 1 if a leak is missed, if what is none is
called one, or if a verdict is inconclusive although the data says more."""

import argparse
import collections
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

VERDICTS = ["leak", "driver", "cache", "pool", "none", "inconclusive"]
GRAVITY = ["leak", "driver", "inconclusive", "pool", "cache", "none"]
GROWS = {"leak", "driver"}
INTERVAL_MS = 2
PYTHON_CORPUS = Path(__file__).resolve().parent / "leaks/python_corpus.py"
Case = collections.namedtuple("Case", "name truth repeats mode")


def programs(corpus):
    """The corpus, and that in Python where the build has the library that Python loads."""
    yield [corpus], []
    build = Path(corpus).resolve().parents[1]
    if (build / "libhexcore-tracker.so").exists():
        yield [sys.executable, PYTHON_CORPUS], ["--python"]


def is_pythons(case):
    return case.name.startswith("python-")


def cases_of(corpus):
    """Every case of the corpus, once for each mode that can show what it does."""
    for words, _ in programs(corpus):
        lines = subprocess.run([*words, "list"], stdout=subprocess.PIPE, text=True, check=True,
                               env=with_package(corpus)).stdout
        for line in lines.splitlines():
            name, truth, told, sampled = line.split()
            for mode, repeats in (("told", int(told)), ("sampled", int(sampled))):
                if repeats:
                    yield Case(name, truth, repeats, mode)


def with_package(corpus):
    package = Path(corpus).resolve().parents[1] / "python"
    return os.environ | {"PYTHONPATH": str(package)}


def is_right(case, verdict):
    """Growth is growth, and what is none is none, however it keeps within its bounds."""
    if case.truth == "unknowable":
        return verdict == "inconclusive"
    if case.truth in GROWS:
        return verdict == case.truth
    return verdict not in GROWS | {"inconclusive"}


def judge(program, corpus, case, seed, folder):
    """The verdict on the label "work" of a real process, as `hexcore report` has it."""
    recording, document = folder / "case.hxr", folder / "case.json"
    for old in (recording, document):
        old.unlink(missing_ok=True)
    words, options = list(programs(corpus))[is_pythons(case)]
    subprocess.run([program, "watch", *options, "--interval", str(INTERVAL_MS), "-o", recording,
                    "--", *words, case.mode, case.name, str(case.repeats), str(seed)], check=True,
                   stderr=subprocess.DEVNULL)
    subprocess.run([program, "report", recording, "-o", document], check=True)
    for work in json.loads(document.read_text())["repeats"]:
        if work["label"] == "work":
            return work
    raise SystemExit(f"{case.name}: nothing is known of its label")


def verdict_of(case, work):
    """That of all devices, but not for want of samples where allocations are told."""
    devices = [device for device in work["devices"]
               if case.mode == "sampled" or device["known_by"] == "allocations"
               or device["verdict"] in GROWS]
    if not devices:
        return "inconclusive"
    return min((device["verdict"] for device in devices), key=GRAVITY.index)


def known_after(work):
    return max((device["known_after_repeats"] for device in work["devices"]), default=0)


def table(rows):
    """The rows, the first of which is the head, in columns."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows)]
    return "\n".join("  ".join(f"{cell!s:<{width}}" if index == 0 else f"{cell!s:>{width}}"
                               for index, (cell, width) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)


def confusion(results):
    counts = collections.Counter((case.truth, case.mode, verdict_of(case, work))
                                 for case, work in results)
    kinds = sorted({(truth, mode) for truth, mode, _ in counts},
                   key=lambda kind: (VERDICTS + ["unknowable"]).index(kind[0]))
    return [["TRUTH, KNOWN BY", *VERDICTS]] + [
        [f"{truth}, {mode}", *(counts[truth, mode, verdict] or "" for verdict in VERDICTS)]
        for truth, mode in kinds]


def main():
    build = Path(os.environ.get("HEXCORE_BUILD", "build/release"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=build / "hexcore", type=Path)
    parser.add_argument("--corpus", default=build / "bench/leak_corpus", type=Path)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--only", help="cases whose names have that in them")
    parser.add_argument("--mode", choices=["told", "sampled"])
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()

    print(f"seed {arguments.seed}", file=sys.stderr)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases_of(arguments.corpus):
            if (arguments.only or "") in case.name and arguments.mode in (None, case.mode):
                work = judge(arguments.program, arguments.corpus, case, arguments.seed,
                             Path(folder))
                results.append((case, work))
    wrong = [(case, work) for case, work in results if not is_right(case, verdict_of(case, work))]
    if arguments.format == "json":
        print(json.dumps({
            "seed": arguments.seed, "judged": len(results), "wrong": len(wrong),
            "cases": [case._asdict() | {"verdict": verdict_of(case, work),
                                        "known_after": known_after(work)}
                      for case, work in results]}, indent=2))
    else:
        print(table([["CASE", "KNOWN BY", "REPEATS", "KNOWN AFTER", "TRUTH", "VERDICT"]] + [
            [case.name, case.mode, case.repeats, known_after(work), case.truth,
             verdict_of(case, work)]
            for case, work in results]), end="\n\n")
        print(table(confusion(results)))
    for case, work in wrong:
        why = "; ".join(filter(None, (device["why"] for device in work["devices"])))
        print(f"WRONG: {case.name} ({case.mode}) is {case.truth}, and was called "
              f"{verdict_of(case, work)} {why}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
