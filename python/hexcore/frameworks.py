"""`import hexcore.frameworks` tells what PyTorch, CuPy and JAX hold of each GPU, from when on the
program uses them: every 500 ms, and at the end of each hexcore.label.

`hexcore watch --python -- python3 ...` does the import for every Python that is started. The
thread that samples is there only from the first import of such a framework on. It stands still
while the process forks, so that no child inherits it half-way, and ends before the interpreter.
"""

import atexit
import os
import sys
import threading

from . import framework_memory, telling
from ._library import watched

INTERVAL_S = 0.5
# A label's end waits no longer for a sample that is being taken; where a driver hangs, once.
_PATIENCE_S = 1.0
# What a driver that hangs may keep a fork, or the end of the program, waiting.
_LONGEST_WAIT_S = 1.0
_MODULES = ("torch", "cupy", "jax")


class _Sampler:
    def __init__(self):
        self._asking = threading.Lock()
        self._stopped = threading.Event()
        self._thread = None
        self._holders = {}  # (kind, device): (holder, what was told last)
        self._patience_s = _PATIENCE_S
        self.problems = {}

    def start(self):
        """From now on. Where no thread can be had, at the ends of labels only."""
        if self._thread is not None or not watched():
            return
        self._stopped.clear()
        self._thread = threading.Thread(target=self._run, name="hexcore", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._thread = None
            self.problems["thread"] = str(error)
        if self.sample not in telling.at_label_end:
            telling.at_label_end.append(self.sample)

    def stop(self):
        """Until start(). Returns whether it ran."""
        if self._thread is None:
            return False
        self._stopped.set()
        self._thread.join(_LONGEST_WAIT_S)
        self._thread = None
        return True

    def begin_anew(self):
        """In a child: of what the parent held nothing is this process's."""
        problems = self.problems
        self.__init__()
        self.problems = problems

    def _run(self):
        stopped = self._stopped
        while not stopped.wait(INTERVAL_S):
            self.sample()

    def sample(self):
        """Tells what has changed. Never raises: a framework that cannot be asked is a problem of
        the watcher, not of the program."""
        if not self._asking.acquire(timeout=self._patience_s):
            self._patience_s = 0
            return
        try:
            self._patience_s = _PATIENCE_S
            for kind, read in framework_memory.READERS.items():
                try:
                    for memory in read():
                        self._tell(kind, memory)
                    self.problems.pop(kind, None)  # it may have been half imported
                except Exception as error:  # any that a framework may raise
                    self.problems[kind] = f"{type(error).__name__}: {error}"
        finally:
            self._asking.release()

    def _tell(self, kind, memory):
        now = {"allocated": memory.allocated, "cache": memory.cache}
        holder, last = self._holders.get((kind, memory.device), (None, None))
        if now == last or (holder is None and not any(now.values())):
            return
        holder = holder or telling.Holder(memory.device, kind)
        holder.amounts(now)
        self._holders[kind, memory.device] = holder, now


class _Importing:
    """Finds nothing, and so is asked for each module before it is imported."""

    def find_spec(self, name, path=None, target=None):
        if name in _MODULES:
            _sampler.start()
        return None


_sampler = _Sampler()
_importing = _Importing()
_ran_before_fork = False


def start():
    """Samples from now on, if anybody watches and a framework is there; otherwise once it is."""
    if any(name in sys.modules for name in _MODULES):
        _sampler.start()


def problems():
    """{framework: why it could not be asked}, or {} if all is well."""
    return dict(_sampler.problems)


def _before_fork():
    global _ran_before_fork
    _ran_before_fork = _sampler.stop()


def _after_fork_in_parent():
    if _ran_before_fork:
        _sampler.start()


def _after_fork_in_child():
    ran = _ran_before_fork
    _sampler.begin_anew()
    if ran:
        _sampler.start()


def _at_exit():
    if _sampler.stop():
        _sampler.sample()


def _install():
    sys.meta_path.insert(0, _importing)
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent,
                        after_in_child=_after_fork_in_child)
    atexit.register(_at_exit)
    start()


_install()
