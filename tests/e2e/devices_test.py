"""hexcore devices: what the machine has, in a table and as hexcore.devices/1."""

import glob
import json
import os
import shutil

import pytest

HOST_KEYS = {"total_bytes", "available_bytes", "cgroup_limit_bytes", "cgroup_path"}
GPU_KEYS = {"index", "name", "uuid", "total_bytes", "free_bytes", "used_bytes", "holders"}
HAS_GPU = bool(glob.glob("/dev/nvidia[0-9]*"))


def memory_bytes(key):
    with open("/proc/meminfo", encoding="ascii") as file:
        values = dict(line.split(":") for line in file)
    return int(values[key].split()[0]) * 1024


@pytest.fixture(scope="module")
def machine(hexcore):
    return hexcore.json("devices")


def test_json_has_the_keys_of_the_format(machine):
    assert set(machine) == {"schema", "host", "gpus", "parking", "gpu_numbering", "note"}
    assert machine["schema"] == "hexcore.devices/1"
    assert set(machine["host"]) == HOST_KEYS
    for gpu in machine["gpus"]:
        assert set(gpu) == GPU_KEYS


def test_what_is_free_for_parked_sessions_is_shown(hexcore, tmp_path):
    env = {"XDG_STATE_HOME": str(tmp_path)}
    machine = hexcore.json("devices", env=env)
    parking = machine["parking"]
    assert parking["memory_available_bytes"] == machine["host"]["available_bytes"]
    assert parking["folder"] == str(tmp_path / "hexcore" / "parked")
    disk = shutil.disk_usage(tmp_path)
    assert parking["files_total_bytes"] == disk.total
    assert 0 < parking["files_available_bytes"] <= disk.total
    table = hexcore("devices", env={**env, "COLUMNS": "200"}).stdout
    assert f"disk of {parking['folder']}" in table
    # What a dead process left is removed by the next that parks, and so is free.
    dead = tmp_path / "hexcore" / "parked" / "run-dead00"
    dead.mkdir(parents=True)
    (dead / "1.session").touch()
    os.truncate(dead / "1.session", 1 << 40)  # takes nothing
    more = hexcore.json("devices", env=env)["parking"]["files_available_bytes"]
    assert more > 1 << 40


def test_the_host_has_the_memory_that_the_kernel_tells(machine):
    host = machine["host"]
    assert host["total_bytes"] == memory_bytes("MemTotal")
    available = memory_bytes("MemAvailable")
    if host["cgroup_limit_bytes"] is None:
        assert host["cgroup_path"] is None
        assert host["available_bytes"] == pytest.approx(available, rel=0.2)
    else:
        assert host["cgroup_limit_bytes"] < host["total_bytes"]
        assert host["cgroup_path"].startswith("/")
        assert 0 < host["available_bytes"] <= min(host["cgroup_limit_bytes"], available * 1.2)


@pytest.mark.skipif(HAS_GPU, reason="this machine has a GPU")
def test_without_a_gpu_it_says_so_and_works(hexcore, machine):
    assert machine["gpus"] == []
    assert "GPU" in machine["note"]
    code, out, err = hexcore("devices")
    assert (code, err) == (0, "")
    assert "GPU" in out and "cuda:0" not in out


@pytest.mark.skipif(not HAS_GPU, reason="this machine has no GPU (/dev/nvidia0)")
def test_each_gpu_is_listed_with_its_memory(hexcore, machine):
    assert machine["gpus"]
    out = hexcore("devices").stdout
    for gpu in machine["gpus"]:
        assert 0 < gpu["free_bytes"] <= gpu["total_bytes"]
        assert f"cuda:{gpu['index']}" in out and gpu["name"] in out


@pytest.mark.skipif(HAS_GPU, reason="this machine has a GPU")
@pytest.mark.parametrize("command", [["plan"], ["run", "-p", "x"], ["verify"]], ids=lambda c: c[0])
def test_a_gpu_that_is_not_there_is_a_missing_device(hexcore, random_model, command):
    model = random_model("llama", layers=2, embd=128, ff=64, heads=4)
    code, out, err = hexcore(command[0], model, *command[1:], "--device", "cuda:0=1GiB")
    assert (code, out) == (5, "")
    assert "cuda:0" in err and "hexcore devices" in err


