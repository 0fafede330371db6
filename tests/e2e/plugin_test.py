"""libggml-hexcore.so: stock programs of llama.cpp get devices, budgets and sharded experts."""

import json
import os
import re
import subprocess

import pytest
from conftest import Hexcore, on
from plugin_programs import PROMPT, assert_as_planned, outcome_of

GREEDY = ["-p", PROMPT, "-n", 24, "--temp", 0, "-no-cnv", "--no-display-prompt", "--simple-io"]


def plain_answer(llama_bin, model, *options):
    """With weights as they are in the file: not every machine lets a program use AMX, for which
    ggml packs them anew."""
    code, text, err = outcome_of([llama_bin("llama-completion"), "-m", model, "--no-repack",
                                  *options, *GREEDY], os.environ | Hexcore.env)
    assert code == 0, err
    return text


@pytest.fixture(scope="module")
def plain_text(llama_bin, demo_model):
    return plain_answer(llama_bin, demo_model, "-c", 512, "-ub", 128)


@pytest.mark.parametrize("devices", [["320MiB", "320MiB"], ["250MiB", "110MiB", "250MiB"],
                                     ["700MiB"]], ids=len)
def test_text_is_that_of_plain_llama_cpp(plugin_programs, demo_model, plain_text, devices):
    programs = plugin_programs(demo_model, *on(*devices), "--ctx", 512, "--ubatch", 128)
    code, text, err = programs.run("llama-completion", *GREEDY)
    assert code == 0, err
    assert text == plain_text
    report = programs.report()
    assert report["plan"] == programs.plan["model"]["name"]
    assert [device["planned"] for device in report["devices"]] == [
        device["planned"] for device in programs.plan["devices"]]
    assert_as_planned(report)
    for device in report["devices"]:
        assert (device["expert_rows"] > 0) == (device["planned"]["experts_bytes"] > 0)


@pytest.mark.parametrize("kinds", ["host rpc", "rpc host", "rpc rpc"])
def test_servers_are_devices_like_others(plugin_programs, start_server, demo_model, plain_text,
                                         kinds):
    devices = []
    for kind in kinds.split():
        name = kind if kind == "host" else f"rpc:{start_server()[1]}"
        devices += on("320MiB", kind=name)
    programs = plugin_programs(demo_model, *devices, "--ctx", 512, "--ubatch", 128)
    code, text, err = programs.run("llama-completion", *GREEDY)
    assert code == 0, err
    assert text == plain_text
    report = programs.report()
    assert_as_planned(report)
    assert all(device["expert_rows"] > 0 for device in report["devices"])
    assert programs.plan["host"]["planned"]["staging_bytes"] == 0, "the program reads by itself"


def test_without_a_plan_layers_go_whole_and_budgets_hold(plugin_path, llama_bin, demo_model,
                                                         plain_text, tmp_path):
    env = os.environ | Hexcore.env | {
        "GGML_BACKEND_PATH": str(plugin_path), "HEXCORE_DEVICES": "320MiB,320MiB",
        "HEXCORE_REPORT": str(tmp_path / "report.json"),
        "LLAMA_ARG_DEVICE": "host0,host1", "LLAMA_ARG_FIT": "off"}
    code, text, err = outcome_of([llama_bin("llama-completion"), "-m", demo_model, "-c", 512,
                                  "-ub", 128, *GREEDY], env)
    assert code == 0, err
    assert text == plain_text
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["plan"] is None
    for device in report["devices"]:
        assert device["planned"] is None
        assert device["accounted"]["experts_bytes"] == 0
        assert 0 < device["peak_bytes"] <= 300 * 2**20


def test_what_does_not_fit_is_refused_with_a_sentence(plugin_path, llama_bin, demo_model,
                                                      tmp_path):
    env = os.environ | Hexcore.env | {
        "GGML_BACKEND_PATH": str(plugin_path), "HEXCORE_DEVICES": "100MiB,320MiB",
        "HEXCORE_REPORT": str(tmp_path / "report.json"),
        "LLAMA_ARG_DEVICE": "host0,host1", "LLAMA_ARG_FIT": "off"}
    code, text, err = outcome_of([llama_bin("llama-completion"), "-m", demo_model, "-ts", "1,1",
                                  *GREEDY], env)
    assert code not in (0, -6, -11), err
    assert "hexcore: host0 was asked for " in err and "93.8 MiB" in err
    assert "give host0 more in HEXCORE_DEVICES" in err and "-ts" in err
    assert "--" not in err.split("hexcore: ")[1].splitlines()[0]
    device = json.loads((tmp_path / "report.json").read_text())["devices"][0]
    assert device["refused"] >= 1
    assert device["left_bytes"] == 0


