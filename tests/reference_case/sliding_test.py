"""A context that slides: what is said in it stays as sensible as in one that has just begun."""

import os
import re

import pytest
from program import ROOT
from sliding import CONTEXT, PARTS, perplexity, surprises

# A minute and more of both processors, for what changes with the engine alone.
pytestmark = pytest.mark.skipif("HEXCORE_LONG_TESTS" not in os.environ,
                                reason="takes a minute; HEXCORE_LONG_TESTS=1 runs it")

WINDOWS = {"f16": 4, "q8_0": 2}


def shown_perplexities(kv_type):
    """What docs/kv-cache.md shows: {(first, last): (sliding, computed anew)}."""
    page = (ROOT / "docs/kv-cache.md").read_text(encoding="utf-8")
    column = {"f16": 0, "q8_0": 2}[kv_type]
    rows = re.findall(r"^\| (\d+)(?: to (\d+))? \| (.*) \|$", page, re.MULTILINE)
    return {(int(first), int(last or first)):
            [float(cell) for cell in cells.split(" | ")[column:column + 2]]
            for first, last, cells in rows}


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_a_text_is_as_likely_to_a_cache_that_slid_as_to_one_computed_anew(
        demo_model, probes, kv_type):
    windows = WINDOWS[kv_type]
    found = surprises(probes / "sliding_probe", demo_model, "--kv-type", kv_type, windows=windows)
    sliding, anew = found["sliding"], found["computed_anew"]
    assert len(sliding) == len(anew) == CONTEXT * windows - 1
    # Before anything has slid they are the same, and then they are not.
    assert sliding[:CONTEXT - 1] == anew[:CONTEXT - 1]
    assert sliding != anew
    sliding, anew = perplexity(sliding, 2, windows), perplexity(anew, 2, windows)
    assert sliding < 1.03 * anew
    assert anew < 60
    shown = shown_perplexities(kv_type)
    assert list(shown) == PARTS
    for first, last in PARTS:
        if last <= windows:
            now = [perplexity(found[how], first, last) for how in ("sliding", "computed_anew")]
            # Processors differ in the last bits of a product.
            assert now == pytest.approx(shown[first, last], rel=0.005)
