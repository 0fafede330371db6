"""A process that is supervised: whatever it leaves behind is ended with it."""

import ctypes
import os
import pickle
import selectors
import signal
import sys
import time
from collections import namedtuple

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
        while answer in selector.get_map() and time.monotonic() < until:
            for key, _ in selector.select(max(0, until - time.monotonic())):
                portion = os.read(key.fd, 1 << 16)
                texts[key.fd] += portion
                if not portion:
                    selector.unregister(key.fd)
        return None if answer in selector.get_map() else (texts[told], texts[answer])


def _end_supervisor(child):
    """It ends what it supervises before itself, also where it was not done."""
    try:
        os.kill(child, signal.SIGTERM)
    except ProcessLookupError:
        pass
    os.waitpid(child, 0)


def _be_supervisor(run, answer, told):
    prctl = ctypes.CDLL(None).prctl
    os.setsid()
    prctl(_SUBREAPER, 1, 0, 0, 0)
    prctl(_END_WITH_PARENT, signal.SIGTERM)

    def give_up(*_):
        _end_descendants()
        os._exit(1)

    signal.signal(signal.SIGTERM, give_up)
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.setsid()
            os.close(answer)
            run(told)
        finally:
            os._exit(126)
    os.close(told)
    peak = 0
    while True:
        ended, status, usage = os.wait4(-1, 0)
        peak = max(peak, usage.ru_maxrss << 10)
        if ended == pid:
            break
    names = _end_descendants()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(answer, pickle.dumps((status, peak, names)))
    os._exit(0)


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
