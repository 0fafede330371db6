"""On a machine with a GPU: what is recorded of PyTorch, CuPy and JAX is what they say themselves,
and no CUDA context is made to know it; a leak of 1 MiB a step is found and sized; PyTorch's cache,
which grows to its plateau, is no leak.

    ./dev bench frameworks
    python3 bench/frameworks.py --hexcore build/cuda/hexcore

It needs no network. A framework that is not installed is left out, and said. Exit code 1: something
is not as it should be; 5: there is no GPU."""

import argparse
import ctypes
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MIB = 1 << 20
# What a framework takes in each step; at 0 it gives back all.
TAKEN_MIB = (1, 20, 300, 7, 0, 64, 3)
SAMPLED_S = 0.3  # what the program tells is recorded every 0.1 s
REPEATS = 400
STEP_S = 0.06  # the driver is asked every 0.5 s


class PyTorch:
    module = "torch"

    def __init__(self):
        import torch
        self.torch = torch

    def take(self, size_bytes):
        return self.torch.empty(size_bytes, dtype=self.torch.uint8, device="cuda:0")

    def says(self):
        stats = self.torch.cuda.memory_stats(0)
        allocated = stats["allocated_bytes.all.current"]
        return allocated, stats["reserved_bytes.all.current"] - allocated


class CuPy:
    module = "cupy"

    def __init__(self):
        import cupy
        self.cupy = cupy

    def take(self, size_bytes):
        return self.cupy.empty(size_bytes, dtype=self.cupy.uint8)

    def says(self):
        pool = self.cupy.get_default_memory_pool()
        return pool.used_bytes(), pool.total_bytes() - pool.used_bytes()


class Jax:
    module = "jax"

    def __init__(self):
        import jax
        self.jax = jax

    def take(self, size_bytes):
        return self.jax.numpy.zeros(size_bytes, dtype="uint8").block_until_ready()

    def says(self):
        stats = self.jax.local_devices()[0].memory_stats()
        return stats["bytes_in_use"], stats.get("pool_bytes", 0) - stats["bytes_in_use"]


FRAMEWORKS = {"PyTorch": PyTorch, "CuPy": CuPy, "JAX": Jax}


def driver():
    cuda = ctypes.CDLL("libcuda.so.1")
    if cuda.cuInit(0) != 0:
        raise OSError("the driver does not start")
    return cuda


def succeed(status):
    if status != 0:
        raise OSError(f"the driver says {status}")


def holding(name):
    """Takes what TAKEN_MIB says; what the framework said after each step."""
    import hexcore
    import hexcore.frameworks
    framework = FRAMEWORKS[name]()
    held, said = [], []
    for mib in TAKEN_MIB:
        with hexcore.label("step"):
            if mib == 0:
                held.clear()
            else:
                held.append(framework.take(mib * MIB))
        said.append(framework.says())
        time.sleep(SAMPLED_S)
    return {"said": said, "problems": hexcore.frameworks.problems()}


def idle(name):
    """Imports the framework, and lets it be; whether the GPU has a context after two samples."""
    FRAMEWORKS[name]()
    time.sleep(1.2)
    flags, active, device = ctypes.c_uint(), ctypes.c_int(), ctypes.c_int()
    cuda = driver()
    succeed(cuda.cuDeviceGet(ctypes.byref(device), 0))
    succeed(cuda.cuDevicePrimaryCtxGetState(device, ctypes.byref(flags), ctypes.byref(active)))
    return {"context": bool(active.value)}


def leaking():
    """1 MiB of the driver's memory a step, and 4 MiB that go again."""
    import hexcore
    cuda, context, device = driver(), ctypes.c_void_p(), ctypes.c_int()
    succeed(cuda.cuDeviceGet(ctypes.byref(device), 0))
    succeed(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device))
    succeed(cuda.cuCtxSetCurrent(context))
    kept, passing = ctypes.c_uint64(), ctypes.c_uint64()
    for _ in range(REPEATS):
        with hexcore.label("step"):
            succeed(cuda.cuMemAlloc_v2(ctypes.byref(kept), ctypes.c_size_t(MIB)))
            succeed(cuda.cuMemAlloc_v2(ctypes.byref(passing), ctypes.c_size_t(4 * MIB)))
            succeed(cuda.cuMemFree_v2(passing))
        time.sleep(STEP_S)
    return {"repeats": REPEATS}


def plateau():
    """Each step needs another size, as batches of texts do."""
    import torch

    import hexcore
    sizes = random.Random(time.time_ns())
    layer = torch.nn.Linear(1024, 1024, device="cuda:0")
    optimizer = torch.optim.Adam(layer.parameters())
    for _ in range(REPEATS):
        with hexcore.label("step"):
            batch = torch.randn(sizes.randrange(1, 40) * 512, 1024, device="cuda:0")
            loss = layer(batch).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            del batch, loss
        time.sleep(STEP_S)
    return {"reserved_bytes": torch.cuda.memory_reserved(0)}


