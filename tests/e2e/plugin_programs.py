"""Stock programs of llama.cpp with Hexcore's plugin, by the commands that hexcore plan prints."""

import json
import os
import shlex
import subprocess

from conftest import Hexcore, Outcome

PROMPT = "Gravity is the force that"


class PluginPrograms:
    """llama.cpp's programs over a plan of a model; the report of the last one in `report()`."""

    def __init__(self, hexcore, llama_bin, folder, model, *options):
        self.llama_bin, self.folder = llama_bin, folder
        self.plan_path, self.report_path = folder / "plan.json", folder / "report.json"
        self.plan = hexcore.json("plan", model, *options, "--plugin")
        self.plan_path.write_text(json.dumps(self.plan))
        code, self.text, err = hexcore("plan", model, *options, "--plugin", "--format",
                                       "llama.cpp")
        assert code == 0, err

    def command(self, program, *more):
        """The printed command with more options, and the environment to run it in."""
        parts = [part for part in self.text.split("\n\n") if f"\n{program} " in f"\n{part}"]
        assert len(parts) == 1, self.text
        lines = [line for line in parts[0].splitlines() if not line.startswith("#")]
        command = "\n".join(lines) + " " + shlex.join(map(str, more))
        path = f"{self.llama_bin(program).parent}:{os.environ['PATH']}"
        changes = {"PATH": path, "HEXCORE_REPORT": str(self.report_path)}
        return (["sh", "-c", "exec env " + command.replace("\\\n", " ")],
                os.environ | Hexcore.env | changes)

    def run(self, program, *more, env=None, timeout_s=300):
        command, environment = self.command(program, *more)
        return outcome_of(command, environment | (env or {}), self.folder, timeout_s)

    def report(self):
        report = json.loads(self.report_path.read_text())
        assert report["schema"] == "hexcore.plugin/1"
        return report


def outcome_of(command, env, cwd=None, timeout_s=300):
    run = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, env=env,
                         cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False)
    return Outcome(run.returncode, run.stdout, run.stderr)


def assert_as_planned(report, exact=("weights_bytes", "experts_bytes", "kv_bytes",
                                     "compute_bytes")):
    """Accounted is what was planned, the kernel agrees, and nothing is left."""
    for device in report["devices"]:
        accounted, planned = device["accounted"], device["planned"]
        assert {part: accounted[part] for part in exact} == {part: planned[part] for part in exact}
        assert accounted["total_bytes"] == device["peak_bytes"] <= device["budget_bytes"]
        # A page at most for each allocation: three tensors of 30 layers, and a few buffers.
        # A server does not tell.
        if not device["name"].startswith("rpc:"):
            assert 0 <= device["measured_bytes"] - accounted["total_bytes"] < 100 * 4096
        assert (device["refused"], device["left_bytes"]) == (0, 0)
