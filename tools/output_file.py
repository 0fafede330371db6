"""Files that appear whole or not at all, and the errors and exit codes of the model makers."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from pathlib import Path

EXIT_USAGE, EXIT_NO_SPACE, EXIT_INPUT, EXIT_INTERRUPTED = 2, 3, 4, 130


class InputError(Exception):
    """What is wrong with the input, in one sentence for the person who gave it."""


class OutputError(Exception):
    """What is wrong with the place to write to, in one sentence."""


def require_space(folder: Path, size_bytes: int) -> None:
    """Raises OSError (no space) with both numbers, or OutputError where there is no such folder."""
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        raise OutputError(f"cannot write in {folder}: {error.strerror}") from error
    free = disk.f_bavail * disk.f_frsize
    if free < size_bytes:
        raise OSError(errno.ENOSPC, f"{size_bytes} bytes are needed in {folder}, {free} are free")


class OutputFile:
    """Writes to a hidden file beside `path` and renames it when `commit` is called.

    Left without commit (an error, Ctrl-C, SIGTERM), the hidden file is removed and whatever stood
    under `path` stays as it was.
    """

    def __init__(self, path: Path, size_bytes: int):
        self.path, self.size_bytes, self.fd = Path(path), size_bytes, -1
        self.partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")

    def __enter__(self) -> OutputFile:
        require_space(self.path.parent, self.size_bytes)
        try:
            self.fd = self._open()
            os.ftruncate(self.fd, self.size_bytes)
        except BaseException:  # Ctrl-C too: the block that __exit__ belongs to is not entered yet
            self.__exit__()
            raise
        return self

    def _open(self) -> int:
        try:
            return os.open(self.partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        except OSError as error:
            raise OutputError(f"cannot write in {self.path.parent}: {error.strerror}; "
                              "choose a folder that you may write to") from error

    def write(self, data, offset: int) -> None:
        """Writes all of a contiguous buffer at `offset`."""
        view = memoryview(data).cast("B")
        while view:
            done = os.pwrite(self.fd, view, offset)
            view, offset = view[done:], offset + done

    def commit(self) -> None:
        """Makes the file durable and gives it its final name."""
        os.fsync(self.fd)
        os.replace(self.partial, self.path)

    def __exit__(self, *_exception) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        with contextlib.suppress(FileNotFoundError, PermissionError):
            os.unlink(self.partial)


def read_exactly(fd: int, buffer, offset: int) -> None:
    """Fills a buffer from `offset`; raises InputError where the file has shrunk meanwhile."""
    view = memoryview(buffer).cast("B")
    while view:
        done = os.preadv(fd, [view], offset)
        if done == 0:
            raise InputError(f"the input ended at byte {offset}: it was cut while being read")
        view, offset = view[done:], offset + done


def run_maker(make, argv) -> int:
    """Runs a maker's `make(argv)` and turns what may go wrong into a sentence and an exit code."""

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        make(argv)
        return 0
    except (InputError, OutputError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_INPUT
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"error: the disk is too full: {error.strerror}; free some space or choose another "
              "folder", file=sys.stderr)
        return EXIT_NO_SPACE
    except KeyboardInterrupt:
        print("interrupted: nothing was left behind", file=sys.stderr)
        return EXIT_INTERRUPTED
