"""The Python package where nobody listens, and what `hexcore watch --python` does to a Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

# The sources: no library is beside them.
WITHOUT_LIBRARY = ROOT / "python"
EVERY_CALL = """
import warnings
import hexcore, hexcore.frameworks

@hexcore.label("f")
def f():
    with hexcore.label("g"):
        hexcore.mark("here")
    return 3

assert f() == 3
hexcore.amounts({"weights": 1 << 40})
hexcore.allocated(1, 100, "buffer")
hexcore.released(1)
assert not hexcore.watched()
print(hexcore.status())
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    with hexcore.Tracker() as tracker:
        tracker.picture("nowhere.svg")
    monitor = hexcore.GPUMemoryTracker()
    monitor.start_monitoring()
    monitor.visualize_memory_usage("nowhere.svg")
    patterns = monitor.stop_monitoring()
print(told[0].message)
assert tracker.stop()["devices"] == [] and patterns["leaks"] == []
print(hexcore.expect_neutral("f", f)["verdict"])
"""


def python(*arguments, path=WITHOUT_LIBRARY, **options):
    # Another environment's variables are none of a test's business.
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("HEXCORE_WATCH", "PYTHONPATH")}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False,
                          env=environment | {"PYTHONPATH": str(path)}, timeout=240, **options)


def test_without_the_library_every_call_does_nothing_and_says_so_when_asked(tmp_path):
    run = python("-c", EVERY_CALL, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    status, warning, verdict = run.stdout.splitlines()
    assert status == warning and "libhexcore-tracker.so cannot be used" in status
    assert verdict == "inconclusive"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong, sentence", [
    ("hexcore.amounts({'weights': -1})", "weights is -1 bytes; a size is 0 or more"),
    ("hexcore.Holder(kind='tensor')", "'tensor' is no kind of holder; there are ledger, pytorch"),
    ("hexcore.Tracker(interval_s=0)", "an interval of 0 s; it is 0.001 to 3600 s"),
    ("hexcore.GPUMemoryTracker(alert_threshold_mb=-5)", "a threshold of -5 MiB"),
    ("hexcore.expect_neutral('f', wait, most_repeats=0)", "0 repeats in 60 s; both are more"),
    ("hexcore.GPUMemoryTracker().stop_monitoring()", "call start_monitoring() first"),
    ("hexcore.label('x')(wait)", "the body of wait runs after its call has returned"),
    ("hexcore.nothing", "has no attribute 'nothing'"),
])
def test_bad_input_gets_a_sentence(wrong, sentence):
    run = python("-c", f"import hexcore\nasync def wait(): pass\n{wrong}")
    assert run.returncode == 1
    assert sentence in run.stderr.splitlines()[-1]


STARTED = """
import json, sys
print(json.dumps({"frameworks": "hexcore.frameworks" in sys.modules, "path": sys.path,
                  "theirs": getattr(sys, "theirs", None)}))
"""


@pytest.mark.parametrize("theirs, said", [
    (None, ""),
    ("import sys; sys.theirs = __name__", ""),
    ("1 / 0", "ZeroDivisionError"),
    ("import there_is_no_such_module", "there_is_no_such_module"),
])
def test_a_watched_python_starts_as_it_would_alone(hexcore, tmp_path, theirs, said):
    """With its own sitecustomize, good, bad or none, and with nothing but a folder more at the end
    of the path."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    if theirs is not None:
        (folder / "sitecustomize.py").write_text(theirs)
    alone = python("-c", STARTED, path=folder, cwd=tmp_path)
    watched = hexcore("watch", "--python", "-o", tmp_path / "out.hxr", "--", sys.executable, "-c",
                      STARTED, env={"PYTHONPATH": str(folder)}, cwd=tmp_path)
    assert watched.code == 0, watched.stderr
    before, after = json.loads(alone.stdout), json.loads(watched.stdout)
    assert (before["frameworks"], after["frameworks"]) == (False, True)
    assert after["theirs"] == before["theirs"]
    assert after["path"][:-1] == before["path"]
    assert Path(after["path"][-1]).name == "python"
    for err in (alone.stderr, watched.stderr):
        assert said in err and ("Traceback" in err) == ("Traceback" in alone.stderr)


@pytest.mark.parametrize("options", [["-I"], ["-S"], ["-E"]])
def test_a_python_that_imports_nothing_at_its_start_is_left_alone(hexcore, tmp_path, options):
    watched = hexcore("watch", "--python", "-o", tmp_path / "out.hxr", "--", sys.executable,
                      *options, "-c", STARTED)
    assert watched.code == 0, watched.stderr
    assert json.loads(watched.stdout)["frameworks"] is False


def test_without_the_option_no_python_is_changed(hexcore, tmp_path):
    watched = hexcore("watch", "-o", tmp_path / "out.hxr", "--", sys.executable, "-c",
                      "import os; print(os.environ.get('PYTHONPATH'))",
                      env={"PYTHONPATH": "some:where"})
    assert watched.stdout == "some:where\n"
