"""The KV-cache manager: its figures come with every answer, and it makes room for more."""

from figures import (CELL_BYTES, DEVICES, MIB, assert_as_planned, assert_true_cache_stats,
                     planned_kv_bytes)
from serving import Server

TEXTS = [f"The number {number} is" for number in range(6)]


def test_memory_usage_with_cache_manager(hexcore, demo_model):
    server = Server(hexcore, demo_model, *DEVICES, "--ctx", 512, "--sequences", 1)
    prompt = "The cache holds a cell for each token of this text, and"
    whole = server.complete(prompt, max_tokens=24, session_id="one").json
    stats = whole["hexcore"]["cache_stats"]
    # The last token of an answer is not computed before something follows it.
    tokens = whole["usage"]["total_tokens"] - 1
    assert_true_cache_stats(stats, whole["hexcore"]["devices"], tokens=tokens)
    assert stats["tokens_computed"] == tokens and stats["tokens_reused"] == 0
    more = server.complete(" then", max_tokens=8, session_id="one").json
    stats = more["hexcore"]["cache_stats"]
    tokens += more["usage"]["total_tokens"] - 1
    assert_true_cache_stats(stats, more["hexcore"]["devices"], tokens=tokens)
    assert stats["tokens_computed"] == tokens  # nothing was computed twice
    other = server.complete("Another text", max_tokens=2, session_id="two").json
    stats = other["hexcore"]["cache_stats"]
    assert_true_cache_stats(stats, other["hexcore"]["devices"],
                            tokens=other["usage"]["total_tokens"] - 1)
    assert stats["sessions_parked"] == 1
    # The parked one takes what its cells took, and a little that says what they are.
    assert 0 < stats["parked_memory_bytes"] - tokens * CELL_BYTES["f16"] < 64 * tokens + 4096
    assert stats["high_water_bytes"] == tokens * CELL_BYTES["f16"]


def gone_on_with(server):
    """Several texts, each gone on with twice, in turn: what was written, and what the last answer
    says of the cache and the devices."""
    written = []
    for more in (None, " and"):
        for text in TEXTS:
            reply = server.complete(more or text, session_id=text, max_tokens=4)
            assert reply.status == 200, reply.body
            written.append(reply.text)
    return written, reply.json["hexcore"]


def test_compare_memory_with_and_without_cache_manager(hexcore, demo_model):
    """With it, six sessions share the cells of two; without, each has cells of its own."""
    words = [demo_model, *DEVICES, "--exact"]
    managed = Server(hexcore, *words, "--ctx", 2 * 256, "--sequences", 2)
    written, told = gone_on_with(managed)
    stats = managed.metrics()
    apart = Server(hexcore, *words, "--ctx", 6 * 256, "--sequences", 6)
    written_apart, told_apart = gone_on_with(apart)

    assert written == written_apart
    assert_as_planned(told["devices"])
    assert_as_planned(told_apart["devices"])
    assert planned_kv_bytes(told["devices"]) == 2 * 256 * CELL_BYTES["f16"]
    assert planned_kv_bytes(told_apart["devices"]) == 6 * 256 * CELL_BYTES["f16"]
    assert apart.metrics()["hexcore_cache_parked_total"] == 0
    # Each of the six came back once, and nothing that it had was computed again.
    assert stats["hexcore_cache_restored_total"] == 6
    assert stats["hexcore_cache_tokens_evicted_total"] == 0
    assert stats["hexcore_cache_tokens_computed_total"] == \
        apart.metrics()["hexcore_cache_tokens_computed_total"]
    assert stats["hexcore_sessions_parked"] == 4
    assert 0 < stats["hexcore_parked_memory_bytes"] < 256 * MIB
