"""How questions are edited on a terminal: keys, characters, pastes, several lines, the history."""

import json

import pytest
from chatting import KEYS, Chat, pasted
from conftest import on

DEVICE = [*on("64MiB"), "--threads", "1", "--ctx", "256", "-n", "4", "--temp", "0"]
LONG = "\n".join(f"line {number}" for number in range(42))


@pytest.fixture(scope="module")
def tiny(random_model):
    return random_model("qwen3moe", layers=4, embd=128, ff=64, heads=4, experts=16, used=4,
                        type="q8_0")


@pytest.fixture
def chat(hexcore, tiny, tmp_path):
    """A chat with a history of its own: `chat()`, or with an environment."""
    def begin(**env):
        return Chat(hexcore, tiny, *DEVICE, env={"XDG_STATE_HOME": str(tmp_path)} | env)

    return begin


def test_questions_are_edited_with_the_keys_of_emacs(chat, tmp_path):
    begun = chat()
    for typed, arrived in [
        ("one two\x17three", "one three"),
        ("bc\x02\x02a\x05d", "abcd"), ("ac\x1bbb\x06\x08", "bc"),
        ("bc" + KEYS["left"] * 2 + "a" + KEYS["end"] + "d", "abcd"),
        ("xab" + KEYS["left"] * 2 + KEYS["backspace"] + KEYS["delete"], "b"),
        ("one two" + KEYS["word left"] + "and " + KEYS["word right"] + "!", "one and two!"),
        ("one two\x1bb\x1bu", "one TWO"),
        ("ab\x14", "ba"),
        ("one two\x1bb\x0b\x1bb\x19", "twoone "),
        ("a" + "\x1b[5~\x1b[15~\x1b[I" + "b", "ab"),  # keys that mean nothing
        ("lost\x15/system kept", "kept"),
    ]:
        assert begun.arrives(typed, tmp_path) == arrived, repr(typed)


def test_wide_letters_and_letters_with_marks_are_moved_over_and_deleted_whole(chat, tmp_path):
    begun = chat()
    begun.write("he\u0301llo \u6f22\u5b57 x")
    begun.shows("> h\u00e9llo \u6f22\u5b57 x", 14)
    begun.write(KEYS["left"] * 3)
    begun.shows("> h\u00e9llo \u6f22\u5b57 x", 10)
    begun.write(KEYS["backspace"])
    begun.shows("> h\u00e9llo \u5b57 x", 8)
    begun.write("\x01" + KEYS["right"] * 2 + KEYS["backspace"])
    begun.shows("> hllo \u5b57 x", 3)
    begun.write("e\u0301\u0323")
    begun.shows("> h\u1eb9\u0301llo \u5b57 x", 4)
    begun.write("\x15\x0b\u0301")
    begun.shows("> \u25cc\u0301", 3)
    begun.write("\x15")
    for text in ("e\u0301\u0323", "\u6f22\u5b57", "\U0001f469\u200d\U0001f467",
                 "\u0e01\u0e47\u0e44", "\u1100\u1161\u11a8", "\U00100000\U00017000"):
        assert begun.arrives(text, tmp_path) == text


def test_a_wide_letter_that_has_no_room_begins_the_next_row(chat):
    begun = chat()
    begun.write("x" * 77 + "\u6f22")
    begun.read_until_screen(lambda screen, cursor: screen[-1] == "\u6f22" and cursor[1] == 2)
    begun.write(KEYS["left"] + "y")
    begun.read_until_screen(lambda screen, cursor: screen[-2].endswith("xy") and
                            screen[-1] == "\u6f22" and cursor[1] == 0)
    begun.write(KEYS["backspace"] * 2)
    begun.shows("> " + "x" * 76 + "\u6f22", 78)


def test_a_paste_of_some_lines_is_one_question_that_can_be_edited(chat, tmp_path):
    begun = chat()
    begun.write(pasted("one\ntwo\nthree"))
    begun.read_until_screen(lambda screen, _: screen[-3:] == ["> one", "two", "three"])
    begun.write(KEYS["up"] + "!")
    begun.read_until_screen(lambda screen, _: screen[-3:] == ["> one", "two!", "three"])
    begun.write("\x0b\x15")
    assert begun.arrives(pasted("one\ntwo") + KEYS["left"] + "w", tmp_path) == "one\ntwwo"


def test_a_longer_paste_is_shown_by_its_size_and_beginning_and_edited_as_one(chat, tmp_path):
    begun = chat()
    label = "[42 lines: line 0 ...]"
    begun.write("Why " + pasted(LONG) + "?")
    begun.shows(f"> Why {label}?")
    begun.write(KEYS["left"] * 2)
    begun.shows(f"> Why {label}?", 6)
    begun.write(KEYS["right"])
    begun.shows(f"> Why {label}?", 6 + len(label))
    begun.write(KEYS["backspace"])
    begun.shows("> Why ?", 6)
    begun.write("\x15\x0b")
    assert begun.arrives("Why " + pasted(LONG) + "?", tmp_path) == f"Why {LONG}?"
    begun.write(KEYS["up"] * 2)
    begun.shows("> [42 lines: /system Why line 0 ...]")
    assert begun.arrives("\x15/system " + pasted(LONG) + "\x17" + pasted("other") , tmp_path) == \
        "other"


def test_a_paste_of_100_kilobytes_arrives_whole(chat, tmp_path):
    text = "".join(f"{number:06} " for number in range(15_000))
    begun = chat()
    assert begun.arrives(pasted(text) + "end", tmp_path) == text + "end"
    # Neither is there a limit for one who has no brackets around what is pasted.
    assert begun.arrives(text[:20_000] + "end", tmp_path) == text[:20_000] + "end"


