"""A chat and its terminal: what is shown, signals, what is typed ahead, how it is given back."""

import os
import re
import shlex
import signal
import termios
from pathlib import Path

import pytest
from chatting import KEYS, Chat, pasted, saved_messages
from conftest import on
from edited_gguf import EditedGguf, gguf
from terminal import Terminal

DEVICE = [*on("64MiB"), "--threads", "1", "--ctx", "256", "--temp", "0"]
TWO = [*on("320MiB", "320MiB"), "--reserve", "8MiB", "--temp", "0"]
OVER = "\x1b[?2004l"  # no brackets around pastes any more
LOCAL_MODES = 3  # in what termios.tcgetattr() gives


@pytest.fixture(scope="module")
def tiny(random_model):
    return random_model("qwen3moe", layers=4, embd=128, ff=64, heads=4, experts=16, used=4,
                        type="q8_0")


@pytest.fixture
def chat(hexcore, tiny):
    def begin(*arguments, **options):
        return Chat(hexcore, tiny, *DEVICE, *(arguments or ("-n", "4")), **options)

    return begin


def test_a_chat_says_what_it_runs_on_and_what_became_of_commands(hexcore, demo_model, tmp_path):
    chat = Chat(hexcore, demo_model, *TWO, "-n", 60)
    begin = " ".join(chat.seen.split())
    assert re.search(r"SmolLM2 8x135M Instruct on host0 \d+ of 320 MiB, host1 \d+ of 320 MiB; "
                     r"a context of 4096 tokens\. /help", begin)
    assert "Ctrl-R" in chat.ask("/help")
    assert "told first" in chat.ask("/system You are a pirate.")
    chat.ask("Who are you, and what do you do all day?")
    assert re.search(r"[1-9]\d* prompt tokens and [1-9]", chat.ask("/stats"))
    assert "is kept in" in chat.ask(f"/save {tmp_path / 'talk'}")
    assert "new conversation" in chat.ask("/clear")
    assert "the cache has 0 of this" in " ".join(chat.ask("/stats").split())
    assert "goes on" in chat.ask(f"/load {tmp_path / 'talk'}")
    roles = [message["role"] for message in saved_messages(tmp_path / "talk")]
    assert roles == ["system", "user", "assistant"]
    chat.write("/bye\r")
    assert chat.exit_code() == 0


def test_answers_are_broken_between_words(hexcore, demo_model, tmp_path):
    chat = Chat(hexcore, demo_model, *TWO, "-n", 60, size=(24, 40))
    chat.ask("Tell me a story about a grandmother and a dragon.")
    screen = " ".join(chat.screen)
    chat.ask(f"/save {tmp_path / 'talk'}")
    answer = saved_messages(tmp_path / "talk")[-1]["content"]
    assert " ".join(answer.split()) in " ".join(screen.split())
    assert len(answer) > 200


def test_without_a_terminal_there_is_nothing_but_answers(hexcore, tiny):
    code, out, err = hexcore("run", tiny, *DEVICE, "-n", 4, stdin="hello\n/clear\n")
    assert code == 0 and "\x1b" not in out + err
    assert "/help" not in err and "conversation" not in err and "> " not in out


@pytest.mark.parametrize("term", ["dumb", "", "no-such-terminal", "tvi950"])
def test_a_terminal_that_cannot_do_it_gets_plain_lines(hexcore, tiny, tmp_path, term):
    chat = Chat(hexcore, tiny, *DEVICE, "-n", 4, env={"TERM": term})
    chat.write("/system one\\\n")
    chat.read_until(lambda text: text.endswith("... "))
    chat.write("two\n")
    chat.read_until(lambda text: text.endswith("> "))
    chat.ask(f"/save {tmp_path / 'talk'}")
    assert saved_messages(tmp_path / "talk")[0]["content"] == "one\ntwo"
    chat.write("\x03")
    assert "Another Ctrl-C" in chat.read_until(lambda text: text.endswith("> "))
    # Others than these two have the progress of loading wiped.
    assert "\x1b" not in (chat.seen if term in ("dumb", "") else chat.seen.replace("\x1b[K", ""))
    chat.write("\x04")
    assert chat.exit_code() == 0


