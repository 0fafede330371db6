"""hexcore watch and hexcore report: the real program around real commands."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from terminal import Terminal

MIB = 1 << 20
PYTHON = [sys.executable, "-I", "-S", "-c"]
# Takes 64 MiB in a process that has lost its parent; all of them end with stdin.
ORPHAN = """
import os, sys
if os.fork() == 0:
    if os.fork() == 0:
        kept = bytearray(b"x") * (64 << 20)
        sys.stdin.read()
    os._exit(0)
os.wait()
sys.stdin.read()
"""
# Says which signals came, and ends with 5 once it is told to.
SIGNALS = """
import os, select, signal, sys
came = []
def take(number, frame):
    came.append(number)
    os.write(1, b"%d\\n" % number)  # a handler may come in the middle of a print
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, take)
os.write(1, b"ready\\n")
while not select.select([0], [], [], 0.05)[0]:
    pass  # a signal just before a read that waits would be answered after it
sys.stdin.readline()
print(came, flush=True)
sys.exit(5)
"""


@pytest.fixture
def state(tmp_path):
    """The environment of a user who has watched nothing yet, and the folder of recordings."""
    return {"XDG_STATE_HOME": str(tmp_path)}, tmp_path / "hexcore" / "recordings"


def report(hexcore, recording, folder):
    """The recording as JSON, or None as long as it cannot be read."""
    out = folder / "out.json"
    code, _, err = hexcore("report", recording, "-o", out)
    assert code in (0, 4), err
    return json.loads(out.read_text()) if code == 0 else None


def host(document):
    return next((device for device in document["devices"] if device["name"] == "host"), None)


def start(hexcore, *arguments, **options):
    return hexcore.start("watch", *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, **options)


def wait_for(found, process, timeout_s=240):
    end = time.monotonic() + timeout_s
    while not (result := found()):
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)
    return result


@pytest.mark.parametrize("script, code, words", [
    ("exit 0", 0, "ended with exit code 0"),
    ("exit 7", 7, "ended with exit code 7"),
    ("kill -KILL $$", 137, "signal 9 (SIGKILL)"),
    ("kill -SEGV $$", 139, "signal 11 (SIGSEGV)"),
])
def test_the_exit_code_is_the_commands(hexcore, state, script, code, words):
    outcome = hexcore("watch", "--", "sh", "-c", script, env=state[0])
    assert outcome.code == code
    assert words in " ".join(outcome.stderr.split())
    assert max(map(len, outcome.stderr.splitlines())) <= 80 or str(state[1]) in outcome.stderr


def test_input_and_output_are_the_commands(hexcore, state):
    outcome = hexcore("watch", "--", "sh", "-c", "cat; echo aside >&2", stdin="some\ntext",
                      env=state[0])
    assert (outcome.code, outcome.stdout) == (0, "some\ntext")
    assert outcome.stderr.startswith("aside\nhexcore: sh -c ")


def test_words_behind_the_mark_are_left_alone(hexcore, state):
    words = ["[a,b]", "{}", "", "-m", "--ctx-size=3", "--help", "run", "--", "a b", "%d"]
    outcome = hexcore("watch", "--", "printf", r"%s\n", *words, env=state[0])
    assert outcome.stdout.split("\n")[:-1] == words


@pytest.mark.parametrize("arguments, words", [
    (["--"], ["hexcore watch -- COMMAND"]),
    (["sleep", "1"], ["write -- before the command"]),
    (["--", "hexcore-has-no-such-program"], ["hexcore-has-no-such-program", "cannot be started"]),
    (["--", "/"], ["/ cannot be started"]),
    (["--interval", "0.5", "--", "true"], ["--interval", "0.5"]),
    (["--interval", "10"], ["--interval is for what is recorded", "--pid"]),
    (["--alert", "10MiB"], ["--alert is for what is recorded", "--pid"]),
    (["--alert", "much", "--", "true"], ["--alert", "much"]),
    (["-o", "/nowhere/x.hxr", "--", "true"], ["/nowhere/x.hxr"]),
    (["-o", "/dev/null", "--", "true"], ["/dev/null", "no file"]),
])
def test_wrong_usage(hexcore, state, arguments, words):
    code, out, err = hexcore("watch", *arguments, env=state[0])
    assert (code, out) == (2, "")
    for word in words:
        assert word in err
    assert list(state[1].glob("*")) == [], "nothing was watched"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(hexcore, state, number):
    process = start(hexcore, "--", *PYTHON, SIGNALS, env=state[0])
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.stdout.readline() == f"{number.value}\n"
    out, _ = process.communicate("\n")
    assert (process.returncode, out) == (5, f"[{number.value}]\n")


def test_ctrl_c_in_a_terminal_reaches_the_command_once(hexcore, state):
    terminal = Terminal(hexcore, "watch", "--", *PYTHON, SIGNALS, env=state[0])
    terminal.read_until(lambda text: "ready" in text)
    terminal.write("\x03")
    terminal.read_until(lambda text: "2\r\n" in text)
    terminal.write("\n")
    terminal.read_until(lambda text: "[2]" in text)
    assert terminal.exit_code() == 5
    assert "ended with exit code 5" in " ".join(terminal.seen.split())


def test_an_ignored_signal_stays_ignored(hexcore, state):
    """As under nohup."""
    outcome = hexcore("watch", "--", "sh", "-c", "kill -HUP $$; exit 4", env=state[0],
                      setup=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert outcome.code == 4


def test_processes_without_a_parent_count_and_a_recording_is_read_as_it_grows(hexcore, tmp_path):
    recording = tmp_path / "grows.hxr"
    process = start(hexcore, "--interval", "10", "-o", recording, "--", *PYTHON, ORPHAN)

    def peak_is_there():
        document = recording.exists() and report(hexcore, recording, tmp_path)
        return document and host(document) and host(document)["peak_bytes"] > 64 * MIB and document

    growing = wait_for(peak_is_there, process)
    assert growing["exit"] is None
    process.communicate("")
    assert process.returncode == 0
    document = report(hexcore, recording, tmp_path)
    assert document["exit"] == 0
    assert document["processes_watched"] >= 2
    assert max(part["bytes"] for part in host(document)["peak_processes"]) > 64 * MIB


def test_a_process_is_named_by_the_program_that_took_the_memory(hexcore, tmp_path):
    recording = tmp_path / "becomes.hxr"
    takes = 'kept = bytearray(b"x") * (64 << 20); import sys; sys.stdin.read()'
    process = start(hexcore, "--interval", "10", "-o", recording, "--", "sh", "-c",
                    'read line; exec "$@"', "sh", *PYTHON, takes)

    def found(is_it):
        document = recording.exists() and report(hexcore, recording, tmp_path)
        return document and host(document) and is_it(host(document)) and document

    # It is looked at often enough to be well known as a shell.
    wait_for(lambda: found(lambda device: device["samples"] > 100), process)
    process.stdin.write("go on\n")
    process.stdin.flush()
    wait_for(lambda: found(lambda device: device["peak_bytes"] > 64 * MIB), process)
    process.communicate("")
    assert process.returncode == 0
    document = report(hexcore, recording, tmp_path)
    part, = host(document)["peak_processes"]
    assert part["command"].startswith(Path(sys.executable).name)
    assert [each["command"] for each in document["processes"]] == [part["command"]]


def test_a_recording_outlives_its_writer(hexcore, tmp_path):
    recording = tmp_path / "killed.hxr"
    process = start(hexcore, "--interval", "1", "-o", recording, "--", "cat")

    def has_rows():
        document = recording.exists() and report(hexcore, recording, tmp_path)
        return document and host(document) and host(document)["samples"] > 10

    wait_for(has_rows, process)
    process.kill()
    process.wait()
    process.stdin.write("it lives on\n")
    process.stdin.flush()
    assert process.stdout.readline() == "it lives on\n"
    process.stdin.close()
    code, out, _ = hexcore("report", recording)
    assert code == 0
    assert "how it ended is not recorded" in " ".join(out.split())
    assert report(hexcore, recording, tmp_path)["exit"] is None


def test_secrets_are_left_out(hexcore, tmp_path):
    recording = tmp_path / "secret.hxr"
    outcome = hexcore("watch", "-o", recording, "--", "sh", "-c", "exit 0", "sh", "--token",
                      "hunter2", "DB_PASSWORD=hunter3")
    assert "hunter" not in outcome.stderr
    hexcore("report", recording, "-o", tmp_path / "out.json")
    hexcore("report", recording, "-o", tmp_path / "out.trace.json")
    for name in ("out.json", "out.trace.json"):
        assert "hunter" not in (tmp_path / name).read_text()
    assert report(hexcore, recording, tmp_path)["command"][-2:] == ["***", "DB_PASSWORD=***"]


def test_a_recording_is_kept_for_its_owner_and_the_newest_is_reported(hexcore, state):
    env, folder = state
    for code in (3, 4):
        hexcore("watch", "--", "sh", "-c", f"exit {code}", env=env)
    kept = list(folder.iterdir())
    assert len(kept) == 2 and all(path.name.endswith("-sh.hxr") or "-sh-2" in path.name
                                  for path in kept)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    code, out, err = hexcore("report", env=env)
    assert (code, err) == (0, "")
    assert "exit code 4" in " ".join(out.split())


def test_what_was_recorded_before_stays_if_the_command_cannot_be_started(hexcore, state, tmp_path):
    old, new = tmp_path / "old.hxr", tmp_path / "new.hxr"
    assert hexcore("watch", "-o", old, "--", "true", env=state[0]).code == 0
    before = old.read_bytes()
    for path in (old, new):
        assert hexcore("watch", "-o", path, "--", "hexcore-has-no-such-program",
                       env=state[0]).code == 2
    assert old.read_bytes() == before
    assert not new.exists()
    assert hexcore("watch", "-o", old, "--", "false", env=state[0]).code == 1
    assert old.read_bytes() != before
    assert hexcore("report", old, env=state[0]).code == 0


def test_where_there_is_no_place_for_a_recording_the_command_still_runs(hexcore, tmp_path):
    (tmp_path / "file").touch()
    outcome = hexcore("watch", "--", "sh", "-c", "exit 6",
                      env={"XDG_STATE_HOME": str(tmp_path / "file")})
    assert outcome.code == 6
    assert "There is no recording" in outcome.stderr


@pytest.fixture(scope="module")
def recording(hexcore, tmp_path_factory):
    """Of a command that has two processes and was sampled at least ten times."""
    path = tmp_path_factory.mktemp("recording") / "some.hxr"
    process = start(hexcore, "--interval", "1", "-o", path, "--", "sh", "-c", "cat; exit 9")

    def has_rows():
        document = path.exists() and report(hexcore, path, path.parent)
        return document and host(document) and (
            host(document)["samples"] > 10 and
            {"cat"} <= {process["command"] for process in document["processes"]})

    wait_for(has_rows, process)
    process.communicate("")
    assert process.returncode == 9
    return path


def test_json_is_as_documented(hexcore, recording, tmp_path):
    document = report(hexcore, recording, tmp_path)
    assert document["schema"] == "hexcore.recording/1"
    assert document["command"] == ["sh", "-c", "cat; exit 9"]
    assert (document["exit"], document["signal"], document["killed_by"]) == (9, None, None)
    assert document["duration_ms"] > 0
    assert document["marks"] == []
    device = host(document)
    for key in ("name", "total_bytes", "peak_bytes", "peak_at_ms", "peak_label", "growth"):
        assert key in device
    assert 0 < device["peak_bytes"] <= device["budget_bytes"] < device["total_bytes"]
    parts = sum(part["bytes"] for part in device["peak_processes"])
    assert parts + device["peak_others_bytes"] == device["peak_bytes"]
    assert device["growth"]["verdict"] in (
            "none", "growing", "cache", "pool", "inconclusive")
    assert {part["command"] for part in document["processes"]} >= {"cat"}
    assert document["cost"]["cpu_ms"] >= 0
    assert document["precision"]["interval_ms"] == 1
    assert document["unreadable_bytes"] == 0
    documented = (Path(__file__).parents[2] / "docs/formats/recording.md").read_text()
    for key in [*document, *device, *device["growth"], *document["cost"]]:
        assert f"`{key}`" in documented, key


def test_csv_has_a_line_a_sample(hexcore, recording, tmp_path):
    out = tmp_path / "out.csv"
    assert hexcore("report", recording, "-o", out) == (0, "", "")
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    document = report(hexcore, recording, tmp_path)
    assert len(rows) == sum(device["samples"] for device in document["devices"])
    used = [int(row["used_bytes"]) for row in rows if row["device"] == "host"]
    assert max(used) == host(document)["peak_bytes"]
    assert all(float(row["time_ms"]) >= 0 for row in rows)


def test_a_trace_has_counters_stacked_by_process(hexcore, recording, tmp_path):
    out = tmp_path / "out.trace.json"
    assert hexcore("report", recording, "-o", out) == (0, "", "")
    events = json.loads(out.read_text())["traceEvents"]
    counters = [event for event in events if event["ph"] == "C" and event["name"] == "host bytes"]
    assert len(counters) > 10
    assert max(sum(event["args"].values()) for event in counters) == host(
        report(hexcore, recording, tmp_path))["peak_bytes"]
    assert any(name.startswith("cat (") for event in counters for name in event["args"])


def test_a_page_and_a_picture_have_the_same_peak(hexcore, recording, tmp_path):
    for name in ("out.html", "out.svg"):
        assert hexcore("report", recording, "-o", tmp_path / name) == (0, "", "")
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    page = (tmp_path / "out.html").read_text()
    peak = host(report(hexcore, recording, tmp_path))["peak_bytes"]
    assert f'"peaks":[{{"name":"host","bytes":{peak},' in page
    picture = ElementTree.parse(tmp_path / "out.svg").getroot()
    assert picture.tag.endswith("}svg")
    assert any("cat (" in (text.text or "") for text in picture.iter())


def test_the_text_is_no_wider_than_the_page(hexcore, recording):
    code, out, _ = hexcore("report", "some.hxr", env={"COLUMNS": "80"}, cwd=recording.parent)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    for words in ("WHERE", "host at its peak", "Closest call", "would have held", "% of a core"):
        assert words in " ".join(out.split())


@pytest.mark.parametrize("name", ["x.pdf", "x.htm", "x.hxr", "x"])
def test_other_reports_are_wrong_usage_that_lists_what_there_is(hexcore, recording, name):
    code, _, err = hexcore("report", recording, "-o", name)
    assert code == 2
    for word in (".html", ".svg", ".json", ".csv", ".trace.json", name):
        assert word in err


def test_files_that_are_no_recordings(hexcore, recording, state, tmp_path):
    whole = recording.read_bytes()
    files = {"empty": b"", "text": b"hello", "version": b"hexcore.hxr/2\n" + whole[14:],
             "cut": whole[:60]}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for path in [*(tmp_path / name for name in files), tmp_path, tmp_path / "missing"]:
        code, out, err = hexcore("report", path)
        assert (code, out) == (4, "")
        assert path.name in err
    assert hexcore("report", env=state[0]).code == 4, "there is none yet"
    (tmp_path / "half.hxr").write_bytes(whole[:-20] + b"\0" * 20)
    code, out, err = hexcore("report", tmp_path / "half.hxr", "-o", tmp_path / "half.json")
    assert code == 0
    assert "could not be read" in err
    assert json.loads((tmp_path / "half.json").read_text())["unreadable_bytes"] > 0


def test_a_report_goes_where_its_name_leads_and_takes_the_place_of_no_model(hexcore, recording,
                                                                            tmp_path):
    link, target, model = (tmp_path / name for name in ("link.json", "target.json", "model.json"))
    link.symlink_to(target.name)
    assert hexcore("report", recording, "-o", link) == (0, "", "")
    assert link.is_symlink() and json.loads(target.read_text())["schema"] == "hexcore.recording/1"
    assert target.stat().st_mode & 0o777 == 0o600
    for content in (b"GGUF and more", recording.read_bytes()):
        model.write_bytes(content)
        code, out, err = hexcore("report", recording, "-o", model)
        assert (code, out) == (2, "") and f"{model} is there" in err
        assert hexcore("report", recording, recording, "-o", model).code == 2
        assert model.read_bytes() == content
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    code, _, err = hexcore("report", recording, "-o", pipe)
    assert code == 1 and "a pipe that nobody reads" in err and pipe.is_fifo()


def test_a_report_that_cannot_be_written_is_no_success(hexcore, recording, tmp_path):
    code, _, err = hexcore("report", recording, "-o", tmp_path / "no" / "out.csv")
    assert code == 1
    assert "out.csv" in err
