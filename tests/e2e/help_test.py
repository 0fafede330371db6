"""Help, the manual page, and what wrong usage is answered with."""

import os
import re
import shutil
import subprocess

import pytest


def commands(hexcore):
    _, listed = hexcore("--help").stdout.split("\nCommands:\n")
    return re.findall(r"^  (\w+)", listed.split("\n\n")[0], re.MULTILINE)


def test_every_command_has_a_help_with_an_example(hexcore):
    assert {"devices", "plan", "run", "reset", "verify", "completion", "man"} <= set(
        commands(hexcore))
    for command in commands(hexcore):
        code, out, err = hexcore(command, "--help")
        assert (code, err) == (0, "")
        assert out.startswith(hexcore(command, "-h").stdout)
        _, examples = re.split(r"^Examples?:", out, flags=re.MULTILINE)
        assert f"hexcore {command}" in examples


def test_help_is_no_wider_than_a_terminal_but_for_examples(hexcore):
    for words in [[], *([command] for command in commands(hexcore))]:
        text = re.split(r"^Examples?:", hexcore(*words, "--help").stdout, flags=re.MULTILINE)[0]
        assert max(map(len, text.splitlines())) <= 80


def test_help_names_the_defaults(hexcore):
    text = " ".join(hexcore("plan", "--help").stdout.split())
    assert "alternate or layers (default: balanced)" in text
    assert "q8_0 or q4_0 (default: f16)" in text


def test_version(hexcore):
    code, out, err = hexcore("--version")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"hexcore \d+\.\d+\.\d+\n", out)


@pytest.mark.parametrize("arguments, words", [
    (["pla"], ["no command 'pla'", "devices, plan, run"]),
    (["--fast"], ["no option --fast", "hexcore --help"]),
    (["plan", "--fast"], ["no option --fast", "hexcore plan --help"]),
    (["run"], ["model is required", "hexcore run --help"]),
    (["plan", "a.gguf", "b.gguf"], ["b.gguf", "is more than is expected"]),
    (["plan", "--format"], ["--format needs a value"]),
    (["plan", "--format", "json", "--format", "svg"], ["--format is given more than once"]),
    (["plan", "--format", "yaml"], ["--format", "yaml", "json", "svg"]),
    (["plan", "--policy", "best"], ["best", "balanced", "alternate"]),
    (["plan", "--shape", "mixtral"], ["mixtral-8x7b", "mixtral-8x22b"]),
    (["plan", "a.gguf", "--ctx", "lots"], ["--ctx", "lots", "1 to"]),
    (["plan", "a.gguf", "--reserve", "much"], ["--reserve", "much"]),
    (["verify", "a.gguf", "--tolerance", "-1"], ["--tolerance", "-1"]),
    (["verify", "a.gguf", "--tolerance", "nan"], ["--tolerance", "nan"]),
    (["run", "a.gguf", "--temp", "nan"], ["--temp", "nan"]),
    (["run", "a.gguf", "--top-p", "nan"], ["--top-p", "nan"]),
    (["run", "a.gguf", "--min-p", "NaN"], ["--min-p", "NaN"]),
    (["run", "a.gguf", "-ngl", "99"], ["-ngl", "--device"]),
    (["run", "a.gguf", "-p", "x", "--file", "y"], ["--prompt excludes --file"]),
    (["completion", "tcsh"], ["tcsh", "bash", "zsh", "fish"]),
])
def test_wrong_usage_ends_with_2_and_one_paragraph(hexcore, arguments, words):
    code, out, err = hexcore(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"hexcore: [^\n]+\n", err)
    assert len(err) < 400
    for word in words:
        assert word in err


def test_the_program_alone_shows_the_first_steps_and_they_exist(hexcore):
    code, out, err = hexcore()
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert len(lines) < 24 and max(map(len, lines)) <= 80
    steps = re.findall(r"^  hexcore (\w+) ?(.*)", err, re.MULTILINE)
    assert [command for command, _ in steps] == ["devices", "plan", "run", "plan"]
    assert hexcore("plan", *steps[3][1].split()).code == 0
    assert hexcore("--help").code == 0


