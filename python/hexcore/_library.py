"""libhexcore-tracker.so through ctypes: what hexcore/tracker.h declares, or stand-ins that do
nothing.

Calls that tell something last less than a microsecond and wait for nothing, so they keep the
interpreter's lock; those of a tracker may wait, and call back, so they give it away.
"""

import ctypes
import os

NAME = "libhexcore-tracker.so"
VARIABLE = "HEXCORE_WATCH"

_TEXT = ctypes.c_char_p
_OWNED_TEXT = ctypes.c_void_p  # to be given back with hexcore_free
_HOLDER = ctypes.c_uint32
_BYTES = ctypes.c_uint64
ALERT = ctypes.CFUNCTYPE(None, _TEXT, _BYTES, _BYTES, ctypes.c_void_p)
REPEATED = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class TrackerOptions(ctypes.Structure):
    """hexcore_tracker_options."""

    _fields_ = [("size", ctypes.c_size_t), ("interval_s", ctypes.c_double),
                ("alert_bytes", _BYTES), ("sources", ctypes.c_uint), ("recording", _TEXT),
                ("alert", ALERT), ("user", ctypes.c_void_p)]


class NeutralOptions(ctypes.Structure):
    """hexcore_neutral_options."""

    _fields_ = [("size", ctypes.c_size_t), ("most_repeats", ctypes.c_size_t),
                ("most_seconds", ctypes.c_double)]


_TELLING = {
    "hexcore_label_begin": (None, [_TEXT]),
    "hexcore_label_end": (None, []),
    "hexcore_mark": (None, [_TEXT]),
    "hexcore_holder_open": (_HOLDER, [ctypes.c_int, _TEXT, _BYTES]),
    "hexcore_amounts": (None, [_HOLDER, ctypes.c_size_t, ctypes.POINTER(_TEXT),
                               ctypes.POINTER(_BYTES)]),
    "hexcore_allocated": (None, [_HOLDER, _BYTES, _BYTES, _TEXT]),
    "hexcore_released": (None, [_HOLDER, _BYTES]),
    "hexcore_watched": (ctypes.c_int, []),
}
_TRACKING = {
    "hexcore_tracker_start": (ctypes.c_void_p, [ctypes.POINTER(TrackerOptions), _TEXT,
                                                ctypes.c_size_t]),
    "hexcore_tracker_json": (_OWNED_TEXT, [ctypes.c_void_p]),
    "hexcore_tracker_picture": (ctypes.c_int, [ctypes.c_void_p, _TEXT, _TEXT, ctypes.c_size_t]),
    "hexcore_recording_picture": (ctypes.c_int, [_TEXT, _TEXT, _TEXT, ctypes.c_size_t]),
    "hexcore_tracker_stop": (_OWNED_TEXT, [ctypes.c_void_p]),
    "hexcore_free": (None, [ctypes.c_void_p]),
}
_JUDGING = {
    "hexcore_expect_neutral": (_OWNED_TEXT, [_TEXT, REPEATED, ctypes.c_void_p,
                                             ctypes.POINTER(NeutralOptions)]),
}


class _Missing:
    """Stands in for the library: any function of it, which does nothing and returns 0."""

    def __getattr__(self, name):
        return lambda *_: 0


def _places():
    """Beside the package in a build folder, or above it once it is installed. A package that is a
    link, as into a virtual environment, is followed."""
    package = os.path.dirname(os.path.abspath(__file__))
    for folder in dict.fromkeys((package, os.path.realpath(package))):
        for above in ("../..", "../../.."):
            yield os.path.normpath(os.path.join(folder, above, NAME))


def _declared(library, functions):
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _load(kind, functions):
    """The library's functions, and why they do nothing."""
    found = next(filter(os.path.exists, _places()), NAME)  # by name: where the system looks
    try:
        return _declared(kind(found), functions), ""
    except (OSError, AttributeError) as error:
        return _Missing(), f"{NAME} cannot be used: {error}"


telling, problem = _load(ctypes.PyDLL, _TELLING)
tracking, tracking_problem = _load(ctypes.CDLL, _TRACKING)
judging, judging_problem = _load(ctypes.CDLL, _JUDGING)


def watched():
    """Whether anybody listens: `hexcore watch`, or a tracker of this process."""
    return bool(telling.hexcore_watched())


def status():
    """A sentence: who listens, or why nobody does."""
    if problem:
        return problem
    if watched():
        return f"watched through {os.environ.get(VARIABLE, 'a tracker of this process')}"
    if os.environ.get(VARIABLE):
        return f"not watched: {os.environ[VARIABLE]} (of {VARIABLE}) is no watcher's folder"
    return "not watched: run it as hexcore watch -- python3 ..., or start a hexcore.Tracker"


def encoded(text):
    """Any value as what the library takes for a text."""
    return str(text).encode("utf-8", "replace")


def taken_text(address):
    """A text that the library gave away, or None for a null pointer."""
    if not address:
        return None
    try:
        return ctypes.string_at(address).decode("utf-8", "replace")
    finally:
        tracking.hexcore_free(address)
