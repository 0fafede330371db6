"""Runs a Google Benchmark program: its table for people, or with `--format json` one object that
gives each benchmark's time by name in milliseconds."""

import argparse
import json
import subprocess
import sys

TO_MS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments, rest = parser.parse_known_args()
    if arguments.format == "table":
        return subprocess.call([arguments.program, *rest])
    run = subprocess.run([arguments.program, "--benchmark_format=json", *rest],
                         stdout=subprocess.PIPE, check=False)
    if run.returncode != 0:
        return run.returncode
    figures = {}
    for row in json.loads(run.stdout)["benchmarks"]:
        if "real_time" in row:
            figures[row["name"] + "_ms"] = row["real_time"] * TO_MS[row["time_unit"]]
        elif "rms" in row:
            figures[row["name"]] = row["rms"]
        elif "cpu_coefficient" in row:
            figures[row["name"]] = row["cpu_coefficient"]
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
