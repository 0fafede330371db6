"""A long answer, several times as long as the context, which slides: it does not decay."""

import json
import math
import os
import subprocess

import pytest
from figures import DEVICES
from sliding import CONTEXT, perplexity, surprises

# A minute and more of both processors, for what changes with the engine alone.
pytestmark = pytest.mark.skipif("HEXCORE_LONG_TESTS" not in os.environ,
                                reason="takes a minute; HEXCORE_LONG_TESTS=1 runs it")

WINDOWS = 4
# A text that makes sense has some tens (docs/kv-cache.md), words in any order have thousands.
PERPLEXITY_MOST = 80


def distinct(tokens, length=3):
    """Which part of the runs of so many tokens is said once."""
    runs = [tuple(tokens[at:at + length]) for at in range(len(tokens) - length + 1)]
    return len(set(runs)) / len(runs)


def test_long_complex_response_stability(hexcore, demo_model, probes, tmp_path):
    run = subprocess.run([probes / "long_answer_probe", demo_model, *DEVICES[:-2], "--prompt",
                          "Gravity is the force that"], capture_output=True, text=True, check=True,
                         env=hexcore.environment())
    answer = json.loads(run.stdout)
    windows = answer["windows"]
    assert answer["generated"] == WINDOWS * CONTEXT
    assert [len(window["tokens"]) for window in windows] == [CONTEXT] * WINDOWS
    assert answer["shifts"] == 7  # each time half of what is not kept goes

    for number, window in enumerate(windows):
        assert distinct(window["tokens"]) > 0.8, window["text"]
        own = math.exp(math.fsum(window["surprises"]) / CONTEXT)
        (tmp_path / f"{number}.txt").write_text(window["text"], encoding="utf-8")
        assert own < PERPLEXITY_MOST, window["text"]
    # To a model that sees nothing but the last window, too, it is a text.
    read = surprises(probes / "sliding_probe", demo_model, text=tmp_path / f"{WINDOWS - 1}.txt",
                     windows=1)["computed_anew"]
    assert len(read) > CONTEXT / 2
    assert perplexity(read, 1, 1) < PERPLEXITY_MOST
    # Usually within 3 %; other processes take caches away.
    assert windows[-1]["cpu_s"] < 2 * windows[0]["cpu_s"]
