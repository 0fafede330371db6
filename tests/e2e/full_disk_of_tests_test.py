"""`hexcore test` where a disk is full: said, nothing lost, and the exit code is right."""

import json
import os
import subprocess
from pathlib import Path

import pytest

HEXCORE = Path(os.environ.get("HEXCORE_BIN", "build/release/hexcore")).resolve()
SAMPLE = Path(os.environ.get("HEXCORE_BUILD", HEXCORE.parent)) / "tests/isolate/runner_sample"


@pytest.fixture
def disk(tmp_path):
    """8 KiB, of which nothing is free."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", folder],
                             check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    (folder / "full").write_bytes(bytes(8192))
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def run(hexcore, tmp_path):
    def call(select, *options, **env):
        code, out, err = hexcore("test", "-E", select, *options, "--", SAMPLE, cwd=tmp_path,
                                 env={"HEXCORE_SAMPLE_FOLDER": str(tmp_path),
                                      "XDG_STATE_HOME": str(tmp_path / "state"),
                                      **{name: str(value) for name, value in env.items()}})
        return code, " ".join((out + err).split())

    return call


def test_without_room_for_the_history_or_reservations_tests_run(run, disk):
    code, said = run("=Quick.Passes", XDG_STATE_HOME=disk)
    assert code == 0 and "1 passed" in said and "so sizes are not kept" in said
    code, said = run("=Quick.Passes", HEXCORE_RESERVATIONS=disk / "reservations")
    assert code == 0 and "1 passed" in said and "No space left on device, so other runs" in said


def test_a_report_that_finds_no_room_is_an_error_and_the_others_are_there(run, disk, tmp_path):
    results = tmp_path / "results.json"
    code, said = run("=Quick.Passes", "--junit", disk / "results.xml", "--html",
                     disk / "results.html", "--json", results)
    assert code == 1 and "1 passed" in said
    assert f"cannot write {disk}/results.xml: No space left on device" in said
    assert json.loads(results.read_text())["summary"]["passed"] == 1
    assert sorted(file.name for file in disk.iterdir()) == ["full"], "no half of a file"


def test_a_test_without_room_for_its_files_fails_and_says_so(run, disk):
    code, said = run("=Quick.Passes", TMPDIR=disk)
    assert code == 2 and "there is no room for files in" in said, "it cannot even be listed"
    os.truncate(disk / "full", 4096)
    code, said = run("=Quick.Passes", TMPDIR=disk)
    assert code == 1 and "there is no room for the test's files in" in said
    assert "make room, or set TMPDIR" in said
