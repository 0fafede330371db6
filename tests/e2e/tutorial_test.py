"""The tutorial of docs/watch.md is carried out, in order, as a reader would.

A Python block that begins with `# NAME.py` is that file from then on, a sh block is run, and a text
block shows what the lines above it printed. In it `[...]` stands for any text, and a line of it
alone for any lines.
"""

import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT
from transcript import is_gap, line_pattern

PAGE = ROOT / "docs" / "watch.md"
TITLE = "## Find a leak in ten minutes"
BLOCK = re.compile(r"^```(python|sh|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXIT_CODE = re.compile(r"# exit code (\d+)$")


def blocks():
    section = PAGE.read_text(encoding="utf-8").split(f"\n{TITLE}\n")[1].split("\n## ")[0]
    return [(kind, text.splitlines()) for kind, text in BLOCK.findall(section)]


def run(lines, folder, environment):
    """What the lines print, each of which ends as it says, or with 0."""
    printed = ""
    for line in lines:
        ended = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        code = EXIT_CODE.search(line)
        assert ended.returncode == int(code[1] if code else 0), f"{line}\n{ended.stdout}"
        printed += ended.stdout
    return printed


def compare(shown, printed):
    """Each line in order; those between gaps one after the other."""
    at, after_gap = 0, True
    for line in shown:
        if is_gap(line):
            after_gap = True
            continue
        pattern = line_pattern(line)
        match = pattern.search(printed, at) if after_gap else pattern.match(printed, at)
        assert match, f"{line}\nis not in\n{printed[at:]}"
        at, after_gap = match.end(), False


def test_the_tutorial_works(hexcore, tmp_path):
    # `python3` and `hexcore` are those that are tested.
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    (programs / "hexcore").symlink_to(hexcore.path)
    work = tmp_path / "work"
    work.mkdir()
    environment = hexcore.environment({
        "PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "80", "NO_COLOR": "1",
        "XDG_STATE_HOME": str(tmp_path / "state")})
    printed, done = "", []
    for kind, lines in blocks():
        if kind == "python":
            name = re.fullmatch(r"# (\w+\.py)", lines[0])
            assert name, f"a program without its file's name: {lines[0]}"
            (work / name[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")
        elif kind == "sh":
            printed = run(lines, work, environment)
        else:
            compare(lines, printed)
        done.append(kind)
    assert {"python", "sh", "text"} <= set(done)


def test_what_the_tutorial_shows_is_compared():
    printed = "   WHERE  PEAK\n   host  12 MiB  leak\nend\n"
    compare(["   host  [...] MiB  leak"], printed)
    compare(["WHERE PEAK", "[...]", "end"], printed)
    with pytest.raises(AssertionError):
        compare(["   host  [...] MiB  none"], printed)
    with pytest.raises(AssertionError):
        compare(["WHERE PEAK", "end"], printed)
