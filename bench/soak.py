"""Mixed questions to one `hexcore serve --exact` from clients side by side: sessions with and
without a name, more than there are sequences, so that they are parked in memory and in files;
answers that run into the end of the context; clients that go away; bad input of all kinds.

Judged: every text is that of a fresh process; every kind of bad input gets its own error; devices
have what was planned; memory does not grow, and a token takes the time that it took
(bench/soaking/judgement.py says how). Exit code 1 where one of these fails. The fresh processes'
answers are kept in the cache; `--queries 0` makes those of a long run and asks nothing."""

import argparse
import json
import os
import random
import re
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))
from serving import Program, Server  # noqa: E402
from soaking import bad_input, judgement, questions  # noqa: E402
from soaking.clients import Clients  # noqa: E402
from soaking.fresh import DEVICES, SESSION_TOKENS, FreshAnswers  # noqa: E402

SEQUENCES, SESSIONS, CLIENTS = 4, 24, 8
SERVING = ["--exact", "--sequences", SEQUENCES, "--ctx", SEQUENCES * SESSION_TOKENS,
           "--max-sessions", SESSIONS, "--max-body", "2MiB"]
# A full session just goes into memory, and into no file.
PARK_MEMORY, PARK_FILES = 6 << 20, 4 << 20
LONG = 10_000


def say(words):
    print(f"soak: {words}", file=sys.stderr, flush=True)


def cpu_seconds(pid):
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    """By walking the pages: the counters of statm lag behind, by up to 64 pages a thread."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Rss:\s+(\d+) kB", rollup, re.MULTILINE)[1]) * 1024


def sample(server, queries, metrics):
    accounted = sum(value for name, value in metrics.items() if 'kind="accounted"' in name)
    parked = metrics["hexcore_parked_memory_bytes"] + metrics["hexcore_parked_file_bytes"]
    return judgement.Sample(queries, resident_bytes(server.process.pid), int(accounted + parked),
                            cpu_seconds(server.process.pid),
                            int(metrics["hexcore_cache_tokens_computed_total"]))


def not_as_planned(metrics):
    """What the devices and the parked sessions have that they should not."""
    wrong = [name for name, value in metrics.items()
             if 'kind="planned"' in name and metrics[name.replace("planned", "accounted")] != value]
    wrong += [name for name, value in metrics.items() if "refused" in name and value != 0]
    if metrics["hexcore_parked_memory_bytes"] > PARK_MEMORY:
        wrong.append("hexcore_parked_memory_bytes")
    if metrics["hexcore_parked_file_bytes"] > PARK_FILES:
        wrong.append("hexcore_parked_file_bytes")
    return wrong


def soak(arguments, program, expected, distinct):
    """Asks, and gives (samples, metrics at the end, what the clients found)."""
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as state:
        server = Server(program, arguments.model, *DEVICES, *SERVING,
                        "--threads", arguments.threads, "--park-memory", PARK_MEMORY,
                        "--park-files", PARK_FILES, env=os.environ | {"XDG_STATE_HOME": state})
        clients = Clients(server, expected, arguments.clients, chance)
        samples = [sample(server, 0, server.metrics())]
        begin = time.monotonic()
        try:
            for jobs in questions.hundreds(arguments.queries, distinct, bad_input.ALL, chance):
                metrics = clients.work(jobs)
                samples.append(sample(server, samples[-1].queries + questions.HUNDRED, metrics))
                for name in not_as_planned(metrics):
                    clients.findings.complain("not as planned", f"{name} {metrics[name]}")
                rate = samples[-1].queries / (time.monotonic() - begin)
                say(f"{samples[-1].queries} of {arguments.queries} queries, {rate:.1f} a second, "
                    f"resident {samples[-1].resident_bytes / (1 << 20):.1f} MiB")
            server.process.terminate()
            if (code := server.process.wait(60)) != 0:
                clients.findings.complain("ended badly", f"exit code {code}")
            if left := list(Path(state).rglob("*.session")):
                clients.findings.complain("ended badly", f"it left {left[0].name}")
        finally:
            server.process.kill()
            server.process.wait()
    return samples, metrics, clients


def results(arguments, samples, metrics, clients):
    counts = clients.findings.counts
    figures = {"queries": samples[-1].queries, "seed": arguments.seed,
               "clients": arguments.clients, "threads": arguments.threads,
               "distinct_questions": len(clients.expected)}
    for name in ("answered", "different", "cancelled", "refused", "refused otherwise",
                 "overflowed", "failed", "stuck"):
        figures[name.replace(" ", "_")] = counts[name]
    for name in ("parked", "restored", "tokens_evicted", "tokens_computed"):
        figures[name] = int(metrics[f"hexcore_cache_{name}_total"])
    figures["context_full"] = int(metrics.get('hexcore_answers_total{stop="context_full"}', 0))
    more, verdicts = judgement.judged_memory_and_time(samples)
    unseen = [bad.name for bad in bad_input.ALL if bad.name not in clients.bad_seen]
    verdicts |= {
        "texts": counts["answered"] > 0 and counts["different"] == 0,
        "bad input": counts["refused otherwise"] == 0 and
        (not unseen or f"not judged whole: nobody sent {', '.join(unseen)}"),
        "nobody stuck": counts["failed"] == counts["stuck"] == counts["ended badly"] == 0,
        "as planned": counts["not as planned"] == 0}
    return figures | more, verdicts


def show(figures, verdicts, form):
    words = {True: "passed", False: "FAILED"}
    judged = {what: words.get(verdict, verdict) for what, verdict in verdicts.items()}
    if form == "json":
        print(json.dumps(figures | {"judged": judged}, indent=2))
        return
    for name, value in figures.items():
        print(f"{name:40} {value:>12}")
    for what, verdict in judged.items():
        print(f"{what:40} {verdict}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=300, help="in hundreds")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--model", default=os.environ.get("HEXCORE_MODEL"))
    parser.add_argument("--program", help="hexcore",
                        default=os.path.join(os.environ.get("HEXCORE_BUILD", "build/release"),
                                             "hexcore"))
    parser.add_argument("--cache", default=os.environ.get("HEXCORE_CACHE"),
                        help="where fresh processes' answers are kept")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if not arguments.model or not arguments.cache:
        parser.error("run it as ./dev bench soak, or give --model and --cache")
    if not 1 <= arguments.clients <= SESSIONS // 2:
        parser.error(f"--clients: 1 to {SESSIONS // 2}; each may be in a session that has to stay")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server does not stay
    if arguments.seed is None:
        arguments.seed = secrets.randbelow(1 << 32)

    program = Program(arguments.program)
    distinct = questions.distinct_questions(arguments.queries or LONG)
    all_of_them = [one for found in distinct.values() for one in found]
    expected = FreshAnswers(program, arguments.model, arguments.cache, say).of(all_of_them)
    if arguments.queries == 0:
        return 0
    say(f"seed {arguments.seed}")
    samples, metrics, clients = soak(arguments, program, expected, distinct)
    figures, verdicts = results(arguments, samples, metrics, clients)
    for name, found in clients.findings.wrong.items():
        for what in found:
            say(f"{name}: {what}")
    show(figures, verdicts, arguments.format)
    return 1 if False in verdicts.values() else 0


if __name__ == "__main__":
    sys.exit(main())
