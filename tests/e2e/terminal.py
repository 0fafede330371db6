"""The program on a terminal of its own, for what it only does where somebody looks."""

import codecs
import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time

import pyte


def take_terminal():
    """In the child: the terminal is its own, and a hang-up ends it as it does in a shell."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Screen(pyte.Screen):
    """With two sequences that the emulator does not know: lines move within the margins."""

    def scroll_up(self, count=1):
        self.at_top_margin(self.delete_lines, count)

    def scroll_down(self, count=1):
        self.at_top_margin(self.insert_lines, count)

    def at_top_margin(self, act, count):
        place = self.cursor.y, self.cursor.x
        self.cursor.y = self.margins.top if self.margins else 0
        act(count or 1)
        self.cursor.y, self.cursor.x = place


class Stream(pyte.ByteStream):
    csi = pyte.ByteStream.csi | {"S": "scroll_up", "T": "scroll_down"}
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down"}


class Terminal:
    """`Terminal(hexcore, "run", model)`; stdout and stderr come together, as on a screen.

    A terminal has no size unless one is given, as (rows, columns); with one it has a `screen`.
    """

    def __init__(self, hexcore, *arguments, env=None, size=None, program=None):
        environment = hexcore.environment({"TERM": "xterm-256color"} | (env or {}))
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        self.emulator = None
        if size:
            self.resize(size)
            self.emulator = Screen(size[1], size[0])
            self.stream = Stream(self.emulator)
        self.found = self.settings()
        self.process = subprocess.Popen(
            [str(program or hexcore.path), *map(str, arguments)], env=environment,
            stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            preexec_fn=take_terminal)
        hexcore.started.append(self.process)
        self.pid = self.process.pid
        self.seen = ""  # all of it
        self.text = ""  # since the last write
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def read(self, wait_s):
        """Whether there was something."""
        if not select.select([self.master], [], [], wait_s)[0]:
            return False
        piece = os.read(self.master, 65536)
        if self.emulator:
            self.stream.feed(piece)
        text = self.decoder.decode(piece)
        self.seen += text
        self.text += text
        return True

    def read_until(self, condition, timeout_s=240):
        """Reads on until condition(text since the last write), or the program's end."""
        end = time.monotonic() + timeout_s
        while not condition(self.text):
            assert time.monotonic() < end, f"nothing happened after: {self.text!r}"
            ended = self.process.poll() is not None
            if not self.read(0 if ended else 0.1) and ended:
                break
        return self.text

    def write(self, text):
        """Types; "\\x03" is Ctrl-C and "\\x04" Ctrl-D."""
        self.text = ""
        rest = text.encode()
        while rest:
            # As much as there is room for, or the program would wait for its reader.
            with contextlib.suppress(BlockingIOError):
                rest = rest[os.write(self.master, rest):]
            self.read(0.01 if rest else 0)

    def exit_code(self, timeout_s=240):
        self.read_until(lambda _: False, timeout_s)
        return self.process.wait()

    def settings(self):
        return termios.tcgetattr(self.slave)

    def resize(self, size):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    @property
    def screen(self):
        """The rows that have something on them."""
        rows = [row.rstrip() for row in self.emulator.display]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def read_until_screen(self, condition, timeout_s=240):
        """Reads on until condition(screen, (row, column) of the cursor)."""
        def holds(_):
            return condition(self.screen, (self.emulator.cursor.y, self.emulator.cursor.x))

        self.read_until(holds, timeout_s)
        assert holds(None), f"it ended with {self.screen}"

    def __del__(self):
        os.close(self.master)
        os.close(self.slave)
