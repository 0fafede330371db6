"""GPUResourceManager: what a test takes of memory is reserved first, among all programs of this
machine that do."""

import threading

from . import isolated
from .free_memory import gpus
from .reset import force_complete_gpu_reset
from .reservations import Refused, Unavailable, reserve
from .sizes import GIB

_ISOLATED_S = 3600.0


class GPUResourceManager:
    """Gives out memory while `min_free_memory_gb` (GiB) are free, and never the last
    `reserved_memory_gb`. `enable_process_isolation`: run_isolated() starts a process; else it calls
    the function here. For any thread."""

    def __init__(self, min_free_memory_gb=4.0, reserved_memory_gb=1.0,
                 enable_process_isolation=True):
        if min_free_memory_gb < 0 or reserved_memory_gb < 0:
            raise ValueError(f"{min_free_memory_gb} GiB to be free, {reserved_memory_gb} GiB kept "
                             "back; they are 0 or more")
        self.min_free_memory_gb = min_free_memory_gb
        self.reserved_memory_gb = reserved_memory_gb
        self.enable_process_isolation = enable_process_isolation
        self.isolation_timeout_s = _ISOLATED_S
        self.refusal = ""  # why the last reservation that was refused was
        self._held = {}
        self._wanted = set()  # names of those that are being reserved
        self._lock = threading.Lock()

    def reserve_memory(self, name, memory_gb, device=None, timeout_s=0.0):
        """A Reservation of `memory_gb` (GiB) of a device, which a `with` gives back, or
        release_memory(name). `device` is "host", "cuda:0" ...; None: the first GPU, main memory
        where there is none. Waits up to `timeout_s` for what others give back. None if there is not
        that much; `refusal` says what there is and who has it. One name has one reservation."""
        device = device or next((gpu.name for gpu in gpus()), "host")
        wanted = int(memory_gb * GIB)
        sizes = {"host_bytes": wanted} if device == "host" else {"devices": {device: wanted}}
        with self._lock:
            if self._held.get(name) or name in self._wanted:
                raise ValueError(f"{name} has a reservation already; release_memory() it first")
            self._wanted.add(name)
        try:
            reservation = reserve(name, kept_back=int(self.reserved_memory_gb * GIB),
                                  least_free=int(self.min_free_memory_gb * GIB),
                                  timeout_s=timeout_s, **sizes)
            with self._lock:
                self._held[name] = reservation
            return reservation
        except (Refused, Unavailable) as why:
            self.refusal = str(why)
            return None
        finally:
            with self._lock:
                self._wanted.discard(name)

    def release_memory(self, name):
        """Whether there was a reservation of that name."""
        with self._lock:
            reservation = self._held.pop(name, None)
        if not reservation:
            return False
        reservation.release()
        return True

    def run_isolated(self, function, *args, **kwargs):
        """The function, or a command as a list of words, in a process of its own, of which nothing
        is left afterwards: an IsolatedRun with the result, a verdict on memory and what it rests
        on. Raises what the function raises, and IsolatedFailure if its process dies or takes longer
        than `isolation_timeout_s`."""
        if isinstance(function, (list, tuple)):
            return isolated.run_command([str(word) for word in function], self.isolation_timeout_s)
        if not self.enable_process_isolation:
            return isolated.run_here(function, args, kwargs)
        return isolated.run_in_child(function, args, kwargs, self.isolation_timeout_s)

    def cleanup(self):
        """Gives all reservations back and empties the caches of frameworks; returns what
        force_complete_gpu_reset() does."""
        with self._lock:
            held, self._held = self._held, {}
        for reservation in held.values():
            reservation.release()
        return force_complete_gpu_reset()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cleanup()
