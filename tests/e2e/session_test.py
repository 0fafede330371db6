"""Conversations of `hexcore run`: questions and texts, files that go on, full contexts, bits."""

import json
import os
import resource
import signal

import pytest

from conftest import on

DEVICE = on("600MiB")
GREEDY = ["--temp", 0]


@pytest.fixture(scope="module")
def tiny(random_model):
    return random_model("qwen3moe", layers=4, embd=128, ff=64, heads=4, experts=16, used=4,
                        type="q8_0")


def test_a_question_is_put_in_the_models_template_and_raw_is_not(hexcore, demo_model):
    question = hexcore.json("run", demo_model, *DEVICE, *GREEDY, "-n", 8, "-p", "Say hi.")
    raw = hexcore.json("run", demo_model, *DEVICE, *GREEDY, "-n", 8, "--raw", "-p", "Say hi.")
    assert question["tokens"]["prompt"] > raw["tokens"]["prompt"] + 4
    told = hexcore.json("run", demo_model, *DEVICE, *GREEDY, "-n", 8, "-p", "Say hi.", "--system",
                        "You are a pirate, and you talk like one, always.")
    assert told["tokens"]["prompt"] != question["tokens"]["prompt"]


def test_a_conversation_goes_on_in_the_next_run(hexcore, demo_model, tmp_path):
    file = tmp_path / "talk.session"
    words = ["run", demo_model, *DEVICE, *GREEDY, "-n", 12, "--session", file]
    first = hexcore.json(*words, "-p", "Name a colour.")
    assert file.stat().st_mode & 0o777 == 0o600
    second = hexcore.json(*words, "-p", "Name another.")
    chat = hexcore("run", demo_model, *DEVICE, *GREEDY, "-n", 12,
                   stdin="Name a colour.\nName another.\n")
    assert chat.code == 0, chat.stderr
    assert chat.stdout.splitlines() == [line for report in (first, second)
                                     for line in report["text"].splitlines()]
    # What was computed before is not computed again.
    assert second["cache_stats"]["tokens_computed"] < second["cache_stats"]["cells_used"]


@pytest.mark.parametrize(("place", "why"), [
    ("folder", "is no file that a session can be kept in"), ("none/talk.session", "no folder"),
    ("fifo", "is no file that a session can be kept in"), ("/proc/talk.session", "cannot write"),
])
def test_where_no_session_can_be_kept_is_said_before_anything_is_loaded(hexcore, demo_model,
                                                                       tmp_path, place, why):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    outcome = hexcore("run", demo_model, *DEVICE, "-p", "Hello", "--session", tmp_path / place)
    assert outcome.code == 2 and outcome.stdout == ""
    assert why in " ".join(outcome.stderr.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fifo", "folder"]


def test_what_a_run_that_died_was_writing_goes_with_the_next(hexcore, demo_model, tmp_path):
    file = tmp_path / "talk.session"
    left = tmp_path / "talk.session.hexcore-abc123"
    left.write_text("half a session")
    outcome = hexcore("run", demo_model, *DEVICE, *GREEDY, "-n", 2, "--session", file, "-p", "Hi")
    assert outcome.code == 0, outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_an_answer_is_given_though_its_session_cannot_be_kept(hexcore, demo_model, tmp_path):
    words = ["run", demo_model, *DEVICE, *GREEDY, "-n", 4, "--raw", "-p", "Gravity is"]

    def limit_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))  # the cache's state is larger

    outcome = hexcore(*words, "--session", tmp_path / "a", "--format", "json", setup=limit_files)
    assert outcome.code == 1 and "cannot write" in " ".join(outcome.stderr.split())
    assert json.loads(outcome.stdout)["text"] == hexcore.json(*words)["text"]
    assert list(tmp_path.iterdir()) == []