def test_a_question_that_has_no_room_is_refused_and_not_lost(chat):
    begun = chat()
    shown = begun.ask(pasted("so " * 400))
    assert "room for" in shown and "Up brings" in shown
    begun.write(KEYS["up"])
    begun.shows("> [1200 bytes: so so so so so so so so  ...]")


def test_a_chat_that_was_full_goes_on_after_clear(chat, hexcore, tiny):
    begun = chat("-n", "400")
    assert "The context is full" in begun.ask("hello")
    assert "room for" in begun.ask("hello")
    begun.ask("/clear")
    assert "The context is full" in begun.ask("hello")
    # In a file, too, what follows is read.
    code, _, err = hexcore("run", tiny, *DEVICE, stdin="hello\nhello\n/clear\nhello\n")
    assert code == 0
    assert err.count("The context is full") == 2 and err.count("room for") == 1


def test_what_is_typed_while_an_answer_is_given_comes_at_the_next_prompt(chat):
    begun = chat("-n", "100000", "--on-full", "slide")
    begun.write("hello\r")
    begun.read_until(lambda text: len(text) > 100)
    # More than a terminal has room for, which would not even hear of Ctrl-C then.
    begun.write("/system " + pasted("much " * 2000) + "typed ahead\x03")
    begun.shows("> /system [10000 bytes: much much much much much ...]typed ahead")
    assert "typed ahead" not in begun.seen[:begun.seen.rindex("> ")]


def test_what_is_typed_before_the_first_prompt_is_the_first_question(hexcore, tiny, tmp_path):
    chat = Chat(hexcore, tiny, *DEVICE, wait=False)
    chat.write(f"/system early\r/save {tmp_path / 'talk'}\r/bye\r")
    assert chat.exit_code() == 0
    assert saved_messages(tmp_path / "talk")[0]["content"] == "early"


def test_a_terminal_is_given_back_as_it_was_found(hexcore, tiny):
    chat = Chat(hexcore, tiny, *DEVICE, wait=False)
    other = chat.settings()
    other[LOCAL_MODES] &= ~termios.ECHO  # as somebody may have it who types
    termios.tcsetattr(chat.slave, termios.TCSANOW, other)
    found = chat.settings()
    chat.read_until(lambda text: text.endswith("> "))
    chat.write("\x04")
    assert chat.exit_code() == 0
    assert chat.seen.count(OVER) == 1
    # The program may have looked before.
    assert chat.settings() in (found, chat.found)


@pytest.mark.parametrize("number, code", [
    (signal.SIGTERM, 130), (signal.SIGHUP, -signal.SIGHUP), (signal.SIGQUIT, -signal.SIGQUIT),
    (signal.SIGABRT, -signal.SIGABRT), (signal.SIGSEGV, -signal.SIGSEGV)])
@pytest.mark.parametrize("moment", ["prompt", "answer"])
def test_a_signal_that_ends_the_chat_leaves_the_terminal_as_it_was_found(chat, number, code,
                                                                         moment):
    begun = chat("-n", "4" if moment == "prompt" else "100000", "--on-full", "slide")
    begun.write("half a que" if moment == "prompt" else "hello\r")
    begun.read_until(lambda text: "half a que" in text or len(text) > 100)
    assert begun.settings() != begun.found
    os.kill(begun.pid, number)
    assert begun.exit_code() == code
    assert begun.settings() == begun.found
    assert begun.seen.count(OVER) == 1


def test_a_second_ctrl_c_ends_what_hangs_and_gives_the_terminal_back(chat):
    begun = chat("-n", "100000", "--on-full", "slide")
    begun.write("hello\r")
    begun.read_until(lambda text: len(text) > 100)
    begun.write("\x13")  # Ctrl-S: from now on it waits for the terminal
    writes = re.compile(r"(1|64) 0x1 ")  # the number of write(), and standard output
    begun.read_until(lambda _: writes.match(Path(f"/proc/{begun.pid}/syscall").read_text()))
    while begun.process.poll() is None:
        os.kill(begun.pid, signal.SIGINT)
        begun.read(0.05)
    assert begun.exit_code() == 130
    assert begun.settings() == begun.found
    assert OVER in begun.seen