PARTS = {part.__name__: part for part in (holding, idle, leaking, plateau)}


class Checks:
    """Runs the parts in a Python under `hexcore watch`, and notes what is not as it should be."""

    def __init__(self, hexcore, python, folder):
        self.hexcore, self.python, self.folder = hexcore, python, Path(folder)
        self.found = []

    def note(self, name, holds, **figures):
        self.found.append({"check": name, "holds": bool(holds)} | figures)

    def has(self, module):
        return subprocess.run([self.python, "-c", f"import {module}"], check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def part(self, name, *words):
        """What a part says, and its recording as a document and as a trace; None if it failed."""
        recording = self.folder / "part.hxr"
        run = subprocess.run(
            [self.hexcore, "watch", "--python", "-o", recording, "--", self.python, __file__,
             "--part", name, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            check=False, env=os.environ | {"XDG_STATE_HOME": str(self.folder)})
        if run.returncode != 0:
            self.note(f"{name} {' '.join(words)}", False, exit=run.returncode,
                      stderr=run.stderr[-800:])
            return None
        read = []
        for file in ("part.json", "part.trace.json"):
            subprocess.run([self.hexcore, "report", recording, "-o", self.folder / file],
                           check=True, env=os.environ | {"XDG_STATE_HOME": str(self.folder)})
            read.append(json.loads((self.folder / file).read_text(encoding="utf-8")))
        return json.loads(run.stdout.splitlines()[-1]), *read

    def framework(self, name):
        if told := self.part("holding", name):
            said, _, trace = told
            recorded = recorded_amounts(trace, name)
            self.note(f"what is recorded of {name} is what it says",
                      all(tuple(pair) in recorded for pair in said["said"])
                      and not said["problems"],
                      steps=len(said["said"]), most_bytes=max(pair[0] for pair in said["said"]),
                      not_recorded=[pair for pair in said["said"] if tuple(pair) not in recorded],
                      problems=said["problems"])
        if told := self.part("idle", name):
            self.note(f"{name} is imported, and the GPU has no context", not told[0]["context"])

    def leak(self):
        if told := self.part("leaking"):
            steps = steps_on_gpu(told[1])
            self.note("a leak of 1 MiB a step is found, and sized within 1 %",
                      steps["verdict"] in ("leak", "driver")
                      and abs(steps["bytes_per_repeat"] / MIB - 1) <= 0.01,
                      verdict=steps["verdict"], bytes_per_repeat=steps["bytes_per_repeat"],
                      known_by=steps["known_by"])

    def plateau(self):
        if told := self.part("plateau"):
            steps = steps_on_gpu(told[1])
            self.note("PyTorch's cache that grows to its plateau is no leak",
                      steps["known_by"] and steps["verdict"] not in ("leak", "driver"),
                      verdict=steps["verdict"], known_by=steps["known_by"],
                      reserved_bytes=told[0]["reserved_bytes"])


def steps_on_gpu(document):
    """How the repeats of the label are judged on the first GPU."""
    judged = [device for repeated in document["repeats"] if repeated["label"] == "step"
              for device in repeated["devices"] if device["device"] == "cuda:0"]
    if len(judged) != 1:
        return {"verdict": f"{len(judged)} of step on cuda:0", "bytes_per_repeat": 0.0,
                "known_by": None}
    return judged[0]


def recorded_amounts(trace, framework):
    """All (allocated, cache) that were recorded of the first GPU."""
    return {(event["args"].get("allocated", 0), event["args"].get("cache", 0))
            for event in trace["traceEvents"]
            if event["ph"] == "C" and event["name"].startswith(f"cuda:0 {framework} bytes")}


def show(found, how):
    if how == "json":
        print(json.dumps({"checks": found}, indent=2))
        return
    for check in found:
        figures = ", ".join(f"{name} {value}" for name, value in check.items()
                            if name not in ("check", "holds"))
        print(f"{'ok' if check['holds'] else 'FAILED':8}{check['check']:58}{figures}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hexcore", help="the program", default=os.path.join(
        os.environ.get("HEXCORE_BUILD", "build/release"), "hexcore"))
    parser.add_argument("--python", default="python3", help="the Python that has the frameworks")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(PARTS[arguments.part](*arguments.words)))
        return 0
    try:
        driver()
    except OSError as error:
        print(f"there is no GPU to ask: {error}", file=sys.stderr)
        return 5
    with tempfile.TemporaryDirectory() as folder:
        checks = Checks(os.path.abspath(arguments.hexcore), arguments.python, folder)
        for name, framework in FRAMEWORKS.items():
            if checks.has(framework.module):
                checks.framework(name)
            else:
                print(f"{name} is left out: {arguments.python} cannot import {framework.module}",
                      file=sys.stderr)
        checks.leak()
        if checks.has("torch"):
            checks.plateau()
    show(checks.found, arguments.format)
    return 0 if all(check["holds"] for check in checks.found) else 1


if __name__ == "__main__":
    sys.exit(main())