def test_a_saved_text_is_computed_again_in_another_cache_and_refused_by_another_model(
        hexcore, demo_model, tiny, tmp_path):
    file = tmp_path / "text.session"
    words = ["--raw", *GREEDY, "-n", 4, "--session", file, "-p", "Once upon a time"]
    assert hexcore("run", demo_model, *DEVICE, *words).code == 0
    other = hexcore("run", demo_model, *DEVICE, "--kv-type", "q8_0", *words)
    assert other.code == 0 and "computed again" in other.stderr
    foreign = hexcore("run", tiny, *on("64MiB"), "--ctx", 256, *words)
    assert foreign.code == 4 and "another model" in foreign.stderr
    before = file.read_bytes()
    file.write_bytes(before[:len(before) // 3])
    damaged = hexcore("run", demo_model, *DEVICE, *words)
    assert damaged.code in (0, 4)
    assert "damaged" in damaged.stderr or "computed again" in damaged.stderr
    file.write_text("something else")
    none = hexcore("run", demo_model, *DEVICE, *words)
    assert none.code == 4 and "no saved session" in none.stderr
    assert none.stdout == ""  # it was said before anything was loaded
    assert file.read_text() == "something else"


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_a_full_context_slides_in_the_memory_that_was_planned(hexcore, demo_model, kv_type):
    report = hexcore.json("run", demo_model, *DEVICE, *GREEDY, "--ctx", 256, "--kv-type", kv_type,
                          "--on-full", "slide", "--keep", 4, "--raw", "-p", "Once upon a time",
                          "-n", 400)
    stats = report["cache_stats"]
    assert (report["stop"], report["tokens"]["generated"]) == ("length", 400)
    assert stats["shifts"] == 2 and stats["tokens_evicted"] == 2 * 126
    assert stats["cells_used"] == report["tokens"]["prompt"] + 399 - stats["tokens_evicted"]
    for device in report["devices"]:
        assert device["planned"] == device["accounted"]


def test_a_chat_that_is_full_says_so_and_one_that_slides_goes_on(hexcore, demo_model):
    lines = "Tell me a long story.\n" * 6
    words = ["run", demo_model, *DEVICE, "--ctx", 256, *GREEDY, "-n", 110]
    full = hexcore(*words, stdin=lines)
    assert full.code == 0 and "context is full" in full.stderr
    slid = hexcore(*words, "--on-full", "slide", stdin=lines)
    assert slid.code == 0 and "full" not in slid.stderr


def test_what_cannot_be_kept_is_refused(hexcore, tiny):
    code, _, err = hexcore("run", tiny, *on("64MiB"), "--ctx", 256, "--on-full", "slide", "--keep",
                           200, "-p", "x")
    assert code == 2 and "more than half" in err
    for command in ("run", "serve"):
        code, _, err = hexcore(command, tiny, *on("64MiB"), "--keep", 4)
        assert code == 2 and "--keep requires --on-full" in err


def test_jsonl_streams_the_text_and_ends_with_the_report(hexcore, demo_model):
    code, out, err = hexcore("run", demo_model, *DEVICE, *GREEDY, "--format", "jsonl", "--raw",
                             "-p", "Gravity is", "-n", 6)
    assert code == 0, err
    *parts, report = [json.loads(line) for line in out.splitlines()]
    assert report["schema"] == "hexcore.run/1"
    assert "".join(part["text"] for part in parts) == report["text"] and len(parts) > 1


def test_a_character_that_is_cut_off_is_left_out(hexcore, demo_model):
    # The answer begins with an emoji, of three tokens in this vocabulary.
    report = hexcore.json("run", demo_model, *DEVICE, *GREEDY, "--raw", "-n", 2, "-p",
                          "Repeat: 🦄🪐🧬 🦄🪐🧬 🦄🪐🧬 🦄🪐🧬 🦄")
    assert (report["text"], report["tokens"]["generated"]) == ("", 2)


def test_the_commands_of_the_chat(hexcore, demo_model, tmp_path):
    file = tmp_path / "chat.session"
    lines = ["Name a colour.", f"/save {file}", "/stats", "/clear", "/nonsense", "/save", "/system",
             "/help", f"/load {file}", "/load /nowhere", f"/load {tmp_path}", "/bye", "never asked"]
    code, out, err = hexcore("run", demo_model, *DEVICE, *GREEDY, "-n", 6,
                             stdin="\n".join(lines) + "\n")
    assert code == 0, err
    assert file.exists() and out.count("\n") >= 1
    for words in ("cells of 4096", "no command /nonsense", "/save wants the name",
                  "/system wants a text", "/load FILE",
                  "/nowhere"):
        assert words in err, words
    alone = hexcore("run", demo_model, *DEVICE, *GREEDY, "-n", 6, stdin="Name a colour.\n")
    assert out == alone.stdout


def test_exact_answers_are_those_of_a_run_without_it_while_nobody_else_asks(hexcore, demo_model):
    words = ["run", demo_model, *DEVICE, *GREEDY, "--raw", "-p", "Gravity is", "-n", 12]
    assert hexcore.json(*words, "--exact")["text"] == hexcore.json(*words)["text"]
