"""What does not fit is refused with numbers, and with changes that really make it fit."""

import re
import shlex

import pytest
from conftest import on

MIXTRAL = ["--shape", "mixtral-8x7b", "--quant", "q4_K"]
CASES = {
    "demo": ([], ["260MiB", "260MiB"], ["--ctx", 4096]),
    "demo-far-too-small": ([], ["64MiB", "96MiB"], ["--ctx", 512]),
    "demo-unequal": ([], ["100MiB", "260MiB", "80MiB"], ["--ctx", 1024]),
    "demo-layers": ([], ["240MiB", "260MiB"], ["--ctx", 1024, "--policy", "layers"]),
    "demo-alternate": ([], ["300MiB", "200MiB"], ["--ctx", 1024, "--policy", "alternate"]),
    "demo-sequences": ([], ["300MiB", "300MiB"], ["--ctx", 8192, "--sequences", 8]),
    "demo-one-device": ([], ["300MiB"], ["--ctx", 256]),
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


@pytest.mark.parametrize("case", CASES)
def test_every_piece_of_advice_makes_it_fit(hexcore, demo_model, case):
    shape, budgets, options = CASES[case]
    model = shape or [demo_model]
    code, out, err = hexcore("plan", *model, *on(*budgets), *options)
    assert (code, out) == (3, "")
    message = re.fullmatch(r"hexcore: .*: (\d+) bytes \([^)]+\) are missing on host(\d), which may "
                           r"hold .*any one of these makes it fit: (.*)\n", err)
    assert message, err
    assert int(message[1]) > 0 and int(message[2]) < len(budgets)
    advice = message[3].split(", ")
    for piece in advice:
        new_budgets, new_options = followed(piece, budgets, options)
        assert (new_budgets, new_options) != (budgets, options)
        code, _, err = hexcore("plan", *model, *on(*new_budgets), *new_options)
        assert code == 0, f"{piece} does not help: {err}"


@pytest.mark.parametrize("command", ["run", "verify"])
def test_run_and_verify_refuse_with_the_same_advice(hexcore, random_model, command):
    model = random_model("llama", layers=4, experts=8)
    prompt = ["-p", "x"] if command == "run" else []
    code, out, err = hexcore(command, model, *on("4MiB", "4MiB"), "--ctx", 4096, *prompt)
    assert (code, out) == (3, "")
    assert re.search(r"\d+ bytes \(.*\) are missing on host\d.* makes it fit: ", err)


def test_devices_too_small_for_anything_get_told_so(hexcore, demo_model):
    code, _, err = hexcore("plan", demo_model, *on("1MiB", "1MiB"), "--ctx", 256)
    assert code == 3
    assert "bytes" in err and "for host" in err
