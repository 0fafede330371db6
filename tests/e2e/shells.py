"""Real interactive shells on a pseudo-terminal, to see what they make of a line and the Tab key."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

# What prints the edited line is bound to Ctrl-X Ctrl-P; the mark is split, so that the echo of the
# command that binds it is not taken for its result. In zsh it also empties the line, and does so
# without `zle -I`: that leaves the terminal to the kernel for a moment, which then keeps the Ctrl-U
# that was meant for the line editor.
BASH = (["bash", "--norc", "--noprofile", "-i"], r"""
bind 'set enable-bracketed-paste off'; bind 'set completion-query-items 0'
bind 'set page-completions off'; bind 'set show-all-if-ambiguous on'
bind -x '"\C-x\C-p": printf "<""<<%s>"">>" "$READLINE_LINE"'
source "$HEXCORE_SCRIPT"
""")
ZSH = (["zsh", "-f", "-i"], r"""
autoload -U compinit; compinit -u -D; unsetopt prompt_sp zle_bracketed_paste; LISTMAX=1000
show() { print -rn "<""<<$BUFFER>"">>" >$TTY; BUFFER= }; zle -N show; bindkey '^X^P' show
source "$HEXCORE_SCRIPT"
""")


class Shell:
    """A shell with one completion script, working in `folder`; close() ends it."""

    def __init__(self, kind, script, folder):
        arguments, setup = kind
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(TERM="dumb", PS1="", HISTFILE="/dev/null", LC_ALL="C.UTF-8",
                              HEXCORE_SCRIPT=str(script))
            os.execvp(arguments[0], arguments)
        # Wide and high: nothing is wrapped, and no shell asks whether it should list so much.
        size = struct.pack("HHHH", 200, 2000, 0, 0)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, size)
        self._send(setup + "echo rea''dy\n")
        self._read_until("ready")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def complete(self, line):
        """What Tab makes of the line, and all that the shell showed meanwhile."""
        self._send(line + "\t\x18\x10")
        shown = self._read_until(">>>")
        self._send("\x15")
        return re.search(r"<<<(.*)>>>", shown, re.DOTALL)[1], shown.split("<<<")[0]

    def _send(self, text):
        os.write(self.terminal, text.encode())

    def _read_until(self, mark, limit_s=20):
        text, end = b"", time.monotonic() + limit_s
        while mark.encode() not in text:
            assert time.monotonic() < end, f"the shell did not print {mark!r}: {text!r}"
            if select.select([self.terminal], [], [], 0.1)[0]:
                text += os.read(self.terminal, 65536)
        return text.decode()
