"""Random models of every architecture: what stands in the file, and that llama.cpp runs them."""

from __future__ import annotations

import itertools
import math
import resource
import subprocess

import pytest

from conftest import Model, assert_refused, made, peak_memory_bytes, run_tool, tiny

TYPES = ("f32", "f16", "q8_0", "q4_0", "q4_1", "q4_K", "q6_K", "mxfp4")
MIXTURES = {
    "llama": ("--kv-heads", 2, "--experts", 8, "--used", 2),
    "qwen3moe": ("--kv-heads", 2, "--experts", 16, "--used", 4, "--head-dim", 32),
    "deepseek2": ("--experts", 8, "--used", 3, "--shared-experts", 2, "--leading-dense", 1),
    "gpt-oss": ("--kv-heads", 1, "--experts", 4, "--used", 2),
}


@pytest.mark.parametrize("arch", MIXTURES)
def test_metadata_says_what_was_asked_for(tmp_path, arch):
    path = tiny(tmp_path / "m.gguf", *MIXTURES[arch], "--vocab", 400, "--ctx", 777, arch=arch)
    model = Model(path)
    options = dict(zip(MIXTURES[arch][::2], MIXTURES[arch][1::2]))
    assert model.value("general.architecture") == arch
    assert model.value(f"{arch}.block_count") == 2
    assert model.value(f"{arch}.context_length") == 777
    experts = options["--experts"]
    assert model.value(f"{arch}.expert_count") == experts
    assert model.value(f"{arch}.expert_used_count") == options["--used"]
    assert len(model.value("tokenizer.ggml.tokens")) == 400
    assert list(model.tensors["token_embd.weight"].shape) == [256, 400]
    assert list(model.tensors["blk.1.ffn_down_exps.weight"].shape) == [256, 256, experts]


def test_dense_model_has_no_trace_of_experts(tmp_path):
    model = Model(tiny(tmp_path / "m.gguf", "--experts", 0))
    assert not [key for key in model.keys() if "expert" in key]
    assert not [name for name in model.tensors if "exps" in name]


def test_leading_dense_layers_stand_before_layers_with_shared_experts(tmp_path):
    model = Model(tiny(tmp_path / "m.gguf", *MIXTURES["deepseek2"], arch="deepseek2"))
    assert "blk.0.ffn_up.weight" in model.tensors
    assert "blk.0.ffn_up_exps.weight" not in model.tensors
    assert list(model.tensors["blk.1.ffn_up_shexp.weight"].shape) == [256, 512]


@pytest.mark.parametrize("kind", TYPES)
def test_every_expert_differs_from_every_other(tmp_path, kind):
    model = Model(tiny(tmp_path / "m.gguf", "--experts", 16, kind=kind))
    for layer, role in itertools.product(range(2), ("gate", "up", "down")):
        experts = model.tensors[f"blk.{layer}.ffn_{role}_exps.weight"].data.reshape(16, -1)
        assert len({expert.tobytes() for expert in experts}) == 16


def test_rows_that_are_no_whole_blocks_fall_back_to_a_smaller_block(tmp_path):
    path = tiny(tmp_path / "m.gguf", "--embd", 320, "--ff", 256, "--heads", 5, kind="q4_K")
    types = {name: t.tensor_type.name for name, t in Model(path).tensors.items()}
    assert types["blk.0.ffn_down_exps.weight"] == "Q4_K"
    assert types["blk.0.ffn_up_exps.weight"] == "Q8_0"
    assert types["blk.0.ffn_gate_inp.weight"] == types["output_norm.weight"] == "F32"
    path = tiny(tmp_path / "n.gguf", "--ff", 72, kind="q8_0")
    assert Model(path).tensors["blk.0.ffn_down_exps.weight"].tensor_type.name == "F16"


def test_only_experts_are_mxfp4(tmp_path):
    model = Model(tiny(tmp_path / "m.gguf", *MIXTURES["gpt-oss"], arch="gpt-oss", kind="mxfp4"))
    types = {name: t.tensor_type.name for name, t in model.tensors.items()}
    assert {types[f"blk.0.ffn_{role}_exps.weight"] for role in ("gate", "up", "down")} == {"MXFP4"}
    assert types["token_embd.weight"] == types["blk.0.attn_q.weight"] == "Q8_0"
    assert types["blk.0.ffn_up_exps.bias"] == "F32"


def test_same_bytes_for_any_number_of_threads(tmp_path):
    wide = ("--vocab", 20000, "--experts", 12)  # tensors of several parts
    first = tiny(tmp_path / "a.gguf", *wide, "--threads", 1).read_bytes()
    assert first == tiny(tmp_path / "b.gguf", *wide, "--threads", 7).read_bytes()
    assert first != tiny(tmp_path / "c.gguf", *wide, "--seed", 1).read_bytes()


@pytest.mark.parametrize("parts", (2, 5, 20))
def test_split_parts_hold_together_what_one_file_holds(tmp_path, parts):
    whole = Model(tiny(tmp_path / "whole.gguf", "--vocab", 5000))
    tiny(tmp_path / "m.gguf", "--vocab", 5000, "--split", parts)
    files = sorted(tmp_path.glob("m-*.gguf"))
    assert [f.name for f in files] == [f"m-{i + 1:05d}-of-{parts:05d}.gguf" for i in range(parts)]
    models = [Model(f) for f in files]
    tensors = {name: m.raw(name) for m in models for name in m.tensors}
    assert tensors == {name: whole.raw(name) for name in whole.tensors}
    assert all(m.tensors for m in models)
    assert [m.value("split.no") for m in models] == list(range(parts))
    assert {m.value("split.tensors.count") for m in models} == {len(tensors)}


