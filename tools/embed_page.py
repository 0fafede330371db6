#!/usr/bin/env python3
"""Makes the pages of reports, all but their data, a part of the program.

    embed_page.py --page DIR --dygraphs DIR --d3 FILE --licences DIR --output FILE.cpp

A page takes its styles and its one script from DIR, and libraries as the system's packages have
them. Nothing else of it may run: its content policy names both by their hashes.
"""

import argparse
import base64
import hashlib
import html
import re
from pathlib import Path

# In this order: each uses what is above it.
SHARED = ["elements.js", "format.js", "series.js", "theme.js", "timeline.js", "bands.js",
          "keyboard.js"]
PAGES = {
    "recording": {
        "scripts": ["labels.js", "treemap.js", "sites.js", "summary.js", "recording.js"],
        "styles": ["page.css"],
        "libraries": {"dygraphs": "libjs-dygraphs", "d3-hierarchy": "node-d3-hierarchy"},
    },
    "test": {
        "scripts": ["tests_data.js", "tests_summary.js", "tests_time.js", "tests_details.js",
                    "tests_list.js", "tests_claims.js", "tests.js"],
        "styles": ["page.css", "tests.css"],
        "libraries": {"dygraphs": "libjs-dygraphs"},
    },
}
LITERAL_BYTES = 8000  # compilers take longer literals, too, but promise only 65536


def library(path):
    """The text without the address of its source map, which browsers would ask for."""
    return re.sub(r"\n?(//|/\*)# sourceMappingURL=\S+( \*/)?\s*$", "\n", path.read_text("utf-8"))


def source_hash(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page_around_data(kind, options):
    """What stands before and behind the data."""
    page = PAGES[kind]

    def joined(names):
        return "".join((options.page / name).read_text("utf-8") for name in names)

    files = {"dygraphs": options.dygraphs / "dygraph.min.js", "d3-hierarchy": options.d3}
    script = "\n".join([*(library(files[name]) for name in page["libraries"]),
                        f'(() => {{\n"use strict";\n{joined(SHARED + page["scripts"])}}})();\n'])
    styles = library(options.dygraphs / "dygraph.min.css") + joined(page["styles"])
    assert "</script" not in script and "</style" not in styles, "it would end there"
    policy = ("default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
              f"script-src {source_hash(script)}; style-src {source_hash(styles)}")
    parts = {
        "policy": policy,
        "styles": styles,
        "libraries": " and ".join(page["libraries"]),
        "licences": "\n\n".join(
            html.escape((options.licences / package / "copyright").read_text("utf-8"))
            for package in page["libraries"].values()),
        "sections": joined([f"{kind}.html"]),
        "script": script,
    }
    before, behind = joined(["page.html"]).split("@data@")

    def filled(text):
        return re.sub(f"@({'|'.join(parts)})@", lambda match: parts[match[1]], text)

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
    parser.add_argument("--licences", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    text = '#include "hexcore/report/page_parts.hpp"\n\nnamespace hexcore {\n\n'
    for kind in PAGES:
        before, behind = map(literal, page_around_data(kind, options))
        text += f"const PageParts {kind}_page_parts = {{\n{before},\n{behind}}};\n\n"
    options.output.write_text(text + "}  // namespace hexcore\n", "utf-8")


if __name__ == "__main__":
    main()
