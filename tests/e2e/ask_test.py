"""hexcore ask: who answers, what comes with it, and what happens where nobody can.

The assistant is that of docs/assistant.md, made as the page says.
"""

import json
import re
import signal
import subprocess

import pytest
from conftest import ROOT, cache_folder, wait_until

PAGE = ROOT / "docs" / "assistant.md"
TITLE = "## Write your own in 15 minutes"
BEHIND = "\n## Who answers\n"
BLOCK = re.compile(r"^```(toml|text|sh)\n(.*?)^```", re.DOTALL | re.MULTILINE)
MODEL = "smollm2-8x135m.q4_1.gguf"
SMALL = ("--ctx", "2048", "--threads", "2")


def blocks():
    tutorial, _ = PAGE.read_text(encoding="utf-8").split(f"\n{TITLE}\n")[1].split(BEHIND)
    return BLOCK.findall(tutorial)


def with_demo_model(folder, demo_model):
    """A cache that has the demo model, and nothing else."""
    folder.mkdir()
    (folder / MODEL).symlink_to(demo_model)
    (folder / f"{MODEL}.stamp").symlink_to(cache_folder() / f"{MODEL}.stamp")
    return folder


@pytest.fixture(scope="module")
def desk(hexcore, demo_model, tmp_path_factory):
    """The tutorial, carried out: its folder and environment, and what each line printed."""
    folder = tmp_path_factory.mktemp("desk")
    environment = hexcore.environment({
        "HEXCORE_CACHE": str(with_demo_model(folder / "cache", demo_model)),
        "XDG_DATA_HOME": str(folder / "data"), "COLUMNS": "80", "NO_COLOR": "1",
        "PATH": f"{hexcore.path.parent}:/usr/bin:/bin"})
    printed = {}
    for kind, text in blocks():
        if kind != "sh":
            file = folder / text.splitlines()[0].removeprefix("# ")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            run = subprocess.run(["bash", "-c", line], cwd=folder, env=environment, text=True,
                                 capture_output=True, check=False, timeout=600)
            assert run.returncode == 0, f"{line}\n{run.stderr}"
            printed[line] = run
    return folder, environment, printed


def ask(hexcore, desk, *words, assistant="desk/assistant.toml", **options):
    folder, environment, _ = desk
    return hexcore("ask", "--assistant", assistant, *SMALL, *words, env=environment, cwd=folder,
                   **options)


def said(desk, beginning):
    """(stdout, stderr) of the line of the tutorial that ends so."""
    return next((run.stdout, run.stderr) for line, run in desk[2].items() if beginning in line)


def test_the_tutorial_names_routes_reads_and_goes_on(desk):
    answer, aside = said(desk, "FIX: The printer")
    assert answer.strip()
    assert "expert    FIX, whom the question names" in aside
    assert "135 million parameters" in " ".join(aside.split())
    assert "memory    host0" in aside.replace("devices", "host0") and "as planned" in aside
    assert all(len(line) <= 80 for line in aside.splitlines() if not line.startswith("hexcore:"))
    assert "expert" in said(desk, "Where do I find paper?")[1]
    assert said(desk, "look-up")[0].startswith("[printer.md#2]")
    assert "sources   [printer.md#2]" in said(desk, '-n 32 "Why does the red')[1]
    talk = json.loads((desk[0] / "talk.json").read_text())
    assert [turn["question"] for turn in talk["turns"]] == [
        "How do I print on both sides?", "And if that does not work?"]
    assert all(turn["experts"] for turn in talk["turns"])


def test_a_document_has_all_that_there_is_to_know(hexcore, desk):
    code, out, _ = ask(hexcore, desk, "-n", "8", "--temp", "0", "--format", "json", "--expert",
                       "tell", "What does <|im_end|> on the printer mean?")
    assert code == 0
    told = json.loads(out)
    assert told["schema"] == "hexcore.answer/1" and told["answer"]
    assert [expert["name"] for expert in told["experts"]] == ["TELL"]
    assert told["named_by"] == "choice" and told["combine"] == "choose"
    assert told["fallback"] is None
    assert told["tokens"]["generated"] == 8 and told["tokens"]["prompt"] > 20
    assert [set(source) for source in told["sources"]] == [{"id", "title", "cited"}] * len(
        told["sources"])
    timing = told["timing"]
    parts = sum(value for key, value in timing.items() if key != "total_ms")
    assert abs(parts - timing["total_ms"]) < 1e-6 * timing["total_ms"]
    assert all(value >= 0 for value in timing.values())
    for device in told["devices"]:
        assert device["planned"] == device["accounted"]
    assert told["host"]["planned"] == told["host"]["accounted"]
    assert [device["accounted_bytes"] for device in told["after_unload"]] == [0]
    assert {"seq_length", "estimated_memory_mb", "cells_used"} <= set(told["cache_stats"])


