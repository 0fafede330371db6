"""hexcore watch without a command: the live view, on terminals of its own and without one."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from program import on, wait_until
from terminal import Terminal

UTF8 = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
# Has 64 MiB, and 64 MiB more after a line; ends with stdin.
TAKES = """
import sys
kept = [bytearray(b"x") * (64 << 20)]
for line in sys.stdin:
    kept.append(bytearray(b"x") * (64 << 20))
"""


@pytest.fixture
def state(tmp_path):
    return {"XDG_STATE_HOME": str(tmp_path / "state")} | UTF8


def start_watch(hexcore, state, *options, name="watched.py"):
    """A command that is watched, and says its name; its stdin decides."""
    folder = Path(state["XDG_STATE_HOME"]).parent
    (folder / name).write_text(TAKES, encoding="utf-8")
    watch = hexcore.start("watch", "--interval", "5", *options, "--", sys.executable, name,
                          env=state, cwd=folder, stdin=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    notes = Path(state["XDG_STATE_HOME"]) / "hexcore" / "watching"
    wait_until(lambda: any(f"{watch.pid}-" in note.name for note in notes.glob("*")), watch)
    return watch


def end_watch(watch):
    watch.stdin.close()
    assert watch.wait(240) == 0


def show(hexcore, state, size=(24, 80), **options):
    view = Terminal(hexcore, "watch", size=size, env=state | options.pop("env", {}), **options)
    view.read_until_screen(lambda screen, _: len(screen) == size[0] and "q quit" in screen[-1])
    return view


def until(view, *words):
    """Reads on until all of the words are on the screen at once."""
    def has_words(screen, _):
        text = "\n".join(screen)
        return all(word in text for word in words)
    view.read_until_screen(has_words)


def choose(view, name):
    """Goes down the list until it is shown: others may run Hexcore, too."""
    view.write("k" * 70)
    until(view, "> this machine")
    for _ in range(120):
        if name in view.screen[0]:
            return
        view.write("j")
        view.read_until(lambda text: text)
    raise AssertionError(f"{name} is not on {view.screen}")


def leave(view, key="q"):
    view.write(key)
    assert view.exit_code() == 0
    assert view.settings() == view.found


def test_it_shows_a_recording_in_progress_wherever_it_lies_and_its_end(hexcore, state, tmp_path):
    name = f"seen-{os.getpid()}.py"
    watch = start_watch(hexcore, state, "-o", tmp_path / "elsewhere.hxr", name=name)
    view = show(hexcore, state)
    choose(view, name)
    until(view, "PROCESSES ON host")
    view.read_until_screen(lambda screen, _: any(
        re.search(rf"python {name} +(6[4-9]|[7-9]\d)\.\d MiB", row) for row in screen))
    view.write("m")  # it has what it takes first, and waits
    until(view, "  0 B  ")
    watch.stdin.write(b"\n")
    watch.stdin.flush()
    until(view, "+64.")
    end_watch(watch)
    until(view, "ended with exit code 0")
    leave(view)
    again = show(hexcore, state)
    until(again, "this machine")
    assert name not in "\n".join(again.screen)
    leave(again)


def test_a_watcher_that_is_killed_is_missed_and_leaves_nothing_to_show(hexcore, state):
    watch = start_watch(hexcore, state)
    view = show(hexcore, state)
    choose(view, "watched.py")
    watch.kill()
    watch.wait()
    until(view, "its watcher is gone")
    notes = Path(state["XDG_STATE_HOME"]) / "hexcore" / "watching"
    view.read_until(lambda _: not list(notes.iterdir()))  # what it noted is removed by who looks
    leave(view)
    watch.stdin.close()


def test_what_hexcore_holds_is_shown_by_purpose_against_its_budget(hexcore, state, random_model):
    model = random_model("llama", layers=4, embd=128, ff=64, heads=4, experts=8, used=2)
    watch = hexcore.start("watch", "--interval", "5", "--", hexcore.path, "run", model,
                          *on("64MiB"), env=state, stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    view = show(hexcore, state, size=(40, 100))
    choose(view, "hexcore run")
    until(view, "ledger host0", "MiB of 6", "PURPOSES", "ledger host0: experts")
    leave(view)
    watch.stdin.close()
    assert watch.wait(240) == 2, "nothing was asked"


def test_several_watchers_and_several_views(hexcore, state):
    watches = [start_watch(hexcore, state, name=f"{name}.py") for name in ("first", "second")]
    views = [show(hexcore, state) for _ in range(2)]
    for view in views:
        choose(view, "second.py")
        view.write("\r")
        view.read_until_screen(lambda screen, _: "first.py" not in "".join(screen))
        assert "second.py" in view.screen[0]
        view.write("\x7f")
        until(view, "first.py", "second.py")
    for watch in watches:
        end_watch(watch)
    for view in views:
        leave(view)


def test_keys(hexcore, state):
    watch = start_watch(hexcore, state)
    view = show(hexcore, state)
    choose(view, "watched.py")
    until(view, "*NOW")
    view.write("s")
    until(view, "*SINCE")
    view.write("b")
    until(view, " since 0")
    view.write("m")
    until(view, "^")
    view.write("?")
    until(view, "marks this moment")
    view.write("?")
    until(view, "*SINCE")
    view.write(" ")
    until(view, "PAUSED")
    end_watch(watch)
    view.write(" ")
    until(view, "ended with exit code 0")
    assert "PAUSED" not in "\n".join(view.screen)
    leave(view)


@pytest.mark.parametrize("size", [(50, 80), (60, 200), (24, 80)])
def test_it_follows_the_size_of_the_terminal(hexcore, state, size):
    view = show(hexcore, state, size=(30, 100))
    view.emulator.resize(*size)
    view.resize(size)
    view.process.send_signal(signal.SIGWINCH)
    view.read_until_screen(lambda screen, _: len(screen) == size[0] and "q quit" in screen[-1])
    assert all(len(row) <= size[1] for row in view.screen)
    leave(view)


@pytest.mark.parametrize("number, code", [
    (signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGQUIT, 0),
    (signal.SIGSEGV, -signal.SIGSEGV), (signal.SIGABRT, -signal.SIGABRT)])
def test_whatever_ends_it_gives_the_terminal_back(hexcore, state, number, code):
    view = show(hexcore, state)
    assert view.settings() != view.found
    view.text = ""
    view.process.send_signal(number)
    assert view.exit_code() == code
    assert view.settings() == view.found
    assert "\x1b[?1049l" in view.text, "the screen before is there again"
    assert "\x1b[?25h" in view.text, "and the cursor"


def test_ctrl_c_leaves_it(hexcore, state):
    leave(show(hexcore, state), key="\x03")


def test_it_stops_for_a_shell_and_comes_back(hexcore, state):
    shell = Terminal(hexcore, "--norc", "--noprofile", "-i", program="/bin/bash", size=(24, 80),
                     env=state | {"PS1": "shell> "})
    shell.read_until(lambda text: "shell> " in text)
    shell.write(f"{hexcore.path} watch\n")
    until(shell, "q quit", "this machine")
    shell.write("\x1a")
    shell.read_until(lambda text: "Stopped" in text and "shell> " in text)
    shell.write("echo still $((6 * 7))\n")
    shell.read_until(lambda text: "still 42" in text)
    shell.write("fg\n")
    shell.read_until(lambda text: "q quit" in text)
    until(shell, "q quit", "this machine")
    shell.write("q")
    shell.read_until(lambda text: "shell> " in text)
    shell.write("exit\n")
    assert shell.exit_code() == 0


def test_colours_only_where_they_are_wanted(hexcore, state):
    watch = start_watch(hexcore, state)
    for env, expected in (({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)):
        view = show(hexcore, state, env=env)
        choose(view, "watched.py")
        until(view, "PROCESSES ON host")
        assert ("\x1b[36m" in view.seen) is expected
        leave(view)
    end_watch(watch)


@pytest.mark.parametrize("term", ["dumb", "no-such-terminal"])
def test_a_terminal_without_a_cursor_gets_lines(hexcore, state, term):
    view = Terminal(hexcore, "watch", env=state | {"TERM": term})
    view.read_until(lambda text: text.count("host ") >= 2)
    assert "\x1b" not in view.seen
    view.write("\x03")
    assert view.exit_code() == 0


def test_without_a_terminal_it_is_a_line_a_second(hexcore, state):
    watch = start_watch(hexcore, state)
    lines = hexcore.start("watch", env=state, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True)
    begun = time.monotonic()
    seen = []
    while len(seen) < 3:
        line = lines.stdout.readline()
        assert line, "it ended"
        if "watched.py  host " in line:
            seen.append(line)
    assert time.monotonic() - begun > 1.5, "three lines, and two seconds between them"
    lines.terminate()
    assert lines.wait(240) == 0
    end_watch(watch)


def test_a_reader_that_goes_away_ends_it(hexcore, state):
    lines = hexcore.start("watch", env=state, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    lines.stdout.readline()
    lines.stdout.close()
    assert lines.wait(240) in (1, -signal.SIGPIPE, 128 + signal.SIGPIPE)


def test_it_shows_processes_that_run_hexcore(hexcore, state, tmp_path):
    """By their program's name; one that a watch has started is shown once, as its recording."""
    program = tmp_path / "hexcore"
    shutil.copy(shutil.which("sleep"), program)
    with subprocess.Popen([program, "4711.25"]) as process:
        view = show(hexcore, state, size=(50, 120))
        choose(view, f"hexcore 4711.25 (pid {process.pid})")
        process.kill()
        process.wait()
        until(view, "ended")
        leave(view)


def test_hostile_names_do_no_harm(hexcore, state):
    evil = "\x1b]0;title\x07\x1b[2J\r\n\u202e\u6f22\u5b57\U0001f600.py"
    watch = start_watch(hexcore, state, name=evil)
    view = show(hexcore, state)
    choose(view, "\u6f22")
    for sequence in ("\x1b]0;", "\u202e", "\x07"):
        assert sequence not in view.seen
    assert len(view.screen) == 24
    end_watch(watch)
    leave(view)


def test_nothing_is_recorded_by_looking(hexcore, state):
    code, _, err = hexcore("watch", "-o", "x.hxr", env=state)
    assert code == 2
    assert "-o is for what is recorded" in err
    leave(show(hexcore, state))
    assert not list(Path(state["XDG_STATE_HOME"]).rglob("*.hxr"))
    assert not os.path.exists("x.hxr")
