"""The sessions with `hexcore serve` that README and docs/ show are what it answers now."""

import re
import subprocess

import pytest
from conftest import ROOT
from documents_test import PAGES
from serving import Server
from transcript import BLOCK, Shown, difference

PORT = 8080  # that the pages show


def sessions(page):
    """Of a page: for each block that starts a server, its commands with what they print."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1)) + 1
        shown = []
        for offset, words in enumerate(block[1].splitlines()):
            if words.startswith("$ "):
                shown.append(Shown(page.name, line + offset + 1, words[2:], []))
            elif shown:
                shown[-1].output.append(words)
        if shown and shown[0].command.startswith("hexcore serve"):
            found.append(shown)
    return found


SESSIONS = [(page, session) for page in PAGES for session in sessions(page)]


def test_readme_and_a_page_show_a_session():
    assert {page.name for page, _ in SESSIONS} >= {"README.md", "serve.md"}


def without_texts(text):
    """Generated text may differ between processors."""
    return re.sub(r'"(text|content)": ?"(?:[^"\\]|\\.)*"', r'"\1":""', text)


@pytest.mark.parametrize(("page", "session"), SESSIONS,
                         ids=[f"{page.relative_to(ROOT)}:{session[0].first_line}"
                              for page, session in SESSIONS])
def test_a_page_shows_what_the_server_answers(page, session, hexcore, demo_model, tmp_path):
    (tmp_path / "model.gguf").symlink_to(demo_model)
    start = session[0]
    words = start.command.removesuffix(" &").split()[2:]
    server = Server(hexcore, *words, cwd=tmp_path)
    differences = []
    for shown in session[1:]:
        command = shown.command.replace(f":{PORT}/", f":{server.port}/")
        run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False,
                             timeout=120)
        assert run.returncode == 0, run.stderr
        shown = shown._replace(output=[without_texts(line) for line in shown.output])
        if found := difference(shown, without_texts(run.stdout)):
            differences.append(found)
    said = re.sub(rf":{server.port}\b", f":{PORT}", "".join(server.lines))
    if found := difference(start, said):
        differences.append(found)
    assert not differences, "\n\n".join(differences)
