"""What does not fit is refused with numbers, and with changes that really make it fit."""

import json
import re
import shlex

import pytest
from conftest import on

MIXTRAL = ["--shape", "mixtral-8x7b", "--quant", "q4_K"]
# The middle one is a random model of 8 layers with 16 experts each: 24 of its 29 MiB are experts.
CASES = {
    "demo": ("demo", ["260MiB", "260MiB"], ["--ctx", 4096]),
    "far-too-small": ("middle", ["8MiB", "12MiB"], ["--ctx", 512]),
    "unequal": ("middle", ["12MiB", "20MiB", "8MiB"], ["--ctx", 1024]),
    "layers": ("middle", ["22MiB", "22MiB"], ["--ctx", 1024, "--policy", "layers"]),
    "alternate": ("middle", ["30MiB", "16MiB"], ["--ctx", 1024, "--policy", "alternate"]),
    "sequences": ("middle", ["32MiB", "32MiB"], ["--ctx", 8192, "--sequences", 8]),
    "one-device": ("middle", ["30MiB"], ["--ctx", 256]),
    "mixtral": (MIXTRAL, ["12GiB", "10GiB"], []),
    "mixtral-fastest": (MIXTRAL, ["10GiB", "8GiB", "6GiB"], ["--policy", "fastest"]),
    "mixtral-long": (MIXTRAL, ["14GiB", "14GiB"], ["--ctx", 65536, "--policy", "layers"]),
}


def size_bytes(text):
    number, unit = re.fullmatch(r"(\d+)(GiB|MiB|KiB|)", text).groups()
    return int(number) << {"GiB": 30, "MiB": 20, "KiB": 10, "": 0}[unit]


def followed(advice, budgets, options):
    """Budgets and options once a piece of advice was taken."""
    if match := re.fullmatch(r"a budget of (\w+) for host(\d+)", advice):
        size, device = match.groups()
        budgets = [size if number == int(device) else budget
                   for number, budget in enumerate(budgets)]
    elif match := re.fullmatch(r"(\d+MiB) more on each of the (\d+) devices", advice):
        assert int(match[2]) == len(budgets)
        budgets = [str(size_bytes(budget) + size_bytes(match[1])) for budget in budgets]
    else:
        words = shlex.split(advice)
        assert words[0].startswith("--"), f"not an option: {advice}"
        changes = dict(zip(words[::2], words[1::2]))
        kept = {name: value for name, value in zip(options[::2], options[1::2])
                if name not in changes}
        options = [word for pair in (kept | changes).items() for word in pair]
    return budgets, options


@pytest.fixture(scope="module")
def middle(random_model):
    return random_model("qwen3moe", layers=8, embd=256, ff=128, heads=4, experts=16, used=2,
                        type="f16", ctx=32768)


@pytest.mark.parametrize("case", CASES)
def test_every_piece_of_advice_makes_it_fit(hexcore, demo_model, middle, case):
    model, budgets, options = CASES[case]
    model = {"demo": [demo_model], "middle": [middle]}[model] if isinstance(model, str) else model
    code, out, err = hexcore("plan", *model, *on(*budgets), *options)
    assert (code, out) == (3, "")
    message = re.fullmatch(r"hexcore: .*: (?:(?:at least )?about )?(\d+) bytes \([^)]+\) are "
                           r"missing on host(\d), which may hold .*any one of these makes it "
                           r"fit: (.*)\n", err)
    assert message, err
    assert int(message[1]) > 0 and int(message[2]) < len(budgets)
    advice = message[3].split(", ")
    for piece in advice:
        new_budgets, new_options = followed(piece, budgets, options)
        assert (new_budgets, new_options) != (budgets, options)
        code, _, err = hexcore("plan", *model, *on(*new_budgets), *new_options)
        assert code == 0, f"{piece} does not help: {err}"


def test_the_bytes_that_are_missing_are_those_that_make_it_fit(hexcore, random_model):
    model = random_model("qwen3moe", layers=4, embd=256, ff=256, heads=4, kv_heads=2, experts=8,
                         used=2, type="q8_0")
    words = ["plan", model, "--ctx", 8192, "--reserve", 0]
    budget = 16 << 20
    code, _, err = hexcore(*words, *on(f"{budget}"))
    missing = int(re.search(r" policy balanced: (\d+) bytes", err)[1])
    assert code == 3
    assert hexcore(*words, *on(f"{budget + missing}"))[0] == 0
    assert hexcore(*words, *on(f"{budget + missing - 1}"))[0] == 3


def test_the_comparison_says_of_a_policy_what_planning_by_it_finds(hexcore, random_model):
    model = random_model("deepseek2", layers=4, embd=256, ff=128, heads=4, head_dim=64, experts=16,
                         used=4, shared_experts=1, leading_dense=1, vocab=300)
    words = ["plan", model, "--ctx", 4096, "--ubatch", 64, "--reserve", 0,
             *on("6802KiB", "1700KiB", "10204KiB", "1530KiB", "10204KiB", "3061KiB")]
    for by in json.loads(hexcore(*words, "--format", "json")[1])["modelled"]:
        code = hexcore(*words, "--policy", by["policy"])[0]
        assert code == (3 if by["token_seconds"] is None else 0), by


@pytest.mark.parametrize("command", [["run", "-p", "x"], ["verify"]], ids=lambda words: words[0])
def test_run_and_verify_refuse_with_the_same_advice(hexcore, middle, command):
    code, out, err = hexcore(command[0], middle, *on("20MiB", "20MiB"), "--ctx", 4096, *command[1:])
    assert (code, out) == (3, "")
    assert re.search(r"\d+ bytes \(.*\) are missing on host\d.* makes it fit: ", err)


def test_devices_too_small_for_anything_get_told_so(hexcore, middle):
    code, _, err = hexcore("plan", middle, *on("1MiB", "1MiB"), "--ctx", 256)
    assert code == 3
    assert "bytes" in err and "for host" in err
