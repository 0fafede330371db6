"""hexcore run: text, memory that agrees with the plan, and interruptions that leave nothing."""

import json
import re
import select
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import catches, on, resident_bytes, wait_until
from terminal import Terminal

TWO = on("320MiB", "320MiB") + ["--reserve", "8MiB"]
PROMPT = ["--raw", "-p", "Gravity is the force that", "--temp", 0]


@pytest.fixture(scope="module")
def report(hexcore, demo_model):
    return hexcore.json("run", demo_model, *TWO, *PROMPT, "-n", 12)


def test_planned_accounted_and_measured_memory_agree(report):
    for device in report["devices"]:
        planned, accounted = device["planned"], device["accounted"]
        for purpose in ("weights_bytes", "experts_bytes", "kv_bytes"):
            assert planned[purpose] == accounted[purpose], purpose
        assert accounted["compute_bytes"] == pytest.approx(planned["compute_bytes"], rel=0.01)
        assert device["measured_bytes"] == pytest.approx(accounted["total_bytes"], rel=0.01)
        assert device["peak_bytes"] >= accounted["total_bytes"]
        assert device["refused"] == 0


def test_nothing_is_left_after_unloading(report):
    assert len(report["after_unload"]) == 2
    for device in report["after_unload"]:
        assert (device["accounted_bytes"], device["measured_bytes"]) == (0, 0)


def test_what_was_generated_is_told(report):
    assert report["schema"] == "hexcore.run/1"
    assert report["tokens"]["generated"] == 12
    assert report["stop"] == "length"
    assert report["text"].isprintable() and report["text"].strip()
    stats = report["cache_stats"]
    assert stats["cells_used"] == report["tokens"]["prompt"] + 12 - 1
    assert report["timing"]["decode_tokens_per_s"] > 0


@pytest.mark.parametrize("devices", [on("600MiB"), on("200MiB", "200MiB", "200MiB")])
@pytest.mark.parametrize("policy", ["alternate", "fastest"])
def test_the_text_does_not_depend_on_the_placement(hexcore, demo_model, report, devices, policy):
    other = hexcore.json("run", demo_model, *devices, "--reserve", "8MiB", "--ctx", 1024,
                         "--policy", policy, *PROMPT, "-n", 12)
    assert other["text"] == report["text"]


def test_the_same_seed_gives_the_same_text(hexcore, random_model):
    model = random_model("llama", layers=4, embd=128, ff=64, heads=4, experts=8, used=2)

    def text(seed):
        command = ["run", model, *on("16MiB", "16MiB"), "-p", "Once upon a time", "--seed", seed]
        return hexcore.json(*command, "--ctx", 256, "-n", 10)["text"]

    assert text(1) == text(1)
    assert len({text(seed) for seed in range(2, 6)}) > 1


def test_a_plan_from_a_file_is_carried_out(hexcore, demo_model, report, tmp_path):
    path = tmp_path / "plan.json"
    plan = hexcore.json("plan", demo_model, *TWO, "--policy", "alternate")
    path.write_text(json.dumps(plan))
    other = hexcore.json("run", demo_model, "--plan", path, *PROMPT, "-n", 12)
    assert other["text"] == report["text"]
    for planned, device in zip(plan["devices"], other["devices"]):
        assert device["accounted"] == planned["planned"]


def test_a_plan_from_a_file_keeps_the_reserve_of_each_device(hexcore, demo_model, tmp_path):
    path = tmp_path / "plan.json"
    plan = hexcore.json("plan", demo_model, *on("440MiB", "120MiB"), "--ctx", 1024)
    assert len({device["reserve_bytes"] for device in plan["devices"]}) == 2
    path.write_text(json.dumps(plan))
    report = hexcore.json("run", demo_model, "--plan", path, *PROMPT, "-n", 1)
    for planned, device in zip(plan["devices"], report["devices"]):
        assert device["accounted"] == planned["planned"]


@pytest.mark.parametrize("path", ["/dev/stdin", "-"])
def test_a_plan_may_come_through_a_pipe(hexcore, demo_model, report, path):
    plan = hexcore("plan", demo_model, *TWO, "--format", "json").stdout
    other = hexcore.json("run", demo_model, "--plan", path, *PROMPT, "-n", 12, stdin=plan)
    assert other["text"] == report["text"]


def test_text_goes_to_stdout_and_a_line_of_memory_to_stderr(hexcore, demo_model, report, tmp_path):
    prompt = tmp_path / "prompt.txt"
    prompt.write_text(PROMPT[2])
    command = ["run", demo_model, *TWO, "--raw", "--file", prompt, "--temp", 0, "-n", 12]
    code, out, err = hexcore(*command)
    assert code == 0
    assert out == report["text"] + "\n"
    assert re.fullmatch(r"host0 \d+ of 320 MiB, host1 \d+ of 320 MiB as planned; "
                        r"loaded in \S+ m?s; 12 tokens at [\d.]+ tokens/s\n", err)


