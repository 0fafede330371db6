"""The folder in which programs tell each other what memory they are going to take."""

import contextlib
import errno
import fcntl
import json
import os
import stat
import time

SCHEMA = "hexcore.reservation/1"
_LONGEST = 64 << 10
_ENDING, _UNFINISHED = ".json", ".json.new"
_READ = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK_S = 0.005


class Unavailable(Exception):
    """Programs cannot tell each other anything here; the text says why."""


def process_start(pid):
    """Field 22 of /proc/PID/stat, or None where there is no such process."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else None


def _stat_fields(pid):
    """From field 3 on: what is before may hold any characters."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


def pid_namespace():
    try:
        return int(os.readlink("/proc/self/ns/pid")[len("pid:["):-1])
    except (OSError, ValueError):
        return 0


def _lives(document):
    namespace = document["pid_namespace"]
    if namespace == 0 or namespace != pid_namespace():
        return True  # its lock says so
    fields = _stat_fields(document["pid"])
    if not fields or int(fields[19]) != document["start"]:
        return False
    return not (fields[0] == b"Z" and fields[17] == b"1")


def _is_number(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _is_used(value):
    return value is None or _is_number(value)


def _is_short(value):
    return isinstance(value, str) and len(value.encode("utf-8", "replace")) <= 1024


def _is_valid(document):
    """By the rules of the format: a file may be anybody's work."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return False
    numbers = ("pid", "start", "pid_namespace", "ticket", "host_bytes", "host_base_bytes", "cores")
    name, devices = document.get("name"), document.get("devices")
    return (all(_is_number(document.get(key)) for key in numbers) and
            name != "" and _is_short(name) and
            document.get("state") in ("held", "waiting") and
            _is_short(document.get("within")) and
            _is_used(document.get("used_host_bytes")) and isinstance(devices, list) and
            all(_is_valid_device(device) for device in devices) and
            len({device["name"] for device in devices}) == len(devices))


def _is_valid_device(device):
    return (isinstance(device, dict) and isinstance(device.get("name"), str) and
            _is_short(device.get("uuid")) and _is_number(device.get("bytes")) and
            _is_used(device.get("used_bytes")))


def _read_document(file):
    text = os.pread(file, _LONGEST + 1, 0)
    try:
        document = json.loads(text) if len(text) <= _LONGEST else None
    except ValueError:
        return None
    return document if _is_valid(document) else None


def _private_folder(path, make):
    """Makes it, or believes it if nobody else may write in it."""
    try:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
        found = os.lstat(path)
    except OSError as error:
        raise Unavailable(f"there is no folder for reservations: {path}: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Unavailable(f"{path} is no folder of this user's alone; remove it, or set "
                          "HEXCORE_RESERVATIONS to one")
    return path


def _is_own(path):
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _place():
    named = os.environ.get("HEXCORE_RESERVATIONS", "")
    if os.path.isabs(named):
        return _private_folder(named, make=True)
    run_time, user = os.environ.get("XDG_RUNTIME_DIR", ""), os.geteuid()
    if os.path.isabs(run_time) and _is_own(run_time):
        base = os.path.join(run_time, "hexcore")
    elif _is_own(f"/run/user/{user}"):
        base = f"/run/user/{user}/hexcore"
    else:
        base = f"/tmp/hexcore-{user}"
    return _private_folder(os.path.join(_private_folder(base, make=True), "reservations"), make=True)


class Folder:
    """Of this user. Everything but remove() is to be done within locked()."""

    def __init__(self, path):
        self.path = path

    @classmethod
    def of_this_user(cls):
        return cls(_place())

    @contextlib.contextmanager
    def locked(self, patience_s):
        try:
            lock = os.open(self._in("lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC,
                           0o600)
        except OSError as error:
            raise Unavailable(f"{self._in('lock')}: {error.strerror}") from None
        try:
            until = time.monotonic() + patience_s
            while not _locks(lock):
                if time.monotonic() > until:
                    raise Unavailable(f"another program has kept {self._in('lock')} locked for "
                                      f"{patience_s:.0f} s; end it")
                time.sleep(_LOOK_S)
            yield
        finally:
            os.close(lock)

    def living(self):
        """[(file's name, document)] of all that hold or wait; those of the dead are removed."""
        found = []
        for name in sorted(os.listdir(self.path)):
            if name.endswith((_ENDING, _UNFINISHED)):
                document = self._look_at(name)
                if document is not None and name.endswith(_ENDING):
                    found.append((name, document))
        return found

    def _look_at(self, name):
        try:
            file = os.open(self._in(name), _READ)
        except OSError:
            return None
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                return None
            if _locks(file):  # nobody has it any more
                self.remove(name)
                return None
            document = _read_document(file)
            return document if document is not None and _lives(document) else None
        finally:
            os.close(file)

    def write(self, document, name=None):
        """(its name, the open file that keeps it). `name`: instead of that one."""
        number = 0
        while name is None:
            candidate = f"{document['pid']}-{number}{_ENDING}"
            taken = os.path.lexists(self._in(candidate)) or os.path.lexists(
                self._in(candidate + ".new"))
            name = None if taken else candidate
            number += 1
        unfinished = self._in(name + ".new")
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(unfinished)
            file = os.open(unfinished, _MAKE, 0o600)
        except OSError as error:
            raise Unavailable(f"{unfinished}: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            text = json.dumps(document).encode()
            if os.write(file, text) != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.rename(unfinished, self._in(name))
        except OSError as error:
            self.remove(name + ".new")
            os.close(file)
            raise Unavailable(f"{unfinished}: {error.strerror}") from None
        return name, file

    def remove(self, name):
        with contextlib.suppress(OSError):
            os.unlink(self._in(name))

    def _in(self, name):
        return os.path.join(self.path, name)


def _locks(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
