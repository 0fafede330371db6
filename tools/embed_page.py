#!/usr/bin/env python3
"""Makes the page of a recording's report, all but its data, a part of the program.

    embed_page.py --page DIR --dygraphs DIR --d3 FILE --licences FILE... --output FILE.cpp

The page takes its styles and its one script from DIR, and two libraries as the system's packages
have them. Nothing else of it may run: its content policy names both by their hashes.
"""

import argparse
import base64
import hashlib
import html
import re
from pathlib import Path

# In this order: each uses what is above it.
SCRIPTS = ["elements.js", "format.js", "series.js", "theme.js", "timeline.js", "labels.js",
           "treemap.js", "sites.js", "summary.js", "keyboard.js", "main.js"]
LITERAL_BYTES = 8000  # compilers take longer literals, too, but promise only 65536


def library(path):
    """The text without the address of its source map, which browsers would ask for."""
    return re.sub(r"\n?(//|/\*)# sourceMappingURL=\S+( \*/)?\s*$", "\n", path.read_text("utf-8"))


def source_hash(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page_around_data(options):
    """What stands before and behind the data."""
    own = "".join((options.page / name).read_text("utf-8") for name in SCRIPTS)
    script = "\n".join([library(options.dygraphs / "dygraph.min.js"), library(options.d3),
                        f'(() => {{\n"use strict";\n{own}}})();\n'])
    styles = library(options.dygraphs / "dygraph.min.css") + (
        options.page / "page.css").read_text("utf-8")
    assert "</script" not in script and "</style" not in styles, "it would end there"
    policy = ("default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
              f"script-src {source_hash(script)}; style-src {source_hash(styles)}")
    parts = {
        "policy": policy,
        "styles": styles,
        "licences": "\n\n".join(html.escape(path.read_text("utf-8")) for path in options.licences),
        "script": script,
    }
    page = (options.page / "page.html").read_text("utf-8")
    before, behind = page.split("@data@")

    def filled(text):
        return re.sub("@(policy|styles|licences|script)@", lambda match: parts[match[1]], text)

    return filled(before), filled(behind)


def literal(text):
    """The text as C++ literals that stand one after another."""
    pieces, piece = [], ""
    for character in text:
        piece += character
        if len(piece.encode()) >= LITERAL_BYTES:
            pieces.append(piece)
            piece = ""
    return "\n".join(f'R"hexcore({each})hexcore"' for each in [*pieces, piece])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--dygraphs", type=Path, required=True)
    parser.add_argument("--d3", type=Path, required=True)
    parser.add_argument("--licences", type=Path, nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    before, behind = page_around_data(options)
    options.output.write_text(
        '#include "hexcore/report/page_parts.hpp"\n\nnamespace hexcore {\n\n'
        f"const std::string_view page_before_data =\n{literal(before)};\n\n"
        f"const std::string_view page_behind_data =\n{literal(behind)};\n\n"
        "}  // namespace hexcore\n", "utf-8")


if __name__ == "__main__":
    main()
