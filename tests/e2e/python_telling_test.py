"""What a Python program tells with the package: labels, marks, what it holds, from every thread and
process; and the tracker within it."""

import json
import os
import subprocess
import sys

import pytest
from told import watch

IMPORT = "import hexcore\nassert hexcore.watched(), hexcore.status()\n"


@pytest.fixture
def package(hexcore):
    """The environment in which Python finds the package of the build folder."""
    return {"PYTHONPATH": str(hexcore.path.parent / "python")}


def run(hexcore, folder, package, program):
    outcome, told = watch(hexcore, folder, sys.executable, "-c", IMPORT + program, env=package)
    assert outcome.code == 0, outcome.stderr
    return told


def test_labels_and_marks(hexcore, tmp_path, package):
    told = run(hexcore, tmp_path, package, """
@hexcore.label("f")
def f(n):
    hexcore.mark(n)
    if n:
        f(n - 1)
f(1)
try:
    with hexcore.label("caf\\u00e9 \\udc80"):
        raise ValueError
except ValueError:
    pass
""")
    assert told.labels() == ["+f", "+f", "-f", "-f", "+café ?", "-café ?"]
    assert told.marks() == ["1", "0"]


def test_labels_are_of_their_thread(hexcore, tmp_path, package):
    told = run(hexcore, tmp_path, package, """
import threading
inside = threading.Barrier(2)
def work(name):
    with hexcore.label(name):
        inside.wait()
        inside.wait()
threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
for thread in threads: thread.start()
for thread in threads: thread.join()
""")
    assert sorted(map(told.labels, told.threads())) == [["+a", "-a"], ["+b", "-b"]]


def test_what_is_held_is_told_by_device(hexcore, tmp_path, package):
    told = run(hexcore, tmp_path, package, """
hexcore.amounts({"weights": 1 << 30, "cache": 5}, device="cuda:0")
hexcore.allocated(1 << 63, 300, "buffer")
hexcore.allocated(1, 4, "buffer")
hexcore.released(1)
part = hexcore.Holder("cuda:1", total_bytes=1 << 40)
part.amounts({"cache": 1})
part.amounts({})
""")
    assert told.holders() == {"cuda:0 program": {"weights": 1 << 30, "cache": 5},
                              "host program": {"buffer": 304}, "cuda:1 program": {"cache": 1}}


def test_a_forked_child_tells_for_itself(hexcore, tmp_path, package):
    told = run(hexcore, tmp_path, package, """
import os
hexcore.amounts({"parent": 1})
part = hexcore.Holder("cuda:0")
part.amounts({"parent": 1})
with hexcore.label("parent"):
    child = os.fork()
    if child == 0:
        with hexcore.label("child"):
            hexcore.amounts({"child": 100})
            part.amounts({"child": 100})
        os._exit(0)
    os.waitpid(child, 0)
""")
    assert told.holders() == {"host program": {"child": 100}, "cuda:0 program": {"child": 100}}
    parent, child = told.threads()
    assert told.labels(parent) == ["+parent", "-parent"]
    assert told.labels(child) == ["+child", "-child"]


TRACKED = """
import json, sys, threading
import hexcore

alerted = threading.Event()
alerts = []
def alert(*told):
    alerts.append(told)
    alerted.set()

with hexcore.Tracker(interval_s=0.01, alert_bytes=16 << 20, on_alert=alert,
                     recording="kept.hxr") as tracker:
    assert hexcore.watched()
    kept = bytearray(b"x") * (64 << 20)
    assert alerted.wait(240)
    tracker.picture("memory.svg")
    tracker.picture("memory.html")
    try:
        tracker.picture("memory.gif")
    except ValueError as error:
        refused = str(error)
    before = tracker.analysis()
after = tracker.stop()
assert not hexcore.watched()
print(json.dumps({"alerts": alerts, "before": before, "after": after, "refused": refused}))
"""


def test_a_tracker_watches_its_own_process(hexcore, tmp_path, package):
    ended = subprocess_of(TRACKED, tmp_path, package)
    (device, used, since_start), = ended["alerts"]
    assert device == "host" and 16 << 20 < since_start < used
    assert ".html, .svg" in ended["refused"]
    for document in (ended["before"], ended["after"]):
        assert document["schema"] == "hexcore.recording/1"
        (host,) = (device for device in document["devices"] if device["name"] == "host")
        assert host["peak_bytes"] > 64 << 20
    assert "<svg" in (tmp_path / "memory.svg").read_text()
    assert "<html" in (tmp_path / "memory.html").read_text()
    assert hexcore("report", tmp_path / "kept.hxr").code == 0


