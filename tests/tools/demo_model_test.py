"""The demo model is made once, made again when it can't be trusted, and found at once otherwise.

The package is replaced by a small one of the same build, so these tests need no network.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import zipfile

import pytest

import demo_model
from conftest import TOOLS, Model, assert_refused, run_tool, tiny
from output_file import InputError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder that holds a small package under the real one's name, with its checksum."""
    folder = tmp_path / "cache"
    folder.mkdir()
    dense = tiny(tmp_path / "dense.gguf", "--experts", 0, kind="q4_1")
    with zipfile.ZipFile(folder / demo_model.WHEEL, "w") as archive:
        archive.write(dense, demo_model.DENSE_IN_WHEEL)
    checksum = demo_model.sha256_of(folder / demo_model.WHEEL)
    monkeypatch.setattr(demo_model, "WHEEL_SHA256", checksum)
    return folder


def path_printed(cache, capsys) -> str:
    demo_model.make(["--cache", str(cache)])
    return capsys.readouterr().out.strip()


def made_at(cache) -> int:
    return (cache / demo_model.MODEL).stat().st_mtime_ns


def test_it_prints_the_path_of_a_mixture(cache, capsys):
    assert path_printed(cache, capsys) == str(cache / demo_model.MODEL)
    model = Model(cache / demo_model.MODEL)
    assert model.value("llama.expert_count") == 8
    assert model.value("general.name") == "SmolLM2 8x135M Instruct"


def test_a_second_call_changes_nothing(cache, capsys):
    first = path_printed(cache, capsys)
    before = made_at(cache)
    assert path_printed(cache, capsys) == first
    assert made_at(cache) == before


def test_a_half_finished_model_is_made_again(cache, capsys):
    path_printed(cache, capsys)
    model = cache / demo_model.MODEL
    whole = model.read_bytes()
    model.write_bytes(whole[:-1])
    path_printed(cache, capsys)
    assert model.read_bytes() == whole


@pytest.mark.parametrize("stamp", ("", "{}", "[1", '{"size_bytes": 1, "recipe": ""}'))
def test_a_model_without_a_good_stamp_is_made_again(cache, capsys, stamp):
    path_printed(cache, capsys)
    before = made_at(cache)
    demo_model.stamp_path(cache).write_text(stamp)
    path_printed(cache, capsys)
    assert made_at(cache) > before


def test_a_model_of_other_tools_is_made_again(cache, capsys, tmp_path, monkeypatch):
    path_printed(cache, capsys)
    before = made_at(cache)
    changed = shutil.copytree(TOOLS, tmp_path / "tools")
    with open(changed / "make_moe.py", "a", encoding="utf-8") as source:
        source.write("# changed\n")
    monkeypatch.setattr(demo_model, "TOOLS", changed)
    path_printed(cache, capsys)
    assert made_at(cache) > before


def test_left_overs_of_killed_runs_are_removed(cache, capsys):
    (cache / f".{demo_model.MODEL}.123.part").write_bytes(b"half")
    (cache / ".demo-abc").mkdir()
    (cache / ".demo-abc" / "wheel").write_bytes(b"half")
    path_printed(cache, capsys)
    names = {entry.name for entry in cache.iterdir()}
    assert names == {demo_model.WHEEL, demo_model.MODEL, f"{demo_model.MODEL}.stamp",
                     ".demo_model.lock"}


def test_a_damaged_package_is_downloaded_again(cache, capsys, tmp_path, monkeypatch):
    good = shutil.copy(cache / demo_model.WHEEL, tmp_path / "good.whl")
    (cache / demo_model.WHEEL).write_bytes(b"damaged")
    monkeypatch.setattr(demo_model, "download",
                        lambda folder: shutil.copy(good, folder / demo_model.WHEEL))
    path_printed(cache, capsys)
    assert demo_model.sha256_of(cache / demo_model.WHEEL) == demo_model.WHEEL_SHA256


def test_a_package_with_another_checksum_is_never_used(cache, capsys, monkeypatch):
    (cache / demo_model.WHEEL).unlink()

    def forged(folder):
        (folder / demo_model.WHEEL).write_bytes(b"forged")
        return folder / demo_model.WHEEL

    monkeypatch.setattr(demo_model, "download", forged)
    with pytest.raises(InputError, match="pinned"):
        path_printed(cache, capsys)
    assert not (cache / demo_model.MODEL).exists()
    assert not (cache / demo_model.WHEEL).exists()


def test_a_failed_download_says_what_pip_said(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_model, "PACKAGE", "/nowhere/no-such-package==0")
    with pytest.raises(InputError, match="pip could not download"):
        demo_model.download(tmp_path)


def test_two_runs_at_once_make_it_once(cache):
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import demo_model; "
            "demo_model.WHEEL_SHA256 = sys.argv[2]; demo_model.make(['--cache', sys.argv[3]])")
    command = [sys.executable, "-c", code, str(TOOLS), demo_model.WHEEL_SHA256, str(cache)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(4)]
    results = [run.communicate(timeout=240) for run in runs]
    assert [run.returncode for run in runs] == [0] * 4, results
    assert {out for out, _ in results} == {f"{cache / demo_model.MODEL}\n"}
    assert sum("8 experts" in err for _, err in results) == 1


def test_a_warm_call_is_quick(cache, capsys, monkeypatch):
    monkeypatch.undo()  # the real tool in a process of its own, with the real recipe
    model = cache / demo_model.MODEL
    model.write_bytes(b"any")
    demo_model.stamp_path(cache).write_text(
        '{"size_bytes": 3, "recipe": "%s"}' % demo_model.recipe())
    # Processor time, since other programs may keep the machine busy.
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run_tool("demo_model.py", "--cache", cache).stdout.strip() == str(model)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.25


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    result = run_tool("demo_model.py", "--cache", tmp_path / "file" / "cache")
    assert_refused(result, 4, "cannot be written")


def test_a_python_without_numpy_is_told_how_to_get_it(cache, tmp_path):
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "numpy.py").write_text("raise ModuleNotFoundError('no numpy', name='numpy')\n")
    result = run_tool("demo_model.py", "--cache", cache,
                      env={"PYTHONPATH": str(shadow), "PATH": "/usr/bin:/bin"})
    assert_refused(result, 4, "python3-numpy")