def test_more_context_than_planned_is_refused(plugin_programs, demo_model):
    programs = plugin_programs(demo_model, *on("320MiB", "320MiB"), "--ctx", 512)
    code, _, err = programs.run("llama-completion", "-c", 32768, *GREEDY)
    assert code not in (0, -6, -11), err
    assert re.search(r"hexcore: host\d was asked for .*; the plan is for -c 512 -np 1 -ctk f16 "
                     r"-ctv f16( -ub 512)?: start the program so, or plan again", err), err
    assert all(device["left_bytes"] == 0 for device in programs.report()["devices"])


SMALL_MIXTURE = {"layers": 6, "experts": 8, "used": 2, "type": "q8_0"}


def refusal_of(plugin_programs, planned, loaded):
    """What is said where a program loads another model than the planned one."""
    programs = plugin_programs(planned, *on("64MiB", "64MiB"), "--ctx", 512)
    programs.text = programs.text.replace(str(planned), str(loaded))
    code, _, err = programs.run("llama-completion", *GREEDY)
    assert code not in (0, -6, -11), err
    assert "the plan is for another model" in err
    assert all(device["left_bytes"] == 0 for device in programs.report()["devices"])
    return err


def test_a_plan_for_other_numbers_of_experts_is_refused(plugin_programs, random_model):
    planned = random_model("qwen3moe", **SMALL_MIXTURE)
    loaded = random_model("qwen3moe", **SMALL_MIXTURE | {"experts": 4})
    assert "_exps.weight" in refusal_of(plugin_programs, planned, loaded)


@pytest.mark.parametrize("change", [{"layers": 4}, {"ff": 512}, {"embd": 512}, {"type": "f16"},
                                    {"experts": 0}], ids=lambda change: "-".join(change))
def test_a_plan_for_a_model_of_another_size_is_refused(plugin_programs, random_model, change):
    planned = random_model("qwen3moe", **SMALL_MIXTURE)
    loaded = random_model("llama" if change == {"experts": 0} else "qwen3moe",
                          **SMALL_MIXTURE | change)
    err = refusal_of(plugin_programs, planned, loaded)
    assert "bytes of weights" in err and "and the plan has" in err


@pytest.mark.parametrize("options, sentence", [
    (["-ngl", 3], "the plan is for another model, or for other layers on the devices: host"),
    (["-ts", "1,9"], "the layers are elsewhere than in the plan: host0 holds "),
], ids=lambda value: value[0] if isinstance(value, list) else "")
def test_layers_elsewhere_than_planned_are_refused(plugin_programs, random_model, options,
                                                   sentence):
    programs = plugin_programs(random_model("qwen3moe", **SMALL_MIXTURE), *on("64MiB", "64MiB"),
                               "--ctx", 512)
    code, _, err = programs.run("llama-completion", *options, *GREEDY)
    assert code not in (0, -6, -11), err
    assert sentence in err
    split = re.search(r" -ts (\S+)", programs.text)[1]
    assert f"the plan is for -dev host0,host1 -ts {split} and no -ngl: start the program so" in err


def assert_refused(plugin_path, llama_bin, variables, sentence, folder):
    """The program goes on without the plugin, and misses the devices that it was asked for."""
    code, _, err = outcome_of(
        [llama_bin("llama-completion"), "-m", "model.gguf"],
        os.environ | {"GGML_BACKEND_PATH": str(plugin_path), "LLAMA_ARG_DEVICE": "host0"} |
        variables, cwd=folder)
    assert code not in (0, -6, -11), err
    assert sentence in err
    assert "invalid device: host0" in err


