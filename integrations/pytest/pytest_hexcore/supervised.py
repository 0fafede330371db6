"""A process that is supervised: whatever it leaves behind is ended with it."""

import ctypes
import os
import pickle
import selectors
import signal
import sys
import time
from collections import namedtuple

_PATIENCE_S = 10
_LOOK_S = 0.002
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_END_WITH_PARENT = 1  # PR_SET_PDEATHSIG

# status is os.wait()'s; ended, the names of what it left running.
Supervised = namedtuple("Supervised", "told status ended peak_bytes duration_ms")


class Unfinished(Exception):
    """It ran out of time, or its supervisor was killed."""


def supervise(run, timeout_s):
    """Calls run(descriptor) in a grandchild of this process, which is to end by itself; what it
    writes there is `told`. The child between them is whom its orphans come to, ends them, and says
    how it was. Raises Unfinished if there is nothing to say."""
    answer_read, answer_write = os.pipe()
    told_read, told_write = os.pipe()
    begun = time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        try:
            os.close(answer_read)
            os.close(told_read)
            _be_supervisor(run, answer_write, told_write)
        finally:
            os._exit(127)
    os.close(answer_write)
    os.close(told_write)
    try:
        answer = _read_both(answer_read, told_read, begun + timeout_s)
    finally:
        os.close(answer_read)
        os.close(told_read)
        _end_supervisor(child)
    if answer is None:
        raise Unfinished(f"the isolated process was ended after {timeout_s:g} s")
    told, words = answer
    if not words:
        raise Unfinished("the isolated process's supervisor was killed")
    status, peak, ended = pickle.loads(words)
    return Supervised(told, status, ended, peak, round((time.monotonic() - begun) * 1000, 3))


def _read_both(answer, told, until):
    """(what was told, the supervisor's answer), or None at the deadline."""
    texts = {answer: b"", told: b""}
    with selectors.DefaultSelector() as selector:
        for descriptor in texts:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < until:
            for key, _ in selector.select(max(0, until - time.monotonic())):
                portion = os.read(key.fd, 1 << 16)
                texts[key.fd] += portion
                if not portion:
                    selector.unregister(key.fd)
        return None if answer in selector.get_map() else (texts[told], texts[answer])


def _end_supervisor(child):
    """It ends what it supervises before itself, also where it was not done. What was supervised
    may have stopped it."""
    until = time.monotonic() + _PATIENCE_S
    _send(child, signal.SIGTERM)  # once: its handler would run within itself
    while True:
        _send(child, signal.SIGCONT)
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        if time.monotonic() > until:
            _send(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(_LOOK_S)


def _send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _be_supervisor(run, answer, told):
    parent = os.getppid()
    os.setsid()
    _prctl(_SUBREAPER, 1)
    _prctl(_END_WITH_PARENT, signal.SIGTERM)

    def give_up(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end_descendants()
        os._exit(1)

    signal.signal(signal.SIGTERM, give_up)
    if os.getppid() != parent:
        os._exit(1)
    status_read, status_write = os.pipe()
    between = os.fork()
    if between == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _prctl(_END_WITH_PARENT, signal.SIGKILL)
            for descriptor in (answer, status_read):
                os.close(descriptor)
            _stand_between(run, told, status_write)
        finally:
            os._exit(126)
    os.close(told)
    os.close(status_write)
    _wait_for(between)
    words = os.read(status_read, 64).split()
    names = _end_descendants()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if words:
        status, peak = map(int, words)
    else:  # it was killed, and what it had started with it
        status, peak = int(signal.SIGKILL), 0
    os.write(answer, pickle.dumps((status, peak, names)))
    os._exit(0)


def _stand_between(run, told, status):
    """The parent of what is run: what that does to its parent is done to this, not to who ends it
    all."""
    pid = os.fork()
    if pid == 0:
        try:
            _prctl(_END_WITH_PARENT, signal.SIGKILL)
            os.setsid()
            os.close(status)
            run(told)
        finally:
            os._exit(126)
    os.close(told)
    _, ended, usage = os.wait4(pid, 0)
    os.write(status, f"{ended} {usage.ru_maxrss << 10}".encode())
    os._exit(0)


def _wait_for(between):
    """Until it has ended; one that is stopped goes on. Orphans that end meanwhile are buried."""
    while True:
        pid, status = os.waitpid(-1, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            if pid == between:
                _send(pid, signal.SIGCONT)
        elif pid == between:
            return


def _prctl(option, value):
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _end_descendants():
    """Kills until there is none; returns their names. Each that is orphaned becomes our child."""
    names = []
    while True:
        for pid in _children():
            names.append(_name_of(pid))
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.wait()
        except ChildProcessError:
            return sorted(set(names))


def _children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def _name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "?"
