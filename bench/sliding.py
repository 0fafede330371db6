"""Perplexity of a fixed text (the beginning of Jane Austen's Persuasion, 1818) that a model reads
through a cache of 256 tokens: one that slides, and one that is computed anew from the same tokens
each time it is full."""

import argparse
import json
import math
import os
import sys
from pathlib import Path

from probing import probes

TEXT = Path(__file__).with_name("persuasion.txt")
CONTEXT = 256
WINDOWS = 20
KV_TYPES = ["f16", "q8_0"]
# Of which one figure is told. In the first nothing has slid.
PARTS = [(1, 1), (2, 4), (5, 8), (9, 12), (13, 16), (17, 20)]


def surprises(probe, model, *options, text=TEXT, windows=WINDOWS):
    """Of each token but the first, {"sliding": [...], "computed_anew": [...]}."""
    return probes.figures_of(probe, model, "--text", text, "--windows", windows, "--ctx", CONTEXT,
                             "--device", "host=320MiB", "--device", "host=320MiB", *options)


def perplexity(of_tokens, first, last):
    """Of windows `first` to `last`, from 1."""
    part = of_tokens[max(0, (first - 1) * CONTEXT - 1):last * CONTEXT - 1]
    return math.exp(math.fsum(part) / len(part))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    probes.add_options(parser, "sliding")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if not arguments.model:
        parser.error("run it as ./dev bench sliding, or give --model")

    figures = {}
    for kv_type in KV_TYPES:
        found = surprises(arguments.probe, arguments.model, "--kv-type", kv_type, "--threads",
                          arguments.threads)
        for first, last in PARTS:
            sliding, anew = (perplexity(found[how], first, last)
                             for how in ("sliding", "computed_anew"))
            name = f"{kv_type}_windows_{first}_to_{last}"
            figures[f"{name}_sliding"] = round(sliding, 2)
            figures[f"{name}_computed_anew"] = round(anew, 2)
            figures[f"{name}_sliding_over_anew_ratio"] = round(sliding / anew, 4)
    if arguments.format == "json":
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:48} {value:>8}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
