"""Ways of computing a model: stock programs with options, and the same over a plan of Hexcore's."""

import json
import os
import shlex
import subprocess
from pathlib import Path

from probing import probes
from probing.llama_programs import MEASURED_BY, ProgramError, Speeds

PROBE = "bench_decode_probe"
PROGRAMS = (*MEASURED_BY, PROBE)


def named(text):
    """`ID: OPTIONS` as the two, or `ID` alone."""
    name, _, options = text.partition(":")
    return name.strip(), options.strip()


class Setup:
    """Where programs are, what they load, and what all of them are told."""

    def __init__(self, arguments, folder):
        self.model = Path(arguments.model).resolve()
        self.stock, self.program = Path(arguments.stock).resolve(), arguments.program
        self.plugin, self.probe = arguments.plugin, arguments.probe
        self.libraries = arguments.libraries
        self.context, self.threads = arguments.ctx, arguments.threads
        self.folder = Path(folder)

    def environment(self, *folders, changes=None):
        """With the libraries of these folders before others; of what llama.cpp's programs and the
        plugin would take from whoever started this, nothing."""
        kept = {name: value for name, value in os.environ.items()
                if name != "GGML_BACKEND_PATH" and not name.startswith(("LLAMA_ARG_", "HEXCORE_"))}
        found = [*map(str, filter(None, folders)), os.environ.get("LD_LIBRARY_PATH")]
        return ({"GOMP_SPINCOUNT": "1000"} | kept |
                {"LD_LIBRARY_PATH": ":".join(filter(None, found))} | (changes or {}))

    def ours(self):
        """What hexcore and the probe run in, which use what the tests or a user set for them."""
        own = {name: value for name, value in os.environ.items() if name.startswith("HEXCORE_")}
        return self.environment(self.libraries, changes=own)

    def with_threads(self, words):
        return [*words, "-t", str(self.threads)] if self.threads else words


class StockWay:
    by = "stock"
    programs = tuple(MEASURED_BY)

    def __init__(self, setup, text):
        self.setup = setup
        self.id, self.options = named(text)

    def prepare(self):
        pass

    def measure(self, program, work):
        words = [self.setup.stock / program, "-m", self.setup.model, *shlex.split(self.options)]
        if program != "llama-bench":
            words += ["-c", self.setup.context]
        if program == "llama-server":
            words += ["-np", 1]
        return MEASURED_BY[program](self.setup.with_threads(words), self.setup.environment(
            self.setup.stock, changes={"LLAMA_ARG_FIT": "off"}), work)


class PlannedWay:
    """The options are those of hexcore plan."""

    by = "hexcore"
    programs = PROGRAMS

    def __init__(self, setup, text):
        self.setup = setup
        self.id, self.options = named(text)
        self.text = None

    def _plan(self, *more):
        run = subprocess.run(
            [self.setup.program, "plan", self.setup.model, *shlex.split(self.options), "--ctx",
             str(self.setup.context), "--plugin", *more], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, check=False, env=self.setup.ours())
        if run.returncode != 0:
            raise ProgramError(f"there is no plan: {run.stderr.strip()}")
        return run.stdout

    def prepare(self):
        self.folder = self.setup.folder / self.id
        self.folder.mkdir(exist_ok=True)
        (self.folder / "plan.json").write_text(self._plan("--format", "json"), encoding="utf-8")
        self.text = self._plan("--format", "llama.cpp")

    def command(self, program):
        """What hexcore plan printed for the program: its variables, and its words."""
        part = next(part for part in self.text.split("\n\n") if f"\n{program} " in f"\n{part}")
        lines = [line for line in part.splitlines() if not line.startswith("#")]
        words = shlex.split("\n".join(lines).replace("\\\n", " "))
        at = words.index(program)
        return dict(word.split("=", 1) for word in words[:at]), words[at + 1:]

    def measure(self, program, work):
        if program == PROBE:
            return self._probed(work)
        variables, words = self.command(program)
        if self.setup.plugin:
            variables["GGML_BACKEND_PATH"] = str(Path(self.setup.plugin).resolve())
        report = self.folder / "report.json"
        report.unlink(missing_ok=True)
        variables["HEXCORE_REPORT"] = str(report)
        speeds = MEASURED_BY[program](
            self.setup.with_threads([self.setup.stock / program, *words]),
            self.setup.environment(self.setup.stock, self.setup.libraries, changes=variables),
            work, self.folder)
        self._check(report)
        return speeds

    def _check(self, report):
        """A program that could not open the plugin goes on without it: that is stock's speed."""
        told = json.loads(report.read_text()) if report.exists() else {"devices": []}
        if not any(device["peak_bytes"] for device in told["devices"]):
            raise ProgramError("the program computed without the plan")

    def _probed(self, work):
        words = [self.setup.model, *shlex.split(self.options), "--ctx", self.setup.context,
                 "--prompt", work.prompt, "--generate", work.generate, "--repetitions",
                 work.repetitions]
        if self.setup.threads:
            words += ["--threads", self.setup.threads]
        try:
            figures = probes.figures_of(self.setup.probe, *words, environment=self.setup.ours())
        except subprocess.CalledProcessError as error:
            raise ProgramError(f"exit code {error.returncode}") from error
        mean = {name: sum(values) / len(values) for name, values in figures.items()}
        return Speeds(mean["decode_tokens_per_s"], mean["prompt_tokens_per_s"])
