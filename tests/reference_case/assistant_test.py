"""The reference case's assistant, whose tests it has here by their names: five experts on a model,
one or several of them on a question."""

import json
import time
import tomllib

import pytest
from figures import DEVICES, GREEDY, assert_as_planned, assert_nothing_left, assert_true_cache_stats
from program import ROOT

MODES = ["REASON", "EXPLAIN", "TEACH", "PREDICT", "RETROSPECT"]
PARTS = ["load_ms", "learn_ms", "route_ms", "look_up_ms", "prompt_ms", "generate_ms", "score_ms"]
BOLT = "What happens if I Lightning Bolt my own planeswalker?"


def lines_of(table, *keys):
    """Keys of a table in TOML, whose texts and lists of texts are written as in JSON."""
    return [f"{key} = {json.dumps(table[key])}" for key in keys]


@pytest.fixture(scope="module")
def magic(tmp_path_factory):
    """magic with two examples of each expert, which its router learns from in seconds: the folder
    of its cache, and a function from what it has otherwise to its file."""
    folder = tmp_path_factory.mktemp("magic")
    whole = tomllib.loads((ROOT / "assistants/magic/assistant.toml").read_text(encoding="utf-8"))

    def file_of(**tables):
        lines = lines_of(whole, "schema", "name", "description")
        lines += ["[router]", *lines_of(whole["router"], "system")]
        for name, table in tables.items():
            lines += [f"[{name}]", *lines_of(table, *table)]
        for expert in whole["expert"]:
            lines += ["[[expert]]", *lines_of(expert, "name", "description", "system", "keywords"),
                      f"examples = {json.dumps(expert['examples'][:2])}"]
        file = folder / f"{'-'.join(tables) or 'plain'}.toml"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    return folder, file_of


@pytest.fixture(scope="module")
def ask(hexcore, demo_model, magic):
    """What the assistant says to a question: `ask(question, *options)`."""
    folder, file_of = magic

    def asked(question, *options, **tables):
        return hexcore.json(
            "ask", question, "--assistant", file_of(**tables), "--model", demo_model, *DEVICES,
            *GREEDY, "--ctx", 4096, "-n", 8, *options,
            env={"HEXCORE_CACHE": str(folder / "cache"), "XDG_DATA_HOME": str(folder / "data")})

    return asked


def assert_answered(answer, experts=None):
    assert answer["schema"] == "hexcore.answer/1"
    assert answer["assistant"] == "magic"
    names = [expert["name"] for expert in answer["experts"]]
    assert set(names) <= set(MODES) and len(set(names)) == len(names) > 0
    if experts is not None:
        assert len(names) == experts
    for expert in answer["experts"]:
        assert 0 <= expert["confidence"] <= 1
    assert answer["tokens"]["generated"] > 0
    assert_as_planned(answer["devices"])
    assert_nothing_left(answer)


@pytest.fixture(scope="module")
def named(ask):
    """An answer, and what the whole program took for it."""
    begin = time.monotonic()
    answer = ask(f"REASON: {BOLT}")
    return answer, (time.monotonic() - begin) * 1000


def test_single_expert_generation(named):
    answer, _ = named
    assert_answered(answer, 1)
    assert (answer["experts"][0]["name"], answer["named_by"]) == ("REASON", "question")
    assert answer["answer"]


def test_multi_expert_generation_and_memory_usage_with_experts(ask):
    answer = ask(BOLT, "--experts", 2)
    assert_answered(answer, 2)
    assert answer["named_by"] is None
    assert answer["combine"] == "choose"
    assert sum(expert["weight"] for expert in answer["experts"]) == pytest.approx(1)
    scores = [expert["score"] for expert in answer["experts"]]
    assert all(score < 0 for score in scores)
    # Their sessions are in the cache side by side, which is no larger for it.
    stats = answer["cache_stats"]
    assert_true_cache_stats(stats, answer["devices"])
    assert stats["sessions"] >= 2


def test_cross_expert_attention_integration(ask):
    answer = ask(BOLT, "--experts", 2, combining={"method": "attend"})
    assert_answered(answer, 2)
    assert answer["combine"] == "attend"
    weights = [expert["weight"] for expert in answer["experts"]]
    assert all(0 < weight < 1 for weight in weights)
    assert sum(weights) == pytest.approx(1)
    assert answer["answer"]


def test_expert_fallback_suggestion(ask):
    answer = ask(BOLT, thresholds={"confidence": 1.0, "spread": 1.0})
    assert_answered(answer, 1)
    fallback = answer["fallback"]
    assert fallback["expert"] in set(MODES) - {answer["experts"][0]["name"]}
    assert 0 <= fallback["confidence"] <= answer["experts"][0]["confidence"]
    assert fallback["reason"]


def test_performance_metrics(named):
    answer, took_ms = named
    timing = answer["timing"]
    assert set(timing) == {*PARTS, "total_ms"}
    assert all(timing[part] >= 0 for part in PARTS)
    assert abs(sum(timing[part] for part in PARTS) - timing["total_ms"]) < 500
    assert 0 < timing["total_ms"] <= took_ms


@pytest.mark.parametrize("question", ["", "MTG?", "a" * 100, "🃏🔥 ➡️ 🧙?"],
                         ids=["empty", "short", "repetitive", "emoji"])
def test_edge_cases(ask, question):
    assert_answered(ask(question))
