"""Adapters for tests: what stands in the file, and that their effect is the one that is said."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import Model, assert_refused, made, run_tool, tiny


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("base") / "base.gguf", "--experts", 4, "--used", 2,
                "--vocab", 400, kind="q8_0")


def test_halves_have_the_shapes_that_go_with_the_model(base, tmp_path):
    path = tmp_path / "a.gguf"
    made("make_adapter.py", base, path, "--rank", 4, "--tensors", "attn_q|up_exps|token_embd")
    adapter = Model(path)
    assert adapter.value("general.type") == "adapter"
    assert adapter.value("general.architecture") == "llama"
    assert adapter.value("adapter.lora.alpha") == 4
    shapes = {name: list(map(int, t.shape)) for name, t in adapter.tensors.items()}
    assert shapes["blk.1.attn_q.weight.lora_a"] == [256, 4]
    assert shapes["blk.1.attn_q.weight.lora_b"] == [4, 256]
    assert shapes["blk.0.ffn_up_exps.weight.lora_a"] == [256, 4, 4]
    assert shapes["token_embd.weight.lora_a"] == [4, 400]
    assert shapes["token_embd.weight.lora_b"] == [4, 256]
    assert len(shapes) == 2 * (2 + 2 + 1)
    assert 0.03 < adapter.floats("blk.1.attn_q.weight.lora_b").std() < 0.08


def test_the_same_seed_gives_the_same_bytes_and_another_others(base, tmp_path):
    contents = []
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        made("make_adapter.py", base, tmp_path / name, "--seed", seed, "--tensors", "attn_q")
        adapter = Model(tmp_path / name)
        contents.append(adapter.raw("blk.0.attn_q.weight.lora_a"))
    assert contents[0] == contents[1] != contents[2]


def test_a_known_effect_is_a_row_of_the_output_and_a_factor(base, tmp_path):
    path = tmp_path / "a.gguf"
    made("make_adapter.py", base, path, "--logit", "5:7=0.5", "--logit", "9:3=-2")
    adapter, model = Model(path), Model(base)
    rows = model.floats("output.weight")
    assert np.array_equal(adapter.floats("output.weight.lora_a"), rows[[5, 9]])
    b = adapter.floats("output.weight.lora_b")
    assert b[7].tolist() == [0.5, 0] and b[3].tolist() == [0, -2] and np.count_nonzero(b) == 2
    assert adapter.value("adapter.lora.alpha") == 2  # the rank: scales are as they are given


def test_what_cannot_be_is_a_sentence(base, tmp_path):
    out = tmp_path / "a.gguf"
    assert_refused(run_tool("make_adapter.py", base, out, "--tensors", "nothing"), 4, "no matrix")
    assert_refused(run_tool("make_adapter.py", base, out, "--logit", "5:400=1"), 4, "400 tokens")
    assert not out.exists()
