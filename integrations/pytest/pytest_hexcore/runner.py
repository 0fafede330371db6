"""The plugin that `hexcore test -- pytest` has pytest load: it hands the tests to the runner.

HEXCORE_TEST_CHANNEL says where the runner is: the number of a socket, for the process that lists the
tests and then forks workers; or the path of a named pipe, for a worker that is a pytest of its own.
What a test starts must find none of this, so it is taken out of the environment at once.

PYTEST_DONT_REWRITE: there is no assert in here.
"""

import ctypes
import importlib
import json
import os
import signal

import pytest

from .channel import Channel, Closed, Writer, sayable
from .listing import Listed, listed

CHANNEL = "HEXCORE_TEST_CHANNEL"
RESTORED = "HEXCORE_TEST_RESTORED"
SCHEMA = "hexcore.pytest/1"
_END_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class _Runner:
    """Where the tests of this pytest go to."""

    def __init__(self, place, restored):
        self.place = place
        self.is_server = place.isdigit()
        self.deselected = 0
        self.errors = []  # of collecting
        self.wanted_workers = None
        for name, value in json.loads(restored or "{}").items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if self.is_server:
            ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
            self.channel = Channel(int(place))

    def refuse(self, why):
        if self.is_server:
            self.channel.send({"refused": sayable(why)})


_runner = None
if CHANNEL in os.environ:
    _runner = _Runner(os.environ.pop(CHANNEL), os.environ.pop(RESTORED, None))


def pytest_addoption(parser, pluginmanager):
    if not _runner:
        return
    parser.addini("hexcore_spawn", "each worker is a new pytest instead of a fork of one",
                  type="bool", default=False)
    if not pluginmanager.has_plugin("hexcore"):
        pluginmanager.register(importlib.import_module(".plugin", __package__), "hexcore")


@pytest.hookimpl(hookwrapper=True)
def pytest_cmdline_main(config):
    """Before pytest-xdist looks at its options: the runner does what it would do."""
    if _runner:
        option = config.option
        _runner.wanted_workers = getattr(option, "numprocesses", None)
        for name, value in (("numprocesses", None), ("dist", "no"), ("tx", []),
                            ("looponfail", False), ("usepdb", False)):
            if hasattr(option, name):
                setattr(option, name, value)
    yield


def pytest_deselected(items):
    if _runner:
        _runner.deselected += len(items)


def pytest_collectreport(report):
    if _runner and report.failed:
        _runner.errors.append((report.nodeid, report.longreprtext))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    if not _runner:
        return None
    option = session.config.option
    if session.testsfailed and not option.continue_on_collection_errors:
        _runner.refuse("; ".join(f"{name}: {_heart_of(text)}" for name, text in _runner.errors))
        raise session.Interrupted(f"{session.testsfailed} errors during collection")
    if option.collectonly:
        _runner.refuse("--collect-only runs no test; `hexcore test --list` shows what there is")
        return True
    if _runner.is_server:
        _serve(session)
    else:
        _work(session)
    return True


def _heart_of(report):
    """The line of a report that says what was wrong: the last that pytest marks."""
    lines = [line[1:].strip() for line in report.splitlines() if line.startswith("E ")]
    return lines[-1] if lines else report.strip().splitlines()[-1] if report.strip() else "?"


def _serve(session):
    from . import fork_server

    option, channel = session.config.option, _runner.channel
    capture = session.config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()  # each worker has one of its own
    why = "hexcore_spawn is set" if session.config.getini("hexcore_spawn") else \
        fork_server.why_not_fork()
    tests = listed(session.items, _runner.errors)
    try:
        for test in tests:
            channel.send(test.message)
        channel.send({"listed": len(tests), "schema": SCHEMA, "deselected": _runner.deselected,
                      "pytest": pytest.__version__, "root": sayable(str(session.config.rootpath)),
                      "workers": _runner.wanted_workers, "most_failures": option.maxfail,
                      "spawn": sayable(why)})
        fork_server.ForkServer(session, tests, channel).serve()
    except Closed:
        pass


def _work(session):
    """A worker that is a pytest of its own. Its tests stand in a file beside the pipe."""
    from .worker import Worker

    with open(f"{_runner.place}.tests", encoding="utf-8") as file:
        job = json.load(file)
    tests = {test.message["id"]: test for test in listed(session.items, _runner.errors)}
    missing = Listed(None, None, "a new pytest did not collect it again")
    writer = Writer(os.open(_runner.place, os.O_WRONLY | os.O_CLOEXEC))
    try:
        Worker(session, [tests.get(name, missing) for name in job["tests"]], writer,
               repeats=job.get("repeats", 1)).run_spawned(job["slot"])
    except Closed:
        pass
