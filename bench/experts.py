"""What an answer of 2 and of 4 experts takes beside one expert's, for each way to combine them.
They differ by their prompts, and all answer in turn over one loaded model. A ratio is the median
over the rounds of a way's time over the time of one expert in the same round."""

import argparse
import json
import os
import statistics
import sys

from probing import probes


def measure(arguments):
    return probes.figures_of(arguments.probe, arguments.model, "--generate", arguments.generate,
                             "--rounds", arguments.rounds, "--threads", arguments.threads,
                             "--device", "host=320MiB", "--device", "host=320MiB")


def median(rounds, key):
    return statistics.median(took[key] for took in rounds)


def ratio(rounds, of_one, key):
    return statistics.median(took[key] / one[key] for took, one in zip(rounds, of_one))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    probes.add_options(parser, "experts")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--generate", type=int, default=48, help="tokens of each answer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if not arguments.model:
        parser.error("run it as ./dev bench experts, or give --model")

    found = measure(arguments)
    one = found["one"]
    figures = {"rounds": arguments.rounds, "threads": arguments.threads,
               "tokens": arguments.generate}
    for way, rounds in found.items():
        figures[f"{way}_prompt_ms"] = round(median(rounds, "prompt_ms"), 1)
        figures[f"{way}_token_ms"] = round(median(rounds, "token_ms"), 2)
        figures[f"{way}_score_ms"] = round(median(rounds, "score_ms"), 1)
        figures[f"{way}_total_ms"] = round(median(rounds, "total_ms"), 1)
        if way != "one":
            figures[f"{way}_token_over_one_ratio"] = round(ratio(rounds, one, "token_ms"), 3)
            figures[f"{way}_total_over_one_ratio"] = round(ratio(rounds, one, "total_ms"), 3)
    if arguments.format == "json":
        print(json.dumps(figures, indent=2))
        return 0
    print(f"{arguments.generate} tokens an answer, {arguments.threads} threads, medians of "
          f"{arguments.rounds} rounds")
    print(f"{'':12}{'prompts':>10}{'a token':>10}{'scoring':>10}{'in all':>10}"
          f"{'token / one':>13}{'all / one':>11}")
    for way in found:
        times = [figures[f"{way}_{part}_ms"] for part in ("prompt", "token", "score", "total")]
        ratios = [figures.get(f"{way}_{part}_over_one_ratio", 1) for part in ("token", "total")]
        print(f"{way:12}" + "".join(f"{time:>7} ms" for time in times) +
              f"{ratios[0]:>13.2f}{ratios[1]:>11.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
