"""Memory that programs on this machine have told each other they are going to take, Hexcore's and
others': docs/formats/reservations.md."""

import fcntl
import os
import time

from .free_memory import free_bytes, gpus, held_bytes
from .promises import claim_of, has_room, promised
from .reservation_files import SCHEMA, Folder, Unavailable, pid_namespace, process_start
from .sizes import shown

_LOOK_S = 0.1
_LONGEST_NAME = 1024
_LOCK_PATIENCE_S = 10

__all__ = ["Refused", "Reservation", "Unavailable", "reserve", "unreserved_bytes"]


class Refused(Exception):
    """There is not as much now, or not at all; the text says what there is and who has it."""


class Reservation:
    """Memory that is kept for this process until release(), the end of a `with`, or its own end."""

    def __init__(self, folder, document, name, file):
        self._folder, self._document = folder, document
        self._file_name, self._file = name, file
        self._process = os.getpid()

    @property
    def host_bytes(self):
        return self._document["host_bytes"]

    @property
    def devices(self):
        """{"cuda:0": bytes}"""
        return {device["name"]: device["bytes"] for device in self._document["devices"]}

    @property
    def is_held(self):
        return self._file is not None and self._process == os.getpid()

    def release(self):
        """A second time it does nothing, and so it does in a child that was forked."""
        if self._file is None:
            return
        file, self._file = self._file, None
        if self._process == os.getpid():
            self._folder.remove(self._file_name)
            fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def __bool__(self):
        return self.is_held


def reserve(name, host_bytes=0, devices=None, kept_back=0, least_free=0, timeout_s=0.0):
    """A Reservation of main memory and of GPUs, {"cuda:0": bytes}. Waits up to `timeout_s` for its
    turn. `kept_back` stays free beside it on everything that it is of, and so much as
    `least_free` has to be free before. Raises Refused, and Unavailable where programs cannot tell
    each other anything."""
    folder = Folder.of_this_user()
    wanted = {"host": host_bytes, **(devices or {})}
    wanted = {device: size for device, size in wanted.items() if size}
    return _Newcomer(folder, name, wanted, kept_back, least_free).take(time.monotonic() + timeout_s)


def unreserved_bytes(device="host"):
    """What is free now and promised to nobody."""
    folder = Folder.of_this_user()
    free = free_bytes(device)
    with folder.locked(_LOCK_PATIENCE_S):
        return max(0, free - promised(folder.living(), device))


class _Newcomer:
    def __init__(self, folder, name, wanted, kept_back, least_free):
        self._folder, self._wanted = folder, wanted
        self._kept_back, self._least_free = kept_back, least_free
        self._document = _document(name, wanted)
        self._file_name, self._file = None, None
        self._free = {}

    def take(self, until):
        try:
            while True:
                self._measure_gpus()
                with self._folder.locked(max(_LOCK_PATIENCE_S, until - time.monotonic())):
                    why = self._try(wait=time.monotonic() < until)
                if not why:
                    held = Reservation(self._folder, self._document, self._file_name, self._file)
                    self._file = None
                    return held
                if time.monotonic() >= until:
                    raise Refused(why)
                time.sleep(min(_LOOK_S, max(0, until - time.monotonic())))
        finally:
            if self._file is not None:
                self._folder.remove(self._file_name)
                os.close(self._file)

    def _measure_gpus(self):
        """Before anything is locked: the driver's program takes its time."""
        self._free = {device: free_bytes(device) for device in self._wanted if device != "host"}

    def _try(self, wait):
        """Why not; empty once it is held."""
        living = self._folder.living()
        mine = self._document["ticket"]
        if not mine:
            mine = max((other["ticket"] for _, other in living), default=0) + 1
            self._document["ticket"] = mine
        others = [(file, other) for file, other in living if file != self._file_name]
        why = "" if has_room(others, self._document["within"], self._wanted) else \
            self._missing(others, mine)
        if not why:
            self._write("held")
        elif wait and self._file is None:
            self._write("waiting")
        return why

    def _missing(self, others, ticket):
        before = [(file, other) for file, other in others
                  if other["state"] == "held" or other["ticket"] < ticket]
        for device, size in self._wanted.items():
            free = self._free[device] if device in self._free else free_bytes(device)
            taken = promised(before, device)
            if size <= free - taken - self._kept_back and free - taken >= self._least_free:
                continue
            said = f"{self._document['name']} needs {shown(size)} of {device}; {shown(free)} free"
            if taken:
                holders = {other["name"] for _, other in before if claim_of(other, device)}
                said += f", {shown(taken)} of that promised to {', '.join(sorted(holders))}"
            if self._kept_back:
                said += f", {shown(self._kept_back)} kept back"
            if free - taken < self._least_free:
                said += f"; at least {shown(self._least_free)} have to be free"
            return said
        return ""

    def _write(self, state):
        self._document["state"] = state
        name, file = self._folder.write(self._document, self._file_name)
        if self._file is not None:
            os.close(self._file)
        self._file_name, self._file = name, file


def _document(name, wanted):
    named = {device: size for device, size in wanted.items() if device != "host"}
    known = {gpu.name: gpu.uuid for gpu in gpus()} if named else {}
    devices = [{"name": device, "uuid": known.get(device, ""), "bytes": size, "used_bytes": None}
               for device, size in named.items()]
    encoded = str(name).encode("utf-8", "backslashreplace")[:_LONGEST_NAME]
    return {"schema": SCHEMA, "pid": os.getpid(), "start": process_start(os.getpid()),
            "pid_namespace": pid_namespace(), "name": encoded.decode("utf-8", "ignore") or "?",
            "state": "waiting", "ticket": 0, "within": os.environ.get("HEXCORE_RESERVATION", ""),
            "host_bytes": wanted.get("host", 0), "used_host_bytes": None,
            "host_base_bytes": held_bytes(os.getpid()), "devices": devices, "cores": 0}
