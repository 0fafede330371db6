"""LoRA adapters of experts in a stock program: the plugin places them with their experts."""

import os
import sys

import numpy as np
import pytest
from conftest import TOOLS, Hexcore, on
from plugin_programs import PROMPT, outcome_of

sys.path.insert(0, str(TOOLS))
import gguf_file as gguf  # noqa: E402

RANK = 4
CONTEXT = ["--ctx", 512, "--ubatch", 128]
GREEDY = ["-p", PROMPT, "-n", 16, "--temp", 0, "-no-cnv",
          "--no-display-prompt", "--simple-io"]


@pytest.fixture(scope="module")
def adapter(demo_model, tmp_path_factory):
    """An adapter of random numbers over the experts of all layers, and of nothing else."""
    source = gguf.read_header(demo_model)
    header = gguf.Header(keys={
        "general.type": gguf.string("adapter"),
        "general.architecture": source.keys["general.architecture"],
        "adapter.type": gguf.string("lora"),
        "adapter.lora.alpha": gguf.scalar(gguf.F32, RANK)})
    f32 = gguf.TYPE_BY_NAME["F32"]
    for tensor in source.tensors:
        if tensor.name.endswith("_exps.weight"):
            columns, rows, experts = tensor.shape
            header.tensors += [gguf.Tensor(tensor.name + ".lora_a", (columns, RANK, experts), f32),
                               gguf.Tensor(tensor.name + ".lora_b", (RANK, rows, experts), f32)]
    raw, size = gguf.layout(header)
    path = tmp_path_factory.mktemp("adapter") / "adapter.gguf"
    random = np.random.default_rng(7)
    with path.open("wb") as file:
        file.write(raw)
        for tensor in header.tensors:
            file.seek(header.data_offset + tensor.offset)
            # Enough to change the text, and not so much that it is noise.
            file.write(random.normal(0, 0.06, tensor.values).astype("<f4").tobytes())
        file.truncate(size)
    return path


def beyond_the_plan(report):
    return [device["accounted"].get("adapters_bytes", 0)
            for device in report["devices"]]


@pytest.mark.parametrize("second", ["host", "rpc"])
def test_text_is_that_of_plain_llama_cpp_with_the_adapter(plugin_programs, start_server, llama_bin,
                                                          demo_model, adapter, second):
    def plain(*more):
        # Weights as they are in the file, since ggml's kernels for those that it packs anew need
        # what not every machine lets a program use (AMX).
        code, text, err = outcome_of([llama_bin("llama-completion"), "-m", demo_model, "-c", 512,
                                       "-ub", 128, "--no-repack", *GREEDY, *more],
                                      os.environ | Hexcore.env)
        assert code == 0, err
        return text

    kind = "host" if second == "host" else f"rpc:{start_server()[1]}"
    programs = plugin_programs(demo_model, *on("400MiB"), *on("400MiB", kind=kind), *CONTEXT)
    code, text, err = programs.run("llama-completion", *GREEDY, "--lora", adapter)
    assert code == 0, err
    assert text == plain("--lora", adapter) != plain()
    report = programs.report()
    beyond = beyond_the_plan(report)
    # All of the adapter, with up to 1 KiB more for each tensor on each device.
    size = adapter.stat().st_size
    assert size * 0.99 < sum(beyond) < size + 2 * 180 * 1024
    assert min(beyond) > size / 4
    assert all(device["left_bytes"] == 0 for device in report["devices"])


def test_an_adapter_that_does_not_fit_is_refused(hexcore, plugin_programs, demo_model, adapter):
    roomy = hexcore.json("plan", demo_model, *on("400MiB", "400MiB"), *CONTEXT, "--plugin")
    needed = max(device["planned"]["total_bytes"] for device in roomy["devices"])
    tight = needed + (4 << 20)
    programs = plugin_programs(demo_model, *on(tight, tight), "--reserve", 0, *CONTEXT)
    code, _, err = programs.run("llama-completion", *GREEDY, "--lora", adapter)
    assert code not in (0, -6, -11), err
    assert "hexcore: host" in err
    assert "no room for more than its model" in err
    assert all(device["left_bytes"] == 0 for device in programs.report()["devices"])
