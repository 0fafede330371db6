#!/usr/bin/env python3
"""Writes a GGUF model of any shape and size with random weights.

The weights are tame: activations keep their size through all layers, logits are finite and differ,
and no two experts are alike. Quantised types are written directly as random quants with fitting
scales. Matrices whose rows are no whole number of blocks fall back from q4_K and q6_K to q8_0, and
from there to f16. Of mxfp4 are experts alone, the rest is q8_0, as in files that llama.cpp makes. A
small byte-level tokenizer makes text prompts work. The same options and seed give the same bytes,
whatever the number of threads; each takes a few MiB of memory. On many cores large models are
written fastest with --split: several files can be written at once, one cannot.

Examples:
  a tiny mixture for tests
    make_random.py --arch qwen3moe --layers 4 --embd 256 --ff 256 --heads 4 --kv-heads 2 \\
      --experts 8 --used 2 --type q8_0 -o tiny.gguf
  the shape of Mixtral-8x7B in 4 bit, 26 GB
    make_random.py --arch llama --layers 32 --embd 4096 --ff 14336 --heads 32 --kv-heads 8 \\
      --experts 8 --used 2 --vocab 32000 --ctx 32768 --type q4_K -o mixtral-8x7b.q4_K.gguf
  latent attention, shared experts and a leading dense layer, in three files
    make_random.py --arch deepseek2 --layers 4 --embd 256 --ff 128 --heads 4 --head-dim 64 \\
      --experts 16 --used 4 --shared-experts 1 --leading-dense 1 --split 3 -o tiny-v3.gguf
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import gguf_file as gguf
import random_blocks
from output_file import OutputFile, require_space, run_maker
from random_shapes import Shape, Weight, metadata, weights
from random_tokenizer import MIN_VOCAB, tokenizer_keys

ARCHS = ("llama", "qwen3moe", "deepseek2", "gpt-oss")
# Command-line name -> (tensor type, general.file_type as llama.cpp numbers it).
TYPES = {"f32": ("F32", 0), "f16": ("F16", 1), "q4_0": ("Q4_0", 2), "q4_1": ("Q4_1", 3),
         "q8_0": ("Q8_0", 7), "q4_K": ("Q4_K", 14), "q6_K": ("Q6_K", 18), "mxfp4": ("MXFP4", 38)}
PART_BYTES = 4 << 20
THREADS_MAX = 32
U16 = 2


def tensor_type(weight: Weight, wanted: gguf.TensorType) -> gguf.TensorType:
    """The wanted type, or the next one whose blocks divide the tensor's rows."""
    if weight.exact:
        return gguf.TYPE_BY_NAME["F32"]
    if wanted.name == "MXFP4" and "_exps." not in weight.name:
        wanted = gguf.TYPE_BY_NAME["Q8_0"]
    for candidate in (wanted, gguf.TYPE_BY_NAME["Q8_0"]):
        if weight.shape[0] % candidate.block == 0:
            return candidate
    return gguf.TYPE_BY_NAME["F16"]


def part_paths(path: Path, parts: int) -> list[Path]:
    if parts == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{i + 1:05d}-of-{parts:05d}.gguf") for i in range(parts)]


