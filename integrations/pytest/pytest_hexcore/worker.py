"""A process that runs tests of one job, one after the other, and tells the runner of each.

It is to be what a worker of pytest-xdist is, for plugins and conftest files that look: it has a
`config.workerinput` and a number in PYTEST_XDIST_WORKER, no terminal and no junit file. A forked one
has not begun the session, so it does not finish it either: what was set up before it, for all
workers, is the fork server's to take down.
"""

import copy
import faulthandler
import os
import shutil
import signal
import sys
import tempfile
import time

import pytest

from . import leaving
from .channel import Closed, sayable
from .kept import Kept, levels
from .memory import resident_bytes
from .verdict import Verdict

CLOSED = 86  # exit code: the test has closed the descriptor by which it is reported


class _AskedToEnd(KeyboardInterrupt):
    """Which pytest lets through."""


class Worker:
    """`tests` are the job's, as listed() has them; `runner` and `reports` are Writers, to the
    runner and to the fork server's plugins."""

    def __init__(self, session, tests, runner, reports=None, repeats=1):
        self._session, self._tests, self._repeats = session, tests, repeats
        self._held_back = None  # what other plugins are told of a repeat, until it counts
        self._runner, self._reports = runner, reports
        self._process = None
        self._verdict = Verdict()
        self._is_asked_to_end = False
        self._inherited_bytes = 0  # main memory that it shares with what it was forked from

    def run_forked(self, message, channel, output):
        """Runs the tests once the runner says so, and ends the process."""
        if os.read(channel, 1) != b"g":
            return  # the runner is gone, or could not cage this process
        self._inherited_bytes = resident_bytes()
        _take_places(message, output)
        leaving.forget_what_was_to_be_done()
        self._begin_capturing()
        self._as_worker(message["slot"], message.get("workers", 1))
        self._move_temporary_folder(message["slot"])
        try:
            self.run()
        except Closed:
            os._exit(CLOSED)
        self._save_coverage()
        self._remove_temporary_folder()
        leaving.leave()

    def run_spawned(self, slot):
        self._as_worker(slot, 1)
        self.run()

    def run(self):
        self._process = os.getpid()
        self._session.config.pluginmanager.register(self, "hexcore-worker")
        self._runner.send({"ready": self._process, "inherited_bytes": self._inherited_bytes})
        self._heed_requests_to_end()
        try:
            self._run_tests()
        except _AskedToEnd:
            pass
        if self._is_asked_to_end:
            self._end_as_asked()
        self._runner.send({"done": True})

    def _run_tests(self):
        for place, test in enumerate(self._tests):
            stop = None
            kept = Kept()
            self._runner.send({"begin": place, "resident_bytes": kept.resident_bytes})
            if test.problem:
                self._runner.send({"end": place, "outcome": "failed", "report": test.problem,
                                   "reason": test.problem.split("\n")[0]})
            else:
                stop = self._run_test(place, test.item, self._following(place), kept)
            if stop:
                self._runner.send({"stop": sayable(stop)})
                break
            if self._is_spoilt() or self._is_asked_to_end:
                break  # another worker takes the rest

    def _heed_requests_to_end(self):
        """What the tests have set up is taken down before their process ends. What they start
        ends as it would without this."""
        if signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
            return  # a plugin or a conftest file knows better

        def end(number, _):
            if os.getpid() != self._process:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
                return
            signal.signal(number, signal.SIG_IGN)
            self._is_asked_to_end = True
            raise _AskedToEnd

        def forget():
            if signal.getsignal(signal.SIGTERM) == end:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)

        signal.signal(signal.SIGTERM, end)
        os.register_at_fork(after_in_child=forget)

    def _end_as_asked(self):
        self._tear_down(None)
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    def _is_spoilt(self):
        """Whether a test has closed what every other would be captured by."""
        capture = self._session.config.pluginmanager.getplugin("capturemanager")
        both = getattr(capture, "_global_capturing", None)
        for part in filter(None, (getattr(both, "out", None), getattr(both, "err", None))):
            for holder in (part, getattr(part, "syscapture", None)):
                if getattr(getattr(holder, "tmpfile", None), "closed", False):
                    return True
        return False

    def _following(self, place):
        """The item whose fixtures outlive that of `place`."""
        return next((test.item for test in self._tests[place + 1:] if not test.problem), None)

    def _run_test(self, place, item, following, kept):
        """Why no other is to be run after it, or None."""
        begun = time.perf_counter()
        if self._repeats == 1:
            stop = self._run_once(item, following)
        else:
            stop = self._run_repeats(place, item, following)
        took_ms = (time.perf_counter() - begun) * 1000
        self._runner.send({"end": place, "duration_ms": round(took_ms, 3), **kept.found(),
                           **self._verdict.message()})
        return stop or self._session.shouldfail or self._session.shouldstop or None

    def _run_once(self, item, following):
        self._verdict, stop = Verdict(), None
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        except pytest.exit.Exception as exit_asked:
            stop = f"pytest.exit: {exit_asked.msg}"
            self._verdict.fail(stop)
        except _AskedToEnd:
            raise
        except KeyboardInterrupt:
            stop = "the test raised KeyboardInterrupt"
            self._verdict.fail(stop)
        if os.getpid() != self._process:
            os._exit(0)  # a child that the test forked, and let run on
        return stop

    def _run_repeats(self, place, item, following):
        """What others share is set up once: a copy of the test that follows itself keeps it. Of
        the repeats, plugins are told of the one that counts: that fails, or the last."""
        stop, copied = None, copy.copy(item)
        for repeat in range(1, self._repeats + 1):
            is_last = repeat == self._repeats
            self._held_back = []
            for said in (getattr(item, "_report_sections", None), item.user_properties):
                if said:
                    said.clear()
            stop = self._run_once(item, following if is_last else copied)
            self._runner.send({"repeat": place, "levels": levels()})
            if stop or self._verdict.has_failed() or self._session.shouldstop:
                if not is_last:
                    self._verdict.place_failure(f"in repeat {repeat} of {self._repeats}")
                    self._tear_down(following)
                break
        told, self._held_back = self._held_back, None
        for message in told:
            self._pass_on(message)
        return stop

    def _tear_down(self, following):
        try:
            self._session._setupstate.teardown_exact(following)
        except BaseException as error:  # whatever a fixture raises is the test's
            self._verdict.fail(f"in its tear-down: {error!r}")

    def pytest_runtest_logstart(self, nodeid, location):
        self._pass_on({"started": sayable(nodeid), "location": list(location)})

    def pytest_runtest_logfinish(self, nodeid, location):
        self._pass_on({"finished": sayable(nodeid), "location": list(location)})

    def pytest_runtest_logreport(self, report):
        if os.getpid() != self._process:
            return
        self._verdict.add(report)
        if self._reports:
            config = self._session.config
            data = config.hook.pytest_report_to_serializable(config=config, report=report)
            self._pass_on({"report": data})

    def _pass_on(self, message):
        if not self._reports or os.getpid() != self._process:
            return
        if self._held_back is not None:
            self._held_back.append(message)
            return
        try:
            self._reports.send(message)
        except Closed:  # a test has killed the fork server; the runner is still there
            self._reports = None

    def _as_worker(self, slot, workers):
        config = self._session.config
        name = f"gw{slot}"
        run = os.environ.setdefault("PYTEST_XDIST_TESTRUNUID", f"hexcore-{os.getppid()}")
        os.environ.update(PYTEST_XDIST_WORKER=name, PYTEST_XDIST_WORKER_COUNT=str(workers))
        config.workerinput = {"workerid": name, "workercount": workers, "testrunuid": run,
                              "mainargv": sys.argv}
        config.workeroutput = {}
        for plugin in config.pluginmanager.get_plugins():
            if type(plugin).__name__ == "LogXML":
                config.pluginmanager.unregister(plugin)
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:  # which others ask for how wide a line may be
            reporter._tw._file = open(os.devnull, "w", encoding="utf-8")

    def _begin_capturing(self):
        """Files of its own to capture into: those of the fork server have one position for all
        its children. The runner gets them, too, to read what a test printed that killed it."""
        capture = self._session.config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            return
        capture.start_global_capturing()
        capture.suspend_global_capture()
        both = capture._global_capturing
        files = [getattr(getattr(both, name), "tmpfile", None) for name in ("out", "err")]
        try:
            numbers = [file.fileno() for file in files if file is not None]
        except OSError:  # captured in memory, as the user asked
            return
        if numbers:
            self._runner.send_with({"captured": len(numbers)}, numbers)

    def _move_temporary_folder(self, slot):
        tempfile.tempdir = None
        factory = getattr(self._session.config, "_tmp_path_factory", None)
        if factory is not None:
            factory._basetemp = None
            if factory._given_basetemp is not None:
                factory._given_basetemp = factory._given_basetemp / f"popen-gw{slot}"
                factory._given_basetemp.parent.mkdir(exist_ok=True)

    def _remove_temporary_folder(self):
        """pytest keeps the last few; those in the job's own folder nobody would find."""
        factory = getattr(self._session.config, "_tmp_path_factory", None)
        base = getattr(factory, "_basetemp", None)
        if base is not None and str(base).startswith(os.environ.get("TMPDIR", "\0") + os.sep):
            shutil.rmtree(base.parent, ignore_errors=True)

    def _save_coverage(self):
        """Of pytest-cov, which combines the files of all processes at its own end."""
        plugin = self._session.config.pluginmanager.getplugin("_cov")
        measured = getattr(getattr(plugin, "cov_controller", None), "cov", None)
        if measured is not None:
            measured.stop()
            measured.save()


def _take_places(message, output):
    """The worker's own stdin, stdout, stderr and variables."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, place in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, place, inheritable=True)
    os.close(nothing)
    os.environ.update(message.get("environment", {}))
    if faulthandler.is_enabled():  # to where it is seen whatever captures stderr
        faulthandler.enable(output)
