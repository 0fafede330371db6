"""A pytest that has collected its tests and forks a worker for each job that the runner sends.

It runs no test itself, so it stays as it was after collecting. What workers report is passed to
its plugins, so that what they make of it (a junit file, the tests that failed last) is whole.
"""

import fcntl
import gc
import os
import selectors
import signal
import threading
import time
import traceback

from .channel import Closed, Writer, line_of
from .pipes import Lines
from .worker import Worker

# Above all numbers that a supervisor's descriptors are to have.
_OUT_OF_THE_WAY = 64
# Of ended workers' words; more it takes only where something that they started still has the pipe.
_REST_S = 10


def why_not_fork():
    """Why a fork of this process would not be what it is itself; empty: nothing speaks against."""
    threads = sorted(one.name for one in threading.enumerate() if not _may_be_left_behind(one))
    if threads:
        return f"collecting the tests started the thread {threads[0]!r}"
    devices = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            devices.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            continue
    if any(name.startswith(("/dev/nvidia", "/dev/dxg", "/dev/kfd")) for name in devices):
        return "collecting the tests opened a GPU's driver"
    if len(os.listdir("/proc/self/task")) > threading.active_count():
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            if "openblas" not in maps.read():  # which is made for forks
                return "collecting the tests started threads of a library"
    return ""


def _may_be_left_behind(thread):
    if thread is threading.main_thread():
        return True
    # It waits for connections of pytest-xdist's workers, which there are none of.
    return getattr(getattr(thread, "_target", None), "__module__", "") == "pytest_rerunfailures"


def _with_tuples(report):
    """JSON has only lists; plugins ask whether it is a tuple."""
    for key in ("location", "longrepr"):
        if isinstance(report.get(key), list):
            report[key] = tuple(report[key])
    for key in ("sections", "user_properties"):
        report[key] = [tuple(one) for one in report.get(key, [])]
    return report


class ForkServer:
    def __init__(self, session, tests, channel):
        self._session, self._tests = session, tests
        self._channel = channel
        self._selector = selectors.DefaultSelector()
        self._supervisors = set()
        self._stop_told = False

    def serve(self):
        """Until the runner says that it is done, or is gone."""
        gc.collect()
        gc.freeze()  # what is there now is touched by no collection, and so is not copied
        self._selector.register(self._channel.socket, selectors.EVENT_READ, None)
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.data is None:
                        for message, descriptors in self._channel.receive():
                            if not self._obey(message, descriptors):
                                self._pass_on_the_rest()
                                return
                    else:
                        self._pass_on(key)
                self._wait_for_supervisors()
                self._tell_stop()
        except Closed:
            return

    def _obey(self, message, descriptors):
        if "run" in message:
            self._fork(message, descriptors)
        elif "lost" in message:
            self._report_lost(message)
        return "end" not in message

    def _fork(self, message, descriptors):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self._become_supervisor(message, descriptors, writing)
            except BaseException:  # noqa: BLE001 (nothing may run on in the child)
                traceback.print_exc()
            finally:
                os._exit(127)
        os.close(writing)
        for descriptor in descriptors:
            os.close(descriptor)
        self._supervisors.add(child)
        self._selector.register(reading, selectors.EVENT_READ, Lines(reading))

    def _become_supervisor(self, message, descriptors, reports):
        os.setsid()
        self._selector.close()
        self._channel.socket.close()
        reports, worker, output, *given = (
            fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)
            for one in (reports, *descriptors))
        for descriptor in descriptors:  # a worker with its supervisor's would keep that unheard
            os.close(descriptor)
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                for descriptor in given:
                    os.close(descriptor)
                tests = [self._tests[number] for number in message["tests"]]
                forked = Worker(self._session, tests, Writer(worker), Writer(reports),
                                message.get("repeats", 1))
                forked.run_forked(message, worker, output)
            except BaseException:  # noqa: BLE001 (as above; its output is the job's by now)
                traceback.print_exc()
            finally:
                os._exit(126)
        words = [word.replace("{PID}", str(pid)) for word in message["supervisor"]]
        try:
            for descriptor, number in zip(given, message["numbers"]):
                os.dup2(descriptor, number, inheritable=True)
            os.execv(words[0], words)
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            os.write(worker, line_of({"failed": f"{words[0]}: {error.strerror}"}))

    def _pass_on(self, key):
        """Reports of a worker to the plugins here, as if its tests had run here. One that raises
        has no say in what runs."""
        for message in key.data.read():
            try:
                self._pass_on_one(message)
            except Exception:  # noqa: BLE001 (any that a plugin may raise)
                traceback.print_exc()
        if key.data.ended:
            self._selector.unregister(key.fileobj)
            os.close(key.fileobj)

    def _pass_on_one(self, message):
        hook = self._session.config.hook
        if "started" in message:
            hook.pytest_runtest_logstart(nodeid=message["started"],
                                         location=tuple(message["location"]))
        elif "finished" in message:
            hook.pytest_runtest_logfinish(nodeid=message["finished"],
                                          location=tuple(message["location"]))
        else:
            report = hook.pytest_report_from_serializable(config=self._session.config,
                                                          data=_with_tuples(message["report"]))
            hook.pytest_runtest_logreport(report=report)

    def _pass_on_the_rest(self):
        """Of workers that have ended, so that there is an end to what they wrote."""
        self._selector.unregister(self._channel.socket)
        until = time.monotonic() + _REST_S
        while self._selector.get_map() and time.monotonic() < until:
            for key, _ in self._selector.select(until - time.monotonic()):
                self._pass_on(key)

    def _report_lost(self, message):
        """A test that its worker did not bring to an end."""
        from _pytest.reports import TestReport

        item = self._tests[message["lost"]].item
        report = TestReport(item.nodeid, item.location, {}, "failed", message["reason"], "call", [])
        self._session.config.hook.pytest_runtest_logreport(report=report)

    def _wait_for_supervisors(self):
        for pid in list(self._supervisors):
            try:
                ended, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:  # a test's plugin waits for every child
                ended = pid
            if ended:
                self._supervisors.discard(pid)

    def _tell_stop(self):
        why = self._session.shouldfail or self._session.shouldstop
        if why and not self._stop_told:
            self._stop_told = True
            self._channel.send({"stop": str(why)})