@pytest.fixture(scope="module")
def page(hexcore, tmp_path_factory):
    code, out, err = hexcore("man")
    assert (code, err) == (0, "")
    path = tmp_path_factory.mktemp("man") / "hexcore.1"
    path.write_text(out)
    return path


def test_the_manual_has_every_section_command_and_example(hexcore, page):
    text = page.read_text().replace("\\-", "-").replace("\\(dq", '"').replace("\\(ti", "~")
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXIT STATUS",
                    "ENVIRONMENT", "EXAMPLES"]:
        assert f"\n.SH {section}\n" in text
    for command in commands(hexcore):
        assert f"\n.SS hexcore {command}\n" in text
        examples = re.split(r"^Examples?:", hexcore(command, "--help").stdout, flags=re.MULTILINE)
        first = re.search(r"hexcore .*", examples[1])[0]
        assert f"\n{first}\n" in text
    for code in [0, 1, 2, 3, 4, 5, 130]:
        assert f"\n\\fB{code}\\fR\n" in text
    assert "NO_COLOR" in text


@pytest.mark.parametrize("command", [
    ["groff", "-man", "-ww", "-Tutf8"],
    ["man", "--warnings=w", "-l"],
    # The page has no date: it is as old as the program that prints it.
    ["mandoc", "-Tlint", "-Wwarning"],
], ids=lambda command: command[0])
def test_the_manual_is_formatted_without_a_warning(page, command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed here: the manual page was not formatted")
    run = subprocess.run([*command, page], capture_output=True, text=True, check=False)
    complaints = run.stderr + (run.stdout if command[0] == "mandoc" else "")
    assert [line for line in complaints.splitlines() if "missing date" not in line] == []
    if command[0] != "mandoc":
        assert run.returncode == 0
        assert "MODEL" in run.stdout


@pytest.mark.parametrize("no_color, coloured", [(None, True), ("", True), ("1", False)])
def test_no_color_is_honoured_on_a_terminal(hexcore, no_color, coloured):
    if shutil.which("script") is None:
        pytest.skip("script is not installed here: there is no terminal to write to")
    command = (f"{hexcore.path} plan --shape mixtral-8x7b --quant q4_K --device host=16GiB "
               "--device host=16GiB")
    environment = {"PATH": "/usr/bin:/bin", "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    if no_color is not None:
        environment["NO_COLOR"] = no_color
    run = subprocess.run(["script", "-qec", command, "/dev/null"], env=environment, text=True,
                         capture_output=True, stdin=subprocess.DEVNULL, check=True)
    assert ("\x1b[" in run.stdout) == coloured
    assert "host1" in run.stdout


@pytest.mark.parametrize("columns", ["", "80", "60"])
def test_tables_are_no_wider_than_the_terminal(hexcore, columns):
    """Elsewhere than on a terminal, COLUMNS says how wide they may be; 80 without it."""
    command = ["plan", "--shape", "deepseek-v3", "--quant", "Q4_K_M", "--ctx", "32k"]
    for size in ("512GiB", "200GiB"):
        command += ["--device", f"host={size}"]
    code, out, err = hexcore(*command, env={"COLUMNS": columns, "LC_ALL": "C.UTF-8"})
    assert code == 0, err
    assert max(map(len, out.splitlines())) <= int(columns or 80)
    assert "512.00 GiB" in out and "200.00 GiB" in out


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["--version"], ["man"],
                                       ["devices", "--format", "json"]], ids=" ".join)
def test_a_full_disk_is_no_success(hexcore, arguments):
    with open("/dev/full", "w", encoding="utf-8") as full:
        run = subprocess.run([hexcore.path, *arguments], stdout=full, stderr=subprocess.PIPE,
                             text=True, check=False)
    assert run.returncode == 1
    assert "standard output cannot be written: No space left on device" in run.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=" ".join)
def test_a_closed_output_is_no_success(hexcore, arguments):
    run = subprocess.run([hexcore.path, *arguments], stderr=subprocess.PIPE, text=True, check=False,
                         preexec_fn=lambda: os.close(1))
    assert run.returncode == 1
    assert "standard output cannot be written: Bad file descriptor" in run.stderr
