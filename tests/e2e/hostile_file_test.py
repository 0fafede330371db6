"""Files whose header is in order, but at which libllama or ggml stop: one sentence says so."""

import signal
import struct
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, on
from edited_gguf import EditedGguf, gguf

SIZE = dict(layers=4, embd=256, ff=128, heads=4, kv_heads=2, experts=8, used=2, vocab=512)
NAN = float("nan")


def u32(value):
    return gguf.scalar(gguf.U32, value)


def f32(value):
    return gguf.scalar(gguf.F32, value)


def to(key, value):
    """Sets a key of the model's architecture."""
    def change(model):
        model.keys[f"{model.arch}.{key}"] = value
    return change


def without(*keys):
    def change(model):
        for key in keys:
            model.keys.pop(f"{model.arch}.{key}")
    return change


def of_type(tensor, *type_of):
    return lambda model: model.retype(tensor, *type_of)


def one_token_twice(model):
    model.keys["tokenizer.ggml.tokens"] = model.keys["tokenizer.ggml.tokens"].replace(
        b"w300", b"w301")


def tokenizer(kind):
    def change(model):
        model.keys["tokenizer.ggml.model"] = gguf.string(kind)
        count = struct.unpack_from("<Q", model.keys["tokenizer.ggml.tokens"], 8)[0]
        model.keys["tokenizer.ggml.scores"] = gguf.scalar_array(gguf.F32, [0.0] * count)
        for key in ("bos", "eos", "eot"):
            model.keys.pop(f"tokenizer.ggml.{key}_token_id")
    return change


def chat_template(text):
    def change(model):
        model.keys["tokenizer.chat_template"] = gguf.string(text)
    return change


F64, I32, Q8_1, Q8_K = ((28, "F64", 1, 8), (26, "I32", 1, 4), (9, "Q8_1", 32, 36),
                        (15, "Q8_K", 256, 292))
F16 = (1, "F16", 1, 2)

STOPPED = [
    ("qwen3moe", "one token twice", one_token_twice, ["vocab"]),
    ("qwen3moe", "three groups of 8 experts", to("expert_group_count", u32(3)), []),
    ("qwen3moe", "an unknown rope scaling", to("rope.scaling.type", gguf.string("foo")), []),
    ("qwen3moe", "an odd rope", to("rope.dimension_count", u32(3)), []),
    ("qwen3moe", "other experts in each layer",
     to("expert_used_count", gguf.scalar_array(gguf.U32, [2, 1, 2, 4])), []),
    ("qwen3moe", "a layer that uses no expert",
     to("expert_used_count", gguf.scalar_array(gguf.U32, [2, 0, 2, 4])), []),
    ("qwen3moe", "UGM without its tokens", tokenizer("t5"), []),
    ("qwen3moe", "SentencePiece without bytes", tokenizer("llama"), ["text into its tokens"]),
    ("qwen3moe", "a chat template that holds itself",
     chat_template("{% set a = [] %}{% set _ = a.append(a) %}{{ a }}"), ["its chat template"]),
    ("qwen3moe", "an epsilon that is no number",
     to("attention.layer_norm_rms_epsilon", f32(NAN)), ["eps >= 0.0f"]),
    ("qwen3moe", "a negative epsilon", to("attention.layer_norm_rms_epsilon", f32(-1)),
     ["eps >= 0.0f"]),
    ("qwen3moe", "f64", of_type("blk.1.attn_q.weight", *F64), ["blk.1.attn_q", "f64"]),
    ("qwen3moe", "i32", of_type("blk.1.ffn_up_exps.weight", *I32), ["blk.1.ffn_up_exps", "i32"]),
    ("qwen3moe", "q8_1", of_type("blk.2.ffn_down_exps.weight", *Q8_1), ["ffn_down_exps", "q8_1"]),
    ("qwen3moe", "q8_K", of_type("blk.3.attn_output.weight", *Q8_K), ["attn_output", "q8_K"]),
    ("gpt-oss", "sinks of f16", of_type("blk.0.attn_sinks.weight", *F16), []),
    ("gpt-oss", "another value length", to("attention.value_length", u32(96)), []),
    ("deepseek2", "another key length", to("attention.key_length", u32(96)), []),
    ("deepseek2", "more heads", to("attention.head_count_kv", u32(4)), []),
    ("deepseek2", "no such gating", to("expert_gating_func", u32(77)), []),
    ("deepseek2", "no rope keys", without("rope.dimension_count", "rope.freq_base"), []),
]


@pytest.fixture(scope="module")
def models(random_model):
    return {"qwen3moe": random_model("qwen3moe", type="q8_0", **SIZE),
            "gpt-oss": random_model("gpt-oss", type="f16", head_dim=64, **SIZE),
            "deepseek2": random_model("deepseek2", type="f16", head_dim=64, shared_experts=1,
                                      leading_dense=1, **SIZE)}


@pytest.fixture
def edited(models, tmp_path):
    def edit(arch, change):
        model = EditedGguf.read(models[arch])
        change(model)
        return model.write(tmp_path / "model.gguf")

    return edit


def refused(outcome, *words):
    assert outcome.code == 4, outcome
    assert outcome.stdout == ""
    assert outcome.stderr.count("\n") == 1 and len(outcome.stderr) < 1500, outcome.stderr
    for word in words:
        assert word in outcome.stderr


@pytest.mark.parametrize("arch, what, change, words", STOPPED, ids=[c[1] for c in STOPPED])
def test_what_stops_libllama_is_a_bad_file(hexcore, edited, arch, what, change, words):
    path = edited(arch, change)
    refused(hexcore("plan", path, *on("64MiB"), "--ctx", 512), str(path), *words)


