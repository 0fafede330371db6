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
            "q8_0 cache", "embeddings only"]

HEAD = """\
# Architectures

Every architecture with experts of which the pinned llama.cpp makes a model, by the name in
`general.architecture`: {count}. `tools/architecture_table.py` wrote this page from
`tests/mixtures`. These tests make a tiny model of each from the metadata in llama.cpp's own
tests, and run it by plain libllama and by Hexcore: with 1, 2 and 4 sequences, over 1 to 3
devices, with an f16 and a q8_0 cache, with experts in groups, and with and without all that the
architecture can do without. Planned must equal accounted, to the byte, before and after
computing, and what comes out must be plain libllama's, to the bit.

Not counted: `granite-switch`, of which llama.cpp makes no tiny model with experts, and `dflash`, no
model by itself but a draft for another.

*Ran* is how many of these ways llama.cpp itself can run. A mark says that some of these models had
it: experts shared by all tokens, gate and up projections in one tensor, biases and scales of single
experts, recurrent state, layers that predict further tokens, a q8_0 cache (where there is none,
llama.cpp refuses it, too), embeddings compared in place of logits.

"""


def results(folder):
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    if not found:
        sys.exit(f"no results in {folder}; run ./dev test mixtures first")
    return sorted(found, key=lambda result: result["architecture"])


def rows(found):
    """The cells of each architecture, by column."""
    for result in found:
        features = set(result["features"])
        yield {"architecture": f"`{result['architecture']}`",
               "ran": str(result["ran"]),
               "ways": str(result["of"]),
               "sequences": f"1 to {result['sequences']}",
               **{feature: "x" if feature in features else "" for feature in FEATURES}}


def page(found):
    cells = list(rows(found))
    # What is the same in each row is said once, in front.
    same = [name for name in cells[0] if len({row[name] for row in cells}) == 1]
    text = HEAD.format(count=len(found))
    if same:
        told = ", ".join(f"{name} ({cells[0][name]})" for name in same)
        text += f"The same for all: {told}.\n\n"
    columns = [name for name in cells[0] if name not in same]
    text += "| " + " | ".join(columns) + " |\n|" + "---|" * len(columns) + "\n"
    return text + "".join("| " + " | ".join(row[name] for name in columns) + " |\n"
                          for row in cells)


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
