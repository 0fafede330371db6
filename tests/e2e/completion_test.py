"""Completion in the real shells: what the Tab key makes of a line."""

import re
import shutil
import subprocess

import pytest
from shells import BASH, ZSH, Shell


def need(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here: its completion was not tried")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "my model.gguf").touch()
    (folder / "plan.json").touch()
    (folder / "desk").mkdir()
    (folder / "desk" / "assistant.toml").write_text('[[expert]]\nname = "FIX"\n\n[[expert]]\n'
                                                    'system = "Name it."\nname = "TELL"\n')
    return folder


def script(hexcore, shell, tmp_path_factory):
    code, out, err = hexcore("completion", shell)
    assert (code, err) == (0, "")
    path = tmp_path_factory.mktemp(shell) / "script"
    path.write_text(out)
    return path


def interactive(name, kind):
    @pytest.fixture(scope="module", name=name)
    def shell(hexcore, folder, tmp_path_factory):
        need(name)
        shell = Shell(kind, script(hexcore, name, tmp_path_factory), folder)
        yield shell
        shell.close()

    return shell


bash = interactive("bash", BASH)
zsh = interactive("zsh", ZSH)


@pytest.fixture(scope="module")
def fish(hexcore, folder, tmp_path_factory):
    """`fish(line)`: the candidates for its last word; fish tells them without a terminal."""
    need("fish")
    path = script(hexcore, "fish", tmp_path_factory)

    def candidates(line):
        run = subprocess.run(["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
                              path, line], cwd=folder, capture_output=True, text=True, check=True)
        assert run.stderr == ""
        return [row.split("\t")[0] for row in run.stdout.splitlines()]

    return candidates


# A line, what it becomes in bash, what it becomes in zsh, and its one candidate in fish.
UNIQUE = [
    ("hexcore p", "hexcore plan ", "hexcore plan ", "plan"),
    ("hexcore plan --pol", "hexcore plan --policy ", "hexcore plan --policy=", "--policy"),
    ("hexcore plan --format j", "hexcore plan --format json ", None, "json"),
    ("hexcore plan --format=j", "hexcore plan --format=json ", None, "--format=json"),
    ("hexcore plan --shape mixtral-8x7", "hexcore plan --shape mixtral-8x7b ", None,
     "mixtral-8x7b"),
    ("hexcore plan --quant mx", "hexcore plan --quant mxfp4 ", None, "mxfp4"),
    ("hexcore completion f", "hexcore completion fish ", None, "fish"),
    # A value is neither a command nor an argument, whatever it looks like.
    ("hexcore run -p plan --format t", "hexcore run -p plan --format text ", None, "text"),
    ('hexcore run -p "a plan" --pla', 'hexcore run -p "a plan" --plan ',
     'hexcore run -p "a plan" --plan=', "--plan"),
    # Bash takes = and : for the ends of words.
    ("hexcore plan --device cuda:0=1GiB --pol", "hexcore plan --device cuda:0=1GiB --policy ",
     "hexcore plan --device cuda:0=1GiB --policy=", "--policy"),
    ("hexcore plan --device host=1GiB my", "hexcore plan --device host=1GiB my\\ model.gguf ",
     None, "my model.gguf"),
    ("hexcore plan my", "hexcore plan my\\ model.gguf ", None, "my model.gguf"),
    ("hexcore run my\\ model.gguf --plan p", "hexcore run my\\ model.gguf --plan plan.json ",
     None, "plan.json"),
    # Assistants that come with the program, and one of a file.
    ("hexcore ask --assistant mag", "hexcore ask --assistant magic ", None, "magic"),
    ("hexcore assistant show mag", "hexcore assistant show magic ", None, "magic"),
    ("hexcore ask --expert RETR", "hexcore ask --expert RETROSPECT ", None, "RETROSPECT"),
    ("hexcore ask --assistant ./desk --expert T",
     "hexcore ask --assistant ./desk --expert TELL ", None, "TELL"),
    ("hexcore ask --assistant=desk/assistant.toml --expert F",
     "hexcore ask --assistant=desk/assistant.toml --expert FIX ", None, "FIX"),
    # No files where something else is due.
    ("hexcore plan --policy p", "hexcore plan --policy p", None, None),
    ("hexcore plan --device p", "hexcore plan --device p", None, None),
    ("hexcore devices p", "hexcore devices p", None, None),
    ("hexcore plan model.gguf p", "hexcore plan model.gguf p", None, None),
]
CASES = [pytest.param(*case, id=case[0]) for case in UNIQUE]


@pytest.mark.parametrize("line, in_bash, _zsh, _fish", CASES)
def test_tab_in_bash(bash, line, in_bash, _zsh, _fish):
    assert bash.complete(line)[0] == in_bash


@pytest.mark.parametrize("line, in_bash, in_zsh, _fish", CASES)
def test_tab_in_zsh(zsh, line, in_bash, in_zsh, _fish):
    assert zsh.complete(line)[0] == (in_zsh or in_bash)


@pytest.mark.parametrize("line, _bash, _zsh, in_fish", CASES)
def test_tab_in_fish(fish, line, _bash, _zsh, in_fish):
    assert fish(line) == ([in_fish] if in_fish else [])


def commands_in_help(hexcore):
    _, listed = hexcore("--help").stdout.split("\nCommands:\n")
    return set(re.findall(r"^  (\w+)", listed.split("\n\n")[0], re.MULTILINE))


def options_in_help(hexcore, command):
    listed = re.findall(r"^  (-\S+)", hexcore(command, "--help").stdout, re.MULTILINE)
    return {name for names in listed for name in names.split(",") if name.startswith("--")}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_all_commands_options_and_choices_are_offered(hexcore, request, shell):
    ask = request.getfixturevalue(shell)

    def offered(line):
        shown = ask(line) if shell == "fish" else ask.complete(line)[1].split()
        return {re.sub(r"=$", "", word) for word in shown}

    assert {"plan", "run", "verify", "devices"} <= commands_in_help(hexcore) <= offered("hexcore ")
    assert offered("hexcore plan --format ") >= {"table", "json", "svg", "llama.cpp", "accelerate"}
    assert offered("hexcore plan --quant ") >= {"f16", "q4_K", "q8_0", "iq4_xs"}
    assert offered("hexcore run --policy ") >= {"balanced", "fastest", "alternate", "layers"}
    for command in commands_in_help(hexcore) - {"man", "completion"}:
        expected = options_in_help(hexcore, command)
        assert (command in ("serve", "watch", "report", "assistant")
                or "--format" in expected)
        assert expected <= offered(f"hexcore {command} --")
    assert offered("hexcore assistant ") >= {"import", "list", "show", "look-up", "forget"}
    assert offered("hexcore assistant import magic --") >= {"--kind", "--format"}