@pytest.mark.parametrize("variables, sentence", [
    ({}, "no devices are named; set HEXCORE_DEVICES=SIZE"),
    ({"HEXCORE_DEVICES": "320MiB,lots"},
     "HEXCORE_DEVICES=320MiB,lots: device lots: neither a device nor a size"),
    ({"HEXCORE_DEVICES": "tpu:0"}, "HEXCORE_DEVICES=tpu:0: "),
    ({"HEXCORE_DEVICES": "rpc:127.0.0.1:1=1GiB"}, "no RPC server answers there"),
    ({"HEXCORE_DEVICES": ",".join(17 * ["1MiB"])}, "these are 17 devices, at most 16"),
    ({"HEXCORE_DEVICES": "1MiB", "HEXCORE_RESERVE": "2MiB"}, "which leaves nothing"),
    ({"HEXCORE_PLAN": "missing.json"},
     "HEXCORE_PLAN=missing.json: the plan cannot be read: No such file"),
    ({"HEXCORE_PLAN": "empty.json"}, "HEXCORE_PLAN=empty.json: "),
    ({"HEXCORE_DEVICES": "1GiB", "HEXCORE_REPORT": "no/folder"}, "cannot be written"),
], ids=lambda value: "-".join(value) if isinstance(value, dict) else "")
def test_a_bad_environment_gets_a_sentence(plugin_path, llama_bin, tmp_path, variables, sentence):
    (tmp_path / "empty.json").write_text("{}")
    assert_refused(plugin_path, llama_bin, variables, sentence, tmp_path)


def test_a_plan_for_other_devices_is_refused(plugin_programs, plugin_path, llama_bin, demo_model,
                                             tmp_path):
    programs = plugin_programs(demo_model, *on("700MiB"), "--ctx", 256)
    variables = {"HEXCORE_PLAN": str(programs.plan_path), "HEXCORE_DEVICES": "700MiB,1GiB"}
    sentence = "is for other devices: host=700 MiB"
    assert_refused(plugin_path, llama_bin, variables, sentence, tmp_path)


@pytest.mark.parametrize("function, sentence", [
    ('const char *ggml_version(void) { return "0.99.0"; }', "its version is 0.99.0, not 0."),
    ("unsigned long ggml_tensor_overhead(void) { return 512; }", "its tensors have 480 bytes, not"),
    ('const char *ggml_op_name(int op) { return op == 0 ? "NONE" : "OTHER"; }',
     "is OTHER, not ADD_ID"),
    ("unsigned long ggml_backend_buffer_get_size(void *buffer) { return buffer != 0; }",
     "the fields of its buffers lie elsewhere"),
], ids=["version", "tensor", "operation", "buffer"])
def test_another_ggml_is_refused(plugin_path, llama_bin, tmp_path, function, sentence):
    """One function of the program's ggml answers as another version's would."""
    (tmp_path / "other.c").write_text(function)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "other.so", "other.c"], cwd=tmp_path,
                   check=True)
    variables = {"HEXCORE_DEVICES": "1GiB", "LD_PRELOAD": str(tmp_path / "other.so")}
    assert_refused(plugin_path, llama_bin, variables, sentence, tmp_path)


def test_llama_bench_runs_over_a_plan(plugin_programs, demo_model):
    programs = plugin_programs(demo_model, *on("320MiB", "320MiB"), "--ctx", 256)
    code, text, err = programs.run("llama-bench", "-p", 64, "-n", 8, "-r", 1, "-o", "json")
    assert code == 0, err
    tests = json.loads(text)
    assert [(test["n_prompt"], test["n_gen"]) for test in tests] == [(64, 0), (0, 8)]
    assert all(test["avg_ts"] > 0 for test in tests)
    assert_as_planned(programs.report(), exact=("weights_bytes", "experts_bytes"))


def test_only_the_entry_point_is_exported(plugin_path):
    symbols = subprocess.run(["nm", "-D", "--defined-only", plugin_path], text=True, check=True,
                             capture_output=True).stdout.split()
    assert symbols[1:] == ["T", "ggml_backend_init"]


def test_a_plan_for_the_plugin_needs_a_file(hexcore):
    code, out, err = hexcore("plan", "--shape", "mixtral-8x7b", "--quant", "q4_K", "--device",
                             "host=64GiB", "--plugin")
    assert (code, out) == (2, "")
    assert "--plugin" in err and "model file" in err
