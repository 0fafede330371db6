"""Lines of JSON that come through a pipe."""

import json
import os

_PORTION = 1 << 16


class Lines:
    def __init__(self, descriptor):
        self._descriptor = descriptor
        self._rest = b""
        self.ended = False

    def read(self):
        """What is there, once it is readable. A worker that dies may leave half a line."""
        portion = os.read(self._descriptor, _PORTION)
        self.ended = not portion
        *lines, self._rest = (self._rest + portion).split(b"\n")
        return [message for message in map(_message, lines) if message]


def _message(line):
    try:
        return json.loads(line)
    except ValueError:  # a test wrote into what it did not open
        return None