def test_strict_there_is_no_answer_of_somebody_who_is_not_sure(hexcore, desk):
    folder = desk[0]
    unsure = folder / "desk" / "unsure.toml"
    unsure.write_text((folder / "desk" / "assistant.toml").read_text().replace(
        "\n[[expert]]", "\n[thresholds]\nconfidence = 1\nspread = 1\n\n[[expert]]", 1))
    code, out, err = ask(hexcore, desk, "--strict", "Where is it stuck?", assistant=unsure)
    assert (code, out) == (1, "")
    assert re.search(r"fallback +(FIX|TELL) \(\d+ % likely\)", err)
    assert "refused   no answer" in err and "\nmemory " in err
    for wrong in ("\nexpert", "\ncache", "0 tokens"):
        assert wrong not in err


def test_strict_a_bad_adapter_of_whom_is_named_is_told_before_the_load(hexcore, desk):
    folder = desk[0]
    half = folder / "desk" / "half.toml"
    half.write_text((folder / "desk" / "assistant.toml").read_text().replace(
        "\n[[expert]]\nname = \"TELL\"",
        "adapter = { file = \"none.gguf\" }\n\n[[expert]]\nname = \"TELL\""))
    for words in (("FIX: It blinks.",), ("--expert", "fix", "It blinks."),
                  ("--expert", "tell", "FIX: It blinks.")):
        code, out, err = ask(hexcore, desk, "--strict", *words, assistant=half)
        assert (code, out) == (1, "") and " ".join(err.split()).count("its adapter is missing") == 1
        assert "fallback  TELL: FIX: its" in err and "\nexpert" not in err and "memory" not in err
    refused = ask(hexcore, desk, "--strict", "--format", "json", "FIX: It blinks.", assistant=half)
    told = json.loads(refused.stdout)
    assert (refused.code, told["stop"], told["answer"], told["experts"], told["devices"]) == (
        1, "refused", "", [], [])
    assert told["fallback"]["expert"] == "TELL"


def test_several_experts_give_one_answer(hexcore, desk):
    for how in ("choose", "blend"):
        code, out, err = ask(hexcore, desk, "-n", "6", "--combine", how, "--format", "json",
                             "FIX: Where is paper?")
        assert code == 0, err
        told = json.loads(out)
        assert [expert["name"] for expert in told["experts"]] == ["FIX", "TELL"]
        assert told["combine"] == how and told["answer"]
        assert abs(sum(expert["weight"] for expert in told["experts"]) - 1) < 1e-6
        assert all((expert["score"] is None) == (how == "blend") for expert in told["experts"])
        assert all(device["planned"] == device["accounted"] for device in told["devices"])


def test_a_chat_takes_commands_and_names(hexcore, desk):
    questions = ["/expert tell", "Where is paper?", "/expert nobody", "FIX: It is stuck.", "/help",
                 "/save kept.json", "/experts 3", "/experts 0", "/experts 2", "/experts 1",
                 "/experts", "/expert", "/combine blend", "/combine vote", "TELL: ", "/bye"]
    code, out, err = ask(hexcore, desk, "-n", "4", stdin="\n".join(questions) + "\n")
    assert code == 1 and "1 question got no answer" in err, err
    for line, times in [
            ("From now on TELL answers, or whom a question names.", 1),
            ("desk has no expert nobody; it has FIX, TELL", 1),
            ("/experts wants a number from 1 to 2", 2),
            ("From now on 2 experts answer together", 1), ("From now on one expert answers.", 1),
            ("From now on one expert answers, or several", 1),
            ("From now on the expert answers whom a question names, or the router.", 1),
            ("From now on several experts give one answer by blend.", 1),
            ("/combine wants choose, merge, blend or attend", 1),
            ("TELL is asked nothing; put a question behind the colon", 1)]:
        assert " ".join(err.split()).count(line) == times, line
    assert len(out.strip().splitlines()) >= 2
    assert re.findall(r"^expert +(\w+)", err, re.MULTILINE)[:2] == ["TELL", "FIX"]
    assert "/experts N" in err
    kept = json.loads((desk[0] / "kept.json").read_text())
    assert [turn["experts"] for turn in kept["turns"]] == [["TELL"], ["FIX"]]


