"""Messages between the runner, the fork server and its workers: docs/formats/pytest-channel.md."""

import collections
import json
import os
import socket

_MOST_DESCRIPTORS = 16
_PORTION = 1 << 16


def sayable(text):
    """Any text as one that is valid UTF-8: a file's name, or what a program printed, may not be."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def line_of(message):
    """What is no value of JSON, as a plugin may put into a report, is written as a text."""
    try:
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), default=str,
                          allow_nan=False)
    except ValueError:  # a number that JSON has not, in a plugin's part of a report
        text = json.dumps(json.loads(json.dumps(message, default=str), parse_constant=str),
                          ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"


class Closed(Exception):
    """The other end is gone, or a test has closed or replaced our descriptor."""


class Writer:
    """Lines to a descriptor, as long as it is what it was: a test may close every descriptor, and
    then our number belongs to a file of somebody else."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self._identity = self._what_it_is()

    def _what_it_is(self):
        found = os.fstat(self.descriptor)
        return found.st_dev, found.st_ino

    def send(self, message):
        try:
            if self._what_it_is() != self._identity:
                raise Closed
            rest = memoryview(line_of(message))
            while rest:
                rest = rest[os.write(self.descriptor, rest):]
        except OSError as error:
            raise Closed from error

    def send_with(self, message, descriptors):
        """Descriptors go along; where this is a socket."""
        line = line_of(dict(message, descriptors=len(descriptors)))
        with socket.socket(fileno=os.dup(self.descriptor)) as through:
            try:
                sent = socket.send_fds(through, [line], descriptors)
                through.sendall(line[sent:])
            except OSError as error:
                raise Closed from error


class Channel:
    """Both ways, over a socket; a message may bring descriptors along."""

    def __init__(self, descriptor):
        self.socket = socket.socket(fileno=descriptor)
        self.socket.set_inheritable(False)
        self._writer = Writer(descriptor)
        self._read = b""
        self._descriptors = collections.deque()

    def send(self, message):
        self._writer.send(message)

    def receive(self):
        """Waits, and returns the messages that have come since, each with its descriptors. Raises
        Closed at the end."""
        portion, descriptors, _, _ = socket.recv_fds(
            self.socket, _PORTION, _MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        self._descriptors.extend(descriptors)
        if not portion:
            raise Closed
        *lines, self._read = (self._read + portion).split(b"\n")
        messages = []
        for line in lines:
            message = json.loads(line)
            taken = [self._descriptors.popleft() for _ in range(message.get("descriptors", 0))]
            messages.append((message, taken))
        return messages
