"""What PyTorch, CuPy and JAX hold is recorded of any Python under `hexcore watch --python`.

Stand-ins have exactly the functions that are asked, and fail if asked before a program uses a GPU.
"""

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT
from told import Told, watch

STAND_INS = ROOT / "tests" / "support" / "fake_frameworks"
MIB = 1 << 20


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """A libcuda.so.1 that counts two GPUs and knows which have a context."""
    library = tmp_path_factory.mktemp("driver") / "libcuda.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", library,
                    STAND_INS / "cupy" / "driver.c"], check=True)
    return str(library)


def run(hexcore, folder, program, *words, env=None, options=("--python",)):
    outcome, told = watch(hexcore, folder, sys.executable, "-W", "error", "-c", program, *words,
                          options=options, env={"PYTHONPATH": str(STAND_INS)} | (env or {}))
    assert outcome.code == 0, outcome.stderr
    return outcome.stdout, told


def test_what_each_holds_is_recorded_by_device(hexcore, tmp_path, driver):
    """At the end of a label, and without one before the program ends."""
    _, told = run(hexcore, tmp_path, """
import sys
import cupy, hexcore, jax, torch
from jax._src import xla_bridge
torch.cuda.start(2)
torch.cuda.hold(1, 5 << 20, 8 << 20)
cupy.cuda.pools[1] = (3 << 20, 4 << 20)
cupy.cuda.start(sys.argv[1], 1)
xla_bridge.start(10 << 20, 100 << 20)
with hexcore.label("step"):
    torch.cuda.hold(0, 1 << 20, 1 << 20)
torch.cuda.hold(0, 0, 0)
torch.cuda.hold(1, 6 << 20, 8 << 20)
torch.cuda.hold(1, 6 << 20, 9 << 20)
import hexcore.frameworks
assert not hexcore.frameworks.problems(), hexcore.frameworks.problems()
""", driver)
    assert told.holders() == {
        "cuda:0 PyTorch": {"allocated": MIB},
        "cuda:1 PyTorch": {"allocated": 6 * MIB, "cache": 3 * MIB},
        "cuda:1 CuPy": {"allocated": 3 * MIB, "cache": 4 * MIB},
        "cuda:0 JAX": {"allocated": 10 * MIB, "cache": 90 * MIB}}


def test_it_samples_by_itself(hexcore, tmp_path):
    """The program waits until the thread has asked."""
    _, told = run(hexcore, tmp_path, """
import threading
import torch
asked = threading.Event()
stats = torch.cuda.memory_stats_as_nested_dict
def watched_stats(device):
    asked.set()
    return stats(device)
torch.cuda.memory_stats_as_nested_dict = watched_stats
torch.cuda.start(1)
torch.cuda.hold(0, 7, 7)
assert asked.wait(240)
""")
    assert told.holders() == {"cuda:0 PyTorch": {"allocated": 7}}


def test_one_import_does_the_same(hexcore, tmp_path):
    program = "import torch, hexcore.frameworks; torch.cuda.start(1); torch.cuda.hold(0, 7, 9)"
    path = f"{STAND_INS}:{hexcore.path.parent / 'python'}"
    _, told = run(hexcore, tmp_path, program, options=(), env={"PYTHONPATH": path})
    assert told.holders() == {"cuda:0 PyTorch": {"allocated": 7, "cache": 2}}


def test_nothing_runs_before_a_framework_is_imported_and_none_is_imported_for_it(hexcore, tmp_path):
    out, told = run(hexcore, tmp_path, """
import sys, threading
print(threading.active_count(), [name for name in ("torch", "cupy", "jax") if name in sys.modules])
import cupy, jax, torch
import hexcore, hexcore.frameworks
with hexcore.label("none of them has used a GPU"):
    pass
print(threading.active_count(), hexcore.frameworks.problems())
""")
    assert out == "1 []\n2 {}\n"
    assert told.holders() == {}


def test_a_fork_finds_no_thread_and_the_child_tells_for_itself(hexcore, tmp_path):
    """-W error: since 3.12 Python warns of a fork while threads run."""
    _, told = run(hexcore, tmp_path, """
import os, threading
import hexcore, torch
torch.cuda.start(1)
seen = []
os.register_at_fork(before=lambda: seen.append(threading.active_count()))
import hexcore.frameworks as frameworks
os.register_at_fork(after_in_child=lambda: seen.append(threading.active_count()))
child = os.fork()
if child == 0:
    torch.cuda.hold(0, 100, 100)
    with hexcore.label("in the child"):
        pass
    os._exit(0 if seen[-1] == 2 and not frameworks.problems() else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert threading.active_count() == 2, threading.enumerate()
torch.cuda.hold(0, 5, 5)
""")
    assert told.holders() == {"cuda:0 PyTorch": {"allocated": 100}}


