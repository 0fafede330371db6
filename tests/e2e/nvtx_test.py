"""The NVTX ranges of unmodified programs become labels and marks under `hexcore watch`."""

import subprocess
import sys
from pathlib import Path

import pytest
from told import watch

EVERY_FUNCTION = Path(__file__).with_name("nvtx_program.py")


@pytest.fixture
def injection(hexcore):
    return hexcore.path.parent / "libhexcore-nvtx.so"


def test_ranges_of_a_program_with_the_nvtx_package(hexcore, tmp_path):
    """NVTX as NVIDIA builds it into programs, which finds the library by itself."""
    outcome, told = watch(hexcore, tmp_path, sys.executable, "-c", """
import nvtx
@nvtx.annotate()
def step():
    with nvtx.annotate("inner", domain="library"):
        nvtx.mark("here")
step()
nvtx.push_range("outer")
nvtx.pop_range()
nvtx.end_range(nvtx.start_range("over threads"))
""")
    assert outcome.code == 0, outcome.stderr
    assert told.labels() == ["+step", "+library: inner", "-library: inner", "-step", "+outer",
                             "-outer"]
    assert told.marks() == ["here", "over threads starts", "over threads ends"]


def test_every_function_that_a_tool_can_answer(hexcore, tmp_path, injection):
    outcome, told = watch(hexcore, tmp_path, sys.executable, EVERY_FUNCTION, injection)
    assert outcome.code == 0, outcome.stderr
    # Levels of nesting, within each domain: NVTX's answer to a push and to a pop.
    assert outcome.stdout == "[0, 1, 2, 2, 1, 0, -1, 0, 0, 0, 0] True True\n"
    assert told.labels() == ["+push", "+push a", "+push w", "-push w", "-push a", "-push",
                             "+lib: registered", "+other", "-other", "-lib: registered"]
    assert told.marks() == ["a €", "mark", "wide € 😀", "started starts", "started w starts",
                            "started ends", "started w ends", "lib: (no name)"]


def test_a_child_can_use_it_that_was_forked_while_another_thread_did(hexcore, tmp_path, injection):
    outcome, told = watch(hexcore, tmp_path, sys.executable, EVERY_FUNCTION, injection, "forks")
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout == f"{[0] * 40}\n"
    assert told.marks() == ["child starts"] * 40


def test_where_nobody_watches_nvtx_is_told_so(injection):
    run = subprocess.run([sys.executable, EVERY_FUNCTION, injection], capture_output=True,
                         text=True, check=True, env={"PATH": "/usr/bin:/bin"})
    assert run.stdout == "nobody listens\n"


def test_another_tools_variable_is_left_alone(hexcore, tmp_path):
    outcome, _ = watch(hexcore, tmp_path, "sh", "-c", "echo $NVTX_INJECTION64_PATH",
                       env={"NVTX_INJECTION64_PATH": "another-tool.so"})
    assert outcome.stdout == "another-tool.so\n"
