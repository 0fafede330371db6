"""`hexcore test` and GPUs: the same of a real one, where there is one, and of a driver made up.

On a machine with a GPU: HEXCORE_BIN=build/release/hexcore python -m pytest -q \
tests/e2e/gpu_tests_test.py
"""

import glob
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from program import wait_until

HEXCORE = Path(os.environ.get("HEXCORE_BIN", "build/release/hexcore")).resolve()
FAKE = Path(os.environ.get("HEXCORE_BUILD", HEXCORE.parent)) / "tests/device/libfake_nvml.so"
HAS_GPU = bool(glob.glob("/dev/nvidia[0-9]*"))
IS_APART = os.readlink("/proc/self/ns/pid") != "pid:[4026531836]"

# What tests do: take BYTES of the GPU, be seen with it, and end or wait.
PROGRAM = """
import ctypes, os, sys, time
what, size = sys.argv[1], int(sys.argv[2])
fake = os.environ.get("FAKE_NVML_FILE")

def be_seen():
    if not fake:
        return time.sleep(1)
    read = fake + ".read"
    seen = os.path.getsize(read)
    while os.path.getsize(read) < seen + 3:
        time.sleep(0.002)

if what == "nobodys":
    with open(fake, "a") as file:
        file.write(f"nobodys {size}\\n")
elif fake and size:
    with open(fake, "a") as file:
        file.write(f"process {os.getpid()} {size}\\n")
elif size:
    cuda, context, memory = ctypes.CDLL("libcuda.so.1"), ctypes.c_void_p(), ctypes.c_uint64()
    assert cuda.cuInit(0) == 0 and cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0
    assert cuda.cuCtxSetCurrent(context) == 0
    assert cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(size)) == 0
be_seen()
if what == "wait":
    open("waits", "w").close()
    time.sleep(10000)
"""
GIB = 1 << 30


class Gpu(NamedTuple):
    name: str
    total: int
    free: int
    env: dict


@pytest.fixture(params=["made up", "real"])
def gpu(request, hexcore, tmp_path):
    if IS_APART:
        pytest.skip("in a container a driver tells other numbers of processes than there are here")
    if request.param == "real":
        if not HAS_GPU:
            pytest.skip("there is no GPU (/dev/nvidia0)")
        card = hexcore.json("devices")["gpus"][0]
        return Gpu("cuda:0", card["total_bytes"], card["free_bytes"], {})
    if HAS_GPU or not FAKE.exists():
        pytest.skip("there is a driver, or the one made up is not built (test_device)")
    folder = tmp_path / "driver"
    folder.mkdir()
    (folder / "libnvidia-ml.so.1").symlink_to(FAKE.resolve())
    state = folder / "state"
    state.write_text(f"total {16 * GIB}\n")
    return Gpu("gpu 0", 16 * GIB, 16 * GIB,
               {"LD_LIBRARY_PATH": str(folder), "FAKE_NVML_FILE": str(state)})


def write(folder, *tests):
    """(name, what, bytes, budget on which device, other properties)"""
    folder.mkdir(exist_ok=True)
    (folder / "program.py").write_text(PROGRAM)
    lines = []
    for name, what, size, budget, more in tests:
        labels = f'LABELS "device:{budget}"' if budget else ""
        lines.append(f"add_test({name} {sys.executable} {folder}/program.py {what} {size})\n"
                     f"set_tests_properties({name} PROPERTIES WORKING_DIRECTORY {folder} {labels} "
                     f"{more})\n")
    (folder / "CTestTestfile.cmake").write_text("".join(lines))


def environment(gpu, folder):
    return {"XDG_STATE_HOME": str(folder), "HEXCORE_RESERVATIONS": str(folder / "reserved"),
            **gpu.env}


def run(hexcore, gpu, tmp_path, *options):
    found = tmp_path / "found.json"
    code, out, err = hexcore("test", "-j", "2", *options, "--json", found, "--", "ctest",
                             "--test-dir", tmp_path / "suite", env=environment(gpu, tmp_path),
                             cwd=tmp_path)
    return code, {test["id"]: test for test in json.loads(found.read_text())["tests"]}, out + err


def test_a_budget_is_kept_and_peaks_are_known(hexcore, gpu, tmp_path):
    write(tmp_path / "suite", ("takes", "take", 2 * GIB, "", ""),
          ("over", "wait", 2 * GIB, f"{gpu.name}={GIB}", ""))
    code, tests, said = run(hexcore, gpu, tmp_path)
    assert code == 1, said
    taken, = tests["takes"]["devices"]
    assert tests["takes"]["verdict"] == "passed" and taken["name"] == gpu.name
    assert 2 * GIB <= taken["peak_bytes"] < 3 * GIB
    assert tests["over"]["verdict"] == "over_budget", said
    assert f"of its 1.00 GiB on {gpu.name}" in tests["over"]["reason"]
    # What it held is free again: the same once more, with as much as there is.
    write(tmp_path / "suite", ("fits", "take", gpu.free // 2, f"{gpu.name}={gpu.free // 10 * 9}",
                               ""))
    code, tests, said = run(hexcore, gpu, tmp_path)
    assert code == 0 and tests["fits"]["verdict"] == "passed", said


def test_what_one_run_is_going_to_take_the_other_waits_for(hexcore, gpu, tmp_path):
    budget = f"{gpu.name}={gpu.free // 10 * 6}"
    write(tmp_path / "one", ("waits", "wait", 0, budget, ""))
    write(tmp_path / "other", ("passes", "take", 0, budget, ""))
    env = environment(gpu, tmp_path)
    one = hexcore.start("test", "--", "ctest", "--test-dir", tmp_path / "one", env=env,
                        stdout=subprocess.DEVNULL)
    wait_until(lambda: (tmp_path / "one/waits").exists(), one)
    said = tmp_path / "said"
    with open(said, "wb") as err:
        other = hexcore.start("test", "--", "ctest", "--test-dir", tmp_path / "other", env=env,
                              stdout=subprocess.DEVNULL, stderr=err)
    wait_until(lambda: "passes waits" in said.read_text(), other)
    assert re.search(rf"of {gpu.name} reserved and not yet taken are [\d.]+ GiB by process "
                     rf"{one.pid} ", " ".join(said.read_text().split()))
    one.kill()
    assert other.wait() == 0


def test_where_a_device_does_not_come_back_heavier_tests_do_not_begin(hexcore, gpu, tmp_path):
    if not gpu.env:
        pytest.skip("a real driver gives back what a process had")
    write(tmp_path / "suite", ("light", "nobodys", 3 * GIB, "", ""),
          ("heavy", "take", GIB, f"{gpu.name}={8 * GIB}", ""))
    code, tests, said = run(hexcore, gpu, tmp_path, "--wait", "10ms")
    assert code == 1 and tests["light"]["verdict"] == "passed", said
    assert tests["heavy"]["verdict"] == "postponed"
    assert f"{gpu.name} has 3.00 GiB in use that no process holds" in tests["heavy"]["reason"]
    code, tests, said = run(hexcore, gpu, tmp_path, "-E", "heavy")
    assert code == 0, "at the start of another run that is how the device is"
