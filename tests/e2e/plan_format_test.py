"""hexcore plan: what docs/formats/plan.md promises holds for every policy, shape and context."""

import re

import pytest
from conftest import on
from terminal import Terminal

MIXTRAL = ["--shape", "mixtral-8x7b", "--quant", "q4_K"]
DEMO_DEVICES = on("320MiB", "320MiB")
USAGE = ["weights_bytes", "experts_bytes", "kv_bytes", "recurrent_bytes", "compute_bytes",
         "staging_bytes"]
POLICIES = ["balanced", "fastest", "alternate", "layers"]
SHAPES = ["deepseek-v3", "gpt-oss-120b", "mixtral-8x22b", "mixtral-8x7b", "olmoe-1b-7b",
          "qwen3-30b-a3b"]


def assert_device_adds_up(plan, number):
    device = plan["devices"][number]
    usage = device["planned"]
    assert set(usage) == {*USAGE, "total_bytes"}
    assert all(isinstance(size, int) and size >= 0 for size in usage.values())
    assert usage["total_bytes"] == sum(usage[part] for part in USAGE)
    assert usage["total_bytes"] <= device["budget_bytes"] - device["reserve_bytes"]
    assert device["fill"] == pytest.approx(usage["total_bytes"] / device["budget_bytes"], abs=1e-6)
    assert device["layers"] == plan["layer_device"].count(number)
    assert device["experts"] == sum(layer.count(number) for layer in plan["expert_device"])


def assert_nothing_is_missing(plan):
    """Devices and host together hold the whole model, each layer and each expert once."""
    devices, model = plan["devices"], plan["model"]
    assert len(plan["layer_device"]) == len(plan["expert_device"]) == model["n_layers"]
    assert plan["layer_device"] == sorted(plan["layer_device"])
    assert {len(layer) for layer in plan["expert_device"]} <= {0, model["n_experts"]}
    assert sum(device["layers"] for device in devices) == model["n_layers"]
    assert sum(device["experts"] for device in devices) == sum(map(len, plan["expert_device"]))
    spare = sum(device["planned"]["experts_bytes"] for device in devices) - model["experts_bytes"]
    # In memory each device's part of each tensor (up to 3 a layer) is aligned and padded.
    padding = 3 * model["n_layers"] * len(devices) * 1024 if plan["basis"] == "dry-run" else 0
    assert 0 <= spare <= padding
    on_host = plan["host"]["planned"]["weights_bytes"]
    weights = sum(device["planned"]["weights_bytes"] for device in devices)
    rest = model["total_bytes"] - model["experts_bytes"]
    # Where the output shares its tensor with the token embedding, host and device each hold it.
    assert any(weights == pytest.approx(expected, rel=1e-3) for expected in (rest, rest - on_host))


def assert_keeps_its_promises(plan):
    for number in range(len(plan["devices"])):
        assert_device_adds_up(plan, number)
    assert_nothing_is_missing(plan)
    assert plan["explanation"] and all(isinstance(text, str) for text in plan["explanation"])


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("budgets", [("700MiB",), ("320MiB", "360MiB"),
                                     ("200MiB", "320MiB", "280MiB", "240MiB")], ids=len)
def test_every_policy_plans_the_demo_model(hexcore, demo_model, policy, budgets):
    plan = hexcore.json("plan", demo_model, *on(*budgets), "--ctx", 1024, "--policy", policy)
    assert (plan["policy"], plan["basis"]) == (policy, "dry-run")
    can = plan["context"].pop("can")
    assert can["slide"] and can["forget"] == "any end"
    assert plan["context"] == {"tokens": 1024, "sequences": 1, "kv_type": "f16", "ubatch": 512}
    assert_keeps_its_promises(plan)
    times = {other["policy"]: other["token_seconds"] for other in plan["modelled"]}
    assert set(times) == set(POLICIES)
    assert all(times["fastest"] <= seconds for seconds in times.values() if seconds is not None)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_estimated_over_16_devices(hexcore, shape):
    devices = [word for _ in range(16) for word in ("--device", "64GiB")]
    plan = hexcore.json("plan", "--shape", shape, "--quant", "q4_K", *devices)
    assert (plan["basis"], plan["model"]["name"]) == ("estimate", shape)
    assert len(plan["devices"]) == 16
    assert_keeps_its_promises(plan)


def test_balanced_is_no_more_than_one_expert_above_an_even_fill(hexcore, demo_model):
    plan = hexcore.json("plan", demo_model, *on("300MiB", "200MiB", "260MiB"), "--ctx", 512)
    expert = plan["devices"][0]["planned"]["experts_bytes"] / plan["devices"][0]["experts"]
    total = sum(device["planned"]["total_bytes"] for device in plan["devices"])
    budgets = sum(device["budget_bytes"] for device in plan["devices"])
    for device in plan["devices"]:
        even = total / budgets * device["budget_bytes"]
        assert device["planned"]["total_bytes"] <= even + expert


