"""Commands with their output as the documents show them, compared with what is printed now.

In a fenced block a line `$ hexcore ...` is a command, and the lines below it are what it prints.
A line `[...]`, or `[... and so on ...]`, stands for lines left out; within a line `[...]` stands
for any text. A line that is longer than the page may be shown wrapped.
"""

import difflib
import re
import shlex
import textwrap
from typing import NamedTuple

PAGE_COLUMNS = 100
PROMPT = "$ hexcore "
GAP = re.compile(r"\[\.\.\..*\]")
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)
# What is measured, and so differs from run to run. Everything else is compared.
MEASURED = re.compile(r"(?<=in )[\d.]+ m?s\b|[\d.]+(?= tokens/s)")
# Stands for generated text, which may differ between processors.
SOME_TEXT = "[... some text ...]"


class Shown(NamedTuple):
    """A command of a document: `output` is shown from line `first_line` of `page` on."""

    page: str
    first_line: int
    command: str
    output: list

    @property
    def arguments(self):
        """The program's arguments, and the file that its output goes to, or None."""
        words = shlex.split(self.command)[1:]
        if ">" in words:
            return words[:words.index(">")], words[-1]
        return words, None

    @property
    def generates_text(self):
        return self.arguments[0][0] in ("ask", "run")


def shown_commands(page, text):
    """The commands of a page in order, also those below which nothing is shown."""
    found = []
    for block in BLOCK.finditer(text):
        number = text.count("\n", 0, block.start(1)) + 1
        command = None
        for offset, line in enumerate(block[1].splitlines()):
            if line.startswith("$ "):
                command = None
            if line.startswith(PROMPT):
                command = Shown(page, number + offset + 1, line.removeprefix("$ "), [])
                found.append(command)
            elif command:
                command.output.append(line)
    return found


def is_gap(line):
    return GAP.fullmatch(line) is not None


def line_pattern(line):
    """Matches the line with any measured figures and any text for `[...]`; runs of blanks in it
    may be line breaks on either side."""
    parts = [MEASURED.sub("\0", part) for part in line.split("[...]")]
    escaped = [r"\s+".join(map(re.escape, part.split())) for part in parts]
    pattern = r"[^\n]*?".join(escaped).replace(re.escape("\0"), "\0")
    return re.compile(r"\s*" + pattern.replace("\0", r"[\d.]+(?:\s+m?s)?") + r"(?=\s|$)")


def lines_to_compare(shown):
    """(line number, line) of what is shown; of generated text only that it is there."""
    lines = list(enumerate(shown.output, shown.first_line))
    if not shown.generates_text:
        return lines
    paragraph_ends = [at for at, (_, line) in enumerate(lines) if not line.strip()]
    report = lines[paragraph_ends[-1] + 1:]
    return [(shown.first_line, SOME_TEXT), *report]


def difference(shown, printed):
    """Says where the page and what is printed part, or None."""
    at, after_gap, text_before = 0, False, False
    for number, line in lines_to_compare(shown):
        if is_gap(line):
            after_gap, text_before = True, line == SOME_TEXT
            continue
        pattern = line_pattern(line)
        match = pattern.search(printed, at) if after_gap else pattern.match(printed, at)
        if not match:
            instead = "\n".join(printed[at:].strip("\n").splitlines()[:8])
            return (f"{shown.page}:{number} shows\n{line}\nand the program prints"
                    f"{' nowhere below' if after_gap else ''}\n{instead}")
        if text_before and not printed[at:match.start()].strip():
            return f"{shown.page}:{number}: {shown.command} generates no text"
        at, after_gap, text_before = match.end(), False, False
    if printed[at:].strip() and not after_gap:
        return f"{shown.page}: {shown.command} prints more than is shown:\n{printed[at:]}"
    return None


def renewed(shown, printed):
    """The lines to show now: between two gaps, from the line most like the first that was shown
    there to the one most like the last."""
    actual = printed.rstrip("\n").splitlines()

    def most_alike(line, first):
        def likeness(index):
            return difflib.SequenceMatcher(None, line, actual[index]).ratio()

        return max(range(first, len(actual)), key=likeness)

    gaps = [index for index, line in enumerate(shown.output) if is_gap(line)]
    result, begin, at = [], 0, 0
    for end in [*gaps, len(shown.output)]:
        segment = shown.output[begin:end]
        if segment:
            first = most_alike(segment[0], at) if begin else 0
            last = most_alike(segment[-1], first) if end in gaps else len(actual) - 1
            result += [part for line in actual[first:last + 1] for part in wrapped(line)]
            at = last + 1
        result += shown.output[end:end + 1]
        begin = end + 1
    return result


def wrapped(line):
    if len(line) <= PAGE_COLUMNS:
        return [line]
    return textwrap.wrap(line, PAGE_COLUMNS, break_on_hyphens=False, drop_whitespace=True)
