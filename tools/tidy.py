"""Runs clang-tidy over our sources, two at a time, most recently changed first.

Without --all it begins no further file after 90 seconds and says how many it has looked at.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BUDGET_S = 90
COUNT = re.compile(r"^\d+ warnings? generated\.\n", re.MULTILINE)
UNITY = re.compile(r"/Unity/unity_\w+\.cxx$")
INCLUDED = re.compile(r'^#include "(/.*)"$', re.MULTILINE)
ROOT = Path(__file__).resolve().parents[1]


def git(*arguments):
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True,
                          check=False).stdout.splitlines()


def by_recency(sources):
    """Uncommitted changes first, then by the commit that touched them last."""
    order = [line[3:] for line in git("status", "--porcelain", "--untracked-files=all")]
    order += git("log", "--name-only", "--format=", "-n", "500")
    rank = {}
    for position, name in enumerate(order):
        rank.setdefault(name, position)
    return sorted(sources, key=lambda name: (rank.get(name, len(order)), name))


def commands_alone(build):
    """What compiles each file by itself, also where the build compiles several at a time."""
    commands = []
    for command in json.loads((build / "compile_commands.json").read_text()):
        together = command["file"]
        if UNITY.search(together):
            files = INCLUDED.findall(Path(together).read_text(encoding="utf-8"))
            commands += [command | {"file": file,
                                    "command": command["command"].replace(together, file)}
                         for file in files]
        else:
            commands.append(command)
    return commands


def our_sources(commands):
    """The files of src/ among them, relative to the root."""
    paths = {Path(command["file"]).resolve() for command in commands}
    inside = [path.relative_to(ROOT).as_posix() for path in paths if path.is_relative_to(ROOT)]
    return [name for name in inside if name.startswith("src/")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path, help="a build folder with compile_commands.json")
    parser.add_argument("--all", action="store_true", help="every file, however long it takes")
    arguments = parser.parse_args()
    tidy = shutil.which("clang-tidy")
    if tidy is None:
        print("   clang-tidy is missing")
        return 1
    commands = commands_alone(arguments.build)
    sources = by_recency(our_sources(commands))
    alone = arguments.build / "alone"
    alone.mkdir(exist_ok=True)
    (alone / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")
    deadline = None if arguments.all else time.monotonic() + BUDGET_S

    def look_at(name):
        if deadline and time.monotonic() > deadline:
            return None
        run = subprocess.run([tidy, "-p", alone, "--quiet", name], cwd=ROOT,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             check=False)
        return run.returncode, run.stdout

    failed = looked_at = 0
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 8)) as pool:
        for name, result in zip(sources, pool.map(look_at, sources)):
            if result is None:
                continue
            looked_at += 1
            if result[0] != 0:
                failed += 1
                print(f"{name}:\n{COUNT.sub('', result[1])}")
    scope = "" if looked_at == len(sources) else ", the most recently changed; --all for the rest"
    print(f"   clang-tidy: {looked_at} of {len(sources)} files{scope}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
