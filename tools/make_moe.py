#!/usr/bin/env python3
"""Turns a dense GGUF model into a mixture of experts that says the same.

Every FFN becomes `--experts` experts with a random router, in the Mixtral layout (architecture
"llama", merged ffn_{gate,up,down}_exps). The weights of the selected experts sum to one, so if all
experts are the same function, the mixture writes what the dense model wrote. Experts are still
different bytes: each has its own order of hidden units, moved in blocks of 32 (or as wide as
ffn_down's quantisation blocks). Gate and up move whole rows, down moves whole quantisation blocks
along its rows, so nothing is requantised, and an up-projection that meets another expert's
down-projection gives nonsense at once.

"The same" is up to rounding. In F32 the text is the dense model's, word for word. With quantised
weights, llama.cpp also rounds activations to 8 bits; sums in another order then move logits about
as far as that rounding itself does, and where two words are nearly tied the texts may part ways.

Memory stays below two of the largest tensors: the model is streamed tensor by tensor. The same
input, options and seed give the same bytes.

Example: make_moe.py smollm2.gguf smollm2-8x.gguf --experts 8 --used 2
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
import time
from pathlib import Path

import numpy as np

import gguf_file as gguf
from output_file import InputError, OutputFile, read_exactly, run_maker

FFN = re.compile(r"blk\.(\d+)\.ffn_(gate|up|down)\.(.+)")
HIDDEN_BLOCK = 32
COPY_BYTES = 8 << 20


def layer_ffn(header: gguf.Header, path: Path) -> dict[int, dict[str, gguf.Tensor]]:
    """The dense FFN tensors by layer and role; raises InputError for what cannot be converted."""
    arch = header.scalar("general.architecture")
    if arch != "llama":
        raise InputError(f"{path} has architecture {arch!r}; only 'llama' has the Mixtral layout "
                         "that a mixture is made in")
    if header.scalar("llama.expert_count", 0):
        raise InputError(f"{path} is a mixture already: llama.expert_count is "
                         f"{header.scalar('llama.expert_count')}")
    if header.scalar("split.count", 1) > 1:
        raise InputError(f"{path} is one part of a split model; merge the parts first")
    layers: dict[int, dict[str, gguf.Tensor]] = {}
    for tensor in header.tensors:
        match = FFN.fullmatch(tensor.name)
        if not match:
            continue
        if match[3] != "weight":
            raise InputError(f"{path} has {tensor.name}; an FFN with more than its three weight "
                             "matrices has no place in the Mixtral layout")
        layers.setdefault(int(match[1]), {})[match[2]] = tensor
    count = header.scalar("llama.block_count", 0)
    for layer in range(count):
        missing = {"gate", "up", "down"} - set(layers.get(layer, {}))
        if missing:
            raise InputError(f"{path}: layer {layer} has no ffn_{sorted(missing)[0]}.weight")
    if not count:
        raise InputError(f"{path} has no layers: llama.block_count is missing or 0")
    return layers


def hidden_unit(ffn: dict[str, gguf.Tensor], experts: int, path: Path) -> int:
    """How many hidden values move together, so that ffn_down's quantisation blocks stay whole."""
    down, gate, up = ffn["down"], ffn["gate"], ffn["up"]
    hidden = down.shape[0]
    if gate.shape != up.shape or gate.shape != down.shape[::-1]:
        raise InputError(f"{path}: {gate.name}, {up.name} and {down.name} have shapes that do not "
                         f"fit: {list(gate.shape)}, {list(up.shape)}, {list(down.shape)}")
    unit = max(HIDDEN_BLOCK, down.type.block)
    if hidden % unit or math.factorial(min(hidden // unit, 20)) < experts:
        raise InputError(f"{path}: {down.name} has {hidden} hidden values of {down.type.name}, "
                         f"which move in blocks of {unit}; that is too few blocks, or no whole "
                         f"number of them, for {experts} different orders: use fewer experts or a "
                         "model quantised in blocks of 32 (Q4_0, Q4_1, Q8_0, F16)")
    return unit


def random_stream(seed: int, *path: int) -> np.random.PCG64:
    """Raw PCG64 words: unlike numpy's distributions, these never change between its versions."""
    return np.random.PCG64(np.random.SeedSequence([seed, *path]))


def expert_orders(seed: int, layer: int, units: int, experts: int) -> np.ndarray:
    """[experts, units] orders of the hidden blocks, all different; expert 0 keeps the dense one."""
    stream, orders, seen = random_stream(seed, layer, 0), [np.arange(units)], {tuple(range(units))}
    while len(orders) < experts:
        order = np.argsort(stream.random_raw(units), kind="stable")
        if tuple(order) not in seen:
            seen.add(tuple(order))
            orders.append(order)
    return np.stack(orders)


def router(seed: int, layer: int, embd: int, experts: int) -> np.ndarray:
    """[experts, embd] F32, uniform with variance 1/embd: logits of about the input's scale."""
    raw = random_stream(seed, layer, 1).random_raw(embd * experts) >> np.uint64(40)
    uniform = raw.astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
    return (uniform * np.float32(math.sqrt(3.0 / embd))).reshape(experts, embd)


def mixture_header(dense: gguf.Header, args) -> gguf.Header:
    """The dense header with the expert keys, the new name, and the FFNs as merged experts."""
    keys = dict(dense.keys)
    name = args.name or f"{dense.scalar('general.name', 'model')} {args.experts}x mixture"
    keys["general.name"] = gguf.string(name)
    if "general.size_label" in keys:
        label = dense.scalar("general.size_label")
        keys["general.size_label"] = gguf.string(f"{args.experts}x{label}")
    keys["llama.expert_count"] = gguf.scalar(gguf.U32, args.experts)
    keys["llama.expert_used_count"] = gguf.scalar(gguf.U32, args.used)
    tensors = []
    for t in dense.tensors:
        match = FFN.fullmatch(t.name)
        if match and match[2] == "gate":
            tensors.append(gguf.Tensor(f"blk.{match[1]}.ffn_gate_inp.weight",
                                       (t.shape[0], args.experts), gguf.TYPE_BY_NAME["F32"]))
        if match:
            exps = f"blk.{match[1]}.ffn_{match[2]}_exps.weight"
            tensors.append(gguf.Tensor(exps, (*t.shape, args.experts), t.type))
        else:
            tensors.append(gguf.Tensor(t.name, t.shape, t.type))
    return gguf.Header(keys, tensors, dense.alignment)


def write_experts(out: OutputFile, at: int, data: np.ndarray, tensor: gguf.Tensor, unit: int,
                  orders: np.ndarray) -> None:
    """Writes one FFN tensor once for each order: rows of gate and up, blocks along down's rows."""
    if ".ffn_down." in tensor.name:
        unit_bytes = unit // tensor.type.block * tensor.type.block_bytes
        blocks, axis = data.reshape(tensor.shape[1], -1, unit_bytes), 1
    else:
        blocks, axis = data.reshape(-1, unit * tensor.row_bytes), 0
    for expert, order in enumerate(orders):
        out.write(np.take(blocks, order, axis=axis), at + expert * tensor.size_bytes)


def copy_tensor(source: int, out: OutputFile, start: int, at: int, size: int) -> None:
    buffer = bytearray(min(size, COPY_BYTES))
    for done in range(0, size, COPY_BYTES):
        part = memoryview(buffer)[:min(COPY_BYTES, size - done)]
        read_exactly(source, part, start + done)
        out.write(part, at + done)


def write_mixture(source: int, dense: gguf.Header, layers, out: OutputFile, mixture: gguf.Header,
                  raw_header: bytes, args) -> None:
    """Streams every tensor of the dense file to its place in the mixture."""
    out.write(raw_header, 0)
    place = {t.name: mixture.data_offset + t.offset for t in mixture.tensors}
    for tensor in dense.tensors:
        start = dense.data_offset + tensor.offset
        match = FFN.fullmatch(tensor.name)
        if not match:
            copy_tensor(source, out, start, place[tensor.name], tensor.size_bytes)
            continue
        layer, role = int(match[1]), match[2]
        unit = hidden_unit(layers[layer], args.experts, args.dense)
        units = layers[layer]["down"].shape[0] // unit
        data = np.empty(tensor.size_bytes, np.uint8)
        read_exactly(source, data, start)
        orders = expert_orders(args.seed, layer, units, args.experts)
        write_experts(out, place[f"blk.{layer}.ffn_{role}_exps.weight"], data, tensor, unit, orders)
        if role == "gate":
            values = router(args.seed, layer, tensor.shape[0], args.experts)
            out.write(values, place[f"blk.{layer}.ffn_gate_inp.weight"])


def parse_arguments(argv) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dense", type=Path, help="the dense model, one GGUF file")
    parser.add_argument("mixture", type=Path, help="the file to write")
    parser.add_argument("--experts", type=int, default=8, help="2 to 256 (default 8)")
    parser.add_argument("--used", type=int, default=2, help="experts per token (default 2)")
    parser.add_argument("--seed", type=int, default=0, help="of orders and router (default 0)")
    parser.add_argument("--name", help="general.name of the result")
    args = parser.parse_args(argv)
    if not 2 <= args.experts <= 256:
        parser.error(f"--experts {args.experts}: choose 2 to 256")
    if not 1 <= args.used <= args.experts:
        parser.error(f"--used {args.used}: choose 1 to {args.experts}, the number of experts")
    if args.seed < 0:
        parser.error(f"--seed {args.seed}: choose 0 or more")
    if args.mixture.exists() and args.dense.exists() and args.mixture.samefile(args.dense):
        parser.error("the mixture would replace the dense model; choose another output file")
    return args


def make(argv) -> None:
    """Makes the mixture; raises InputError, OutputError or OSError and leaves nothing behind."""
    args = parse_arguments(argv)
    started = time.monotonic()
    dense = gguf.read_header(args.dense)
    layers = layer_ffn(dense, args.dense)
    for ffn in layers.values():
        hidden_unit(ffn, args.experts, args.dense)
    mixture = mixture_header(dense, args)
    raw_header, size = gguf.layout(mixture)
    source = os.open(args.dense, os.O_RDONLY)
    try:
        with OutputFile(args.mixture, size) as out:
            write_mixture(source, dense, layers, out, mixture, raw_header, args)
            out.commit()
    finally:
        os.close(source)
    print(f"{args.mixture}: {len(layers)} layers x {args.experts} experts, {args.used} used, "
          f"{size} bytes, {time.monotonic() - started:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run_maker(make, sys.argv[1:]))
