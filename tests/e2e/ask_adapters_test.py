"""hexcore ask where experts have adapters: bad ones, and those that have no room side by side."""

import json
import re
import subprocess
import sys

import pytest
from conftest import TOOLS

EXPERT = """
[[expert]]
name = "{0}"
description = "speaks of {1}"
system = "You speak of {1}."
examples = ["Is it {1}?", "What is {1}?"]
keywords = ["{1}"]
sampling = {{ temperature = 0 }}
"""
SMALL = ("--ctx", "6144", "--threads", "2", "-n", "4")


@pytest.fixture(scope="module")
def colours(hexcore, demo_model, tmp_path_factory):
    """Asks an assistant of three, of whom two have these adapters; a real one is made."""
    folder = tmp_path_factory.mktemp("colours")
    for seed, name in enumerate(["red.gguf", "blue.gguf"]):
        subprocess.run([sys.executable, TOOLS / "make_adapter.py", demo_model, folder / name,
                        "--tensors", "attn_output", "--strength", "0.2", "--seed", str(seed)],
                       check=True)
    (folder / "cut.gguf").write_bytes((folder / "red.gguf").read_bytes()[:20000])
    environment = hexcore.environment({"COLUMNS": "80", "XDG_DATA_HOME": str(folder / "data")})

    def ask(adapters, *words, **options):
        text = 'schema = "hexcore.assistant/1"\nname = "colours"\ndescription = "three colours"\n'
        for name, adapter in zip(["RED", "BLUE", "PLAIN"], [*adapters, None]):
            text += EXPERT.format(name, name.lower())
            text += f'adapter = {{ file = "{adapter}" }}\n' if adapter else ""
        file = folder / "colours.toml"
        file.write_text(text)
        return hexcore("ask", "-m", demo_model, "--assistant", file, *SMALL, *words,
                       env=environment, **options)

    return ask


def test_experts_that_have_no_room_together_answer_in_turns_or_as_many_as_fit(colours):
    lines = []
    for how in ("choose", "blend", "choose"):
        lines += [f"/combine {how}", "What is red, blue and plain?"]
    code, out, err = colours(["red.gguf", "blue.gguf"], "--adapters-resident", 1, "--experts", 3,
                             stdin="\n".join(lines) + "\n")
    assert code == 0, err
    assert "sessions" not in err
    whole = re.sub(r"\n +", " ", err)
    combined = re.findall(r"^combined +by (\w+): (.*)$", whole, re.MULTILINE)
    assert [how for how, _ in combined] == ["choose", "blend", "choose"]
    for how, shares in combined:
        expected = 3 if how == "choose" else 2
        assert len(re.findall(r"(?:RED|BLUE|PLAIN) (?:-?\d)", shares)) == expected, shares
    assert whole.count("3 experts were to answer; there is room for 2 side by side") == 1
    assert re.search(r"^memory +host0 .* as planned", whole, re.MULTILINE)


def test_strictly_nobody_answers_in_place_of_several_who_cannot(colours):
    asked = ["--experts", "2", "--format", "json", "RED: What is red?"]
    code, out, err = colours(["none.gguf", "cut.gguf"], *asked)
    assert code == 0, err
    told = json.loads(out)
    assert [expert["name"] for expert in told["experts"]] == ["PLAIN"]
    assert told["named_by"] is None and told["fallback"]["expert"] == "PLAIN"
    assert told["fallback"]["reason"].startswith("RED: its adapter is missing")
    assert told["notes"][0] == "2 experts were to answer, and 1 can"
    assert told["notes"][1].startswith("BLUE: its adapter is damaged")
    code, out, err = colours(["none.gguf", "cut.gguf"], "--strict", *asked)
    told = json.loads(out)
    assert (code, told["stop"], told["answer"], told["experts"]) == (1, "refused", "", [])
    assert told["fallback"]["expert"] == "PLAIN"
