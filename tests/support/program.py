"""What the tests in Python share: the real program, real models, and llama.cpp's own programs."""

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pytest

# Who runs the tests in the background may ignore these, which a program that is started inherits.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_DFL)

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"


@functools.cache
def cache_folder():
    run = subprocess.run(["bash", "-c", ". cmake/cache.sh; hexcore_cache"], cwd=ROOT,
                         stdout=subprocess.PIPE, text=True, check=True)
    return Path(run.stdout.removesuffix("\n"))


class Outcome(NamedTuple):
    code: int
    stdout: str
    stderr: str


class Hexcore:
    """Runs the program: `code, out, err = hexcore("plan", model, "--format", "json")`."""

    # Tests share the cores with one another. By default OpenMP's threads spin while they wait,
    # which is up to 20 times slower where there are fewer cores free than threads.
    # Nor do their loads wait for those of others.
    env = {"OMP_WAIT_POLICY": "passive", "HEXCORE_LOAD_QUEUE": f"test-{os.getpid()}"}
    started = []  # by start(), in this test

    def __init__(self, path, cache):
        self.path = path
        # What this machine's devices were measured at is not what the tests expect, and what they
        # ask in chats is not for its user.
        self.env = self.env | {"HEXCORE_CACHE": str(cache), "XDG_STATE_HOME": str(cache / "state"),
                               # Nor do they wait for what other programs are going to take.
                               "HEXCORE_RESERVATIONS": str(cache / "reservations")}

    def __call__(self, *arguments, stdin="", env=None, timeout_s=600, cwd=None, setup=None):
        """`setup` runs in the child process before the program starts."""
        run = subprocess.run([self.path, *map(str, arguments)], input=stdin, text=True,
                             capture_output=True, env=self.environment(env), cwd=cwd,
                             timeout=timeout_s, check=False, preexec_fn=setup)
        return Outcome(run.returncode, run.stdout, run.stderr)

    def environment(self, changes=None):
        return os.environ | self.env | (changes or {})

    def start(self, *arguments, env=None, **options):
        """The program running beside the test, as subprocess.Popen; killed at the test's end."""
        self.started.append(subprocess.Popen([self.path, *map(str, arguments)],
                                             env=self.environment(env), **options))
        return self.started[-1]

    def json(self, *arguments, **options):
        """What the program prints with --format json, which must be one document, on success."""
        code, out, err = self(*arguments, "--format", "json", **options)
        assert code == 0, f"exit code {code}: {err}"
        return json.loads(out)


@pytest.fixture(autouse=True)
def nothing_runs_on():
    yield
    while Hexcore.started:
        process = Hexcore.started.pop()
        process.kill()
        process.wait()


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def catches(pid, number):
    """Whether the process has a handler of its own for the signal."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> (number - 1) & 1 == 1


def wait_until(condition, process, timeout_s=240):
    """Returns once condition() holds; the process must not end before."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.001)


def interrupt_until_it_ends(process, timeout_s=240):
    """Ctrl-C again and again, as of somebody who has no patience."""
    end = time.monotonic() + timeout_s
    while process.poll() is None:
        assert time.monotonic() < end, "no number of interrupts ends it"
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)  # two that come at once count as one


def on(*sizes, kind="host"):
    """Options for capped host devices: `on("320MiB", "64MiB")`."""
    return [word for size in sizes for word in ("--device", f"{kind}={size}")]


@pytest.fixture(scope="session")
def hexcore(tmp_path_factory):
    path = Path(os.environ.get("HEXCORE_BIN", ROOT / "build/release/hexcore"))
    assert os.access(path, os.X_OK), f"{path} is missing; run ./dev build or set HEXCORE_BIN"
    return Hexcore(path, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def demo_model():
    """The path of the 8x135M mixture; made first if need be."""
    run = subprocess.run([sys.executable, TOOLS / "demo_model.py", "--cache", cache_folder()],
                         stdout=subprocess.PIPE, text=True, check=True)
    return Path(run.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def random_model():
    """Makes a model of random weights: `random_model("deepseek2", layers=4, fused_gate_up=True)`.

    The options are those of tools/make_random.py. Gives the path of the file, or of its first part
    with split=N. A model is made once per set of options and version of the tools, and kept.
    """
    digest = hashlib.sha256()
    for tool in sorted(TOOLS.glob("*.py")):
        digest.update(tool.read_bytes())

    def make(arch="llama", **options):
        words = ["--arch", arch]
        for name, value in sorted(options.items()):
            option = "--" + name.replace("_", "-")
            if value is True:
                words.append(option)
            elif value is not False:
                words += [option, str(value)]
        key = hashlib.sha256(digest.digest() + "\0".join(words).encode()).hexdigest()[:16]
        folder = cache_folder() / "random" / key
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix=key + ".partial.", dir=folder.parent))
            try:
                subprocess.run([sys.executable, TOOLS / "make_random.py", *words,
                                "-o", partial / "model.gguf"], check=True)
                partial.rename(folder)
            except OSError:
                if not folder.exists():  # else a test beside this one made it, too
                    raise
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        return min(folder.glob("*.gguf"))

    return make


@pytest.fixture(scope="session")
def llama_bin():
    """The path of one of llama.cpp's own programs, of the very build that Hexcore links:
    `llama_bin("llama-completion")`."""

    def build(program):
        run = subprocess.run([ROOT / "cmake/build_llama.sh", program], stdout=subprocess.PIPE,
                             text=True, check=True)
        paths = dict(line.split(" ", 1) for line in run.stdout.splitlines())
        return Path(paths[program])

    return build


@pytest.fixture(scope="session")
def llama_source():
    """The folder of llama.cpp's source."""
    run = subprocess.run([ROOT / "cmake/build_llama.sh", "llama"], stdout=subprocess.PIPE,
                         text=True, check=True)
    return Path(run.stdout.splitlines()[0].removeprefix("source "))


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def answers(host, port):
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


@pytest.fixture
def start_server(llama_bin):
    """`start_server()` gives the server's process and its HOST:PORT; `within` runs it elsewhere."""
    program = llama_bin("ggml-rpc-server")
    servers = []

    def start(host="127.0.0.1", within=()):
        for _ in range(5):  # somebody else may take the port before the server does
            port = free_port()
            server = subprocess.Popen(
                [*within, program, "-H", host, "-p", str(port), "-t", "1"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=os.environ | {"OMP_WAIT_POLICY": "passive"})
            servers.append(server)
            end = time.monotonic() + 60
            while server.poll() is None and time.monotonic() < end:
                if answers(host, port) and server.poll() is None:
                    return server, f"{host}:{port}"
                time.sleep(0.05)
        raise AssertionError("the server does not answer")

    yield start
    for server in servers:
        server.kill()
        server.wait()


@pytest.fixture(scope="session")
def plugin_path(hexcore):
    path = hexcore.path.parent / "libggml-hexcore.so"
    assert path.exists(), f"{path} is missing; run ./dev build"
    return path
