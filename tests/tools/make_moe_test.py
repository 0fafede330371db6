"""A mixture made from a dense model is the same function in different bytes, or is not made."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from conftest import TOOLS, Model, assert_refused, made, peak_memory_bytes, run_tool, tiny

TYPES = ("f32", "f16", "q8_0", "q4_0", "q4_1", "q4_K")
ROLES = ("gate", "up", "down")
NEW_KEYS = {"general.name", "llama.expert_count", "llama.expert_used_count"}


def dense(folder, *options, kind="q4_1"):
    return tiny(folder / "dense.gguf", "--experts", 0, "--ff", 1536, *options, kind=kind)


def ffn(gate, up, down, x):
    hidden = gate @ x
    return down @ (hidden / (1 + np.exp(-hidden)) * (up @ x))


def relative_error(value, reference):
    return np.abs(value - reference).max() / np.abs(reference).max()


@pytest.mark.parametrize("kind", TYPES)
def test_every_expert_computes_what_the_dense_ffn_computes(tmp_path, kind):
    source = dense(tmp_path, kind=kind)
    made("make_moe.py", source, tmp_path / "moe.gguf")
    old, new = Model(source), Model(tmp_path / "moe.gguf")
    x = np.random.default_rng(0).standard_normal((256, 3)).astype(np.float32)
    for layer in range(2):
        reference = ffn(*(old.floats(f"blk.{layer}.ffn_{role}.weight") for role in ROLES), x)
        gate, up, down = (new.floats(f"blk.{layer}.ffn_{role}_exps.weight") for role in ROLES)
        for expert in range(8):
            assert relative_error(ffn(gate[expert], up[expert], down[expert], x), reference) < 1e-4
            other = (expert + 1) % 8
            assert relative_error(ffn(gate[expert], up[expert], down[other], x), reference) > 0.1
            assert relative_error(ffn(gate[expert], up[other], down[expert], x), reference) > 0.1


@pytest.mark.parametrize("experts, used", ((2, 1), (8, 2), (256, 8)))
def test_experts_are_different_bytes(tmp_path, experts, used):
    made("make_moe.py", dense(tmp_path), tmp_path / "moe.gguf", "--experts", experts, "--used",
         used)
    model = Model(tmp_path / "moe.gguf")
    assert model.value("llama.expert_count") == experts
    assert model.value("llama.expert_used_count") == used
    for layer, role in itertools.product(range(2), ROLES):
        tensor = model.tensors[f"blk.{layer}.ffn_{role}_exps.weight"]
        assert int(tensor.shape[2]) == experts
        slices = tensor.data.reshape(experts, -1)
        assert len({part.tobytes() for part in slices}) == experts


def test_all_else_is_copied_as_it_was(tmp_path):
    source = dense(tmp_path)
    made("make_moe.py", source, tmp_path / "moe.gguf", "--name", "a mixture")
    old, new = Model(source), Model(tmp_path / "moe.gguf")
    assert new.value("general.name") == "a mixture"
    assert {k: v for k, v in old.keys().items() if k not in NEW_KEYS} == {
        k: v for k, v in new.keys().items() if k not in NEW_KEYS}
    kept = [name for name in old.tensors if ".ffn_" not in name or "ffn_norm" in name]
    assert [name for name in new.tensors if "exps" not in name and "gate_inp" not in name] == kept
    for name in kept:
        assert new.raw(name) == old.raw(name)
        assert new.tensors[name].tensor_type == old.tensors[name].tensor_type


def test_the_router_sends_different_inputs_to_different_experts(tmp_path):
    made("make_moe.py", dense(tmp_path), tmp_path / "moe.gguf")
    router = Model(tmp_path / "moe.gguf").floats("blk.0.ffn_gate_inp.weight")
    logits = router @ np.random.default_rng(0).standard_normal((256, 2000))
    chosen = np.bincount(logits.argmax(axis=0), minlength=8)
    assert chosen.min() > 50
    assert 0.8 < logits.std() < 1.2


def test_same_seed_same_bytes(tmp_path):
    source = dense(tmp_path)
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        made("make_moe.py", source, tmp_path / name, "--seed", seed)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_memory_stays_far_below_the_model(tmp_path):
    source = dense(tmp_path, "--layers", 24, "--embd", 512, "--ff", 2048)
    peak = peak_memory_bytes("make_moe.py", source, tmp_path / "moe.gguf", "--experts", 32)
    assert (tmp_path / "moe.gguf").stat().st_size > 1 << 30
    assert peak < 100 << 20


def damaged(folder, change):
    data = bytearray(dense(folder).read_bytes())
    path = folder / "bad.gguf"
    path.write_bytes(change(data))
    return path


def swapped(old: bytes, new: bytes):
    return lambda data: data.replace(old, new)


@pytest.mark.parametrize("change, words", (
    (lambda data: b"", "only 0 bytes"),
    (lambda data: b"PK\3\4" + bytes(100), "no GGUF file"),
    (lambda data: data[:1000], "ends inside its header"),
    (lambda data: data[:-5000], "is too short"),
    (lambda data: data[:4] + b"\x63" + data[5:], "version 99"),
    (lambda data: data[:8] + b"\xff" * 8 + data[16:], "has 0 dimensions"),
    (swapped(b"blk.1.ffn_up.weight", b"blk.7.ffn_up.weight"), "layer 1 has no ffn_up.weight"),
    (swapped(b"blk.1.attn_k.weight", b"blk.1.ffn_up.weird!"), "blk.1.ffn_up.weird!"),
    (swapped(b"llama.block_count", b"llama.clock_count"), "block_count is missing"),
    (swapped(b"\x05\0\0\0\0\0\0\0llama", b"\x05\0\0\0\0\0\0\0qwen2"), "architecture 'qwen2'"),
))
def test_bad_input_is_refused_with_a_sentence(tmp_path, change, words):
    result = run_tool("make_moe.py", damaged(tmp_path, change), tmp_path / "moe.gguf")
    assert_refused(result, 4, words)
    assert not (tmp_path / "moe.gguf").exists()
    assert not list(tmp_path.glob(".*"))


def test_models_that_cannot_be_mixed_are_refused(tmp_path):
    out = tmp_path / "out.gguf"
    mixture = tiny(tmp_path / "mixture.gguf")
    assert_refused(run_tool("make_moe.py", mixture, out), 4, "is a mixture already")
    blocks = tiny(tmp_path / "k.gguf", "--experts", 0, "--ff", 512, kind="q4_K")
    assert_refused(run_tool("make_moe.py", blocks, out), 4, "blocks of 256")
    made("make_moe.py", blocks, out, "--experts", 2)
    tiny(tmp_path / "s.gguf", "--experts", 0, "--split", 2)
    part = tmp_path / "s-00001-of-00002.gguf"
    assert_refused(run_tool("make_moe.py", part, tmp_path / "x"), 4, "one part of a split model")
    assert_refused(run_tool("make_moe.py", tmp_path, tmp_path / "x"), 4, "cannot read")
    assert_refused(run_tool("make_moe.py", tmp_path / "no", tmp_path / "x"), 4, "No such file")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("options, words", (
    (("--experts", 1), "choose 2 to 256"), (("--experts", 257), "choose 2 to 256"),
    (("--used", 9), "choose 1 to 8"), (("--seed", -1), "choose 0 or more")))
def test_wrong_usage_is_refused(tmp_path, options, words):
    assert_refused(run_tool("make_moe.py", "a.gguf", tmp_path / "b.gguf", *options), 2, words)


def test_the_dense_model_is_never_overwritten(tmp_path):
    source = dense(tmp_path)
    before = source.read_bytes()
    assert_refused(run_tool("make_moe.py", source, source), 2, "would replace the dense model")
    assert source.read_bytes() == before


# Says when all is written, and waits there, one step before the file gets its name.
MAKER_THAT_WAITS = """
import signal, sys
sys.path.insert(0, sys.argv[1])
import make_moe, output_file
signal.signal(signal.SIGINT, signal.default_int_handler)  # may be ignored where the tests run
def commit(self):
    print("written", flush=True)
    signal.pause()
output_file.OutputFile.commit = commit
sys.exit(output_file.run_maker(make_moe.make, sys.argv[2:]))
"""


@pytest.mark.parametrize("sent", (signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
def test_an_interrupted_make_leaves_the_old_file_alone(tmp_path, sent):
    source, out = dense(tmp_path), tmp_path / "moe.gguf"
    out.write_bytes(b"old")
    process = subprocess.Popen([sys.executable, "-c", MAKER_THAT_WAITS, TOOLS, source, out,
                                "--experts", "4"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"written\n"
    assert list(tmp_path.glob(".moe.gguf.*.part"))
    os.kill(process.pid, sent)
    assert process.wait(timeout=240) == (-sent if sent == signal.SIGKILL else 130)
    assert out.read_bytes() == b"old"
    if sent != signal.SIGKILL:
        assert not list(tmp_path.glob(".*"))


def test_llama_computes_the_same_logits(tmp_path, probe):
    source = dense(tmp_path, kind="f32")
    made("make_moe.py", source, tmp_path / "moe.gguf")
    before, after = probe(source), probe(tmp_path / "moe.gguf")
    assert before["tokens"] == after["tokens"]
    assert relative_error(np.array(after["logits"]), np.array(before["logits"])) < 1e-4
