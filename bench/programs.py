"""Stock llama.cpp's own programs beside the same over plans of Hexcore's, in turn: llama-bench,
llama-completion (greedy, as it reports), llama-server (one request), and, of Hexcore alone,
bench_decode_probe. Same model, same work.

Ways are `ID: OPTIONS`: of a stock program, or of `hexcore plan`. By default, stock on all cores
beside two capped host devices. On one NVIDIA GPU, for one:

    --stock-way 'stock-gpu:' --way 'hexcore-gpu: --device cuda:0=100GiB'

Ids are those of docs/measured/speed.json, into which `tools/speed_report.py --add FILE` puts what
`--output FILE` has. Exit code 1 where a way failed; what was measured is still told."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import speed_data  # noqa: E402
import speed_table  # noqa: E402
from probing.llama_programs import ProgramError, Work  # noqa: E402
from probing.ways import PROGRAMS, PlannedWay, StockWay, Setup  # noqa: E402

TWO_HOSTS = "hexcore-hosts: --device host=320MiB --device host=320MiB --reserve 8MiB"


def say(words):
    print(f"programs: {words}", file=sys.stderr, flush=True)


def shown(speed):
    """As many digits as mean something."""
    return round(speed) if speed >= 1000 else round(speed, 1)


class Rounds:
    """Each way by each program, as often as there are rounds."""

    def __init__(self, ways, programs, work):
        self.pairs = [(program, way) for program in programs for way in ways
                      if program in way.programs]
        self.work, self.found, self.failed = work, {pair: [] for pair in self.pairs}, set()

    def run(self, number):
        # Backwards every other round, so that a drift of the machine hits all alike.
        for program, way in self.pairs[::1 if number % 2 == 0 else -1]:
            if (program, way) in self.failed:
                continue
            try:
                self.found[program, way].append(way.measure(program, self.work))
            except (ProgramError, OSError) as error:
                say(f"{program}, {way.id}: {error}")
                self.failed.add((program, way))


def card_of(setup):
    """The GPUs as their driver names them, or how many cores there are."""
    run = subprocess.run([setup.program, "devices", "--format", "json"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=False, env=setup.ours())
    gpus = [gpu["name"] for gpu in json.loads(run.stdout)["gpus"]] if run.returncode == 0 else []
    return " and ".join(gpus) or f"{os.cpu_count()} cores"


def name_of(data, program, way, several):
    name = data.ways.get(way.id, {"name": way.id})["name"]
    return f"{program}, {name}" if several else name


def measurement(arguments, data, card, rounds):
    several = len(arguments.programs) > 1
    rows = []
    for (program, way), speeds in rounds.found.items():
        if not speeds or (program, way) in rounds.failed:
            continue
        row = {"shape": arguments.shape, "way": way.id, "program": program,
               "name": name_of(data, program, way, several), "options": way.options,
               "decode": [shown(speed.decode) for speed in speeds],
               "prompt": [shown(speed.prompt) for speed in speeds]}
        if program == "llama-bench":
            row["drawn"] = True
        rows.append(row)
    command = (f"./dev bench programs --ctx {arguments.ctx} --prompt {arguments.prompt} --generate "
               f"{arguments.generate} --repetitions {arguments.repetitions}")
    if arguments.threads:
        command += f" --threads {arguments.threads}"
    return {"id": arguments.id, "card": card,
            "command": command, "rows": rows}


def with_names(data, arguments, ways):
    """The data's shapes and ways, and those of these rounds that it does not have."""
    shapes = [*data.document["shapes"]]
    if arguments.shape not in data.shapes:
        shapes.append({"id": arguments.shape, "name": arguments.shape, "short": arguments.shape})
    return {**data.document, "shapes": shapes, "ways": data.document["ways"] + [
        {"id": way.id, "by": way.by, "devices": "", "name": way.id} for way in ways
        if way.id not in data.ways]}


def parse():
    build = os.environ.get("HEXCORE_BUILD", str(ROOT / "build/release"))
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=os.environ.get("HEXCORE_MODEL"))
    parser.add_argument("--stock", metavar="FOLDER", help="with llama.cpp's programs and libraries",
                        default=os.environ.get("HEXCORE_LLAMA_BIN"))
    parser.add_argument("--program", help="hexcore", default=f"{build}/hexcore")
    parser.add_argument("--plugin", help="libggml-hexcore.so, if not that beside hexcore")
    parser.add_argument("--libraries", metavar="FOLDER",
                        help="of hexcore, its plugin and the probe, where they don't find theirs")
    parser.add_argument("--probe", default=f"{build}/bench/bench_decode_probe")
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS,
                        default=["llama-bench", "llama-completion", "llama-server"])
    parser.add_argument("--stock-way", action="append", metavar="ID: OPTIONS")
    parser.add_argument("--way", action="append", metavar="ID: OPTIONS")
    parser.add_argument("--shape", default="demo", help="an id of docs/measured/speed.json")
    parser.add_argument("--id", default="programs", help="of the measurement")
    parser.add_argument("--card", help="what it was measured on, in words")
    parser.add_argument("--ctx", type=int, default=1024)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=128)
    parser.add_argument("--repetitions", type=int, default=1, help="of llama-bench and the probe")
    parser.add_argument("--threads", type=int, default=0, help="0: as each chooses")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0,
                        help="no round is begun that would end later; 0: all are")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the JSON, after each round")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if not arguments.model or not arguments.stock:
        parser.error("run it as ./dev bench programs, or give --model and --stock")
    return arguments


def main():
    begin = time.monotonic()
    arguments, data = parse(), speed_data.read()
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(arguments, folder)
        if arguments.way or arguments.stock_way:
            planned, stock = arguments.way or [], arguments.stock_way or []
        else:
            planned, stock = [TWO_HOSTS], ["stock-host:"]
        ways = [StockWay(setup, text) for text in stock]
        for way in (PlannedWay(setup, text) for text in planned):
            try:
                way.prepare()
                ways.append(way)
            except ProgramError as error:
                say(f"{way.id}: {error}")
        card = arguments.card or card_of(setup)
        rounds = Rounds(ways, arguments.programs, Work(arguments.prompt, arguments.generate,
                                                       arguments.repetitions))
        complete = len(ways) == len(stock) + len(planned)
        for number in range(arguments.rounds):
            round_begin = time.monotonic()
            rounds.run(number)
            found = measurement(arguments, data, card, rounds)
            if arguments.output:
                arguments.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
            now = time.monotonic()
            say(f"round {number + 1} took {now - round_begin:.1f} s, {now - begin:.1f} s in all")
            if arguments.seconds and 2 * now - round_begin - begin > arguments.seconds:
                break
    if arguments.format == "json":
        print(json.dumps(found, indent=2))
    elif found["rows"]:
        told = speed_data.SpeedData(with_names(data, arguments, ways) | {"measurements": [found]})
        print(speed_table.table(told, found), end="")
    return 0 if complete and not rounds.failed else 1


if __name__ == "__main__":
    sys.exit(main())
