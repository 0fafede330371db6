"""hexcore watch --alert: what is told while the command still runs."""

import json
import subprocess
import sys


# Takes 64 MiB, and ends once it is told to.
TAKES = """
import sys
sys.stdin.readline()
kept = bytearray(b"x") * (64 << 20)
sys.stdin.read()
"""


def test_an_alert_is_told_while_the_command_runs_and_is_a_mark(hexcore, tmp_path):
    recording = tmp_path / "alert.hxr"
    process = hexcore.start("watch", "--alert", "32MiB", "--interval", "10", "-o", recording, "--",
                            sys.executable, "-I", "-S", "-c", TAKES, stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    process.stdin.write("\n")
    process.stdin.flush()
    # One of a GPU, on which others may be at work, could come before.
    line = next(line for line in process.stderr if line.startswith("hexcore: host "))
    assert process.poll() is None, "it still runs"
    process.communicate("")
    assert process.returncode == 0
    assert "MiB above its start after" in line and "in use" in line
    told = hexcore("report", recording, "-o", tmp_path / "out.json")
    assert told.code == 0, told.stderr
    marks = json.loads((tmp_path / "out.json").read_text())["marks"]
    (mark,) = [mark for mark in marks if mark["name"].startswith("host ")]
    assert mark["name"].endswith(" MiB above its start")
    assert mark["name"] in line
