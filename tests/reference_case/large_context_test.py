"""A large context, filled to its last token: used is measured is planned, and one token more is
what was chosen."""

import pytest
from figures import (DEVICES, GREEDY, assert_as_planned, assert_nothing_left,
                     planned_kv_bytes)
from program import on

KEEP = 4


@pytest.fixture(scope="module")
def long_model(random_model):
    """Tiny, with a head of 64 elements in each of two layers, and trained for a long context."""
    return random_model("qwen3moe", layers=2, embd=128, ff=64, heads=1, kv_heads=1, head_dim=64,
                        experts=8, used=2, type="q8_0", ctx=1 << 16)


@pytest.fixture(params=["demo", "tiny"])
def case(request, demo_model, long_model):
    """A model, its devices, the context to fill, and a text that almost fills it."""
    if request.param == "demo":
        return demo_model, DEVICES, 768, "Up and down and " * 190
    return long_model, on("64MiB", "64MiB"), 16384, "x" * (16384 - 8)


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_a_large_context_is_planned_and_filled_to_its_last_token(hexcore, case, tmp_path, kv_type):
    model, devices, context, text = case
    (tmp_path / "text").write_text(text)
    words = ["run", model, *devices, *GREEDY, "--kv-type", kv_type, "--ctx", context, "--raw",
             "--session", tmp_path / "full.session"]

    full = hexcore.json(*words, "--file", tmp_path / "text")
    stats = full["cache_stats"]
    assert full["stop"] == "context_full"
    assert 0.95 * context < full["tokens"]["prompt"] < context
    # Nothing follows the last token, so it needs no cell.
    assert sum(full["tokens"].values()) == context + 1
    assert stats["cells_used"] == stats["cells_total"] == stats["tokens_computed"] == context
    assert stats["bytes_used"] == stats["bytes_total"] == planned_kv_bytes(full["devices"])
    assert_as_planned(full["devices"])
    assert_nothing_left(full)

    # Stop: one token more is refused, and nothing is lost.
    code, out, err = hexcore(*words, "-p", "x")
    assert (code, out.strip()) == (2, "") and "the context has room for 0" in err

    # Slide: it goes on, in the memory that was planned for that.
    slid = hexcore.json(*words, "-p", "x", "-n", 3, "--on-full", "slide", "--keep", KEEP)
    stats = slid["cache_stats"]
    assert (slid["stop"], slid["tokens"]["generated"], stats["shifts"]) == ("length", 3, 1)
    assert stats["tokens_evicted"] == (context - KEEP) // 2
    assert stats["cells_used"] == context - stats["tokens_evicted"] + stats["tokens_computed"]
    assert stats["high_water_bytes"] == stats["bytes_total"]
    assert_as_planned(slid["devices"])
    assert_nothing_left(slid)
