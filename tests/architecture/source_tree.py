"""Reads the project's files for the rules: which there are, what they include and use."""

import re
from functools import cached_property
from pathlib import Path

FOLDERS = ("src", "tests", "bench", "tools", "cmake", "docs", ".ci")
CPP = {".cpp", ".hpp", ".h", ".c"}
TEXT = CPP | {".py", ".sh", ".cmake", ".txt", ".md", ".json", ".toml", ".yml", ""}

_NOT_CODE = re.compile(
    r'R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"  # not the separator in 1'000
    r"|//[^\n]*"
    r"|/\*.*?\*/",
    re.DOTALL,
)
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def strip(text):
    """C++ without comments and literals; what is taken out leaves its line breaks behind."""
    return _NOT_CODE.sub(lambda match: " " + "\n" * match.group().count("\n"), text)


class SourceFile:
    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.suffix = path.suffix
        self.is_cpp = path.suffix in CPP

    @property
    def module(self):
        """The folder below src/hexcore/, or None outside it."""
        parts = self.path.split("/")
        return parts[2] if parts[:2] == ["src", "hexcore"] and len(parts) > 3 else None

    @property
    def lines(self):
        return self.text.splitlines()

    @cached_property
    def code(self):
        return strip(self.text)

    @cached_property
    def literals(self):
        """(line number, text) of each string literal; adjacent ones are one."""
        found, end = [], 0
        for match in _NOT_CODE.finditer(self.text):
            if not match[0].startswith(('"', 'R"')):
                continue
            text = match[0].split('"', 1)[1][:-1]
            if found and not self.text[end:match.start()].strip():
                found[-1] = (found[-1][0], found[-1][1] + text)
            else:
                found.append((self.text.count("\n", 0, match.start()) + 1, text))
            end = match.end()
        return found

    @cached_property
    def includes(self):
        """(line number, header) of each #include that is not commented out."""
        found = []
        for match in _INCLUDE.finditer(self.text):
            line = self.text.count("\n", 0, match.start(2)) + 1
            found.append((line, match.group(2)))
        return found

    def uses(self, pattern):
        """Line numbers where the code (not its comments or literals) matches the pattern."""
        for match in re.finditer(pattern, self.code):
            yield self.code.count("\n", 0, match.start()) + 1


class Tree:
    def __init__(self, root):
        root = Path(root)
        self.root = root
        found = [path for path in root.iterdir() if path.is_file()]
        for folder in FOLDERS:
            found += [path for path in (root / folder).rglob("*") if path.is_file()]
        kept = (p for p in sorted(found) if p.suffix in TEXT and "__pycache__" not in p.parts)
        self.files = [SourceFile(root, path) for path in kept if not _is_binary(path)]

    @property
    def cpp(self):
        return [file for file in self.files if file.is_cpp]

    @property
    def src(self):
        return [file for file in self.cpp if file.path.startswith("src/")]


def _is_binary(path):
    with path.open("rb") as file:
        return b"\0" in file.read(4096)
