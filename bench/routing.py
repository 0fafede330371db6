"""How well an assistant's questions find their expert: the router beside its parts, keyword rules
and the nearest centre, over splits of labelled questions into examples and a test."""

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

from probing import probes

ASSISTANT = Path(__file__).resolve().parents[1] / "assistants/magic"
WAYS = {
    "router": "router",
    "without_keywords": "  without its keywords",
    "without_model": "  without the model",
    "nearest_centre": "nearest centre",
    "keyword_rules": "keyword rules",
}


def measured(arguments):
    return probes.figures_of(arguments.probe, arguments.model,
                             "--assistant", ASSISTANT / "assistant.toml",
                             "--tested", ASSISTANT / "questions.tsv",
                             "--splits", arguments.splits, "--threads", arguments.threads)


def figures_of(found):
    figures = {name: found[name] for name in ("questions", "tested_questions", "splits",
                                              "read_questions", "read_s", "fits_s")}
    for way in WAYS:
        accuracy = found["ways"][way]["accuracy"]
        figures[f"{way}_accuracy"] = round(statistics.fmean(accuracy), 4)
        figures[f"{way}_accuracy_worst_split"] = round(min(accuracy), 4)
        error = found["ways"][way]["calibration_error"]
        figures[f"{way}_calibration_error"] = round(statistics.fmean(error), 4)
    return figures


def show_confusion(found, way):
    names = found["experts"]
    width = max(map(len, names))
    print(f"\n{WAYS[way].strip()}: whose a question was, and whom it chose, over all splits")
    print(" " * width, *(name.rjust(width) for name in names))
    for name, row in zip(names, found["ways"][way]["confusion"]):
        print(name.ljust(width), *(str(count).rjust(width) for count in row))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    probes.add_options(parser, "routing")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if not arguments.model:
        parser.error("run it as ./dev bench routing, or give --model")
    found = measured(arguments)
    figures = figures_of(found)
    if arguments.format == "json":
        json.dump(figures | {"confusion": {way: found["ways"][way]["confusion"] for way in WAYS}},
                  sys.stdout)
        print()
        return
    print(f"{figures['tested_questions']} questions, 30 % of each expert's tested in "
          f"{figures['splits']} splits; {figures['questions']} with those never tested")
    print(f"{'':24}{'accuracy':>10}{'worst':>10}{'ECE':>10}")
    for way, title in WAYS.items():
        # Who only chooses is never in doubt, so that its calibration says nothing.
        error = figures[f"{way}_calibration_error"]
        is_sure = way in ("nearest_centre", "keyword_rules")
        print(f"{title:24}{figures[f'{way}_accuracy']:10.3f}"
              f"{figures[f'{way}_accuracy_worst_split']:10.3f}"
              f"{'-' if is_sure else f'{error:.3f}':>10}")
    for way in ("router", "nearest_centre", "keyword_rules"):
        show_confusion(found, way)
    print(f"\n{figures['read_questions']} questions read in {figures['read_s']:.1f} s, "
          f"routers fitted in {figures['fits_s']:.1f} s")


if __name__ == "__main__":
    main()
