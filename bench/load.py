"""Time to load the demo model onto two capped host devices, as a ratio to plain libllama's own
load of the same file with load mode none, which copies too. Both end with a context of the same
size. Runs in turn, each in a process of its own, first with a warm page cache; then, where the
kernel gives up the file's pages, with a cold one."""

import argparse
import json
import os
import statistics
import subprocess
import sys

from probing import probes

PLANNED = ["--device", "host=320MiB", "--device", "host=320MiB", "--reserve", "8MiB"]
WAYS = {"hexcore": PLANNED, "verify": [*PLANNED, "--verify-data"], "none": ["--plain", "none"],
        "mmap": ["--plain", "mmap"]}


def seconds(arguments, *options):
    command = [arguments.probe, arguments.model, *options]
    # It does not wait for the loads of others.
    alone = os.environ | {"HEXCORE_LOAD_QUEUE": f"bench-{os.getpid()}"}
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True, env=alone).stdout)


def make_cold(path):
    """Asks the kernel to forget the file's pages; False where some are still in memory."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        size = os.fstat(file).st_size
        for place in range(0, size, max(size // 64, 1)):
            try:
                os.preadv(file, [bytearray(1)], place, os.RWF_NOWAIT)
                return False
            except BlockingIOError:
                continue
        return True
    except OSError:
        return False
    finally:
        os.close(file)


def measure(arguments, names, rounds, cold):
    times = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            if cold and not make_cold(arguments.model):
                return None
            times[name].append(seconds(arguments, *WAYS[name]))
    return times


def add_ratio(figures, name, above, below):
    ratios = sorted(a / b for a, b in zip(above, below))
    figures[f"{name}_ratio"] = round(statistics.median(ratios), 3)
    figures[f"{name}_min_ratio"] = round(ratios[0], 3)
    figures[f"{name}_max_ratio"] = round(ratios[-1], 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    probes.add_options(parser, "load")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if not arguments.model:
        parser.error("run it as ./dev bench load, or give --model")

    figures = {"rounds": arguments.rounds}
    measure(arguments, WAYS, 1, cold=False)  # warms the page cache
    warm = measure(arguments, WAYS, arguments.rounds, cold=False)
    for name in WAYS:
        figures[f"{name}_s"] = round(statistics.median(warm[name]), 4)
    add_ratio(figures, "hexcore_over_none", warm["hexcore"], warm["none"])
    add_ratio(figures, "verify_over_hexcore", warm["verify"], warm["hexcore"])
    cold = measure(arguments, ["hexcore", "none"], max(arguments.rounds // 3, 1), cold=True)
    if cold is None:
        print("cold page cache: not measured, the kernel kept the file's pages", file=sys.stderr)
    else:
        for name, times in cold.items():
            figures[f"cold_{name}_s"] = round(statistics.median(times), 4)
        add_ratio(figures, "cold_hexcore_over_none", cold["hexcore"], cold["none"])
    if arguments.format == "json":
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value:>10}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