@pytest.mark.parametrize("options, words", (
    (("--used", 9), "between 1 and 8"),
    (("--arch", "deepseek2", "--shared-experts", 0), "--shared-experts 1"),
    (("--leading-dense", 1), "--arch deepseek2"),
    (("--arch", "qwen3moe", "--experts", 0), "qwen3moe needs --experts"),
    (("--heads", 4, "--kv-heads", 3), "multiple of --kv-heads"),
    (("--vocab", 100), "less than"),
    (("--layers", "many"), "invalid whole number"),
    (("--split", 1000), "tensors"),
))
def test_wrong_usage_is_refused_with_a_sentence(tmp_path, options, words):
    result = run_tool("make_random.py", *options, "-o", tmp_path / "m.gguf")
    assert_refused(result, 2, words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("parts", (1, 500))
def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path, parts):
    result = run_tool("make_random.py", "--layers", 200, "--embd", 16384, "--ff", 16384,
                      "--experts", 256, "--split", parts, "-o", tmp_path / "huge.gguf")
    assert_refused(result, 3, "free")
    assert not list(tmp_path.iterdir())


def test_a_missing_output_folder_is_named(tmp_path):
    result = run_tool("make_random.py", "-o", tmp_path / "none" / "m.gguf")
    assert_refused(result, 4, str(tmp_path / "none"))


def test_memory_does_not_grow_with_the_model(tmp_path):
    peak = peak_memory_bytes("make_random.py", "--layers", 8, "--embd", 1024, "--ff", 1024,
                             "--experts", 16, "--threads", 2, "-o", tmp_path / "m.gguf")
    size = (tmp_path / "m.gguf").stat().st_size
    assert size > 800 << 20
    assert peak < 128 << 20


@pytest.mark.parametrize("arch, kind", itertools.product((*MIXTURES, "dense"), TYPES))
def test_llama_computes_finite_distinct_logits(tmp_path, probe, arch, kind):
    options = MIXTURES.get(arch, ("--experts", 0))
    known = arch if arch in MIXTURES else "llama"
    path = tiny(tmp_path / "m.gguf", *options, arch=known, kind=kind)
    result = probe(path)
    assert all(math.isfinite(x) for x in result["logits"])
    assert len(set(result["logits"])) > 0.9 * len(result["logits"])
    assert max(map(abs, result["logits"])) < 1000


@pytest.mark.parametrize("options", (
    ("--q-lora", 64), ("--fused-gate-up",), ("--head-dim", 96, "--rope-dim", 32, "--kv-lora", 128),
    ("--layers", 27), ("--experts", 64, "--used", 8)))
def test_llama_runs_the_variants_of_latent_attention(tmp_path, probe, options):
    path = tiny(tmp_path / "m.gguf", "--leading-dense", 1, *options, arch="deepseek2")
    assert all(math.isfinite(x) for x in probe(path)["logits"])


def test_llama_runs_deep_models_without_overflow(tmp_path, probe):
    logits = probe(tiny(tmp_path / "m.gguf", "--layers", 80, "--ff", 512, kind="q4_K"))["logits"]
    assert all(math.isfinite(x) for x in logits)
    assert max(map(abs, logits)) < 1000


def test_llama_loads_split_parts(tmp_path, probe):
    whole = probe(tiny(tmp_path / "whole.gguf"))
    tiny(tmp_path / "m.gguf", "--split", 3)
    assert probe(tmp_path / "m-00001-of-00003.gguf") == whole


def test_text_is_cut_into_bytes_and_merges(tmp_path, probe):
    path = tiny(tmp_path / "m.gguf")
    words = Model(path).value("tokenizer.ggml.tokens")
    tokens = probe(path, "the in\u00e9\n")["tokens"]
    assert [words[t] for t in tokens] == ["<|bos|>", "t", "he", "Ġin", "Ã", "©", "Ċ"]


def test_llama_completion_writes_text(tmp_path, llama_bin):
    path = tiny(tmp_path / "m.gguf")
    # On busy machines this llama-completion ends with 0 before it has written all, or anything, now
    # and then.
    for _ in range(30):
        result = subprocess.run([llama_bin / "llama-completion", "-m", path, "-p", "The cat", "-n",
                                 "16", "--temp", "0", "-no-cnv", "--ignore-eos", "--no-repack"],
                                stdin=subprocess.DEVNULL, capture_output=True, check=False,
                                timeout=120)
        assert result.returncode == 0, result.stderr[-2000:]
        text = result.stdout.strip()
        assert text.startswith(b"The cat"[:len(text)])
        if len(text) > len("The cat") + 16:
            return
    raise AssertionError(result.stdout)


def test_a_gigabyte_takes_less_than_a_minute_of_a_processor(tmp_path):
    def processor_s():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    started = processor_s()
    made("make_random.py", "--layers", 4, "--embd", 1024, "--ff", 3584, "--experts", 40, "--type",
         "q4_K", "-o", tmp_path / "m.gguf")
    size = (tmp_path / "m.gguf").stat().st_size
    assert size > 900 << 20
    assert processor_s() - started < 60