@pytest.mark.parametrize("option", ["-v", "--verbose", "--report"])
def test_the_whole_table_is_there_for_the_asking(hexcore, demo_model, option):
    code, out, err = hexcore("run", demo_model, *TWO, *PROMPT, "-n", 1, option)
    assert code == 0 and "host0" not in out
    assert "ACCOUNTED" in err and "AFTER UNLOADING" in err and "cells used" in err


def test_llama_cpps_spellings_are_taken_and_a_dash_is_standard_input(hexcore, demo_model, report):
    options = ["-m", demo_model, "--raw", "--ctx-size", "4k", "--temperature", 0, "-s", -1,
               "-n", 12]
    other = hexcore.json("run", *TWO, *options, "-f", "-", stdin=PROMPT[2])
    assert other["text"] == report["text"]
    assert other["cache_stats"]["cells_total"] == 4096


def test_a_reader_that_goes_away_is_no_crash(hexcore, demo_model):
    process = hexcore.start("run", demo_model, *TWO, *PROMPT, "-n", 200, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    process.stdout.read(5)
    process.stdout.close()
    assert process.wait(timeout=240) == 1


def holds(megabytes):
    return lambda process: resident_bytes(process.pid) >= megabytes << 20


def examines(process):
    """Whether the file is being tried out, which a child does, or was."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return children.read_text(encoding="ascii") != "" or holds(200)(process)


def generates(process):
    return bool(select.select([process.stdout], [], [], 0)[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", [lambda _: True, examines, holds(200), generates],
                         ids=["begin", "examination", "200 MiB", "text"])
def test_an_interruption_at_any_moment_ends_with_130(hexcore, demo_model, number, moment):
    process = hexcore.start("run", demo_model, *TWO, "--ctx", 4096, *PROMPT, "-n", 4000,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Before the program has set up its own handling, a signal ends it as any other program.
    wait_until(lambda: catches(process.pid, number), process)
    wait_until(lambda: moment(process), process)
    process.send_signal(number)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 130, err


def test_a_chat_answers_remembers_and_ends_with_its_input(hexcore, demo_model):
    chat = Terminal(hexcore, "run", demo_model, *TWO, "-n", 40, "--temp", 0)
    assert "loading" in chat.read_until(lambda text: text.endswith("> "))
    chat.write("Tell me the capital of France.\n")
    assert "Paris" in chat.read_until(lambda text: text.endswith("> "))
    chat.write("And of Italy?\n")
    assert "Rome" in chat.read_until(lambda text: text.endswith("> "))
    chat.write("\x04")
    assert chat.exit_code() == 0
    assert "as planned; loaded in" in " ".join(chat.text.split())


def test_ctrl_c_stops_the_answer_and_two_at_the_prompt_the_chat(hexcore, demo_model):
    chat = Terminal(hexcore, "run", demo_model, *TWO, "--temp", 0)
    chat.read_until(lambda text: text.endswith("> "))
    chat.write("Write a very long story about a dragon and a castle.\n")
    chat.read_until(lambda text: len(text) > 150)
    chat.write("\x03")
    chat.read_until(lambda text: text.endswith("> "))
    chat.write("What is the capital of France?\n")
    chat.read_until(lambda text: text.endswith("> "))
    chat.write("\x03")
    assert "Another Ctrl-C" in chat.read_until(lambda text: text.endswith("> "))
    chat.write("\x03")
    assert chat.exit_code() == 130


def test_a_chat_that_ends_with_its_input_is_done_even_if_its_last_answer_was_stopped(hexcore,
                                                                                     demo_model):
    chat = Terminal(hexcore, "run", demo_model, *TWO, "--temp", 0)
    chat.read_until(lambda text: text.endswith("> "))
    chat.write("Write a very long story about a dragon and a castle.\n")
    chat.read_until(lambda text: len(text) > 150)
    chat.write("\x03")
    chat.read_until(lambda text: text.endswith("> "))
    chat.write("\x04")
    assert chat.exit_code() == 0


def test_a_question_that_the_context_has_no_room_for_is_dropped_from_the_chat(hexcore, demo_model):
    questions = ["Tell me the capital of France.", "so " * 600, "And of Italy?"]
    code, out, err = hexcore("run", demo_model, *TWO, "--ctx", 512, "-n", 40, "--temp", 0,
                             stdin="\n".join(questions) + "\n")
    assert code == 0, err
    assert "Paris" in out and "Rome" in out
    assert "room for" in err and "--ctx" in err
