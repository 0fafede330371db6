"""A function or a command in a process of its own, of which nothing is left afterwards."""

import os
import pickle
import signal
import sys
import threading
import time
from collections import namedtuple

from .free_memory import gpus
from .memory import framework_memory, resident_bytes
from .sizes import shown
from .supervised import Unfinished, supervise

_TOLERANCE = 64 << 20
_LOOK_S = 0.01
_GPUS_BACK_S = 10.0
_LENGTH = 8  # bytes of it before the result: a process may die while it writes that

# result: what the function returned, or a command's exit code. verdict: "clean", or "residue" if it
# left processes, which were ended, or GPU memory, which is still taken. peak_bytes: the most that
# one of its processes had of main memory. proof: what the verdict rests on, a sentence. ended: the
# names of the processes that were. output: what a command wrote.
IsolatedRun = namedtuple("IsolatedRun",
                         "result verdict proof peak_bytes duration_ms ended output",
                         defaults=("",))


class IsolatedFailure(Exception):
    """The process did not come to a result: it was killed, it ran out of time, or it ended itself.
    `output` is what a command wrote."""

    def __init__(self, message, output=""):
        super().__init__(message)
        self.output = output


def run_in_child(function, arguments, named, timeout_s):
    """Forks, where this process can be; else, as once a GPU is in use, a new Python imports the
    function, which it must be possible to pickle."""
    call = (function, arguments, named)
    if may_fork():
        return _watched(lambda write: call_and_tell(call, write), timeout_s)
    given = pickle.dumps(sys.path) + pickle.dumps(call)
    program = ("import pickle, sys\n"
               "sys.path[:] = pickle.load(sys.stdin.buffer)\n"
               "from pytest_hexcore.isolated import call_and_tell\n"
               "call_and_tell(pickle.load(sys.stdin.buffer), int(sys.argv[1]))\n")

    def run_new(write):
        file = os.memfd_create("hexcore-call")
        os.write(file, given)
        os.lseek(file, 0, os.SEEK_SET)
        os.dup2(file, 0)
        os.set_inheritable(write, True)
        os.execv(sys.executable, [sys.executable, "-c", program, str(write)])

    return _watched(run_new, timeout_s)


def run_command(words, timeout_s):
    def run(write):
        for descriptor in (1, 2):
            os.dup2(write, descriptor)
        os.execvp(words[0], words)

    done, gpu_before = _supervised(run, timeout_s)
    output = done.told.decode("utf-8", "replace")
    if os.WIFSIGNALED(done.status):
        raise IsolatedFailure(f"{words[0]} was ended by {_how(done.status)}", output)
    return _found(os.WEXITSTATUS(done.status), done, gpu_before)._replace(output=output)


def run_here(function, arguments, named):
    """Without isolation: in this process, which keeps what the function keeps."""
    before, begun = resident_bytes(), time.monotonic()
    result = function(*arguments, **named)
    took_ms = round((time.monotonic() - begun) * 1000, 3)
    kept = resident_bytes() - before
    return IsolatedRun(result, "unattributable", f"it ran in this process, which has {shown(kept)} "
                       "more than before", resident_bytes(), took_ms, [])


def may_fork():
    """Not with other threads, and not once this process uses a GPU: a fork cannot use it again."""
    return threading.active_count() == 1 and not framework_memory() and not any(
        name.startswith("/dev/nvidia") for name in _open_files())


def _open_files():
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue


def call_and_tell(call, write):
    """In the child: the result, or what was raised, through the pipe."""
    function, arguments, named = call
    try:
        told = pickle.dumps((True, function(*arguments, **named)))
    except BaseException as error:  # noqa: BLE001 (it is raised again in the parent)
        try:
            told = pickle.dumps((False, error))
            pickle.loads(told)
        except Exception:  # noqa: BLE001 (an exception that cannot be pickled)
            told = pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    with os.fdopen(write, "wb") as pipe:
        pipe.write(len(told).to_bytes(_LENGTH, "little") + told)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _watched(run, timeout_s):
    done, gpu_before = _supervised(run, timeout_s)
    length, told = done.told[:_LENGTH], done.told[_LENGTH:]
    if len(length) < _LENGTH or len(told) != int.from_bytes(length, "little"):
        raise IsolatedFailure("the isolated function's process ended before it returned, by " +
                              _how(done.status))
    returned, value = pickle.loads(told)
    if not returned:
        raise value
    return _found(value, done, gpu_before)


def _supervised(run, timeout_s):
    gpu_before = {gpu.name: gpu.free_bytes for gpu in gpus()} if _has_gpus() else {}
    try:
        return supervise(run, timeout_s), gpu_before
    except Unfinished as why:
        raise IsolatedFailure(str(why)) from None


def _how(status):
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            return signal.Signals(number).name
        except ValueError:  # a real-time signal
            return f"signal {number}"
    return f"exit code {os.WEXITSTATUS(status)}"


def _has_gpus():
    return os.path.exists("/proc/driver/nvidia") or os.path.exists("/dev/nvidiactl")


def _found(result, done, gpu_before):
    missing = _missing_of_gpus(gpu_before)
    said = []
    if done.ended:
        said.append(f"it left {', '.join(done.ended)} running, which was ended")
    for device, size in missing.items():
        said.append(f"{device} has {shown(size)} less free than before")
    proof = "; ".join(said) or ("all its processes have ended" + (
        ", and what is free of each GPU is what it was" if gpu_before else ""))
    return IsolatedRun(result, "residue" if said else "clean", proof, done.peak_bytes,
                       done.duration_ms, done.ended)


def _missing_of_gpus(before):
    """A driver gives back a dead process's memory a moment after its end."""
    until = time.monotonic() + _GPUS_BACK_S
    while before:
        now = {gpu.name: gpu.free_bytes for gpu in gpus()}
        missing = {name: free - now.get(name, free) for name, free in before.items()
                   if free - now.get(name, free) > _TOLERANCE}
        if not missing or time.monotonic() > until:
            return missing
        time.sleep(_LOOK_S)
    return {}
