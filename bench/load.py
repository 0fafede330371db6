"""Time to load the demo model onto two capped host devices, as a ratio to plain libllama's own
load of the same file with load mode none, which copies too. The page cache is warm; runs in turn,
each in a process of its own. Ours includes making the context, theirs does not."""

import argparse
import json
import os
import statistics
import subprocess
import sys


def seconds(arguments, *options):
    command = [arguments.probe, arguments.model, *options]
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=os.environ.get("HEXCORE_MODEL"))
    parser.add_argument("--probe", help="the program bench_load_probe",
                        default=os.path.join(os.environ.get("HEXCORE_BUILD", "build/release"),
                                             "bench", "bench_load_probe"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if not arguments.model:
        parser.error("run it as ./dev bench load, or give --model")

    planned = ["--device", "host=320MiB", "--device", "host=320MiB", "--reserve", "8MiB"]
    ways = {"hexcore": planned, "none": ["--plain", "none"], "mmap": ["--plain", "mmap"]}
    times = {name: [] for name in ways}
    for number in range(arguments.rounds + 1):
        for name, options in ways.items():
            measured = seconds(arguments, *options)
            if number > 0:  # the first round warms the page cache
                times[name].append(measured)
    ratios = sorted(a / b for a, b in zip(times["hexcore"], times["none"]))
    figures = {"rounds": arguments.rounds}
    for name in ways:
        figures[f"{name}_s"] = round(statistics.median(times[name]), 4)
    figures["hexcore_over_none_ratio"] = round(statistics.median(ratios), 3)
    figures["hexcore_over_none_min_ratio"] = round(ratios[0], 3)
    figures["hexcore_over_none_max_ratio"] = round(ratios[-1], 3)
    if arguments.format == "json":
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value:>10}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
