"""hexcore report BEFORE NOW: how two recordings of real commands differ."""

import json
import sys
from pathlib import Path

import pytest

MIB = 1 << 20


@pytest.fixture(scope="module")
def recordings(hexcore, tmp_path_factory):
    """Of a command, and of one that takes 200 MiB more."""
    folder = tmp_path_factory.mktemp("recordings")
    for name, size in (("small", 1), ("large", 200 * MIB)):
        # The kernel keeps the most that a process had until it has ended.
        outcome = hexcore("watch", "-o", folder / f"{name}.hxr", "--", sys.executable, "-ISc",
                          f"kept = bytearray(b'x') * {size}")
        assert outcome.code == 0, outcome.stderr
    return folder / "small.hxr", folder / "large.hxr"


def test_the_table_says_what_grew(hexcore, recordings):
    code, out, err = hexcore("report", *recordings, env={"COLUMNS": "100"})
    assert (code, err) == (0, "")
    assert "large.hxr compared with" in " ".join(out.split())
    host = next(line.split() for line in out.splitlines() if line.startswith("device"))
    assert host[1] == "host" and float(host[-2].removeprefix("+")) == pytest.approx(200, abs=20)


def test_json_is_as_documented(hexcore, recordings, tmp_path):
    out = tmp_path / "out.json"
    assert hexcore("report", *recordings, "-o", out, "--fail-on", "50MiB") == (1, "", "")
    document = json.loads(out.read_text())
    assert document["schema"] == "hexcore.comparison/1"
    assert (document["fail_on_bytes"], document["accepted"]) == (50 * MIB, False)
    change = document["changes"][0]
    assert (change["by"], change["name"]) == ("device", "host")
    assert change["grew_bytes"] == change["now_bytes"] - change["before_bytes"]
    assert change["grew_bytes"] == pytest.approx(200 * MIB, abs=20 * MIB)
    documented = (Path(__file__).parents[2] / "docs/formats/recording.md").read_text()
    for key in [*document, *change]:
        assert f"`{key}`" in documented, key


@pytest.mark.parametrize("order, size, code", [
    (1, "50MiB", 1), (1, "500MiB", 0), (-1, "0", 0), (-1, "50MiB", 0),
])
def test_growth_past_the_size_is_exit_code_1(hexcore, recordings, order, size, code):
    outcome = hexcore("report", *recordings[::order], "--fail-on", size)
    assert outcome.code == code, outcome.stdout
    words = " ".join(outcome.stdout.split())
    assert ("was not accepted, but grew: host by" in words) == (code == 1)


@pytest.mark.parametrize("arguments, code, words", [
    (["{0}", "--fail-on", "1MiB"], 2, "name two"),
    (["{0}", "{1}", "-o", "x.html"], 2, ".json"),
    (["{0}", "{1}", "--fail-on", "much"], 2, "much"),
    (["{0}", "/nowhere/x.hxr"], 4, "/nowhere/x.hxr"),
    (["{0}", "{1}", "{1}"], 2, "two recordings can be compared, not 3"),
])
def test_wrong_usage(hexcore, recordings, arguments, code, words):
    outcome = hexcore("report", *(each.format(*recordings) for each in arguments))
    assert (outcome.code, outcome.stdout) == (code, "")
    assert words in outcome.stderr


def test_a_recording_is_what_it_is_compared_with(hexcore, recordings):
    code, out, _ = hexcore("report", recordings[1], recordings[1], "--fail-on", "0")
    assert code == 0
    assert "No device grew by more than 0 B" in " ".join(out.split())