@pytest.mark.parametrize("held, verdict, bytes_per_repeat", [
    ("(step << 20, (10 + step) << 20)", "leak", MIB),
    ("(5 << 20, min(10 + step, 20) << 20)", "cache", 0),
])
def test_steps_are_judged_by_what_each_left(hexcore, tmp_path, held, verdict, bytes_per_repeat):
    """Exactly, although samples are much further apart: a leak, and a cache up to its plateau."""
    run(hexcore, tmp_path, f"""
import time
import hexcore, torch
torch.cuda.start(1)
for step in range(60):
    with hexcore.label("step"):
        torch.cuda.hold(0, *{held})
    time.sleep(0.021)  # so that amounts are recorded at the end of each
""")
    assert hexcore("report", tmp_path / "told.hxr", "-o", tmp_path / "out.json").code == 0
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    (steps,) = document["repeats"]
    (gpu,) = (device for device in steps["devices"] if device["device"] == "cuda:0")
    assert (gpu["known_by"], gpu["verdict"]) == ("allocations", verdict)
    if verdict == "leak":
        assert gpu["bytes_per_repeat"] == bytes_per_repeat


@pytest.mark.parametrize("watchers, own, expected", [
    (None, None, "cuda:1"),
    ("3,5", "3,5", "cuda:1"),
    (None, "2,6", "cuda:6"),
    ("4,6,7", "7,6", "cuda:1"),
    ("GPU-aa,GPU-bb", "GPU-xx,GPU-bb", "cuda:1"),
    (None, "GPU-aa,GPU-bb", "cuda:GPU-bb"),
])
def test_gpus_have_the_watchers_numbers(hexcore, tmp_path, watchers, own, expected):
    """Of the program's second GPU, where it has hidden some from itself."""
    hide = f"os.environ['CUDA_VISIBLE_DEVICES'] = {own!r}" if own else ""
    _, told = run(hexcore, tmp_path, f"""
import os
{hide}
import torch
torch.cuda.start(2)
torch.cuda.hold(1, 5, 5)
""", env={"CUDA_VISIBLE_DEVICES": watchers} if watchers else {})
    assert told.holders() == {f"{expected} PyTorch": {"allocated": 5}}


def test_a_framework_that_cannot_be_asked_does_the_program_no_harm(hexcore, tmp_path):
    out, told = run(hexcore, tmp_path, """
import hexcore, jax, torch
from jax._src import xla_bridge
torch.cuda.start(1)
del torch.cuda.memory_stats_as_nested_dict
xla_bridge.start(1, 2)
with hexcore.label("step"):
    pass
import hexcore.frameworks
print(hexcore.frameworks.problems())
""")
    assert "'pytorch': \"AttributeError" in out
    assert told.holders() == {"cuda:0 JAX": {"allocated": 1, "cache": 1}}


def test_where_no_thread_can_be_had_the_ends_of_labels_do(hexcore, tmp_path):
    out, told = run(hexcore, tmp_path, """
import threading
def refuse(thread):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
import hexcore, torch
torch.cuda.start(1)
with hexcore.label("step"):
    torch.cuda.hold(0, 4, 5)
import hexcore.frameworks
print(hexcore.frameworks.problems())
""")
    assert out == "{'thread': \"can't start new thread\"}\n"
    assert told.holders() == {"cuda:0 PyTorch": {"allocated": 4, "cache": 1}}


def test_a_tracker_of_the_process_hears_them(hexcore, tmp_path):
    """Whether a framework is imported before it starts or after."""
    path = f"{STAND_INS}:{hexcore.path.parent / 'python'}"
    subprocess.run([sys.executable, "-c", """
import hexcore, torch
torch.cuda.start(1)
with hexcore.Tracker() as tracker:
    import jax
    from jax._src import xla_bridge
    xla_bridge.start(2, 5)
    torch.cuda.hold(0, 3, 4)
    with hexcore.label("step"):
        pass
tracker.picture("told.trace.json")
"""], cwd=tmp_path, env=unwatched() | {"PYTHONPATH": path}, check=True)
    events = json.loads((tmp_path / "told.trace.json").read_text(encoding="utf-8"))["traceEvents"]
    assert Told(events).holders() == {"cuda:0 PyTorch": {"allocated": 3, "cache": 1},
                                      "cuda:0 JAX": {"allocated": 2, "cache": 3}}


def unwatched():
    return {name: value for name, value in os.environ.items() if name != "HEXCORE_WATCH"}


def test_unwatched_it_costs_no_thread(hexcore):
    path = f"{STAND_INS}:{hexcore.path.parent / 'python'}"
    ended = subprocess.run(
        [sys.executable, "-c", "import hexcore.frameworks, threading, torch; "
         "print(threading.active_count())"], env=unwatched() | {"PYTHONPATH": path},
        capture_output=True, text=True, check=True)
    assert ended.stdout == "1\n"
