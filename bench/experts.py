"""What an answer of 2 and of 4 experts takes beside one expert's, for each way to combine them.
They differ by their prompts, and all answer in turn over one loaded model; for a merge they have
adapters, over attention and experts, which tools/make_adapter.py makes: `merge_1` is one of these
by itself. A ratio is the median over the rounds of a way's time over the time of one expert in the
same round."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from probing import probes

ADAPTERS = 4


def made_adapters(arguments, folder):
    maker = Path(__file__).resolve().parents[1] / "tools/make_adapter.py"
    for seed in range(1, ADAPTERS + 1):
        path = os.path.join(folder, f"{seed}.gguf")
        subprocess.run([sys.executable, maker, arguments.model, path, "--rank",
                        str(arguments.rank), "--type", "f16", "--seed", str(seed)],
                       stdout=subprocess.DEVNULL, check=True)
        yield from ("--adapter", path)


def measure(arguments):
    with tempfile.TemporaryDirectory() as folder:
        return probes.figures_of(arguments.probe, arguments.model, "--generate", arguments.generate,
                                 "--rounds", arguments.rounds, "--threads", arguments.threads,
                                 "--device", "host=2GiB", "--device", "host=2GiB",
                                 *made_adapters(arguments, folder))


def median(rounds, key):
    return statistics.median(took[key] for took in rounds)


def ratio(rounds, of_one, key):
    return statistics.median(took[key] / one[key] for took, one in zip(rounds, of_one))


def has_tokens(way):
    """Whose answers are to be chosen from are computed beside the others' prompts."""
    return not way.startswith("choose")


def figures_of(found, arguments):
    one = found["one"]
    figures = {"rounds": arguments.rounds, "threads": arguments.threads,
               "tokens": arguments.generate, "rank": arguments.rank}
    for way, rounds in found.items():
        parts = {"prompt": 1, "token": 2, "score": 1, "total": 1}
        if not has_tokens(way):
            del parts["prompt"], parts["token"]
        for part, digits in parts.items():
            figures[f"{way}_{part}_ms"] = round(median(rounds, f"{part}_ms"), digits)
        for part in ("token", "total"):
            if way != "one" and part in parts:
                figures[f"{way}_{part}_over_one_ratio"] = round(ratio(rounds, one, f"{part}_ms"), 3)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    probes.add_options(parser, "experts")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--generate", type=int, default=48, help="tokens of each answer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rank", type=int, default=8, help="of each adapter")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if not arguments.model:
        parser.error("run it as ./dev bench experts, or give --model")

    found = measure(arguments)
    figures = figures_of(found, arguments)
    if arguments.format == "json":
        print(json.dumps(figures, indent=2))
        return 0
    print(f"{arguments.generate} tokens an answer, {arguments.threads} threads, medians of "
          f"{arguments.rounds} rounds")
    print(f"{'':12}{'prompts':>13}{'a token':>13}{'scoring':>13}{'in all':>13}"
          f"{'token / one':>13}{'all / one':>11}")

    def cell(key, unit, width):
        value = figures.get(key)
        return ("-" if value is None else f"{value}{unit}").rjust(width)

    for way in found:
        times = [cell(f"{way}_{part}_ms", " ms", 13) for part in ("prompt", "token", "score",
                                                                 "total")]
        ratios = [cell(f"{way}_{part}_over_one_ratio", "", width)
                  for part, width in (("token", 13), ("total", 11))]
        print(f"{way:12}" + "".join(times + ratios))
    return 0


if __name__ == "__main__":
    sys.exit(main())
