"""How much memory is used: as planned, as accounted, as the kernel measures."""

import pytest
from figures import (CELL_BYTES, DEVICES, GREEDY, assert_as_planned, assert_nothing_left,
                     assert_true_cache_stats, planned_kv_bytes)
from serving import Server


def test_memory_usage(hexcore, demo_model):
    plan = hexcore.json("plan", demo_model, *DEVICES)
    report = hexcore.json("run", demo_model, *DEVICES, *GREEDY, "-p", "What is gravity?", "-n", 8)
    assert_as_planned(report["devices"])
    assert [device["planned"] for device in report["devices"]] == \
        [device["planned"] for device in plan["devices"]]
    tokens = report["tokens"]["prompt"] + report["tokens"]["generated"] - 1
    assert_true_cache_stats(report["cache_stats"], report["devices"], tokens=tokens)
    assert_nothing_left(report)


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_large_context_memory_usage(hexcore, demo_model, kv_type):
    words = ["run", demo_model, *DEVICES, *GREEDY, "--kv-type", kv_type, "-p", "Hello", "-n", 2]
    for context in (512, 2048, 7168):
        report = hexcore.json(*words, "--ctx", context)
        assert_as_planned(report["devices"])
        assert planned_kv_bytes(report["devices"]) == context * CELL_BYTES[kv_type]
        assert_nothing_left(report)
    # What is too large is refused before anything is allocated, with a context that fits.
    code, out, err = hexcore(*words, "--ctx", 1 << 18)
    assert (code, out) == (3, "")
    fitting = int(err.split("makes it fit: --ctx ")[1].split(",")[0])
    assert_as_planned(hexcore.json(*words, "--ctx", fitting)["devices"])


def test_memory_usage_with_experts(hexcore, demo_model):
    """Each expert is a session with instructions of its own, over one model and one plan."""
    experts = {
        "REASON": "You reason step by step.", "EXPLAIN": "You explain with an example.",
        "TEACH": "You teach a beginner.", "PREDICT": "You say what comes next.",
        "RETROSPECT": "You look back at what went well."}
    server = Server(hexcore, demo_model, *DEVICES, "--ctx", 1024, "--sequences", 4)
    before = None
    for number, (name, instructions) in enumerate(experts.items(), 1):
        messages = [{"role": "system", "content": instructions},
                    {"role": "user", "content": "Why does a ball fall?"}]
        told = server.chat(messages, session_id=name, max_tokens=4).json
        devices, stats = told["hexcore"]["devices"], told["hexcore"]["cache_stats"]
        assert_as_planned(devices)
        assert_true_cache_stats(stats, devices)
        assert stats["seq_length"] == \
            told["usage"]["prompt_tokens"] + told["usage"]["completion_tokens"] - 1
        # A further one takes cells of the cache, and no memory of a device beyond what was planned.
        measured = [device["measured_bytes"] for device in devices]
        assert before is None or measured == before
        before = measured
        assert stats["sessions"] == number
        assert stats["sessions_parked"] == max(0, number - 4)