def test_several_lines_are_typed_behind_backslashes_in_a_block_or_by_alt_enter(chat, tmp_path):
    begun = chat()
    assert begun.arrives("one\\\rtwo\\\rthree", tmp_path) == "one\ntwo\nthree"
    assert begun.arrives('"""one\r\rtwo\r"""', tmp_path) == "one\n\ntwo"
    assert begun.arrives("one\x1b\rtwo", tmp_path) == "one\ntwo"
    # What is pasted is no block, and ends with Enter.
    assert begun.arrives(pasted('"""\none'), tmp_path) == '"""\none'
    begun.write(pasted('"""Says hi."""\nprint("hi")'))
    begun.write("\x15\x0b")
    begun.shows(">", 2)


def test_a_pasted_text_that_begins_with_a_slash_is_no_command(chat):
    begun = chat()
    assert "there is no command" in begun.ask("/* x */")
    assert "there is no command" not in begun.ask(pasted("/* x\n*/"))
    assert "there is no command" not in begun.ask(" /usr")


def test_earlier_questions_come_back_in_this_chat_and_in_the_next(chat, tmp_path):
    first = chat()
    for question in ("/system \u4e0a one", "/system two\\\rlines", " /system secret", "/clear"):
        first.ask(question)
    first.write("draft" + KEYS["up"] * 2)
    first.read_until_screen(lambda screen, _: screen[-2:] == ["> /system two", "lines"])
    first.write(KEYS["up"] * 2)
    first.shows("> /system \u4e0a one")
    first.write(KEYS["up"] + KEYS["down"] * 4)
    first.shows("> draft", 7)
    first.write("\x03")
    first.read_until(lambda text: "Another Ctrl-C" in text)
    first.write("\x04")
    assert first.exit_code() == 0
    file = tmp_path / "hexcore" / "history"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] == [
        "/system \u4e0a one", "/system two\nlines", "/clear", "draft"]
    second = chat()
    second.write(KEYS["up"])
    second.shows("> draft")


def test_what_was_changed_in_an_earlier_question_is_there_when_one_comes_back_to_it(chat):
    begun = chat()
    begun.ask("/clear")
    begun.write("new" + KEYS["up"] + " changed" + KEYS["down"])
    begun.shows("> new")
    begun.write(KEYS["up"])
    begun.shows("> /clear changed")


def test_ctrl_r_searches_earlier_questions(chat):
    begun = chat()
    for question in ("/system \u4e0a one", "/system two", "/clear"):
        begun.ask(question)
    begun.write("draft\x12sys")
    begun.shows("(search: sys) /system two")
    begun.write("\x12")
    begun.shows("(search: sys) /system \u4e0a one")
    begun.write("\x7f\x7f\x7f\u4e0a")
    begun.shows("(search: \u4e0a) /system \u4e0a one")
    begun.write("x")
    begun.shows("(not found: \u4e0ax) /system \u4e0a one")
    begun.write("\x07")
    begun.shows("> draft")
    begun.write("\x12two\x01")
    begun.shows("> /system two", 2)


def test_a_history_that_cannot_be_written_is_no_error(chat, tmp_path):
    (tmp_path / "hexcore").write_text("no folder")
    begun = chat()
    begun.ask("/clear")
    begun.write(KEYS["up"])
    begun.shows("> /clear")
    begun.write("\x15\x04")
    assert begun.exit_code() == 0
    assert "history" not in begun.seen


def test_text_is_utf_8_where_the_locale_says_nothing(chat, tmp_path):
    begun = chat(LC_ALL="C")
    begun.write("\u00fc\u6f22")
    begun.shows("> \u00fc\u6f22", 5)
    begun.write("\x15")
    assert begun.arrives("\u00fc\u6f22e\u0301", tmp_path) == "\u00fc\u6f22e\u0301"


def test_no_more_than_what_was_typed_is_given_up_by_ctrl_c(chat):
    begun = chat()
    for question in ("abc", "another one"):
        begun.write(question)
        begun.shows("> " + question)
        begun.write("\x03")
        begun.read_until(lambda text: "ends the chat" in text and text.endswith("> "))
    begun.write("\x03")
    assert begun.exit_code() == 130


@pytest.mark.parametrize("term", ["screen-256color", "tmux-256color"])
def test_terminals_within_terminals_edit_too(chat, tmp_path, term):
    begun = chat(TERM=term)
    assert begun.arrives("ac" + KEYS["left"] + "b", tmp_path) == "abc"


def test_wide_letters_of_a_wrapped_question_are_where_they_are_shown(chat, tmp_path):
    begun = chat()
    letters = "\u65e5\u672c" * 22  # 88 columns
    rows = "ab" + letters
    begun.write(rows + KEYS["home"] + KEYS["right"] + "X")
    # The prompt and 78 columns; a wide letter that has no room goes to the next row.
    begun.read_until_screen(lambda screen, cursor: "".join(screen[cursor[0]:cursor[0] + 2]) ==
                            "> aXb" + letters and cursor[1] == 4)
    begun.write(KEYS["delete"] * 2)
    begun.read_until_screen(lambda screen, cursor: "".join(screen[cursor[0]:cursor[0] + 2]) ==
                            "> aX" + letters[1:] and cursor[1] == 4)


def test_a_file_that_is_no_conversation_is_not_written_over(chat, tmp_path):
    begun = chat()
    file = tmp_path / "precious"
    file.write_text("precious")
    assert "no saved session" in begun.ask(f"/save {file}")
    assert file.read_text() == "precious"
