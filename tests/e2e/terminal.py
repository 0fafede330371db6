"""The program on a terminal of its own, for what it only does where somebody looks."""

import os
import pty
import select
import time


class Terminal:
    """`Terminal(hexcore, "run", model)`; stdout and stderr come together, as on a screen."""

    def __init__(self, hexcore, *arguments, env=None):
        environment = hexcore.environment(env)
        command = [str(hexcore.path), *map(str, arguments)]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, environment)
        self.seen = ""  # all of it
        self.text = ""  # since the last write

    def read_until(self, condition, timeout_s=60):
        """Reads on until condition(text since the last write), or the program's end."""
        end = time.monotonic() + timeout_s
        while not condition(self.text):
            assert time.monotonic() < end, f"nothing happened after: {self.text!r}"
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    piece = os.read(self.terminal, 65536)
                except OSError:  # the other side was closed
                    return self.text
                if not piece:
                    return self.text
                piece = piece.decode(errors="replace")
                self.seen += piece
                self.text += piece
        return self.text

    def write(self, text):
        """Types; "\\x03" is Ctrl-C and "\\x04" Ctrl-D."""
        self.text = ""
        os.write(self.terminal, text.encode())

    def exit_code(self, timeout_s=60):
        self.read_until(lambda _: False, timeout_s)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