def test_a_file_is_exact_and_a_shape_is_an_estimate_and_the_table_says_so(hexcore, demo_model):
    code, out, _ = hexcore("plan", demo_model, *DEMO_DEVICES)
    assert code == 0 and "exact to the byte" in out
    code, out, _ = hexcore("plan", *MIXTRAL, *on("16GiB", "16GiB"))
    assert code == 0 and "an estimate" in out and "exact to the byte" not in out


FIT_CASES = {
    "demo-q8_0-unequal": (["--kv-type", "q8_0"], on("230MiB", "310MiB"), 256),
    "middle-2-sequences": (["--sequences", 2], on("50MiB", "40MiB", "40MiB"), 512),
    "middle-layers": (["--policy", "layers"], on("64MiB", "50MiB"), 256),
    "middle-1-device": ([], on("90MiB"), 256),
    "mixtral": (MIXTRAL, on("14GiB", "14GiB"), 256),
    "mixtral-alternate": ([*MIXTRAL, "--policy", "alternate"], on("15GiB", "14GiB"), 256),
}


@pytest.mark.parametrize("case", FIT_CASES)
def test_no_longer_context_fits_than_fit_ctx_finds(hexcore, demo_model, random_model, case):
    options, devices, step = FIT_CASES[case]
    middle = random_model("qwen3moe", layers=8, embd=256, ff=128, heads=4, experts=16, used=2,
                          type="f16", ctx=32768)
    model = {"demo": [demo_model], "middle": [middle], "mixtral": []}[case.split("-")[0]]
    plan = hexcore.json("plan", *model, *options, *devices, "--fit", "ctx")
    tokens = plan["context"]["tokens"]
    assert tokens % step == 0
    assert f"{tokens} tokens is the longest context that fits" in plan["explanation"][0]
    assert_keeps_its_promises(plan)
    again = hexcore.json("plan", *model, *options, *devices, "--ctx", tokens)
    assert again["context"] == plan["context"]
    longer = hexcore("plan", *model, *options, *devices, "--ctx", tokens + step)
    assert longer.code == 3, f"{tokens + step} tokens fit as well as {tokens}"
    assert longer.stdout == "" and "does not fit" in longer.stderr


def test_fit_ctx_ends_at_the_context_that_the_model_was_trained_for(hexcore):
    devices = on("16GiB", "16GiB")
    plan = hexcore.json("plan", *MIXTRAL, *devices, "--fit", "ctx")
    assert plan["context"]["tokens"] == 32768
    longer = hexcore.json("plan", *MIXTRAL, *devices, "--fit", "ctx", "--ctx", 1 << 20)
    assert longer["context"]["tokens"] > 32768


def test_fit_ctx_goes_no_further_than_asked(hexcore, demo_model):
    plan = hexcore.json("plan", demo_model, *DEMO_DEVICES, "--fit", "ctx", "--ctx", 1024)
    assert plan["context"]["tokens"] == 1024