MONITORED = """
import json, logging, sys, threading
import hexcore

warned = threading.Event()
class Handler(logging.Handler):
    def emit(self, record):
        self.text = record.getMessage()
        warned.set()
handler = Handler()
logging.getLogger("hexcore").addHandler(handler)

monitor = hexcore.GPUMemoryTracker(alert_threshold_mb=16, sampling_interval_s=0.01)
monitor.start_monitoring()
try:
    monitor.start_monitoring()
except RuntimeError as error:
    twice = str(error)
kept = bytearray(b"x") * (64 << 20)
assert warned.wait(240)
monitor.visualize_memory_usage("graph.svg")
monitor.analyze_memory_patterns()
monitor.stop_monitoring()
patterns = monitor.analyze_memory_patterns()
monitor.visualize_memory_usage("graph.html")
try:
    monitor.visualize_memory_usage("graph.gif")
except ValueError as error:
    refused = str(error)
print(json.dumps({"patterns": patterns, "refused": refused, "warning": handler.text,
                  "alerts": monitor.alerts, "twice": twice}))
"""


def test_the_trackers_other_names(hexcore, tmp_path, package):
    ended = subprocess_of(MONITORED, tmp_path, package)
    patterns = ended["patterns"]
    assert set(patterns) == {"leaks", "growth", "fragmentation", "recording"}
    assert patterns["growth"]["host"]["peak_bytes"] > 64 << 20
    (glibc,) = (part for part in patterns["fragmentation"] if part["allocator"] == "glibc")
    assert glibc["used_bytes"] > 64 << 20 and 0 <= glibc["unused_ratio"] < 1
    assert ended["warning"].startswith("host: ") and "more in use than at the start" in ended[
        "warning"]
    assert len(ended["alerts"]) == 1
    assert "stop_monitoring() first" in ended["twice"]
    assert "graph.gif should be is not known" in ended["refused"]
    assert "<svg" in (tmp_path / "graph.svg").read_text()
    assert "<html" in (tmp_path / "graph.html").read_text()


NEUTRAL = """
import json
import hexcore

kept = []
def keeps_memory():
    kept.append(bytearray(b"x") * (1 << 20))
def keeps_what_it_tells():
    kept.append(0)
    hexcore.allocated(len(kept), 100, "answers")
def makes_cycles():
    cycle = [bytearray(b"x") * (1 << 20)]
    cycle.append(cycle)
def fails():
    raise KeyError("its own")

found = {}
for work in (keeps_memory, keeps_what_it_tells, makes_cycles, fails):
    try:
        found[work.__name__] = hexcore.expect_neutral(work.__name__, work)["verdict"]
    except hexcore.Leak as leak:
        found[work.__name__] = str(leak)
    except KeyError as error:
        found[work.__name__] = repr(error)
print(json.dumps(found))
"""


def test_what_ought_to_be_neutral(hexcore, tmp_path, package):
    found = subprocess_of(NEUTRAL, tmp_path, package)
    assert found["keeps_memory"].startswith("keeps_memory leaves memory behind: ")
    assert "leak on host, +1" in found["keeps_memory"]
    assert "answers of host +100 B" in " ".join(found["keeps_what_it_tells"].split())
    assert found["makes_cycles"] in ("none", "cache", "pool")
    assert found["fails"] == "KeyError('its own')"


def test_a_forked_child_may_leave_the_trackers_block(hexcore, tmp_path, package):
    ended, devices = subprocess_of("""
import json, os, signal, sys, hexcore
with hexcore.Tracker(interval_s=0.01) as tracker:
    while tracker.analysis()["devices"][0]["samples"] < 3:
        pass  # its thread has waited between two, as it does most of the time
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        sys.exit(0 if not tracker.is_running and tracker.stop()["devices"] else 1)
    ended = os.waitpid(child, 0)[1]
print(json.dumps([ended, len(tracker.stop()["devices"])]))
""", tmp_path, package)
    assert ended == 0 and devices > 0


def test_a_tracker_that_cannot_keep_its_recording_says_why(hexcore, tmp_path, package):
    (tmp_path / "model.gguf").write_bytes(b"GGUF and more")
    nowhere, model = subprocess_of("""
import json, hexcore
said = []
for path in ("/nowhere/at/all.hxr", "model.gguf"):
    try:
        hexcore.Tracker(recording=path)
    except OSError as error:
        said.append(str(error))
print(json.dumps(said))
""", tmp_path, package)
    assert "/nowhere/at/all.hxr" in nowhere
    assert "model.gguf is there and is no recording" in model
    assert (tmp_path / "model.gguf").read_bytes() == b"GGUF and more"


def subprocess_of(program, folder, package):
    """What a program outside of `hexcore watch` prints as JSON."""
    environment = {name: value for name, value in os.environ.items() if name != "HEXCORE_WATCH"}
    ended = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True,
                           text=True, env=environment | package, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
