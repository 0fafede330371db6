"""llama.cpp's own programs, stock or over the plugin, and what each says of its speed."""

import contextlib
import json
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

RATE = re.compile(r"^.*?(prompt eval|eval) time =.*?([\d.]+) tokens per second", re.MULTILINE)
LISTENS = re.compile(r"listening on http://127\.0\.0\.1:(\d+)\n")
ANSWER_S, START_S = 600, 600
# llama-completion writes from a thread, and now and then ends before that has written its last
# lines.
TIMES = 5


class ProgramError(Exception):
    """A program did not do what it was asked to; its last lines are in it."""


class Speeds(NamedTuple):
    """In tokens a second."""
    decode: float
    prompt: float


class Work(NamedTuple):
    """What each program is asked to compute."""
    prompt: int
    generate: int
    repetitions: int = 1

    @property
    def text(self):
        """A prompt of as many tokens, where each byte is one and a first one comes before it."""
        return ("Gravity is the force that holds the universe together, and so it is said. "
                * (self.prompt // 16 + 1))[:max(self.prompt - 1, 1)]


def last_lines(text, count=12):
    return "\n".join(text.strip().splitlines()[-count:])


def output_of(command, environment, cwd=None):
    run = subprocess.run([str(word) for word in command], env=environment, cwd=cwd, check=False,
                         stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         errors="replace")
    if run.returncode != 0:
        raise ProgramError(f"exit code {run.returncode}:\n{last_lines(run.stderr)}")
    return run


def bench_speeds(command, environment, work, cwd=None):
    """By llama-bench."""
    run = output_of([*command, "-p", work.prompt, "-n", work.generate, "-r", work.repetitions,
                     "-o", "json"], environment, cwd)
    rows = json.loads(run.stdout)
    return Speeds(next(row["avg_ts"] for row in rows if row["n_gen"] > 0),
                  next(row["avg_ts"] for row in rows if row["n_prompt"] > 0))


def completion_speeds(command, environment, work, cwd=None):
    """By llama-completion, greedily, as it reports at its end: without the time of sampling."""
    for _ in range(TIMES):
        run = output_of([*command, "-p", work.text, "-n", work.generate, "--temp", 0, "-no-cnv",
                         "--no-display-prompt", "--simple-io", "--ignore-eos"], environment, cwd)
        told = {what: float(rate) for what, rate in RATE.findall(run.stderr)}
        if set(told) == {"prompt eval", "eval"}:
            return Speeds(told["eval"], told["prompt eval"])
    raise ProgramError(f"it did not say how fast it was:\n{last_lines(run.stderr)}")


class LlamaServer:
    """A llama-server that has loaded its model; ended at the end of the block."""

    def __init__(self, command, environment, cwd=None):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log", errors="replace")
        self.process = subprocess.Popen(
            [*map(str, command), "--host", "127.0.0.1", "--port", "0"], env=environment, cwd=cwd,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        try:
            self.port = self._wait()
        except BaseException:
            self.stop()
            raise

    def said(self):
        return Path(self.log.name).read_text(encoding="utf-8", errors="replace")

    def _wait(self):
        end = time.monotonic() + START_S
        while self.process.poll() is None and time.monotonic() < end:
            if told := LISTENS.search(self.said()):
                return int(told[1])
            time.sleep(0.02)
        raise ProgramError(f"llama-server did not start:\n{last_lines(self.said())}")

    def complete(self, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/completion",
                                         json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                return json.load(answer)
        except OSError as error:
            raise ProgramError(f"llama-server: {error}\n{last_lines(self.said())}") from error

    def stop(self):
        """By Ctrl-C, so that what is written at a program's end is written."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.stop()


def server_speeds(command, environment, work, cwd=None):
    """By llama-server: one greedy answer, after a short one that is not timed."""
    def body(text, count):
        return {"prompt": text, "n_predict": count, "temperature": 0, "ignore_eos": True,
                "cache_prompt": False}

    with LlamaServer(command, environment, cwd) as server:
        server.complete(body("Once", 4))
        timings = server.complete(body(work.text, work.generate))["timings"]
    return Speeds(timings["predicted_per_second"], timings["prompt_per_second"])


MEASURED_BY = {"llama-bench": bench_speeds, "llama-completion": completion_speeds,
               "llama-server": server_speeds}
