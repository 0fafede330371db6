"""Waits that a user meets: for disks, for servers, for others who load. Each can be ended."""

import ctypes
import mmap
import os
import resource
import signal
import subprocess
import sys

import pytest
from conftest import Hexcore, interrupt_until_it_ends, on

LIBC = ctypes.CDLL(None, use_errno=True)
TINY = {"layers": 4, "embd": 256, "ff": 256, "heads": 4, "kv_heads": 2, "experts": 8, "used": 2,
        "type": "q8_0"}


def pages_in_memory(path, begin):
    """How many pages of the file the page cache holds from the byte `begin` on."""
    size = path.stat().st_size - begin
    pages = ctypes.create_string_buffer((size + mmap.PAGESIZE - 1) // mmap.PAGESIZE)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), size, offset=begin) as mapping:
        place = ctypes.c_char.from_buffer(mapping)
        result = LIBC.mincore(ctypes.byref(place), ctypes.c_size_t(size), pages)
        del place  # else the mapping stays
    assert result == 0, os.strerror(ctypes.get_errno())
    return sum(page & 1 for page in pages.raw)


@pytest.mark.parametrize("command", [("plan",), ("run", "-p", "x", "-n", "1", "--format", "json"),
                                     ("verify",)])
def test_what_is_no_tensor_is_never_read(hexcore, random_model, tmp_path, command):
    """libllama's way of mapping a file reads all of it, in one call that nothing interrupts."""
    model = tmp_path / "model.gguf"
    model.write_bytes(random_model("qwen3moe", **TINY).read_bytes())
    # What the kernel reads ahead of a reader that is near the tensors' end is none of ours.
    behind = model.stat().st_size // mmap.PAGESIZE * mmap.PAGESIZE + (64 << 20)
    os.truncate(model, 2 << 30)
    name, *options = command
    code, _, err = hexcore(name, model, *on("64MiB"), "--ctx", "512", *options)
    assert code == 0, err
    assert pages_in_memory(model, behind) == 0


class Limited:
    """Runs of one command under limits of memory, each of which must end with 0 or 3."""

    STEP = 12 << 20

    def __init__(self, hexcore, limit, *command):
        self.hexcore, self.limit, self.command = hexcore, limit, command

    def within(self, size, *arguments):
        def setup():
            resource.setrlimit(self.limit, (size, size))
        return self.hexcore(*arguments, setup=setup)

    def least(self):
        """With less it is the loader of programs that gives up."""
        return next(size for size in range(self.STEP, 1 << 30, self.STEP)
                    if self.within(size, "--version").code == 0)

    def fits(self, size):
        code, _, err = self.within(size, *self.command)
        assert code in (0, 3), f"{size} bytes: {err}"
        assert code == 0 or "ulimit" in err, f"{size} bytes: {err}"
        return code == 0


limits = pytest.mark.parametrize("limit", [resource.RLIMIT_DATA, resource.RLIMIT_AS],
                                 ids=["data", "address space"])


@limits
def test_any_limit_of_memory_is_kept_or_refused(hexcore, random_model, limit):
    """ggml asserts that its own small allocations succeed."""
    run = Limited(hexcore, limit, "run", random_model("qwen3moe", **TINY), *on("64MiB"), "--ctx",
                  "512", "-t", "2", "-p", "x", "-n", "1", "--format", "json")
    least = run.least()
    fitting = [run.fits(size) for size in range(least, least + 18 * run.STEP, run.STEP)]
    assert not fitting[0]


@limits
@pytest.mark.parametrize("command", [
    ("run", "-p", "x", "-n", "1", "--format", "json"), ("verify", "--tokens", "8")],
                         ids=["run", "verify"])
def test_the_stacks_of_many_threads_are_part_of_what_must_fit(hexcore, random_model, limit,
                                                             command):
    """OpenMP's runtime ends the program where it gets no thread; both sides of the limit that
    a run needs are looked at from ever nearer."""
    name, *options = command
    run = Limited(hexcore, limit, name, random_model("qwen3moe", **TINY), *on("64MiB"), "--ctx",
                  "512", "-t", "16", *options)
    refused, fitting = run.least(), 1 << 30
    assert not run.fits(refused) and run.fits(fitting)
    while fitting - refused > 1 << 20:
        middle = (refused + fitting) // 2
        if run.fits(middle):
            fitting = middle
        else:
            refused = middle


# Stands in for a disk that does not answer until a file appears.
GATED_READS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
static void wait_for_gate(off_t offset) {
    while (offset >= atoll(getenv("GATED_FROM")) && access(getenv("GATE"), F_OK) != 0) {
        usleep(5000);
    }
}
#define GATED(name) \\
    ssize_t name(int file, void *to, size_t size, off_t offset) { \\
        wait_for_gate(offset); \\
        return ((ssize_t (*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, #name))(file, to, size, \\
                                                                              offset); \\
    }
GATED(pread)
GATED(pread64)
"""


@pytest.fixture
def stalled_run(hexcore, random_model, tmp_path):
    """A run whose disk does not answer, the file that makes it, and what the run said."""
    (tmp_path / "gated.c").write_text(GATED_READS)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "gated.so", "gated.c", "-ldl"], cwd=tmp_path,
                   check=True)
    model = random_model("qwen3moe", **TINY)
    gate = tmp_path / "open"
    env = {"LD_PRELOAD": str(tmp_path / "gated.so"), "GATE": str(gate),
           "GATED_FROM": str(model.stat().st_size // 2)}
    with hexcore.start("run", model, *on("64MiB"), "--ctx", "512", "-p", "x", "-n", "1", env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       errors="replace") as run:
        yield run, gate, run.stderr.readline()
        run.kill()


def test_a_load_that_takes_longer_than_a_second_says_so(stalled_run):
    run, gate, told = stalled_run
    assert told.startswith("hexcore: loading: after a second") and told.endswith(" are read\n")
    gate.touch()
    _, err = run.communicate(timeout=240)
    assert run.returncode == 0 and "loading" not in err, err


def test_an_interrupt_ends_a_load_at_the_next_answer_of_the_disk(stalled_run):
    run, gate, _ = stalled_run
    run.send_signal(signal.SIGINT)
    gate.touch()
    out, err = run.communicate(timeout=240)
    assert (run.returncode, out) == (130, "")
    assert "interrupted while loading; nothing is left allocated" in err


def test_a_second_interrupt_ends_a_load_whose_disk_never_answers(stalled_run):
    run, gate, _ = stalled_run
    interrupt_until_it_ends(run)
    assert run.returncode == 130 and not gate.exists()


HAVE_THE_TURN = """
import signal, socket, sys
turn = socket.socket(socket.AF_UNIX)
turn.bind("\\0hexcore-load-" + sys.argv[1])
turn.listen()
print("here", flush=True)
signal.pause()
"""


@pytest.fixture
def waiting_run(hexcore, random_model):
    """A run that waits for another load, the process of that load, and what the run said."""
    queue = Hexcore.env["HEXCORE_LOAD_QUEUE"]
    with subprocess.Popen([sys.executable, "-c", HAVE_THE_TURN, queue], stdout=subprocess.PIPE,
                          text=True) as other:
        assert other.stdout.readline() == "here\n"
        run = hexcore.start("run", random_model("qwen3moe", **TINY), *on("64MiB"), "--ctx", "512",
                            "-p", "x", "-n", "1", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, errors="replace")
        with run:
            yield run, other, run.stderr.readline()
            run.kill()
        other.kill()


def test_a_load_waits_for_another_and_says_so_and_a_killed_one_frees_it(waiting_run):
    run, other, told = waiting_run
    assert told.startswith(f"hexcore: waiting until process {other.pid} has taken the memory")
    assert run.poll() is None
    other.kill()
    _, err = run.communicate(timeout=240)
    assert run.returncode == 0, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_waiting_for_another_load_can_be_ended(waiting_run, number):
    run, other, told = waiting_run
    assert "waiting until process" in told
    run.send_signal(number)
    _, err = run.communicate(timeout=240)
    assert run.returncode == 130
    assert "interrupted while waiting for another load" in err
    assert other.poll() is None
