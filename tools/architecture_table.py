#!/usr/bin/env python3
"""Writes docs/architectures.md from the results of the tests of all mixture architectures.

Each test (tests/mixtures) leaves what it found in a file of its own; `./dev test mixtures` makes
them all. With --check nothing is written: the page must be what would be written.
"""

import argparse
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architectures.md"
RESULTS = ROOT / "build" / "release" / "tests" / "mixtures" / "results"
FEATURES = ["shared", "fused gate and up", "biases", "scales", "recurrent state", "next tokens",
            "q8_0 cache"]

HEAD = """\
# Architectures

Every architecture with experts of which the pinned llama.cpp makes a model, by the name in
`general.architecture`: {count}. `tools/architecture_table.py` wrote this page from the tests in
`tests/mixtures`. They make a tiny model of each from the metadata in llama.cpp's own tests, and run
it through plain libllama and through Hexcore: with 1, 2 and 4 sequences, over 1 to 3 devices, with
an f16 and a q8_0 cache, with experts in groups, and with and without all that the architecture can
do without. What is planned must equal what is accounted, to the byte, before and after computing,
and what comes out must be plain libllama's, to the bit.

Not counted are what llama.cpp gives no experts to make a tiny model of (`granite-switch`), and what
is no model by itself but a draft for another (`dflash`).

*Ran* is how many of the twelve ways llama.cpp itself can run: it makes no model without all that
may be missing, with groups or with layers for further tokens of some, and has no q8_0 cache for
others. A column's mark says that some of these models had it: experts shared by all tokens, gate
and up projections fused into one tensor, biases and scales of single experts, recurrent state,
layers that predict further tokens, a q8_0 cache (where there is none, llama.cpp refuses it, too).

"""


def results(folder):
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    if not found:
        sys.exit(f"no results in {folder}; run ./dev test mixtures first")
    return sorted(found, key=lambda result: result["architecture"])


def page(found):
    columns = ["architecture", "compared", "ran", "sequences", *FEATURES]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for result in found:
        features = set(result["features"])
        outputs = "embeddings" if "embeddings only" in features else "logits"
        cells = [f"`{result['architecture']}`", outputs,
                 f"{result['ran']} of {result['of']}", f"1 to {result['sequences']}"]
        cells += ["x" if feature in features else "" for feature in FEATURES]
        lines.append("| " + " | ".join(cells) + " |")
    return HEAD.format(count=len(found)) + "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    found = results(arguments.results)
    failed = [result["architecture"] for result in found if not result["passed"]]
    if failed:
        sys.exit(f"these did not pass: {', '.join(failed)}")
    if not arguments.check:
        PAGE.write_text(page(found))
    elif not PAGE.is_file() or PAGE.read_text() != page(found):
        sys.exit("docs/architectures.md is not what the tests found; run "
                 "tools/architecture_table.py and read what changed")


if __name__ == "__main__":
    main()
