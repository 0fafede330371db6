"""Logits through a plan have the very bits of plain libllama's, whatever the model and the plan.

The cases are a covering selection: every two settings meet, so that 64 experts are tried with four
devices, q8_0 caches with batches of 33, and so on.
"""

import functools

import pytest
from conftest import on
from pairwise import all_pairs, pairs_of, pairwise

VOCAB = 512
TINY = {"layers": 4, "embd": 128, "heads": 4, "ff": 64, "vocab": VOCAB}
# Latent attention; the cached width (128 + 32) must be whole blocks for quantised caches.
LATENT = TINY | {"layers": 5, "head_dim": 32, "rope_dim": 32}
# q4_K and q6_K have blocks of 256.
WIDE = TINY | {"embd": 256, "ff": 256}

MODELS = {
    "llama-2x1-f32": ("llama", TINY | {"experts": 2, "used": 1, "type": "f32"}),
    "llama-8x2-q8_0": ("llama", TINY | {"experts": 8, "used": 2, "kv_heads": 2, "type": "q8_0"}),
    "llama-8x8-q4_0": ("llama", TINY | {"experts": 8, "used": 8, "type": "q4_0"}),
    "llama-8x2-q6_K": ("llama", WIDE | {"experts": 8, "used": 2, "type": "q6_K"}),
    "qwen3moe-8x2-q4_K": ("qwen3moe", WIDE | {"experts": 8, "used": 2, "type": "q4_K"}),
    "deepseek2-16x4-q4_K": ("deepseek2", LATENT | WIDE | {"experts": 16, "used": 4,
                                                         "type": "q4_K"}),
    "llama-dense-q8_0": ("llama", TINY | {"experts": 0, "type": "q8_0"}),
    "qwen3moe-64x8-q8_0": ("qwen3moe", TINY | {"experts": 64, "used": 8, "type": "q8_0"}),
    "qwen3moe-16x4-f16-split": ("qwen3moe", TINY | {"experts": 16, "used": 4, "type": "f16",
                                                    "split": 3}),
    "deepseek2-16x4-f16": ("deepseek2", LATENT | {
        "experts": 16, "used": 4, "shared_experts": 1, "leading_dense": 1, "type": "f16"}),
    "deepseek2-8x3-q8_0-fused": ("deepseek2", LATENT | {
        "experts": 8, "used": 3, "shared_experts": 2, "leading_dense": 2, "q_lora": 64,
        "fused_gate_up": True, "type": "q8_0"}),
    "gpt-oss-8x2-f16": ("gpt-oss", TINY | {"experts": 8, "used": 2, "kv_heads": 2, "type": "f16"}),
    "gpt-oss-32x4-q8_0": ("gpt-oss", TINY | {"experts": 32, "used": 4, "type": "q8_0"}),
}
# Budgets as parts of what the model takes: no device of several can hold it alone.
DEVICES = {
    "1": (1.2,),
    "2": (0.8, 0.8),
    "2-unequal": (0.55, 0.95),
    "3": (0.7, 0.95, 0.55),
    "4": (0.7, 0.7, 0.7, 0.7),
    "4-unequal": (0.5, 0.95, 0.5, 0.75),
}
FACTORS = {
    "model": list(MODELS),
    "tokens": [1, 2, 17, 64, 511, 512],
    "batch": [0, 1, 7, 33, 100],  # 0: as many as one ubatch takes
    "devices": list(DEVICES),
    "policy": ["balanced", "fastest", "alternate", "layers"],
    "kv_type": ["f16", "q8_0", "q4_0"],
    "sequences": [1, 3],
    "ubatch": [24, 512],
    "threads": [1, 2],
}


def is_quick(case):
    """A call for each token is tried with few tokens only."""
    return not (case.get("batch") == 1 and case.get("tokens", 0) > 64)


CASES = pairwise(FACTORS, is_quick)


def case_name(case):
    return "-".join(f"{factor}={value}" if factor != "model" else value
                    for factor, value in case.items())


@pytest.fixture(scope="session")
def planning(hexcore, random_model):
    """planning(case): the model and options of `plan` and `verify` for a case."""

    @functools.cache
    def needed(model, *options):
        """What the model takes on one device: what can be divided, and what each device needs."""
        plan = hexcore.json("plan", model, *on("1GiB"), *options)
        usage = plan["devices"][0]["planned"]
        return usage["total_bytes"] - usage["compute_bytes"], usage["compute_bytes"]

    def options_of(case):
        model = made(random_model, case["model"])
        options = ["--reserve", "0", "--kv-type", case["kv_type"],
                   "--sequences", case["sequences"], "--ctx", 512 * case["sequences"],
                   "--ubatch", case["ubatch"]]
        divided, fixed = needed(model, *options)
        # To compare, all tokens of a batch have logits, which adds to the graph up to five times.
        fixed += 5 * 4 * VOCAB * max(case["ubatch"], case["batch"])
        if case["policy"] == "alternate":
            divided, fixed = 2 * divided, 2 * fixed  # a rule, which cannot make use of every byte
        budgets = [int(part * divided) + fixed for part in DEVICES[case["devices"]]]
        return [model, *on(*budgets), "--policy", case["policy"], *options]

    return options_of