def part_headers(shape: Shape, keys: dict[str, bytes], wanted: gguf.TensorType,
                 parts: int) -> list[gguf.Header]:
    """The tensors in file order, cut into parts of about the same size; metadata in the first."""
    tensors = [gguf.Tensor(w.name, w.shape, tensor_type(w, wanted)) for w in weights(shape)]
    total, done = sum(t.size_bytes for t in tensors), 0
    headers = [gguf.Header(dict(keys) if part == 0 else {}) for part in range(parts)]
    part = -1
    for index, tensor in enumerate(tensors):
        # Every part gets a tensor, even where one tensor is larger than an even share.
        wanted_part = max(part, done * parts // total, parts - (len(tensors) - index))
        part = min(wanted_part, part + 1)
        headers[part].tensors.append(tensor)
        done += tensor.size_bytes
    if parts > 1:
        for part, header in enumerate(headers):
            header.keys.update({"split.no": gguf.scalar(U16, part),
                                "split.count": gguf.scalar(U16, parts),
                                "split.tensors.count": gguf.scalar(gguf.I32, len(tensors))})
    return headers


def jobs(header: gguf.Header, out: OutputFile, by_name: dict[str, Weight]):
    """The arguments of write_part, but for the seed, for every piece of one file."""
    for tensor in header.tensors:
        weight, base = by_name[tensor.name], header.data_offset + tensor.offset
        step = tensor.size_bytes
        if not weight.exact:
            step = min(step, PART_BYTES // tensor.type.block_bytes * tensor.type.block_bytes)
        for start in range(0, tensor.size_bytes, step):
            yield out, base, tensor, weight, start, min(step, tensor.size_bytes - start)


def write_part(out: OutputFile, base: int, tensor: gguf.Tensor, weight: Weight, start: int,
               size: int, seed: int) -> None:
    """Makes and writes `size` bytes of a tensor, whole blocks, from byte `start` of it."""
    if weight.exact:
        values = random_blocks.uniform(seed, weight.name, tensor.values)
        out.write(values * (weight.sigma * 3**0.5) + weight.mean, base)
        return
    data = random_blocks.random_bytes(seed, weight.name, start // PART_BYTES, size)
    random_blocks.FILL[tensor.type.name](data, weight.sigma)
    out.write(data, base + start)


def parse_arguments(argv) -> tuple[argparse.Namespace, Shape]:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)

    def number(name: str, default: int, text: str, least: int = 1) -> None:
        def check(value: str) -> int:
            if int(value) < least:
                raise argparse.ArgumentTypeError(f"{value} is less than {least}")
            return int(value)
        check.__name__ = "whole number"
        parser.add_argument(name, type=check, default=default, metavar="N", help=text)

    parser.add_argument("--arch", choices=ARCHS, default="llama")
    number("--layers", 4, "layers in all")
    number("--embd", 256, "width of the model")
    number("--ff", 256, "hidden width of one expert, or of the dense FFN")
    number("--dense-ff", 0, "hidden width of leading dense layers (default: as wide as the experts "
           "that one token uses)", 0)
    number("--heads", 4, "attention heads")
    number("--kv-heads", 0, "key and value heads (default: --heads)", 0)
    number("--head-dim", 0, "size of a head (default: --embd / --heads); deepseek2: of a value and "
           "of the unrotated part of a key", 0)
    number("--experts", 8, "experts per layer; 0 makes a dense llama", 0)
    number("--used", 2, "experts per token")
    number("--shared-experts", -1, "deepseek2 (default 1)", 0)
    number("--leading-dense", 0, "deepseek2: layers without experts before the others", 0)
    number("--kv-lora", 0, "deepseek2: rank of keys and values (default: 4 heads)", 0)
    number("--q-lora", 0, "deepseek2: rank of queries (default: none)", 0)
    number("--rope-dim", 0, "deepseek2: rotated part of a key (default: half a head)", 0)
    parser.add_argument("--fused-gate-up", action="store_true",
                        help="deepseek2: gate and up of the experts in one tensor")
    number("--vocab", 512, f"tokens, at least {MIN_VOCAB}", MIN_VOCAB)
    number("--ctx", 4096, "longest context")
    parser.add_argument("--type", choices=TYPES, default="f16", help="of matrices (default f16)")
    number("--split", 1, "number of files to write")
    number("--seed", 0, "of all weights (default 0)", 0)
    number("--threads", min(os.cpu_count() or 1, THREADS_MAX), f"at most {THREADS_MAX}")
    parser.add_argument("--name", help="general.name of the model")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.gguf",
                        help="with --split, the parts are FILE-00001-of-0000N.gguf")
    args = parser.parse_args(argv)
    shape = shape_of(args)
    if shape.problem():
        parser.error(shape.problem())
    if args.output.suffix != ".gguf":
        parser.error(f"-o {args.output}: the name must end in .gguf")
    if args.split > len(weights(shape)):
        parser.error(f"--split {args.split}: there are only {len(weights(shape))} tensors")
    return args, shape


def shape_of(args) -> Shape:
    head_dim = args.head_dim or max(args.embd // args.heads, 1)
    mla = args.arch == "deepseek2"
    shared = args.shared_experts if args.shared_experts >= 0 else int(mla)
    dense_ff = args.ff if args.experts == 0 else args.dense_ff or args.ff * (args.used + shared)
    return Shape(args.arch, args.layers, args.embd, args.ff, dense_ff, args.heads,
                 args.kv_heads or args.heads, head_dim, args.experts, args.used, shared,
                 args.leading_dense, args.vocab, args.ctx,
                 args.rope_dim or (head_dim // 2 if mla else head_dim),
                 args.kv_lora or 4 * head_dim, args.q_lora, args.fused_gate_up)


def write_model(headers: list[gguf.Header], paths: list[Path], shape: Shape, args) -> int:
    """Writes all parts with several threads; they get their names together, at the end.

    The work alternates between the parts, because a kernel writes into one file with one core only.
    """
    by_name = {w.name: w for w in weights(shape)}
    raw_headers, sizes = zip(*map(gguf.layout, headers))
    require_space(args.output.parent, sum(sizes))
    with ExitStack() as stack:
        outs, pending = [], []
        for path, raw, size in zip(paths, raw_headers, sizes):
            outs.append(stack.enter_context(OutputFile(path, size)))
            outs[-1].write(raw, 0)
        pool = ThreadPoolExecutor(min(args.threads, THREADS_MAX))
        # Entered last, left first: running pieces end before the files are closed beneath them.
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        for work in itertools.chain(*itertools.zip_longest(*(
                jobs(header, out, by_name) for header, out in zip(headers, outs)))):
            if work:
                pending.append(pool.submit(write_part, *work, args.seed))
        for piece in pending:
            piece.result()
        for out in outs:
            out.commit()
    return sum(sizes)


def make(argv) -> None:
    """Makes the model; raises OutputError or OSError and leaves nothing behind."""
    args, shape = parse_arguments(argv)
    started = time.monotonic()
    type_name, file_type = TYPES[args.type]
    name = args.name or f"random {args.arch} {args.experts}x{args.ff}"
    keys = {**metadata(shape, name, file_type), **tokenizer_keys(args.vocab)}
    headers = part_headers(shape, keys, gguf.TYPE_BY_NAME[type_name], args.split)
    paths = part_paths(args.output, args.split)
    total = write_model(headers, paths, shape, args)
    print(f"{paths[0]}: {total} bytes in {len(paths)} file(s), {time.monotonic() - started:.1f} s",
          file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run_maker(make, sys.argv[1:]))