def test_a_conversation_that_changed_meanwhile_is_left_as_it_is(hexcore, desk):
    folder, environment, _ = desk
    file = folder / "shared.json"
    chat = hexcore.start("ask", "--assistant", "desk/assistant.toml", *SMALL, "-n", "4",
                         "--session", file, env=environment, cwd=folder, text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    chat.stdin.write("FIX: It blinks.\n")
    chat.stdin.flush()
    wait_until(file.exists, chat)
    other = file.read_text().replace("It blinks.", "It smokes.")
    file.write_text(other)
    _, err = chat.communicate("FIX: And now?\n", timeout=240)
    assert chat.returncode == 1 and "it is left as it is" in " ".join(err.split())
    assert file.read_text() == other


def test_a_chat_goes_on_where_nobody_can_answer(hexcore, desk):
    folder = desk[0]
    lame = folder / "desk" / "lame.toml"
    first, expert = (folder / "desk" / "assistant.toml").read_text().split("[[expert]]")[:2]
    lame.write_text(f'{first}[[expert]]{expert}adapter = {{ file = "none.gguf" }}\n')
    code, _, err = ask(hexcore, desk, stdin="One?\nTwo?\n", assistant=lame)
    assert " ".join(err.split()).count("no expert of desk can answer: FIX") == 2
    assert code == 1 and "2 questions got no answer" in err
    # Of one question it is known before the model is loaded.
    ended = ask(hexcore, desk, "One?", assistant=lame)
    assert (ended.code, ended.stdout) == (1, "") and "its adapter is missing" in ended.stderr
    assert "%" not in ended.stderr, "nothing was loaded"


def test_ctrl_c_ends_an_answer_and_leaves_nothing(hexcore, desk):
    folder, environment, _ = desk
    process = hexcore.start("ask", "--assistant", folder / "desk" / "assistant.toml", *SMALL,
                            "--temp", "1", "--seed", "1", "--repeat-penalty", "1.3", "--session",
                            folder / "cut.json", "FIX: Count from one to a million.",
                            env=environment, cwd=folder, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    assert process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 130, err


@pytest.mark.parametrize("words, code, sentence", [
    (("--expert", "ghost", "x"), 2, "desk has no expert ghost; it has FIX, TELL"),
    (("--format", "json"), 2, "needs a question"),
    ((), 2, "give a question, or --file FILE"),
    (("--model", "none.gguf", "--device", "host=1GiB", "What is that?"), 4, "none.gguf"),
    (("--session", "other.json", "x"), 4, "is a conversation with cook, and not with desk"),
    (("--session", "broken.json", "x"), 4, "it is damaged, or was never one"),
    (("--session", "none/talk.json", "x"), 1, "there is no folder none; make it first"),
    (("--session", "/dev/full", "x"), 4, "/dev/full is no ordinary file"),
    (("FIX:",), 2, "FIX is asked nothing"),
    (("--model", "none.gguf", "x"), 4, "none.gguf"),
])
def test_what_cannot_be_is_said_before_anything_is_loaded(hexcore, desk, words, code, sentence):
    folder = desk[0]
    files = {"other.json": '{"schema": "hexcore.dialogue/1", "assistant": "cook", "turns": []}',
             "broken.json": '{"schema": "hexcore.dial'}
    for name, text in files.items():
        (folder / name).write_text(text)
    ended = ask(hexcore, desk, *words)
    assert (ended.code, ended.stdout) == (code, "") and sentence in " ".join(ended.stderr.split())
    assert {name: (folder / name).read_text() for name in files} == files


def test_without_a_model_it_says_how_to_make_one(hexcore, desk, tmp_path):
    folder, environment, _ = desk
    ended = hexcore("ask", "--assistant", folder / "desk" / "assistant.toml", "x",
                    env=environment | {"HEXCORE_CACHE": str(tmp_path)})
    assert ended.code == 2 and "./dev model" in ended.stderr
