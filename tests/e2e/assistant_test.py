"""hexcore assistant: what is imported is found, listed and forgotten; what cannot be is said."""

import json
import os

import pytest

CARDS = {"data": {"Spark Jolt": [{"name": "Spark Jolt", "manaCost": "{R}", "type": "Instant",
                                  "text": "Spark Jolt deals 3 damage to any target."}]}}
RULES = "702.19. Rampage\n\n702.19a It goes on.\n\n702.19b It is divided.\n"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "cards.json").write_text(json.dumps(CARDS))
    (tmp_path / "rules.txt").write_text(RULES)
    return {"XDG_DATA_HOME": str(tmp_path / "data")}


def test_what_is_imported_is_looked_up_shown_and_forgotten(hexcore, home, tmp_path):
    def run(*words):
        return hexcore("assistant", *words, env=home)

    assert run("look-up", "magic", "702.19b?") == (
        0, "", "hexcore: nothing was imported for magic\n")
    imported = hexcore.json("assistant", "import", "magic", tmp_path / "cards.json", env=home)
    assert (imported["kind"], imported["passages"], imported["notes"]) == ("cards", 1, [])
    code, out, _ = run("import", "magic", tmp_path / "rules.txt")
    assert (code, out.split(" in ")[0]) == (0, "3 passages of rules")
    assert run("look-up", "magic", 'Does "spark jolt" go by 702.19b?').stdout == (
        "[Spark Jolt] {R} Instant. Spark Jolt deals 3 damage to any target.\n"
        "[702.19b] Rampage: It is divided.\n")
    looked = hexcore.json("assistant", "look-up", "magic", "702.19b", env=home)
    assert [one["id"] for one in looked["passages"]] == ["702.19b"]

    listed = hexcore.json("assistant", "list", env=home)
    magic = listed["assistants"][0]
    assert [one["name"] for one in magic["experts"]] == [
        "REASON", "EXPLAIN", "TEACH", "PREDICT", "RETROSPECT"]
    assert [(one["kind"], one["passages"]) for one in magic["knowledge"]] == [
        ("cards", 1), ("rules", 3)]
    assert hexcore.json("assistant", "show", "magic", env=home)["assistants"] == [magic]
    assert "rules.txt" in run("show", "magic").stdout

    assert run("forget", "magic", "--kind", "cards").code == 0
    assert [one["kind"] for one in
            hexcore.json("assistant", "show", "magic", env=home)["assistants"][0]["knowledge"]] == [
        "rules"]


def test_files_that_are_not_there_are_named(hexcore, home, tmp_path):
    (tmp_path / "assistant.toml").write_text("""schema = "hexcore.assistant/1"
name = "lame"
description = "lacks much"
model = "none.gguf"
[[expert]]
name = "ONE"
description = "the only one"
system = "Be brief."
adapter = { file = "nope.gguf" }
""")
    code, out, _ = hexcore("assistant", "show", ".", env=home, cwd=tmp_path)
    shown = " ".join(out.split())
    assert code == 0
    for name in ("none.gguf", "nope.gguf"):
        assert f"{name}, which is not there" in shown
    assert "(0 examples; adapter" in shown
    told = hexcore.json("assistant", "show", tmp_path, env=home)["assistants"][0]
    assert [path.rsplit("/", 1)[1] for path in told["missing"]] == ["none.gguf", "nope.gguf"]
    assert told["model"] == told["missing"][0]


def test_of_several_one_that_cannot_be_read_hides_no_others(hexcore, home):
    folder = home["XDG_DATA_HOME"] + "/hexcore/assistants/broken"
    os.makedirs(folder)
    with open(f"{folder}/assistant.toml", "w", encoding="utf-8") as file:
        file.write("name = 3\n")
    code, out, err = hexcore("assistant", "list", env=home)
    assert (code, "magic" in out) == (4, True) and "schema is missing" in " ".join(err.split())


def test_what_cannot_be_ends_with_its_exit_code_and_a_sentence(hexcore, home, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text('schema = "hexcore.assistant/1"\nname = "bad"\ncolour = 3\n')
    (tmp_path / "half.json").write_text('{"data": {"A": [')
    for words, code, sentence in [
            (("show", "chess"), 2, "there is no assistant chess"),
            (("show", bad), 4, "bad.toml, line 3: colour is unknown"),
            (("show", tmp_path / "none.toml"), 4, "none.toml cannot be read"),
            (("import", "magic", tmp_path / "half.json"), 4, "half.json is no JSON"),
            (("import", "magic", tmp_path, "--kind", "rules"), 4, "is a folder"),
            (("import", "magic", tmp_path / "none"), 4, "No such file")]:
        run = hexcore("assistant", *words, env=home)
        assert run.code == code, run
        assert sentence in " ".join(run.stderr.split()), run
    no_folder = {"XDG_DATA_HOME": str(tmp_path / "half.json")}
    run = hexcore("assistant", "import", "magic", tmp_path / "cards.json", env=no_folder)
    assert run.code == 1 and "cannot write" in run.stderr, run
