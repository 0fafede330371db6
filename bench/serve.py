"""hexcore serve beside llama-server of the same llama.cpp build, in turn: same model, threads and
context.

Clients: as many as sequences, each of which streams as many tokens as the others; `exact` is ours
with --exact over ours without. Returning: 64 conversations that come back in a KV cache for 8, with
as much host memory for those that make room as --returning-memory says on either side; ours goes on
to files."""

import argparse
import http.client
import json
import os
import random
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))
from probing.llama_programs import LlamaServer  # noqa: E402
from serving import Program, Server  # noqa: E402

TOKENS = 32
CONTEXT_EACH = 512
PROMPT = "Client {} asks about the {} of gravity, and why it is the force that holds " * 4


CONVERSATIONS = 64
RETURNING_SEQUENCES = 8
RETURNING_ROUNDS = 3
RETURNING_WORDS = 100
RETURNING_TOKENS = 4


def ours(arguments, clients, *options):
    server = Server(Program(arguments.program), arguments.model, "--device", "host=2GiB",
                    "--threads", arguments.threads, "--sequences", clients,
                    "--ctx", CONTEXT_EACH * clients, *options)
    return server.process, server.port


def ours_exact(arguments, clients):
    return ours(arguments, clients, "--exact")


def theirs(arguments, clients, *options):
    server = LlamaServer(
        [os.path.join(arguments.llama_bin, "llama-server"), "-m", arguments.model, "-t",
         arguments.threads, "-np", clients, "-c", CONTEXT_EACH * clients, *options], os.environ)
    return server.process, server.port


def ask(port, number, results):
    words = ["strength", "origin", "meaning", "discovery"]
    body = {"prompt": PROMPT.format(*[number, words[number % 4]] * 4), "max_tokens": TOKENS,
            "temperature": 0, "stream": True, "logit_bias": {"0": -100, "2": -100}}
    start = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("POST", "/v1/completions", json.dumps(body),
                       {"Content-Type": "application/json"})
    first = None
    for line in connection.getresponse():
        if first is None and line.startswith(b"data: "):
            first = time.monotonic() - start
    results.append(first)


def measure(start, arguments, clients):
    """Tokens a second in all, and the median time to a first token."""
    process, port = start(arguments, clients)
    try:
        ask(port, 999, [])  # whatever is done once
        results = []
        threads = [threading.Thread(target=ask, args=[port, number, results])
                   for number in range(clients)]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return clients * TOKENS / (time.monotonic() - begin), statistics.median(results)
    finally:
        process.kill()
        process.wait()


class Conversations:
    """Texts that grow: each comes back with all that was said, and a little more."""

    def __init__(self):
        words = PROMPT.replace("{}", "").split()
        chance = random.Random(1)
        self.texts = [f"Conversation {number}. " +
                      " ".join(chance.choice(words) for _ in range(RETURNING_WORDS))
                      for number in range(CONVERSATIONS)]
        self.computed = 0
        self.lock = threading.Lock()

    def go_on(self, port, number):
        body = {"prompt": self.texts[number], "max_tokens": RETURNING_TOKENS, "temperature": 0,
                "logit_bias": {"0": -100, "2": -100}}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        connection.request("POST", "/v1/completions", json.dumps(body),
                           {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        usage = answer["usage"]
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        with self.lock:
            self.computed += usage["prompt_tokens"] - cached
        self.texts[number] += answer["choices"][0]["text"] + f" And what of {number}?"


def come_back(start, arguments, *options):
    """Seconds, and tokens of prompts that were computed, for all after their first round."""
    process, port = start(arguments, RETURNING_SEQUENCES, *options)
    try:
        conversations = Conversations()
        chance = random.Random(2)
        for number_of_round in range(RETURNING_ROUNDS):
            if number_of_round == 1:
                conversations.computed = 0
                begin = time.monotonic()
            order = chance.sample(range(CONVERSATIONS), CONVERSATIONS)

            def work(mine, todo=order):
                for number in todo[mine::RETURNING_SEQUENCES]:
                    conversations.go_on(port, number)

            threads = [threading.Thread(target=work, args=[mine])
                       for mine in range(RETURNING_SEQUENCES)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return time.monotonic() - begin, conversations.computed
    finally:
        process.kill()
        process.wait()


def returning(arguments, figures):
    memory = arguments.returning_memory
    mine = come_back(ours, arguments, "--park-memory", f"{memory}MiB", "--park-files", "4GiB",
                     "--max-sessions", str(2 * CONVERSATIONS))
    other = come_back(theirs, arguments, "--cache-ram", str(memory))
    for index, what in enumerate(["s", "tokens_computed"]):
        figures[f"returning_{what}"] = round(mine[index], 3)
        figures[f"returning_llama_server_{what}"] = round(other[index], 3)
        figures[f"returning_{what}_over_llama_server_ratio"] = round(mine[index] / other[index], 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=os.environ.get("HEXCORE_MODEL"))
    parser.add_argument("--program", help="hexcore",
                        default=os.path.join(os.environ.get("HEXCORE_BUILD", "build/release"),
                                             "hexcore"))
    parser.add_argument("--llama-bin", help="the folder with llama-server",
                        default=os.environ.get("HEXCORE_LLAMA_BIN"))
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--returning-memory", type=int, default=64, metavar="MIB",
                        help="host memory beside the KV cache; 0: leave this part out")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if not arguments.model or not arguments.llama_bin:
        parser.error("run it as ./dev bench serve, or give --model and --llama-bin")

    figures = {"rounds": arguments.rounds, "threads": arguments.threads}
    for clients in arguments.clients:
        mine, exact, other = [], [], []
        for number in range(arguments.rounds):
            # Each goes first in every other round, so that a drift of the machine hits all alike.
            turns = [(ours, mine), (ours_exact, exact), (theirs, other)]
            for start, found in turns[::1 if number % 2 == 0 else -1]:
                found.append(measure(start, arguments, clients))
        name = f"clients_{clients}"
        for index, what in enumerate(["tokens_per_s", "first_token_s"]):
            figures[f"{name}_{what}"] = round(statistics.median(r[index] for r in mine), 3)
            figures[f"{name}_llama_server_{what}"] = round(
                statistics.median(r[index] for r in other), 3)
            figures[f"{name}_{what}_over_llama_server_ratio"] = round(
                statistics.median(a[index] / b[index] for a, b in zip(mine, other)), 4)
        figures[f"{name}_exact_tokens_per_s_over_close_ratio"] = round(
            statistics.median(a[0] / b[0] for a, b in zip(exact, mine)), 4)
    if arguments.returning_memory:
        returning(arguments, figures)
    if arguments.format == "json":
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:48} {value:>12}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
