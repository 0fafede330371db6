"""What the documents show of the program is what it prints now: README and docs/, block by block.

Where a change is meant, `./dev golden` writes the blocks anew (HEXCORE_RENEW_GOLDEN=1 here).
"""

import os
import re
from pathlib import Path

import pytest
from conftest import ROOT
from transcript import MEASURED, Shown, difference, is_gap, renewed, shown_commands

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ENVIRONMENT = {"COLUMNS": "80", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


def with_output(page):
    """The page's commands that show what they print, or write a file, and end by themselves."""
    name = page.relative_to(ROOT).as_posix()
    return [shown for shown in shown_commands(name, page.read_text(encoding="utf-8"))
            if (shown.output or shown.arguments[1]) and shown.arguments[0][0] != "serve"]


PAGES_WITH_OUTPUT = [page for page in PAGES if with_output(page)]


@pytest.fixture(scope="module")
def printed(hexcore, demo_model, tmp_path_factory):
    """What a command of a page prints on the demo model: `printed(shown)`; each is run once.

    None for one whose devices have no names where there are GPUs: they would be those."""
    folder = tmp_path_factory.mktemp("documents")
    (folder / "model.gguf").symlink_to(demo_model)
    gpus = len(hexcore.json("devices")["gpus"])
    # What dead runs of whoever tests this left is not what the pages show.
    environment = ENVIRONMENT | {"XDG_STATE_HOME": str(folder / "state"),
                                 "XDG_RUNTIME_DIR": str(folder)}
    outputs = {}

    def run(shown):
        if shown.command not in outputs:
            outputs[shown.command] = run_now(shown)
        return outputs[shown.command]

    def run_now(shown):
        arguments, file = shown.arguments
        if gpus and any(re.fullmatch(r"\d+\wiB", word) for word in arguments):
            return None
        _, out, err = hexcore(*arguments, cwd=folder, env=environment)
        if file:
            (folder / file).write_text(out, encoding="utf-8")
            return err
        return out + err

    return run


@pytest.mark.parametrize("page", PAGES_WITH_OUTPUT, ids=lambda page: page.name)
def test_a_page_shows_what_the_program_prints(page, printed):
    lines = page.read_text(encoding="utf-8").splitlines()
    differences = []
    for shown in reversed(with_output(page)):
        now = printed(shown)
        if now is not None and (found := difference(shown, now)):
            differences.append(found)
            begin = shown.first_line - 1
            lines[begin:begin + len(shown.output)] = renewed(shown, now)
    if differences and os.environ.get("HEXCORE_RENEW_GOLDEN"):
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")
        pytest.skip(f"{page.name} was renewed; read what changed")
    assert not differences, "\n\n".join(differences)


def test_readme_shows_a_plan_a_run_and_a_refusal():
    commands = [shown.arguments[0][0] for shown in with_output(Path(ROOT / "README.md"))]
    assert commands.count("plan") >= 3 and "run" in commands


@pytest.mark.parametrize("page", PAGES_WITH_OUTPUT, ids=lambda page: page.name)
def test_any_other_figure_on_a_page_is_noticed(page, printed):
    """One digit of each figure that is not measured, changed in turn."""
    for shown in with_output(page):
        if shown.generates_text or not shown.output:
            continue
        now = printed(shown)
        if now is None:
            continue
        for at, line in enumerate(shown.output):
            if is_gap(line):
                continue
            for figure in re.finditer(r"\d+", MEASURED.sub(lambda m: "x" * len(m[0]), line)):
                digit = str((int(figure[0][-1]) + 1) % 10)
                other = line[:figure.end() - 1] + digit + line[figure.end():]
                output = [*shown.output[:at], other, *shown.output[at + 1:]]
                assert difference(shown._replace(output=output), now), other


RUN = Shown("page", 1, "hexcore run model.gguf -p x", [
    "Of one. Of two", "and three.", "", "host0 287 of 320 MiB; loaded in 178 ms; 9 tokens at 106 "
    "tokens/s"])


@pytest.mark.parametrize("now, same", [
    ("Of one. Of two and three.\n\nhost0 287 of 320 MiB; loaded in 1.2 s; 9 tokens at 6.1 tokens/s",
     True),
    ("Of one. Another\n\nhost0 287 of 320 MiB; loaded in 178 ms; 9 tokens at 106 tokens/s", True),
    ("Else.\nhost0 287 of 320 MiB; loaded in 178 ms; 9 tokens at 106 tokens/s", True),
    ("\n\nhost0 287 of 320 MiB; loaded in 178 ms; 9 tokens at 106 tokens/s", False),
    ("Of one. Of\n\nhost0 288 of 320 MiB; loaded in 178 ms; 9 tokens at 106 tokens/s", False),
    ("Of one. Of\n\nhost0 287 of 320 MiB; loaded in 178 ms; 8 tokens at 106 tokens/s", False),
])
def test_only_times_and_the_text_may_differ(now, same):
    assert (difference(RUN, now) is None) == same


def test_a_renewed_block_has_the_new_figures_and_the_same_gaps():
    shown = Shown("page", 1, "hexcore plan m", ["Plan  A", "x 1 of 2", "[...]", "host0 5 MiB",
                                                "host1 6 MiB", "[... likewise ...]"])
    now = "Plan  A\nx 1 of 3\nmore\nhost0 7 MiB\nhost1 8 MiB\nhost2 9 MiB\n"
    assert renewed(shown, now) == ["Plan  A", "x 1 of 3", "[...]", "host0 7 MiB", "host1 8 MiB",
                                   "[... likewise ...]"]
    assert difference(shown._replace(output=renewed(shown, now)), now) is None
