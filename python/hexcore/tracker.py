"""A watcher within the process: hexcore.Tracker, and hexcore.expect_neutral for tests."""

import ctypes
import gc
import json
import os
import shutil
import tempfile
import warnings
import weakref

from . import _library
from ._library import encoded, taken_text, tracking

SCHEMA = "hexcore.recording/1"
_ERROR_BYTES = 1024
_NO_ALERT_BYTES = 1 << 62  # more than any device has; 0 means what is usual


class Leak(AssertionError):
    """What ought to be neutral was not; `verdict` says how much stays, and where."""

    def __init__(self, name, verdict):
        super().__init__(f"{name} leaves memory behind: {verdict['text']}")
        self.verdict = verdict


def _remove(folder, process):
    if os.getpid() == process:  # and not a child of it, which ends earlier
        shutil.rmtree(folder, ignore_errors=True)


class Tracker:
    """Samples this process and its children from now on until stop(), or the end of a `with`.

    `interval_s` is between samples, in seconds. `on_alert(device, used_bytes, since_start_bytes)`
    is called on a thread of its own when a device has gained `alert_bytes` since the start.
    `recording` is a file to keep, new or a recording, or None. Raises ValueError for an interval
    that is none, and OSError where the system refuses or the file is something else. Without the
    library it warns once, and does nothing. In a child that was forked it does not run: what was
    found before is all that it knows there.
    """

    def __init__(self, interval_s=0.5, alert_bytes=100 << 20, on_alert=None, recording=None):
        if not 0.001 <= interval_s <= 3600:
            raise ValueError(f"an interval of {interval_s} s; it is 0.001 to 3600 s")
        if alert_bytes < 0:
            raise ValueError(f"an alert at {alert_bytes} bytes; it is 0 (none) or more")
        self._handle = None
        self._process = os.getpid()
        self._recording = recording
        self._last = {"schema": SCHEMA, "devices": [], "processes": [], "marks": [],
                      "notes": [_library.tracking_problem]}
        if _library.tracking_problem:
            warnings.warn(_library.tracking_problem, RuntimeWarning, stacklevel=2)
            return
        if recording is None:  # it is drawn from, after the end, too
            folder = tempfile.mkdtemp(prefix="hexcore-")
            weakref.finalize(self, _remove, folder, os.getpid())
            self._recording = os.path.join(folder, "memory.hxr")
        self._start(interval_s, alert_bytes, on_alert)

    def _start(self, interval_s, alert_bytes, on_alert):
        from . import frameworks  # which tells at the ends of labels; nobody else needs it

        def alert(device, used_bytes, since_start_bytes, _):
            if on_alert is not None:
                on_alert(device.decode("utf-8", "replace"), used_bytes, since_start_bytes)

        self._alert = _library.ALERT(alert)  # lives as long as the tracker calls it
        options = _library.TrackerOptions(
            size=ctypes.sizeof(_library.TrackerOptions), interval_s=interval_s,
            alert_bytes=alert_bytes or _NO_ALERT_BYTES, alert=self._alert,
            recording=os.fsencode(self._recording))
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        self._handle = tracking.hexcore_tracker_start(ctypes.byref(options), error, _ERROR_BYTES)
        if not self._handle:
            raise OSError(error.value.decode("utf-8", "replace"))
        frameworks.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def is_running(self):
        """Until stop(); never without the library, nor in a child that was forked."""
        return self._handle is not None and os.getpid() == self._process

    def analysis(self):
        """All that was found so far: the document hexcore.recording/1 as a dictionary."""
        if self._handle:
            self._keep(tracking.hexcore_tracker_json(self._handle))
        return self._last

    def picture(self, path):
        """Writes what was found up to the last sample, or until stop(); by the path's suffix .svg,
        .html, .json, .csv or .trace.json. Raises ValueError with the reason if it cannot be
        written. Without the library it writes nothing."""
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        if self._handle:
            failed = tracking.hexcore_tracker_picture(self._handle, os.fsencode(path), error,
                                                      _ERROR_BYTES)
        else:
            failed = tracking.hexcore_recording_picture(os.fsencode(self._recording or ""),
                                                        os.fsencode(path), error, _ERROR_BYTES)
        if failed:
            raise ValueError(error.value.decode("utf-8", "replace"))

    def stop(self):
        """Ends it, and returns its last analysis(); again and again the same."""
        if self._handle:
            handle, self._handle = self._handle, None
            self._keep(tracking.hexcore_tracker_stop(handle))
        return self._last

    def _keep(self, address):
        text = taken_text(address)
        if text is not None:  # a child that was forked gets none
            self._last = json.loads(text)


def expect_neutral(name, function, most_repeats=1000, most_seconds=60):
    """Calls function() again and again, in a label of that name, until it is known whether memory
    stays after it, or that many times, or seconds, are over.

    Returns the verdict, the document hexcore.neutral/1 as a dictionary, unless memory stays: that
    is raised as Leak, an AssertionError. What function() raises ends it. Without the library,
    nothing is called, and the verdict is `inconclusive`.
    """
    if most_repeats < 1 or most_seconds <= 0:
        raise ValueError(f"{most_repeats} repeats in {most_seconds} s; both are more than 0")
    if _library.judging_problem:
        return {"verdict": "inconclusive", "text": f"not known: {_library.judging_problem}"}
    from . import frameworks, telling
    raised = []

    def repeat(_):
        try:
            frameworks.start()  # a tracker listens by now
            function()
            gc.collect()  # what only its cycles keep is no leak
            for tell in telling.at_label_end:
                tell()
            return 0
        except BaseException as error:  # it must not pass through the library's frames
            raised.append(error)
            return 1

    options = _library.NeutralOptions(size=ctypes.sizeof(_library.NeutralOptions),
                                      most_repeats=most_repeats, most_seconds=most_seconds)
    text = taken_text(_library.judging.hexcore_expect_neutral(
        encoded(name), _library.REPEATED(repeat), None, ctypes.byref(options)))
    if raised:
        raise raised[0]
    verdict = json.loads(text)
    if verdict["verdict"] in ("leak", "driver"):
        raise Leak(name, verdict)
    return verdict
