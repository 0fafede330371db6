"""Where reports and recordings go: links, pipes, devices, files that must not be lost."""

import fcntl
import json
import os
import stat
from pathlib import Path

import pytest

HEXCORE = Path(os.environ.get("HEXCORE_BIN", "build/release/hexcore")).resolve()
SAMPLE = Path(os.environ.get("HEXCORE_BUILD", HEXCORE.parent)) / "tests/isolate/runner_sample"
LONG_PIPE = 1 << 20  # for a whole report


@pytest.fixture
def run(hexcore, tmp_path):
    """Runs a test that passes in an empty folder beside the program's own files."""
    work, own = tmp_path / "work", tmp_path / "own"
    work.mkdir()
    own.mkdir()

    def call(*options, **more):
        code, out, err = hexcore("test", "-E", "=Quick.Passes", *options, "--", SAMPLE, cwd=work,
                                 env={"HEXCORE_SAMPLE_FOLDER": str(own),
                                      "XDG_STATE_HOME": str(own / "state")}, **more)
        return code, " ".join((out + err).split())

    return call


def passed(text):
    return json.loads(text)["summary"]["passed"]


def device(path, number):
    """A node as in /dev, made here: what is there is nobody's to try this with."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, number))
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:
        pytest.skip(f"no device can be made here: {error}")
    return path


def test_a_link_stays_and_the_file_that_it_names_is_written(run, tmp_path):
    link, target = tmp_path / "link.json", tmp_path / "target.json"
    link.symlink_to(target.name)
    for _ in range(2):
        code, said = run("--json", link)
        assert code == 0, said
        assert link.is_symlink() and passed(target.read_text()) == 1
        target.write_text("an older one")


def test_a_new_file_is_its_owners_and_an_old_one_stays_whose_it_was(run, tmp_path):
    new, old = tmp_path / "new.json", tmp_path / "old.json"
    old.touch()
    old.chmod(0o604)
    code, said = run("--json", new)
    assert code == 0, said
    assert run("--json", old)[0] == 0
    assert new.stat().st_mode & 0o777 == 0o600
    assert old.stat().st_mode & 0o777 == 0o604 and passed(old.read_text()) == 1


def test_a_pipe_gets_the_report(run, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, LONG_PIPE)
        code, said = run("--json", pipe)
        assert code == 0, said
        text = b""
        while piece := os.read(reader, LONG_PIPE):
            text += piece
    finally:
        os.close(reader)
    assert passed(text) == 1 and pipe.is_fifo()


@pytest.mark.parametrize("option", ["--json", "--junit", "--html"])
def test_of_a_pipe_that_nobody_reads_is_told_before_a_test_runs(run, tmp_path, option):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code, said = run(option, pipe)
    assert code == 2 and f"cannot write {pipe}: it is a pipe that nobody reads" in said
    assert "passed" not in said and pipe.is_fifo()


def test_what_standard_output_leads_to_has_the_report_behind_all_else(run, tmp_path):
    link = tmp_path / "link"
    link.symlink_to("/proc/self/fd/1")
    code, said = run("--json", link, "--format", "json")
    assert code == 0, said
    assert said.count('"hexcore.test/1"') == 2 and link.is_symlink()


def test_a_device_is_written_into_and_stays(run, tmp_path):
    null, full = device(tmp_path / "null", 3), device(tmp_path / "full", 7)
    code, said = run("--json", null)
    assert code == 0, said
    code, said = run("--json", full)
    assert code == 1 and "1 passed" in said
    assert f"cannot write {full}: No space left on device" in said
    assert null.is_char_device() and full.is_char_device()


@pytest.mark.parametrize("option", ["--json", "--junit", "--html"])
@pytest.mark.parametrize("content, kind", [(b"GGUF and more", "a model"),
                                           (b"hexcore.hxr/1\nand more", "a recording")])
def test_no_model_and_no_recording_is_lost(run, tmp_path, option, content, kind):
    file = tmp_path / "kept"
    file.write_bytes(content)
    code, said = run(option, file)
    assert code == 2 and f"{file} is there and is {kind}; name another file" in said
    assert "passed" not in said and file.read_bytes() == content


def test_a_folder_and_a_file_in_none_are_told_before_a_test_runs(run, tmp_path):
    code, said = run("--json", tmp_path)
    assert code == 2 and f"cannot write {tmp_path}: it is a folder" in said
    (tmp_path / "link").symlink_to("none/file")
    for place in ("none/file", "link"):
        code, said = run("--json", tmp_path / place)
        assert code == 2 and f"there is no folder {tmp_path / 'none'}; make it first" in said


def test_a_recording_takes_the_place_of_no_other_file(hexcore, tmp_path):
    model, ran = tmp_path / "model.gguf", tmp_path / "ran"
    for content in (b"GGUF and more", b"some text"):
        model.write_bytes(content)
        code, out, err = hexcore("watch", "-o", model, "--", "touch", ran)
        assert (code, out) == (2, "")
        assert f"{model} is there and is no recording; name another file" in err
        assert model.read_bytes() == content and not ran.exists()
    (tmp_path / "empty.hxr").touch()
    assert hexcore("watch", "-o", tmp_path / "empty.hxr", "--", "true").code == 0
