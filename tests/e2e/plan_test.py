"""hexcore plan: the reference case, its documents, and advice that holds when followed."""

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import on

REFERENCE = ["plan", "--shape", "mixtral-8x7b", "--quant", "q4_K", *on("16GiB", "16GiB")]
TWO = on("320MiB", "320MiB") + ["--reserve", "8MiB"]


def test_the_reference_case_comes_out_to_the_expert(hexcore):
    plan = hexcore.json(*REFERENCE, "--policy", "alternate")
    assert [device["layers"] for device in plan["devices"]] == [14, 18]
    assert [device["experts"] for device in plan["devices"]] == [132, 124]
    assert plan["expert_device"][0] == [0] * 8
    for layer in range(1, 14):
        assert plan["expert_device"][layer] == [0, 1] * 4
    for layer in range(14, 32):
        assert plan["expert_device"][layer] == [1, 0] * 4
    assert plan["basis"] == "estimate"


def test_json_has_the_documented_keys_and_sums_that_add_up(hexcore, demo_model):
    plan = hexcore.json("plan", demo_model, *TWO)
    assert plan["schema"] == "hexcore.plan/1"
    assert plan["basis"] == "dry-run"
    assert set(plan["model"]) >= {"name", "architecture", "n_layers", "n_experts",
                                  "n_experts_used", "total_bytes", "experts_bytes"}
    assert plan["model"]["experts_bytes"] < plan["model"]["total_bytes"]
    for device in plan["devices"]:
        parts = dict(device["planned"])
        total = parts.pop("total_bytes")
        assert total == sum(parts.values())
        assert total <= device["budget_bytes"] - device["reserve_bytes"]
        assert device["fill"] == pytest.approx(total / device["budget_bytes"], abs=1e-3)
    assert sum(device["experts"] for device in plan["devices"]) == 30 * 8
    assert plan["explanation"]


def test_what_parked_sessions_may_take_is_planned_and_refused_where_it_cannot_be(
        hexcore, demo_model, tmp_path):
    env = {"XDG_STATE_HOME": str(tmp_path)}
    asked = ["--park-memory", "96MiB", "--park-files", "1MiB"]
    plan = hexcore.json("plan", demo_model, *TWO, *asked, env=env)
    assert plan["parking"] == {"memory_bytes": 96 << 20, "files_bytes": 1 << 20}
    assert "up to 96.0 MiB of host memory, then 1.0 MiB of files" in " ".join(
        hexcore("plan", demo_model, *TWO, *asked, env=env).stdout.split())
    main_memory = hexcore.json("devices")["host"]
    most = main_memory["cgroup_limit_bytes"] or main_memory["total_bytes"]
    by_default = hexcore.json("plan", demo_model, *TWO)["parking"]
    assert by_default["memory_bytes"] <= min(256 << 20, most // 16)
    assert by_default["files_bytes"] == 0
    for refused, advice in ((["--park-memory", most], r"--park-memory \d+MiB"),
                            (["--park-files", "1000000TiB"], r"--park-files \d+MiB")):
        code, out, err = hexcore("plan", demo_model, *TWO, *refused, env=env)
        assert (code, out) == (3, "")
        assert "parked sessions may take" in err and re.search(advice, err), err
    code, _, err = hexcore("run", demo_model, *TWO, "--park-files", "1MiB", "-p", "x", env=env)
    assert code == 2 and "--park-memory" in err


@pytest.mark.parametrize("sizes", [("320MiB", "320MiB"), ("250MiB", "250MiB"),
                                   ("500MiB", "120MiB")])
def test_the_longest_context_fits_and_the_next_does_not(hexcore, demo_model, sizes):
    plan = hexcore.json("plan", demo_model, *on(*sizes), "--fit", "ctx")
    tokens = plan["context"]["tokens"]
    assert hexcore("plan", demo_model, *on(*sizes), "--ctx", tokens).code == 0
    if tokens < 8192:
        assert hexcore("plan", demo_model, *on(*sizes), "--ctx", tokens + 256).code == 3


def test_advice_for_what_does_not_fit_holds_when_it_is_followed(hexcore, demo_model):
    command = ["plan", demo_model, *on("250MiB", "250MiB"), "--ctx", 8192]
    code, _, err = hexcore(*command)
    assert code == 3
    shorter = re.search(r"--ctx (\d+)", err)
    assert shorter, err
    assert hexcore(*command[:-1], shorter[1]).code == 0


def test_sequences_and_kv_types_change_the_kv_cache_as_they_should(hexcore, demo_model):
    def kv(*options):
        plan = hexcore.json("plan", demo_model, *on("1GiB"), "--ctx", 4096, *options)
        return plan["devices"][0]["planned"]["kv_bytes"]

    assert kv("--kv-type", "q8_0") * 32 == kv() * 17  # 34 bytes in place of 64
    assert kv("--sequences", 4) == kv()  # the same tokens, shared out


def test_a_plan_over_16_devices_uses_each_of_them(hexcore, demo_model):
    plan = hexcore.json("plan", demo_model, *on(*["80MiB"] * 16), "--ctx", 512)
    assert len(plan["devices"]) == 16
    assert all(device["planned"]["total_bytes"] > 0 for device in plan["devices"])


def test_the_svg_is_well_formed(hexcore):
    root = ElementTree.fromstring(hexcore(*REFERENCE, "--format", "svg").stdout)
    assert root.tag.endswith("svg")


def test_the_llama_cpp_command_names_the_split_and_what_differs(hexcore):
    # llama.cpp can divide a model over servers, but not over parts of one machine's memory.
    out = hexcore("plan", "--shape", "mixtral-8x7b", "--quant", "q4_K", "--policy", "alternate",
                  "--device", "rpc:one:1=16GiB", "--device", "rpc:two:1=16GiB",
                  "--format", "llama.cpp").stdout
    assert re.search(r"^ +-ts 14,19 \\$", out, re.MULTILINE), out
    assert "--rpc one:1,two:1" in out
    assert out.startswith("# ") and "124 of 256 experts" in out


def test_the_device_map_places_single_experts(hexcore):
    code, out, _ = hexcore(*REFERENCE, "--policy", "alternate", "--format", "accelerate")
    assert code == 0
    modules = json.loads(out)
    assert "model.layers.1.block_sparse_moe.experts.1" in modules
    assert len([name for name in modules if ".experts." in name]) == 256


def test_tables_have_no_colour_where_nobody_looks(hexcore, demo_model):
    code, out, _ = hexcore("plan", demo_model, *TWO)
    assert code == 0
    assert "\x1b" not in out
    assert "host0" in out and "planned" in out.lower()


def test_devices_lists_the_host_and_says_why_there_is_no_gpu(hexcore):
    info = hexcore.json("devices")
    assert info["schema"] == "hexcore.devices/1"
    assert 0 < info["host"]["available_bytes"] <= info["host"]["total_bytes"]
    if not info["gpus"]:
        assert info["note"] if "note" in info else "GPU" in hexcore("devices").stdout
