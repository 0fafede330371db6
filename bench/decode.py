"""Decode and prompt speed through a plan over two capped host devices, as ratios to llama-bench of
the same llama.cpp build with its default settings: same model, same threads, runs in turn."""

import argparse
import json
import os
import statistics
import subprocess
import sys

from probing import llama_programs, probes

PROMPT, GENERATE = 512, 64


def ours(arguments):
    command = [arguments.probe, arguments.model, "--reserve", "8MiB", "--policy", arguments.policy,
               "--ctx", "1024", "--threads", str(arguments.threads), "--repetitions", "1",
               "--prompt", str(PROMPT), "--generate", str(GENERATE)]
    for _ in range(2):
        command += ["--device", "host=320MiB"]
    figures = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return figures["prompt_tokens_per_s"][0], figures["decode_tokens_per_s"][0]


def theirs(arguments):
    command = [os.path.join(arguments.llama_bin, "llama-bench"), "-m", arguments.model, "-t",
               arguments.threads]
    speeds = llama_programs.bench_speeds(command, os.environ,
                                         llama_programs.Work(PROMPT, GENERATE))
    return speeds.prompt, speeds.decode


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    probes.add_options(parser, "decode")
    parser.add_argument("--llama-bin", help="the folder with llama-bench",
                        default=os.environ.get("HEXCORE_LLAMA_BIN"))
    parser.add_argument("--policy", default="balanced")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if not arguments.model or not arguments.llama_bin:
        parser.error("run it as ./dev bench decode, or give --model and --llama-bin")

    pairs = []
    for number in range(arguments.rounds):
        # Each goes first in every other round, so that a drift of the machine hits both alike.
        first, second = (ours, theirs) if number % 2 == 0 else (theirs, ours)
        results = {first: first(arguments), second: second(arguments)}
        pairs.append((results[ours], results[theirs]))

    figures = {"rounds": arguments.rounds, "threads": arguments.threads}
    for index, name in enumerate(["prompt", "decode"]):
        mine = [pair[0][index] for pair in pairs]
        other = [pair[1][index] for pair in pairs]
        ratios = sorted(a / b for a, b in zip(mine, other))
        figures[f"{name}_tokens_per_s"] = round(statistics.median(mine), 2)
        figures[f"{name}_llama_bench_tokens_per_s"] = round(statistics.median(other), 2)
        figures[f"{name}_over_llama_bench_ratio"] = round(statistics.median(ratios), 4)
        figures[f"{name}_over_llama_bench_min_ratio"] = round(ratios[0], 4)
        figures[f"{name}_over_llama_bench_max_ratio"] = round(ratios[-1], 4)
    if arguments.format == "json":
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:40} {value:>12}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
