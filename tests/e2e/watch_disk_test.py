"""hexcore watch where the recording cannot grow any more: the command never notices."""

import json
import resource
import subprocess

import pytest


def test_a_full_disk_ends_the_recording_and_not_the_command(hexcore, tmp_path):
    """Nor where the command tells of itself."""
    recording = tmp_path / "full.hxr"
    telling = hexcore.path.parent / "tests/track/telling_child"
    outcome = hexcore(
        "watch", "-o", recording, "--", "sh", "-c", f'"{telling}" story && exit 3',
        setup=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY)))
    assert outcome.code == 3
    assert "ends before the command did (File too large)" in " ".join(outcome.stderr.split())
    assert hexcore("report", recording).code == 4


def test_a_full_disk_under_the_recording_leaves_the_command_alone(hexcore, tmp_path):
    """What was written before is readable to the end."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", disk],
                             check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        recording = disk / "full.hxr"
        telling = hexcore.path.parent / "tests/track/telling_child"
        outcome = hexcore("watch", "-o", recording, "--", "sh", "-c",
                          f'"{telling}" flood 100000 && exit 3')
        assert outcome.code == 3
        err = " ".join(outcome.stderr.split())
        assert "ends before the command did (No space left on device)" in err
        assert "host" in err, "the summary is of all that was seen"
        told = hexcore("report", recording, "-o", tmp_path / "out.json")
        assert told.code == 0, told.stderr
        document = json.loads((tmp_path / "out.json").read_text())
        assert document["exit"] is None, "its end did not fit"
        assert document["unreadable_bytes"] == 0
        assert document["devices"]
    finally:
        subprocess.run(["umount", disk], check=True)
