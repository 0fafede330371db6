"""Chats on a terminal, as somebody has them who looks at it."""

import json
import struct

from terminal import Terminal

SIZE = (24, 80)  # rows and columns
KEYS = {"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "home": "\x1b[H",
        "end": "\x1b[F", "delete": "\x1b[3~", "backspace": "\x7f", "word left": "\x1b[1;5D",
        "word right": "\x1b[1;5C"}


def pasted(text):
    """As terminals send it that were asked for brackets."""
    return "\x1b[200~" + text.replace("\n", "\r") + "\x1b[201~"


def saved_messages(file):
    """The messages of a saved conversation (docs/formats/session.md)."""
    content = file.read_bytes()
    at = len("hexcore.session/1\n")
    (size,) = struct.unpack_from("<I", content, at)
    header = json.loads(content[at + 12:at + 12 + size])
    return json.loads(header["note"])["messages"]


class Chat(Terminal):
    """At the prompt already, unless it is to wait for none."""

    def __init__(self, hexcore, *arguments, size=SIZE, wait=True, **options):
        super().__init__(hexcore, "run", *arguments, size=size, **options)
        if wait:
            self.read_until(lambda text: text.endswith("> "))

    def ask(self, question):
        """What is shown until the next prompt."""
        self.write(question + "\r")
        return self.read_until(lambda text: "\n" in text and text.endswith("\n> "))

    def shows(self, line, column=None):
        """Waits until this is what stands in the cursor's row, and the cursor in that column."""
        def does(screen, cursor):
            row = screen[cursor[0]] if cursor[0] < len(screen) else ""
            return row == line.rstrip() and column in (None, cursor[1])

        self.read_until_screen(does)

    def arrives(self, typed, folder):
        """What the model would be told where this is typed behind the name of a command."""
        self.ask("/system " + typed)
        file = folder / "arrived"
        self.ask(f"/save {file}")
        (message,) = saved_messages(file)
        file.unlink()
        return message["content"]
