"""Tests that do everything to the process they run in get the verdict that they deserve.

tests/hostile/pytest has them, each in a file named after its verdict.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

CORPUS = ROOT / "tests" / "hostile" / "pytest"
FILES = sorted(CORPUS.glob("test_*.py"))
MARK = "HEXCORE_HOSTILE_RUN"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_gets_the_verdict_that_its_file_is_named_after(hexcore, tmp_path, file):
    """Each one, none is left out, and nothing of them runs on."""
    shutil.copy(file, tmp_path)
    found = tmp_path / "found.json"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    mark = f"{os.getpid()}-{file.stem}"
    code, out, err = hexcore("test", "-j", "3", "--grace", "200ms", "--config", "none", "--json",
                             found, "--", sys.executable, "-m", "pytest", "-q", "-p", "no:timeout",
                             file.name, cwd=tmp_path,
                             env={"HEXCORE_RESERVATIONS": str(tmp_path / "reservations"),
                                  "TMPDIR": str(temporary), MARK: mark})
    assert found.exists(), err
    tests = json.loads(found.read_text(encoding="utf-8"))["tests"]
    wanted = file.stem.removeprefix("test_")
    wrong = {test["id"]: (test["verdict"], test["reason"]) for test in tests
             if test["verdict"] != wanted}
    assert not wrong, err
    assert code == (0 if wanted in ("passed", "skipped") else 1), out + err
    assert len(tests) == len({test["id"] for test in tests}) == collected(file)
    assert marked_processes(mark) == []
    assert not list(Path("/dev/shm").glob(f"hexcore-{mark}-*"))
    assert {path.name for path in tmp_path.glob("*")} <= {
        file.name, found.name, "reservations", ".pytest_cache", "__pycache__", "temporary"}
    assert not list((tmp_path / "temporary").iterdir())


def test_they_are_many():
    assert sum(map(collected, FILES)) >= 200


@functools.cache
def collected(file):
    """As a pytest alone counts them."""
    run = subprocess.run([sys.executable, "-m", "pytest", "--collect-only", "-q", "-p",
                          "no:cacheprovider", file.name], cwd=CORPUS, text=True,
                         stdout=subprocess.PIPE, check=True)
    return int(run.stdout.strip().splitlines()[-1].split()[0])


def marked_processes(mark):
    """Command lines of those that were started with it in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes())
        except OSError:  # it has ended
            continue
    return found
