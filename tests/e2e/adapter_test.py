"""LoRA adapters given by --lora: planned, computed with their experts, compared, refused, kept
apart in saved sessions."""

import json
import subprocess
import sys

import pytest

from conftest import TOOLS, on
from serving import Server

DEVICES = [*on("8MiB", "8MiB"), "--reserve", 0, "--ctx", 512, "--ubatch", 64]


@pytest.fixture(scope="module")
def tiny(random_model):
    return random_model("qwen3moe", layers=4, embd=128, ff=64, heads=4, experts=16, used=4,
                        type="q8_0")


@pytest.fixture(scope="module")
def adapter(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")

    def make(name, *options):
        path = folder / f"{name}.gguf"
        if not path.exists():
            subprocess.run([sys.executable, TOOLS / "make_adapter.py", tiny, path,
                            *map(str, options)], check=True)
        return path

    return make


@pytest.fixture(scope="module")
def two(adapter):
    """Options for one over everything and, weaker, one over experts alone."""
    return ["--lora", adapter("whole", "--strength", 0.5),
            "--lora", f"{adapter('experts', '--tensors', '_exps', '--seed', 2)}:0.5"]


def test_logits_have_the_bits_of_plain_libllama_with_the_same_adapters(hexcore, tiny, two):
    report = hexcore.json("verify", tiny, *DEVICES, *two, "--tokens", 100)
    assert report["identical"] and report["max_relative_error"] == 0


def test_what_is_planned_for_adapters_is_accounted_to_the_byte(hexcore, tiny, two):
    run = hexcore.json("run", tiny, *DEVICES, *two, "-n", 4, "--raw", "-p", "abc")
    without = hexcore.json("run", tiny, *DEVICES, "-n", 4, "--raw", "-p", "abc")
    for device in run["devices"]:
        assert device["planned"] == device["accounted"]
        assert device["planned"]["adapters_bytes"] > 10_000
    assert run["host"]["planned"] == run["host"]["accounted"]
    assert all(device["accounted_bytes"] == 0 for device in run["after_unload"])
    assert "adapters_bytes" not in without["devices"][0]["planned"]
    plan = hexcore.json("plan", tiny, *DEVICES, *two)
    assert [one["scale"] for one in plan["adapters"]] == [1, 0.5]
    table = hexcore("plan", tiny, *DEVICES, *two).stdout
    assert "ADAPTERS" in table and "The adapter experts (" in table


def test_the_same_adapter_twice_is_one_with_both_scales(hexcore, tiny, adapter, tmp_path):
    path = adapter("whole")
    other_name = tmp_path / "other:0.5"  # a name that looks like a scale
    other_name.write_bytes(path.read_bytes())
    plan = hexcore.json("plan", tiny, *DEVICES, "--lora", f"{path}:0.25", "--lora", other_name)
    assert [one["scale"] for one in plan["adapters"]] == [1.25]
    none = hexcore.json("plan", tiny, *DEVICES, "--lora", path, "--lora", f"{path}:-1")
    assert "adapters" not in none


@pytest.mark.parametrize("wrong, code, words", [
    ("missing", 4, "cannot be opened"),
    ("of another model", 4, "made for another"),
    ("a model", 4, "no adapter"),
    ("cut off", 4, "get it again"),
    ("one half twice", 4, "is there twice"),
    ("of another architecture", 4, "architecture 'llama'"),
    ("a NaN", 4, "holds a NaN"),
    ("too big", 3, "host"),
    ("scale", 2, "no number"),
])
def test_an_adapter_that_cannot_be_is_a_sentence(hexcore, tiny, adapter, random_model, wrong, code,
                                                 words):
    options = {
        "missing": lambda: ["--lora", "nowhere.gguf:0.5"],
        "of another model": lambda: ["--lora", adapter_of(random_model, adapter)],
        "a model": lambda: ["--lora", tiny],
        "cut off": lambda: ["--lora", edited(adapter, lambda raw: raw[:5000])],
        "one half twice": lambda: ["--lora", edited(adapter, lambda raw: raw.replace(
            b"attn_q.weight.lora_b", b"attn_q.weight.lora_a", 1))],
        "of another architecture": lambda: ["--lora", edited(adapter, lambda raw: raw.replace(
            b"\x08\0\0\0\0\0\0\0qwen3moe", b"\x05\0\0\0\0\0\0\0llama", 1))],
        "a NaN": lambda: ["--lora", edited(
            adapter, lambda raw: raw[:-64] + b"\xff" * 4 + raw[-60:])],
        "too big": lambda: ["--lora", adapter("big", "--rank", 160)],
        "scale": lambda: ["--lora", f"{adapter('whole')}:1e99"],
    }[wrong]()
    code_given, out, err = hexcore("run", tiny, *DEVICES, *options, "-n", 1, "-p", "a")
    assert code_given == code and not out
    assert words in err and "Traceback" not in err


def edited(adapter, edit):
    path = adapter("whole").with_name("edited.gguf")
    path.write_bytes(edit(adapter("whole").read_bytes()))
    return path


def adapter_of(random_model, adapter):
    wide = random_model("qwen3moe", layers=4, embd=256, ff=64, heads=4, experts=16, used=4,
                        type="q8_0")
    path = adapter("whole").with_name("wide.gguf")
    subprocess.run([sys.executable, TOOLS / "make_adapter.py", wide, path], check=True)
    return path


def test_a_session_goes_on_under_other_adapters_by_computing_it_again(hexcore, tiny, two,
                                                                     tmp_path):
    file = tmp_path / "talk.session"
    words = ["run", tiny, *DEVICES, "--temp", 0, "-n", 4, "--raw", "--session", file, "-p"]
    first = hexcore(*words, "abc", *two)
    assert first.code == 0, first.stderr
    same = json.loads(hexcore(*words, "d", *two, "--format", "json").stdout)
    assert same["cache_stats"]["tokens_computed"] < 10
    other = hexcore(*words, "e", "--format", "json")
    assert other.code == 0 and "under other adapters" in other.stderr
    assert json.loads(other.stdout)["cache_stats"]["tokens_computed"] > 10


def test_a_worker_that_goes_leaves_nothing_of_its_adapters_and_the_next_has_them(hexcore, tiny,
                                                                                 two):
    server = Server(hexcore, tiny, *DEVICES, *two, "--worker")
    answer = server.complete("abc", max_tokens=4, temperature=0)
    assert sum(device["accounted"]["adapters_bytes"]
               for device in answer.json["hexcore"]["devices"]) > 20_000
    report = server.request("POST", "/reset").json
    assert report["clean"], report
    assert report["host"]["after"]["measured_bytes"] == 0
    assert server.complete("abc", max_tokens=4, temperature=0).text == answer.text
    plain = Server(hexcore, tiny, *DEVICES, *two)
    assert plain.complete("abc", max_tokens=4, temperature=0).text == answer.text