@pytest.fixture
def shell(hexcore, tiny):
    """A shell with job control, in which a chat runs that never stops answering."""
    terminal = Terminal(hexcore, "--norc", "--noprofile", "-i", program="/bin/bash",
                        env={"PS1": "shell$ ", "INPUTRC": "/dev/null"}, size=(24, 80))
    terminal.read_until(lambda text: text.endswith("shell$ "))
    words = [hexcore.path, "run", tiny, *DEVICE, "-n", "100000", "--on-full", "slide"]
    terminal.write(shlex.join(map(str, words)) + "\r")
    terminal.read_until(lambda text: text.endswith("\n> "))
    return terminal


def stopped(text):
    return "Stopped" in text and text.endswith("shell$ ")


def test_ctrl_z_at_the_prompt_gives_the_terminal_back_until_fg(shell):
    shell.write("half a question")
    shell.read_until(lambda text: text.endswith("question"))
    editing = shell.settings()
    shell.write("\x1a")
    assert OVER in shell.read_until(stopped)
    shell.write("stty -a\r")
    assert " icanon" in shell.read_until(lambda text: "extproc" in text and
                                         text.endswith("shell$ "))
    shell.write("fg\r")
    shell.read_until(lambda text: text.endswith("> half a question"))
    assert shell.settings() == editing
    # What is typed for the shell already is left to it.
    shell.write("\x15/bye\recho be''hind\r")
    shell.read_until(lambda text: "behind" in text and text.endswith("shell$ "))


def test_ctrl_z_while_an_answer_is_given_stops_it_until_fg(shell):
    shell.write("hello\r")
    shell.read_until(lambda text: len(text) > 100)
    answering = shell.settings()
    shell.write("\x1a")
    shell.read_until(stopped)
    shell.write("fg\r")
    shell.read_until(lambda text: len(text) > 200)
    assert shell.settings() == answering
    # Also in the background, for a while.
    shell.write("\x1a")
    shell.read_until(stopped)
    shell.write("bg\r")
    shell.read_until(lambda text: len(text) > 200)
    shell.write("fg\r")
    shell.read_until(lambda text: len(text) > 200)
    shell.write("\x03")
    shell.read_until(lambda text: re.search(r"\n(\x1b\[\?2004h)?> $", text))
    shell.write("/bye\r")
    assert OVER in shell.read_until(lambda text: text.endswith("shell$ "))


def test_a_window_of_another_size_shows_the_question_anew(chat):
    begun = chat()
    question = "words " * 12
    begun.write(question)
    begun.shows("> " + question, 74)
    begun.resize((24, 40))
    begun.emulator.resize(24, 40)
    os.kill(begun.pid, signal.SIGWINCH)
    begun.read_until_screen(lambda screen, cursor: cursor[1] == 34 and
                            screen[-2:] == ["> " + question[:38], question[38:].rstrip()])
    begun.write("\x01x")
    begun.read_until_screen(lambda screen, cursor: screen[-2].startswith("> xwords") and
                            cursor[1] == 3)


def test_thoughts_are_dimmed_on_a_terminal_and_left_out_elsewhere(hexcore, tiny, tmp_path,
                                                                  llama_source):
    # Of a template whose answers begin with a thought; a model of random weights never ends it.
    template = llama_source / "models/templates/Qwen-QwQ-32B.jinja"
    model = EditedGguf.read(tiny)
    model.keys["tokenizer.chat_template"] = gguf.string(template.read_text(encoding="utf-8"))
    file = tmp_path / "thinks.gguf"
    model.write(file)
    words = [file, *DEVICE, "-n", 20]
    chat = Chat(hexcore, *words, env={"NO_COLOR": ""})
    shown = chat.ask("hello")
    assert shown.index("\x1b[2m") < shown.index("\x1b[0m") - 20
    plain = Chat(hexcore, *words, env={"NO_COLOR": "1"}).ask("hello")
    assert "\x1b[2m" not in plain and len(plain) > 30
    code, out, _ = hexcore("run", *words, stdin="hello\n")
    assert (code, out) == (0, "\n")
