"""`./dev bench programs`: llama.cpp's programs, stock and over a plan, on capped host devices."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import speed_data  # noqa: E402

PROGRAMS = ["llama-bench", "llama-completion", "llama-server"]
SHAPE = {"layers": 4, "experts": 8, "used": 2, "type": "q4_K"}
TWO_HOSTS = "hexcore-hosts: --device host=32MiB --device host=32MiB --reserve 1MiB"


@pytest.fixture
def bench(hexcore, llama_bin, random_model, tmp_path):
    """Runs it with more options; gives its exit code, what it found, and what it said."""
    folders = {llama_bin(program).parent for program in PROGRAMS}
    assert len(folders) == 1

    def run(*options):
        output = tmp_path / "found.json"
        run = subprocess.run(
            [sys.executable, ROOT / "bench/programs.py", "--model", random_model("llama", **SHAPE),
             "--stock", folders.pop(), "--program", hexcore.path, "--ctx", "256", "--prompt", "64",
             "--generate", "8", "--threads", "2", "--output", output, *options],
            capture_output=True, text=True, check=False, env=hexcore.environment(), timeout=600)
        assert output.exists(), run.stderr
        return run.returncode, json.loads(output.read_text()), run.stdout + run.stderr

    return run


def test_each_program_is_measured_stock_and_over_a_plan(bench):
    code, found, said = bench("--rounds", "2", "--stock-way", "stock-host:", "--way", TWO_HOSTS)
    assert code == 0, said
    assert [(row["program"], row["way"]) for row in found["rows"]] == [
        (program, way) for program in PROGRAMS for way in ("stock-host", "hexcore-hosts")]
    for row in found["rows"]:
        assert len(row["decode"]) == len(row["prompt"]) == 2
    # It is what the file of measured speeds takes in, as soon as that has the shape and the ways.
    document = speed_data.read().document
    ways = [{"id": "stock-host", "by": "stock", "devices": "main memory", "name": "stock"},
            {"id": "hexcore-hosts", "by": "hexcore", "devices": "main memory", "name": "Hexcore"}]
    data = speed_data.SpeedData(document | {
        "shapes": [{"id": "demo", "name": "demo", "short": "demo"}], "ways": ways,
        "measurements": [found]})
    assert [way for _, way in data.drawn] == ["stock-host", "hexcore-hosts"]
    assert "| llama-server, hexcore-hosts |" in said


def test_a_program_that_does_not_take_the_plan_is_not_counted_as_one_that_did(bench, tmp_path):
    code, found, said = bench("--rounds", "1", "--stock-way", "stock-host:", "--way", TWO_HOSTS,
                              "--programs", "llama-bench", "--plugin", tmp_path / "none.so")
    assert code == 1
    assert [row["way"] for row in found["rows"]] == ["stock-host"]
    assert "llama-bench, hexcore-hosts: the program computed without the plan" in said


def test_ways_that_fail_are_told_and_the_others_measured(bench):
    code, found, said = bench(
        "--rounds", "1", "--seconds", "0.001", "--programs", "llama-bench", "llama-server",
        "--stock-way", "wrong: --no-such-option", "--way", "small: --device host=1MiB", "--way",
        TWO_HOSTS)
    assert code == 1
    assert [(row["program"], row["way"]) for row in found["rows"]] == [
        ("llama-bench", "hexcore-hosts"), ("llama-server", "hexcore-hosts")]
    assert "small: there is no plan: " in said and "does not fit" in said
    assert "llama-server, wrong: llama-server did not start" in said
    assert "llama-bench, wrong: exit code 1" in said
