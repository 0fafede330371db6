"""`./dev bench leaks`, of cases that cannot fail by chance: those whose allocations are told, and
of samples those that show more than is needed. It judges as it should, too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "bench"))
import leaks  # noqa: E402


@pytest.fixture(scope="module")
def corpus(hexcore):
    return Path(hexcore.path).parent / "bench/leak_corpus"


def test_there_are_sixty_programs_of_every_kind(corpus):
    cases = list(leaks.cases_of(corpus))
    assert len({case.name for case in cases}) >= 60
    assert {case.truth for case in cases} == {*leaks.VERDICTS[:5], "unknowable"}


def test_every_case_whose_allocations_are_told_is_judged_as_it_is(hexcore, corpus, tmp_path):
    wrong = []
    for case in leaks.cases_of(corpus):
        if case.mode == "told":
            work = leaks.judge(hexcore.path, corpus, case, 1, tmp_path)
            if not leaks.is_right(case, leaks.verdict_of(case, work)):
                wrong.append((case, work))
    assert not wrong


def test_a_leak_of_a_page_is_named_with_its_size_and_exit_code(hexcore, corpus, tmp_path):
    recording = tmp_path / "page.hxr"
    code, _, err = hexcore("watch", "--neutral", "work", "-o", recording, "--", corpus, "told",
                           "leak-one-page", "20", "1")
    assert code == 0, "the command's"
    # Not by the table: a busy machine may let it end before the host is looked at.
    assert "leak on host, +4.0 KiB each" in " ".join(err.split())
    code, out, err = hexcore("report", recording, "--neutral", "work")
    assert code == 1
    assert "leak on host, +4.0 KiB each" in " ".join(out.split())
    assert "leak on host, +4.0 KiB each (exactly: work of host +4.0 KiB)" in " ".join(err.split())
    code, _, err = hexcore("report", recording, "--neutral", "nothing")
    assert code == 2
    assert "those that repeat: work" in err


def test_what_is_left_as_it_was_found_is_neutral(hexcore, corpus, tmp_path):
    recording = tmp_path / "none.hxr"
    hexcore("watch", "-o", recording, "--", corpus, "told", "none-load-and-unload", "20", "1")
    code, _, err = hexcore("report", recording, "--neutral", "work")
    assert (code, "none on host" in err) == (0, True)


def test_samples_show_a_leak_of_more_repeats_than_are_needed(hexcore, corpus, tmp_path):
    case = leaks.Case("leak-1m-staging", "leak", 120, "sampled")
    work = leaks.judge(hexcore.path, corpus, case, 1, tmp_path)
    host = next(device for device in work["devices"] if device["device"] == "host")
    assert (work["verdict"], host["known_by"]) == ("leak", "samples")
    assert host["bytes_per_repeat"] == pytest.approx(1 << 20, rel=0.05)
    assert host["known_after_repeats"] < 120


@pytest.mark.parametrize("truth, verdict, right", [
    ("leak", "leak", True), ("leak", "none", False), ("leak", "inconclusive", False),
    ("cache", "pool", True), ("none", "leak", False), ("pool", "driver", False),
    ("driver", "leak", False), ("unknowable", "inconclusive", True), ("unknowable", "leak", False),
])
def test_a_wrong_verdict_is_seen(truth, verdict, right):
    assert leaks.is_right(leaks.Case("x", truth, 20, "told"), verdict) is right


def test_the_benchmark_prints_its_seed_and_a_table_of_confusion(hexcore, corpus):
    run = subprocess.run(
        [sys.executable, ROOT / "bench/leaks.py", "--program", hexcore.path, "--corpus", corpus,
         "--only", "pool-of", "--mode", "told", "--seed", "7"], capture_output=True, text=True,
        check=False, env=hexcore.environment())
    assert run.returncode == 0, run.stderr
    assert run.stderr == "seed 7\n"
    assert run.stdout.splitlines()[-2].split() == ["TRUTH,", "KNOWN", "BY", *leaks.VERDICTS]
    assert run.stdout.splitlines()[-1].split()[:2] == ["pool,", "told"]
    as_json = subprocess.run(
        [sys.executable, ROOT / "bench/leaks.py", "--program", hexcore.path, "--corpus", corpus,
         "--only", "pool-of", "--mode", "told", "--format", "json"], capture_output=True,
        check=True, env=hexcore.environment())
    assert json.loads(as_json.stdout)["wrong"] == 0
