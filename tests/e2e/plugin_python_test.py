"""The package llama-cpp-python over the plugin. Its Python code, as it is in the pinned archive,
uses the shared libraries that Hexcore is built with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Hexcore, on
from plugin_programs import PROMPT, assert_as_planned

# libllama opens plugins only where no backend is built in; one line of ctypes makes up for that.
# Weights are as in the file: ggml's kernels for those that it packs anew need what not every
# machine lets a program use (AMX).
PROGRAM = """
import ctypes, json, os, sys
import llama_cpp.llama_cpp as libllama
from llama_cpp import Llama
defaults = libllama.llama_model_default_params
def as_in_the_file():
    parameters = defaults()
    parameters.use_extra_bufts = False
    return parameters
libllama.llama_model_default_params = as_in_the_file
model, prompt, split = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
if split:
    library = os.path.join(os.environ["LLAMA_CPP_LIB_PATH"], "libggml.so")
    ctypes.CDLL(library).ggml_backend_load_all()
llm = Llama(model, n_ctx=512, n_batch=128, n_ubatch=128, n_gpu_layers=-1, tensor_split=split,
            verbose=False)
print(llm(prompt, max_tokens=16, temperature=0)["choices"][0]["text"])
"""


@pytest.fixture(scope="module")
def package():
    if os.environ.get("HEXCORE_LLAMA_SOURCE"):
        pytest.skip("a checkout of llama.cpp has no Python package beside it")
    run = subprocess.run([ROOT / "cmake/build_llama.sh", "python"], stdout=subprocess.PIPE,
                         text=True, check=True)
    paths = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    return {"PYTHONPATH": paths["python"], "LLAMA_CPP_LIB_PATH": str(Path(paths["build"]) / "bin")}


def answer(model, split, env):
    run = subprocess.run([sys.executable, "-c", PROGRAM, model, PROMPT, json.dumps(split)],
                         env=os.environ | Hexcore.env | env, capture_output=True, text=True,
                         timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_llama_cpp_python_follows_a_plan(package, plugin_programs, plugin_path, demo_model):
    programs = plugin_programs(demo_model, *on("320MiB", "320MiB"), "--ctx", 512, "--ubatch", 128)
    layers = programs.plan["layer_device"]
    split = [layers.count(0), layers.count(1)]
    split[layers[-1]] += 1
    text = answer(demo_model, split, package | {
        "GGML_BACKEND_PATH": str(plugin_path), "HEXCORE_PLAN": str(programs.plan_path),
        "HEXCORE_REPORT": str(programs.report_path)})
    assert text == answer(demo_model, None, package)
    # Compute buffers differ: the package does not use flash attention, unlike llama.cpp's default.
    assert_as_planned(programs.report(), exact=("weights_bytes", "experts_bytes", "kv_bytes"))
