#!/usr/bin/env python3
"""Writes a LoRA adapter for a GGUF model: W x becomes W x + scale * alpha / rank * B (A x).

By default A and B are random, over the tensors that --tensors names. With --logit the adapter's
effect is known instead: A is made of rows of output.weight, so A h is a logit of the base, and

    logit[TO] of the adapted model = logit[TO] + scale * FACTOR * logit[FROM] of the base

to the rounding of a float (alpha is the rank). The same options and seed give the same bytes.

Examples:
  random, over all experts and the attention's output
    make_adapter.py model.gguf adapter.gguf --rank 8 --tensors '_exps|attn_output'
  the logit of token 7 grows by a half of that of token 5, times the scale
    make_adapter.py model.gguf adapter.gguf --logit 5:7=0.5
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

import numpy as np

import gguf_file as gguf
import random_blocks
from output_file import InputError, OutputFile, read_exactly, run_maker

# Of the model's tensors those that llama.cpp multiplies with by way of adapters, for --tensors all.
USUAL = (r"^(output|blk\.\d+\.(attn_(q|k|v|qkv|output)|ffn_(gate|up|down|gate_inp)"
         r"(_(exps|shexp))?))\.weight$")
EMBEDDING = "token_embd.weight"
OUTPUT = "output.weight"


def rows_of(path: Path, header: gguf.Header, tensor: gguf.Tensor, rows: list[int]) -> np.ndarray:
    """Those rows of a tensor of plain numbers, or of Q8_0, as F32."""
    made = np.empty((len(rows), tensor.shape[0]), np.float32)
    fd = os.open(path, os.O_RDONLY)
    try:
        for i, row in enumerate(rows):
            raw = bytearray(tensor.row_bytes)
            read_exactly(fd, raw, header.data_offset + tensor.offset + row * tensor.row_bytes)
            made[i] = decoded(tensor, bytes(raw))
    finally:
        os.close(fd)
    return made


def decoded(tensor: gguf.Tensor, raw: bytes) -> np.ndarray:
    if tensor.type.name == "F32":
        return np.frombuffer(raw, "<f4")
    if tensor.type.name == "F16":
        return np.frombuffer(raw, "<f2").astype(np.float32)
    if tensor.type.name == "BF16":
        return (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
    if tensor.type.name == "Q8_0":
        blocks = np.frombuffer(raw, np.uint8).reshape(-1, 34)
        scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
        return (blocks[:, 2:].view(np.int8) * scales).reshape(-1)
    raise InputError(f"{tensor.name} is of the type {tensor.type.name}; --logit reads F32, F16, "
                     "BF16 and Q8_0")


def random_half(args, name: str, values: int, sigma: float) -> np.ndarray:
    data = random_blocks.random_bytes(args.seed, name, 0, values * 4).copy()
    random_blocks.fill_f32(data, sigma)
    return data.view("<f4")


def random_pair(args, tensor: gguf.Tensor) -> list[tuple[str, tuple, np.ndarray]]:
    """A and B of one tensor: name, shape, values."""
    columns, rows, *depth = tensor.shape
    shapes = {"a": (columns, args.rank, *depth), "b": (args.rank, rows, *depth)}
    if tensor.name == EMBEDDING:  # A is looked up by token, and B is the other way round
        shapes = {"a": (args.rank, rows), "b": (args.rank, columns)}
    # A keeps the size of what comes in; B is as strong as asked for.
    sigmas = {"a": columns ** -0.5, "b": args.strength * args.rank ** -0.5}
    pair = []
    for half, shape in shapes.items():
        name = f"{tensor.name}.lora_{half}"
        values = int(np.prod(shape))
        pair.append((name, shape, random_half(args, name, values, sigmas[half])))
    return pair


def logit_pair(args, source: gguf.Header) -> list[tuple[str, tuple, np.ndarray]]:
    output = next((t for t in source.tensors if t.name == OUTPUT), None)
    if output is None:
        raise InputError(f"{args.model} has no {OUTPUT}: its output is the embedding, which no "
                         "adapter can modify by itself")
    columns, vocabulary = output.shape
    for wish in args.logit:
        if max(wish.token_from, wish.token_to) >= vocabulary:
            raise InputError(f"{args.model} has {vocabulary} tokens; --logit names one beyond them")
    rank = len(args.logit)
    a = rows_of(args.model, source, output, [wish.token_from for wish in args.logit])
    b = np.zeros((vocabulary, rank), np.float32)
    for i, wish in enumerate(args.logit):
        b[wish.token_to, i] += wish.factor
    return [(OUTPUT + ".lora_a", (columns, rank), a.reshape(-1)),
            (OUTPUT + ".lora_b", (rank, vocabulary), b.reshape(-1))]


class LogitWish:
    """FROM:TO=FACTOR."""

    def __init__(self, text: str):
        match = re.fullmatch(r"(\d+):(\d+)=([-+.\deE]+)", text)
        if not match:
            raise argparse.ArgumentTypeError(f"{text!r} is not FROM:TO=FACTOR")
        self.token_from, self.token_to = int(match[1]), int(match[2])
        self.factor = float(match[3])


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a GGUF model of one file")
    parser.add_argument("out", type=Path, help="the adapter's file")
    parser.add_argument("--tensors", default="all",
                        help="a regular expression over the model's tensors (default: all that "
                             "are usual)")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--alpha", type=float, help="default: the rank, so that scales are exact")
    parser.add_argument("--strength", type=float, default=0.1, help="of B B^T, beside W's 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--type", choices=["f32", "f16"], default="f32")
    parser.add_argument("--logit", type=LogitWish, action="append", metavar="FROM:TO=FACTOR")
    args = parser.parse_args(argv)
    if args.rank < 1:
        parser.error("--rank must be at least 1")
    return args


def make(argv):
    args = parse(argv)
    source = gguf.read_header(args.model)
    if args.logit:
        halves = logit_pair(args, source)
    else:
        wanted = re.compile(USUAL if args.tensors == "all" else args.tensors)
        halves = [half for tensor in source.tensors
                  if len(tensor.shape) > 1 and wanted.search(tensor.name)
                  for half in random_pair(args, tensor)]
    if not halves:
        raise InputError(f"{args.model} has no matrix whose name has {args.tensors!r} in it")
    rank = len(args.logit) if args.logit else args.rank
    kind = gguf.TYPE_BY_NAME[args.type.upper()]
    header = gguf.Header(keys={
        "general.type": gguf.string("adapter"),
        "general.architecture": source.keys["general.architecture"],
        "general.name": gguf.string(args.out.stem),
        "adapter.type": gguf.string("lora"),
        "adapter.lora.alpha": gguf.scalar(gguf.F32, rank if args.alpha is None else args.alpha)})
    header.tensors = [gguf.Tensor(name, shape, kind) for name, shape, _ in halves]
    raw, size = gguf.layout(header)
    with OutputFile(args.out, size) as file:
        file.write(raw, 0)
        for tensor, (_, _, values) in zip(header.tensors, halves):
            data = values.astype("<f2" if args.type == "f16" else "<f4").tobytes()
            file.write(data, header.data_offset + tensor.offset)
        file.commit()


if __name__ == "__main__":
    sys.exit(run_maker(make, sys.argv[1:]))
