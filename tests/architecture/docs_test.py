"""Holds the documents against the project: links lead somewhere, named commands exist.

    HEXCORE_BIN=build/release/hexcore python3 tests/architecture/docs_test.py
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"(?:^|[\s;&|(])(?:\S*/)?(dev|hexcore) ([a-z][a-z-]*)\b")
MANUALS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")


def documents(root):
    folders = [root, *(root / name for name in ("docs", "bench", "tools"))]
    found = [path for path in folders[0].glob("*.md")]
    for folder in folders[1:]:
        found += folder.rglob("*.md")
    return sorted(found)


def anchors(text):
    """The anchors that a page's headings make: lower case, words joined by hyphens."""
    found = set()
    for title in re.findall(r"^#+\s+(.*)$", FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"[^\w\s-]", "", title.lower().strip())
        found.add(re.sub(r"\s", "-", plain))
    return found


def broken_links(root):
    """Relative links whose file or heading is missing."""
    broken = []
    for page in documents(root):
        text = page.read_text(encoding="utf-8")
        for match in LINK.finditer(FENCE.sub("", text)):
            link = match[1] or match[2]
            if re.match(r"[a-z]+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            where = f"{page.relative_to(root)}: "
            if not target.exists():
                broken.append(where + f"the link to {link} leads nowhere")
            elif anchor and target.suffix == ".md":
                if anchor not in anchors(target.read_text(encoding="utf-8")):
                    broken.append(where + f"{name or 'the page'} has no heading #{anchor}")
    return broken


def named_commands(text):
    """(program, command) for each `./dev X` and `hexcore X` in the page's code."""
    for match in CODE.finditer(text):
        lines = [line.strip() for line in (match[1] or match[2]).splitlines()]
        if any(line.startswith("$ ") for line in lines):
            lines = [line for line in lines if line.startswith("$ ")]
        for line in lines:
            line = line.removeprefix("$ ")
            if match[1] and not re.match(r"\S*(dev|hexcore)\b", line):
                continue  # a transcript's output
            for command in COMMAND.finditer(line):
                if command[1] == "hexcore" or "./dev" in command[0]:
                    yield command[1], command[2]


def help_text(command):
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         stdin=subprocess.DEVNULL, check=False)
    return run.stdout


def unknown_commands(root, programs):
    """Commands that the manuals name and the programs' help does not."""
    unknown = []
    for name in MANUALS:
        page = root / name
        if not page.exists():
            continue
        for program, command in sorted(set(named_commands(page.read_text(encoding="utf-8")))):
            listed = programs.get(program)
            if listed is not None and not re.search(rf"^\s+{command}\b", listed, re.MULTILINE):
                unknown.append(f"{name}: {program} has no command {command}")
    return unknown


def main():
    programs = {"dev": help_text([str(ROOT / "dev"), "help"])}
    binary = os.environ.get("HEXCORE_BIN", "")
    if os.access(binary, os.X_OK):
        programs["hexcore"] = help_text([binary, "--help"])
    else:
        print("   there is no hexcore program; its commands are not looked up")
    problems = broken_links(ROOT) + unknown_commands(ROOT, programs)
    print("\n".join(problems) or f"   {len(documents(ROOT))} pages")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