def made(random_model, name):
    arch, options = MODELS[name]
    return random_model(arch, **options)


def assert_identical(report, tokens):
    assert report == {"schema": "hexcore.verify/1", "compared": "logits", "tokens": tokens,
                      "identical": True, "max_relative_error": 0.0, "tolerance": 0.0}


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_logits_have_the_bits_of_plain_libllama(hexcore, planning, case):
    report = hexcore.json("verify", *planning(case), "--tokens", case["tokens"],
                          "--batch", case["batch"], "--threads", case["threads"])
    assert_identical(report, case["tokens"])


@pytest.mark.parametrize("name", [name for name in MODELS if "dense" not in name])
@pytest.mark.parametrize("policy", FACTORS["policy"])
def test_the_cases_really_have_experts_on_several_devices(hexcore, planning, name, policy):
    plan = hexcore.json("plan", *planning({
        "model": name, "devices": "4", "policy": policy, "kv_type": "f16",
        "sequences": 1, "ubatch": 24, "batch": 0}))
    layers = [(home, set(holders)) for home, holders in
              zip(plan["layer_device"], plan["expert_device"]) if holders]
    assert len(set().union(*(holders for _, holders in layers))) > 1
    away = [holders != {home} for home, holders in layers]
    if policy == "layers":
        assert not any(away)
    elif policy != "fastest":  # which keeps a layer whole where that is quicker
        assert any(away)


def test_the_selection_covers_every_pair_of_settings():
    covered = set().union(*map(pairs_of, CASES))
    assert covered == all_pairs(FACTORS, is_quick)
    every = 1
    for values in FACTORS.values():
        every *= len(values)
    assert len(CASES) < every / 100


# One of the devices has the logits of a whole ubatch: 96 MiB.
DEMO_CASES = [
    {"tokens": 1, "devices": ("320MiB", "320MiB"), "policy": "balanced", "kv_type": "f16"},
    {"tokens": 512, "batch": 0, "devices": ("400MiB", "400MiB"), "policy": "alternate",
     "kv_type": "f16"},
    {"tokens": 64, "batch": 7, "devices": ("160MiB", "320MiB", "192MiB", "192MiB"),
     "policy": "fastest", "kv_type": "q8_0"},
    {"tokens": 17, "devices": ("256MiB", "256MiB", "320MiB"), "policy": "layers",
     "kv_type": "q8_0"},
]


@pytest.mark.parametrize("case", DEMO_CASES,
                         ids=lambda case: f"{case['policy']}-{case['tokens']}-tokens")
def test_the_demo_model_computes_what_plain_libllama_computes(hexcore, demo_model, case):
    report = hexcore.json("verify", demo_model, *on(*case["devices"]), "--ctx", 512,
                          "--policy", case["policy"], "--kv-type", case["kv_type"],
                          "--tokens", case["tokens"], "--batch", case.get("batch", 0),
                          "--threads", 2)
    assert_identical(report, case["tokens"])


def test_the_table_says_in_words_what_json_says(hexcore, random_model):
    model = made(random_model, "llama-8x2-q8_0")
    code, out, _ = hexcore("verify", model, *on("16MiB", "16MiB"), "--tokens", 5, "--ctx", 256)
    assert code == 0
    assert "identical" in out
    assert "5" in out


@pytest.mark.parametrize("sequences, least", [(1, 513), (2, 514)])
def test_more_tokens_than_the_context_has_are_refused_in_words(hexcore, random_model, sequences,
                                                                least):
    model = made(random_model, "llama-8x2-q8_0")
    code, out, err = hexcore("verify", model, *on("16MiB", "16MiB"), "--tokens", 513, "--ctx", 512,
                             "--sequences", sequences)
    assert (code, out) == (2, "")
    assert err == (f"hexcore: 513 tokens are to be compared, and the context has 512; raise --ctx "
                   f"to at least {least} or compare at most --tokens 512\n")


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_other_tokens_of_another_seed_agree_too(hexcore, random_model, seed):
    model = made(random_model, "qwen3moe-64x8-q8_0")
    assert_identical(hexcore.json("verify", model, *on("16MiB", "16MiB"), "--ctx", 256,
                                  "--tokens", 40, "--seed", seed, "--threads", 1), 40)