def test_the_cache_is_planned_by_tokens_type_and_sequences(hexcore, demo_model):
    def cache(*options):
        plan = hexcore.json("plan", demo_model, *on("400MiB", "400MiB"), *options)
        size = sum(device["planned"]["kv_bytes"] for device in plan["devices"])
        return size, plan["context"]["tokens"], plan["context"]["sequences"]

    # 30 layers with 3 heads of 64 values, keys and values; q8_0 takes 34 bytes for 32 values.
    values = 2 * 30 * 3 * 64
    assert cache("--ctx", 1024) == (1024 * values * 2, 1024, 1)
    assert cache("--ctx", 1000) == (1024 * values * 2, 1024, 1)  # as libllama pads it
    assert cache("--ctx", 2048, "--kv-type", "q8_0") == (2048 * values * 34 // 32, 2048, 1)
    assert cache("--ctx", 2048, "--kv-type", "q4_0") == (2048 * values * 18 // 32, 2048, 1)
    assert cache("--ctx", 2048, "--sequences", 4) == (2048 * values * 2, 2048, 4)


@pytest.mark.parametrize("kv_type, sequences", [("f16", 1), ("q8_0", 3)])
def test_the_context_is_the_longest_whose_cache_takes_what_it_may(hexcore, demo_model, kv_type,
                                                                  sequences):
    def cache(context):
        plan = hexcore.json("plan", demo_model, *on("640MiB", "640MiB"), "--kv-type", kv_type,
                            "--sequences", sequences, "--ctx", context)
        return plan["context"]["tokens"], sum(
            device["planned"]["kv_bytes"] for device in plan["devices"]), plan["explanation"]

    tokens, taken, why = cache("50MiB")
    assert taken <= 50 << 20
    _, more, _ = cache(tokens + 256 * sequences)
    assert more > 50 << 20
    assert why[0].startswith(f"A KV cache of at most 50.0 MiB has room for {tokens} tokens")
    assert cache(f"{taken}B")[0] == tokens


def test_a_cache_too_small_for_any_context_is_refused_with_what_one_takes(hexcore, demo_model):
    command = ["plan", demo_model, *on("640MiB"), "--sequences", 2, "--ctx"]
    code, out, err = hexcore(*command, "100KiB")
    assert (code, out) == (3, "")
    least = re.search(r"512 tokens \(256 for each sequence\), takes [\d.]+ MiB \((\d+) bytes\)",
                      " ".join(err.split()))
    assert least, err
    assert hexcore(*command, f"{least[1]}B").code == 0
    assert hexcore(*command, re.search(r"--ctx (\d+MiB)", err)[1]).code == 0


def test_layers_with_a_sliding_window_keep_no_more_cells_than_it_sees(hexcore, random_model):
    # Every second of the four layers looks back 128 tokens; with a ubatch of 64 and its padding
    # that is 256 cells. Keys and values of 2 heads of 64 values in f16.
    model = random_model("gpt-oss", layers=4, embd=256, ff=256, heads=4, kv_heads=2, head_dim=64,
                         experts=8, used=2, type="f16")
    cell = 2 * 2 * 64 * 2

    def cache(tokens, *options):
        plan = hexcore.json("plan", model, *on("200MiB"), "--ctx", tokens, "--ubatch", 64, *options)
        return plan["devices"][0]["planned"]["kv_bytes"]

    assert cache(1024) == 2 * (1024 + 256) * cell
    assert cache(8192) == 2 * (8192 + 256) * cell
    assert cache(8192, "--swa-full") == 4 * 8192 * cell
    for whole in ([], ["--swa-full"]):
        assert hexcore.json("verify", model, *on("100MiB"), "--ctx", 2048, "--ubatch", 64,
                            "--tokens", 700, *whole)["identical"]


# Known before anything is loaded.
@pytest.mark.parametrize("kind, options, slide, forget, why", [
    ("llama", [], True, "any end", ""),
    ("gpt-oss", [], False, "within the window", "sliding window"),
    ("gpt-oss", ["--swa-full"], False, "any end in the cache", "sliding window")])
def test_a_plan_says_what_its_sessions_can(hexcore, random_model, kind, options, slide, forget,
                                           why):
    model = random_model(kind, layers=4, embd=256, ff=256, heads=4, kv_heads=2, head_dim=64,
                         experts=8, used=2, type="f16")
    command = ["plan", model, *on("200MiB"), "--ctx", 256, *options]
    can = hexcore.json(*command)["context"]["can"]
    assert (can["stop"], can["park"], can["reuse"]) == (True, True, True)
    assert (can["slide"], can["forget"]) == (slide, forget)
    assert why in can["why"] and bool(can["why"]) == (not slide)
    words = " ".join(hexcore(*command).stdout.split())
    assert ("stops or slides" if slide else f"cannot slide: {can['why']}") in words


def test_a_smaller_ubatch_needs_less_compute(hexcore, demo_model):
    def compute(ubatch):
        plan = hexcore.json("plan", demo_model, *DEMO_DEVICES, "--ubatch", ubatch)
        return sum(device["planned"]["compute_bytes"] for device in plan["devices"])

    assert compute(64) < compute(256) < compute(512)


def test_the_svg_shows_every_expert_and_device(hexcore):
    code, out, _ = hexcore("plan", *MIXTRAL, *on("16GiB", "16GiB"), "--format", "svg")
    assert code == 0
    assert all(f"host{number}" in out for number in (0, 1)) and "mixtral-8x7b" in out
    assert out.count("<rect") >= 32 * 8


@pytest.mark.parametrize("policy", POLICIES)
def test_the_same_question_has_the_same_answer(hexcore, demo_model, policy):
    command = ["plan", demo_model, *on("330MiB", "360MiB"), "--ctx", 512, "--policy", policy]
    assert hexcore.json(*command) == hexcore.json(*command)


@pytest.mark.parametrize("env, coloured", [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)],
                         ids=["without NO_COLOR", "with NO_COLOR"])
def test_colour_is_for_terminals_and_no_color_is_honoured(hexcore, env, coloured):
    command = ["plan", *MIXTRAL, *on("16GiB", "16GiB")]
    terminal = Terminal(hexcore, *command, env=env)
    assert terminal.exit_code() == 0
    assert ("\x1b[" in terminal.seen) == coloured
    assert "\x1b" not in hexcore(*command, env=env).stdout
