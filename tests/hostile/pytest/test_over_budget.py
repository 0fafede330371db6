"""Each takes more than it says."""

import mmap
import os
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.memory(host="96MiB")
MORE = 192 << 20


def test_at_once():
    memory = b"x" * MORE
    time.sleep(100)
    return memory


def test_little_by_little():
    memory = []
    for _ in range(MORE >> 20):
        memory.append(b"x" * (1 << 20))
        time.sleep(0.001)
    time.sleep(100)


def test_in_a_child():
    if os.fork() == 0:
        memory = b"x" * MORE
        time.sleep(100)
        os._exit(len(memory) % 2)
    os.wait()


def test_in_a_program():
    program = f"memory = b'x' * {MORE}; import time; time.sleep(100)"
    subprocess.run([sys.executable, "-c", program], check=False)
    time.sleep(100)


def test_shared():
    memory = mmap.mmap(-1, MORE)
    for page in range(0, MORE, mmap.PAGESIZE):
        memory[page] = 1
    time.sleep(100)


def test_in_its_fixture(request):
    request.addfinalizer(lambda: (b"x" * MORE, time.sleep(100)))
