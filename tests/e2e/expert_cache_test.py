"""--expert-cache where there is no GPU: nothing is taken, and whoever asked is told why."""

import json

from conftest import on

DEVICES = on("320MiB", "320MiB")


def test_it_takes_nothing_where_there_is_no_gpu(hexcore, demo_model):
    plan = hexcore.json("plan", demo_model, *DEVICES, "--expert-cache", "64MiB")
    for device in plan["devices"]:
        assert "expert_cache_slots" not in device
        assert "expert_cache_bytes" not in device["planned"]
    assert any("there is no GPU among the devices" in line for line in plan["explanation"])


def test_a_run_on_main_memory_alone_has_no_report_of_it(hexcore, demo_model):
    code, out, err = hexcore("run", demo_model, *DEVICES, "--expert-cache", "64MiB", "-n", 2,
                             "--raw", "-p", "Gravity", "--format", "json")
    assert code == 0
    assert "there is no GPU among the devices" in " ".join(err.split())
    report = json.loads(out)
    assert "expert_cache" not in report
    assert all("expert_cache" not in device for device in report["devices"])


def test_what_is_no_size_is_refused(hexcore, demo_model):
    code, _, err = hexcore("plan", demo_model, *DEVICES, "--expert-cache", "much")
    assert code == 2
    assert "'much' is not a size" in err