@pytest.mark.parametrize("vocabulary", ["llama-spm", "bert-bge"])
def test_tokenizers_of_other_kinds_pass(hexcore, models, tmp_path, vocabulary):
    """Two of llama.cpp's own vocabularies, in a model that takes them."""
    run = subprocess.run([ROOT / "cmake/build_llama.sh", "ggml"], stdout=subprocess.PIPE, text=True,
                         check=True)
    source = Path(next(line.removeprefix("source ") for line in run.stdout.splitlines()
                       if line.startswith("source ")))
    vocab = gguf.read_header(source / f"models/ggml-vocab-{vocabulary}.gguf")
    model = EditedGguf.read(models["qwen3moe"])
    for key in [key for key in model.keys if key.startswith("tokenizer.")]:
        model.keys.pop(key)
    model.keys.update((k, raw) for k, raw in vocab.keys.items() if k.startswith("tokenizer."))
    n_vocab = struct.unpack_from("<Q", vocab.keys["tokenizer.ggml.tokens"], 8)[0]
    model.keys["qwen3moe.vocab_size"] = u32(n_vocab)
    for name in ("token_embd.weight", "output.weight"):
        model.tensor(name).shape = (model.tensor(name).shape[0], n_vocab)
    path = model.write(tmp_path / "model.gguf")
    code, _, err = hexcore("plan", path, *on("512MiB"), "--ctx", 256)
    assert code == 0, err


def test_verify_and_run_refuse_it_as_plan_does(hexcore, edited):
    path = edited("qwen3moe", to("rope.dimension_count", u32(3)))
    for command in (["run", "-p", "x"], ["verify"]):
        refused(hexcore(command[0], path, *command[1:], *on("64MiB"), "--ctx", 512), str(path))


def test_it_is_examined_where_whoever_started_the_program_ignores_sigchld(hexcore, models):
    outcome = hexcore("plan", models["qwen3moe"], *on("64MiB"), "--ctx", 512,
                      setup=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert outcome.code == 0, outcome


def test_a_model_that_yields_nan_ends_with_1(hexcore, edited):
    path = edited("qwen3moe", to("rope.freq_base", f32(NAN)))
    outcome = hexcore("run", path, *on("64MiB"), "--ctx", 512, "-p", "w1 w2", "-n", 4)
    assert outcome.code == 1, outcome
    assert "NaN" in outcome.stderr


def test_a_prompt_that_is_no_utf8_is_wrong_usage_where_the_tokenizer_says_so(hexcore, models,
                                                                            tmp_path):
    prompt = tmp_path / "prompt"
    prompt.write_bytes(b"\xf4\x90\x80\x80")
    outcome = hexcore("run", models["qwen3moe"], *on("64MiB"), "--ctx", 512, "--file", prompt)
    assert outcome.code == 2, outcome
    assert "invalid codepoint" in outcome.stderr


@pytest.mark.parametrize("text, words", [
    ("{% if %}", "cannot be read"),
    ("{% for i in range(1000000000000000) %}{% endfor %}", "comes to no end"),
    ("{{ raise_exception('no chats') }}", "no chats")])
def test_a_chat_template_that_is_none_stops_chats_only(hexcore, edited, text, words):
    path = edited("qwen3moe", chat_template(text))
    options = (*on("64MiB"), "--ctx", 512, "-n", 2)
    assert hexcore("plan", path, *options[:-2]).code == 0
    refused(hexcore("run", path, *options, stdin="w1\n"), "the model's chat template", words)


def test_a_chat_with_a_model_without_a_template_is_in_chatml(hexcore, edited):
    path = edited("qwen3moe", lambda model: model.keys.pop("tokenizer.chat_template"))
    outcome = hexcore("run", path, *on("64MiB"), "--ctx", 512, "-n", 2, stdin="w1\n")
    assert outcome.code == 0, outcome
    assert "ChatML is used" in outcome.stderr


def test_no_text_of_a_file_reaches_the_terminal_as_it_is(hexcore, edited):
    escape = "\x1b[2J\nzz\u202ema"

    def rename(model):
        for key in [key for key in model.keys if key.startswith("qwen3moe.")]:
            model.keys[escape + key.removeprefix("qwen3moe")] = model.keys.pop(key)
        model.keys["general.architecture"] = gguf.string(escape)

    outcome = hexcore("plan", edited("qwen3moe", rename), *on("64MiB"))
    refused(outcome, "unknown model architecture")
    assert "\x1b" not in outcome.stderr and "\u202e" not in outcome.stderr

    def name(model):
        model.keys["general.name"] = gguf.string(escape)

    for options in ([], ["--format", "json"], ["--format", "svg"], ["--format", "llama.cpp"]):
        code, out, err = hexcore("plan", edited("qwen3moe", name), *on("64MiB"), *options)
        assert code == 0, err
        assert "\x1b" not in out and "\u202e" not in out and "\nzz" not in out


@pytest.mark.parametrize("name, shown", [("x" * 2000, "x" * 77 + "..."), ("", "model")],
                         ids=["long", "empty"])
def test_a_long_name_is_cut_and_an_empty_one_is_the_files(hexcore, edited, name, shown):
    def rename(model):
        model.keys["general.name"] = gguf.string(name)

    plan = hexcore.json("plan", edited("qwen3moe", rename), *on("64MiB"))
    assert plan["model"]["name"] == shown