def test_without_devices_named_a_plan_uses_what_the_machine_has(hexcore, machine, random_model):
    plan = hexcore.json("plan", random_model("llama", layers=2, embd=128, ff=64, heads=4))
    if HAS_GPU:
        assert [device["name"] for device in plan["devices"]] == \
            [f"cuda:{gpu['index']}" for gpu in machine["gpus"]]
    else:
        assert [device["name"] for device in plan["devices"]] == ["host0"]
        assert plan["devices"][0]["budget_bytes"] == pytest.approx(
            machine["host"]["available_bytes"], rel=0.2)


def test_a_bare_size_is_a_gpu_where_there_is_one_and_a_host_device_otherwise(hexcore):
    plan = hexcore.json("plan", "--shape", "olmoe-1b-7b", "--quant", "q4_K", "--device", "8GiB")
    device = plan["devices"][0]
    assert device["name"] == ("cuda:0" if HAS_GPU else "host0")
    assert (device["budget_bytes"], device["reserve_bytes"]) == (8 << 30, 512 << 20)


@pytest.mark.parametrize("size, reserve", [("1GiB", 64 << 20), ("16GiB", 1 << 30),
                                           ("64GiB", 1 << 30)])
def test_a_sixteenth_is_kept_free_and_a_gibibyte_at_most(hexcore, size, reserve):
    plan = hexcore.json("plan", "--shape", "mixtral-8x7b", "--quant", "q4_K",
                        "--device", "host=64GiB", "--device", f"host={size}")
    assert plan["devices"][1]["reserve_bytes"] == reserve


@pytest.mark.parametrize("size, expected", [
    ("16GiB", 16 << 30), ("16GB", 16 * 10**9), ("8192MiB", 8 << 30), ("8.5GiB", 17 << 29),
    ("17179869184", 16 << 30)])
def test_sizes_are_read_as_they_are_written(hexcore, size, expected):
    plan = hexcore.json("plan", "--shape", "olmoe-1b-7b", "--quant", "q4_K",
                        "--device", f"host={size}")
    assert plan["devices"][0]["budget_bytes"] == expected


def test_what_cannot_be_kept_is_shown_all_the_same(hexcore, tmp_path):
    (tmp_path / "file").touch()
    code, out, err = hexcore("devices", "--measure", "--format", "json",
                             env={"HEXCORE_CACHE": str(tmp_path / "file" / "below")})
    assert code == 1
    assert json.loads(out)["devices"][0]["weights_bytes_per_s"] > 0
    assert "cannot be written; set HEXCORE_CACHE" in " ".join(err.split())


def test_what_is_measured_is_kept_and_planned_with(hexcore, random_model, tmp_path):
    model = random_model("llama", layers=2, embd=128, ff=64, heads=4)
    kept = {"HEXCORE_CACHE": str(tmp_path / "kept")}
    plan = ("plan", model, "--device", "host=64MiB")
    assert "typical values" in hexcore(*plan, env=kept).stdout
    measured = hexcore.json("devices", "--measure", env=kept)
    assert measured["schema"] == "hexcore.measured/1"
    processor = measured["devices"][0]
    assert processor["name"] and processor["driver"] == "" and processor["pools_bytes"] == 0
    for key in ("weights_bytes_per_s", "copy_bytes_per_s", "hop_s"):
        assert processor[key] > 0
    assert "The speeds of all devices were measured." in hexcore(*plan, env=kept).stdout
    (tmp_path / "kept" / "measured.json").write_text("{", encoding="ascii")
    code, out, err = hexcore(*plan, env=kept)
    assert (code, out) == (4, "")
    assert "measured.json" in err and "hexcore devices --measure" in err
    assert hexcore("devices", "--measure", env=kept).code == 0
    assert hexcore(*plan, env=kept).code == 0
