"""`./dev bench soak`: 300 mixed queries pass, and each of its judgements can fail."""

import json
import os
import random
import subprocess
import sys

import pytest
from conftest import ROOT, cache_folder

sys.path.insert(0, str(ROOT / "bench"))
from serving import Reply  # noqa: E402
from soaking import bad_input, judgement, questions  # noqa: E402
from soaking.clients import Clients  # noqa: E402

QUERIES = 300


def test_three_hundred_mixed_queries_are_answered_as_by_fresh_processes(hexcore, demo_model):
    run = subprocess.run(
        [sys.executable, ROOT / "bench/soak.py", "--queries", str(QUERIES), "--seed", "1",
         "--model", demo_model, "--program", hexcore.path, "--cache", cache_folder(),
         "--format", "json"], capture_output=True, text=True, check=False,
        env=hexcore.environment())
    assert run.returncode == 0, run.stdout + run.stderr
    figures = json.loads(run.stdout)
    assert figures["queries"] == QUERIES
    for what in ("texts", "bad input", "nobody stuck", "as planned"):
        assert figures["judged"][what] == "passed", what
    assert figures["judged"]["time"].startswith("not judged: 300 queries")
    # It did what it is for.
    for what in ("cancelled", "refused", "overflowed", "parked", "restored", "tokens_evicted",
                 "context_full"):
        assert figures[what] > 0, what


class FakeServer:
    """Says the same to everything."""

    def __init__(self, status=200, text=" up", error=None, answering=0):
        body = {"error": error} if error else {"choices": [{"text": text}]}
        self.reply = Reply(status, None, json.dumps(body).encode())
        self.answering = answering

    def post(self, *_):
        return self.reply

    def request(self, *_):
        return self.reply

    def metrics(self):
        return {"hexcore_requests_answering": self.answering, "hexcore_requests_waiting": 0}


ASKED = questions.question("text", questions.TEXT, questions.text("The sun is"))


class Whole(random.Random):
    """Never reads a stream."""

    def random(self):
        return 0.9


@pytest.mark.parametrize(("server", "wrong"), [
    (FakeServer(), None),
    (FakeServer(text=" down"), "different"),
    (FakeServer(status=503, error={"code": "out_of_memory"}), "different"),
    (FakeServer(status=500), "failed"),
    (FakeServer(answering=1), "stuck"),
])
def test_an_answer_that_is_not_the_expected_one_is_found(server, wrong, monkeypatch):
    monkeypatch.setattr("soaking.clients.QUIET_S", 0)
    clients = Clients(server, {ASKED: [[200, " up"]]}, 2, Whole())
    clients.work([("text", ASKED)] * 3)
    assert list(clients.findings.wrong) == [wrong] * (wrong is not None)


def test_an_error_of_another_kind_is_found():
    bad = bad_input.wrong_field("top_p", 2, "top_p must be")
    right = {"code": None, "param": "top_p", "message": "top_p must be between 0 and 1"}
    for status, change, expected in [(400, {}, "refused"), (500, {}, "refused otherwise"),
                                     (400, {"param": "n"}, "refused otherwise"),
                                     (400, {"message": "no"}, "refused otherwise")]:
        clients = Clients(FakeServer(status, error=right | change), {}, 1, Whole())
        clients.work([("bad", bad)])
        assert clients.findings.counts == {expected: 1}


def test_every_thousand_queries_ask_each_question_equally_often():
    distinct = questions.distinct_questions(10_000)
    assert sum(len(one.steps) for found in distinct.values() for one in found) == 210
    waves = list(questions.hundreds(2_000, distinct, bad_input.ALL, random.Random(1)))
    asked = [sorted(map(str, sum(waves[first:first + 10], []))) for first in (0, 10)]
    assert asked[0] == asked[1]
    for wave in waves:
        assert sum(len(what.steps) if kind in ("session", "resent") else 1
                   for kind, what in wave) == questions.HUNDRED


def samples(queries, grows=0.0, slower=1.0, noise=1 << 20):
    """Resident memory with noise, and what is made in the first hundreds."""
    chance, cpu, tokens, found = random.Random(2), 0.0, 0, []
    for at in range(0, queries + 1, questions.HUNDRED):
        resident = (600 << 20) + min(at, 900) * 4096 + grows * at + chance.uniform(-noise, noise)
        found.append(judgement.Sample(at, int(resident), 500 << 20, cpu, tokens))
        tokens += 1500
        cpu += 1500 * 0.01 * (slower if at > queries / 2 else 1)
    return found


@pytest.mark.parametrize(("made", "fails"), [
    (samples(10_000), []),
    (samples(10_000, grows=800), []),
    (samples(10_000, grows=1200), ["resident memory"]),
    (samples(10_000, grows=800, noise=64 << 20), ["resident memory"]),  # nobody knows
    (samples(10_000, slower=1.02), []),
    (samples(10_000, slower=1.04), ["time"]),
    (samples(4_000, grows=3000, slower=1.04), ["resident memory", "time"]),
    (samples(300, grows=1 << 20, slower=2), []),  # too few to judge
])
def test_memory_that_grows_and_time_that_does_fail(made, fails):
    _, verdicts = judgement.judged_memory_and_time(made)
    assert [what for what, verdict in verdicts.items() if verdict is False] == fails


def test_neighbours_that_are_alike_count_less():
    def doubt(run):
        found = judgement.slope([(at, at // run % 2) for at in range(100)])
        return found.upper - found.value

    assert doubt(run=10) > 2 * doubt(run=1)
