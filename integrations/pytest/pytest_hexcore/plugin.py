"""The pytest plugin `hexcore`: fixtures, markers, and how many workers pytest-xdist starts.

PYTEST_DONT_REWRITE: there is no assert in here.
"""

import os
import warnings

import pytest

from .sizes import parse_size, shown

_MARKERS = (
    "memory(host=\"1GiB\", gpu=\"4GiB\"): what the test may take; `hexcore test` runs it in a "
    "process of its own and ends it if it takes more",
    "isolated: `hexcore test` runs the test in a process of its own",
)
_WARN_FROM = "hexcore_kept_warning"


class MemoryKept(pytest.PytestWarning):
    """A test ended, and memory that it took was still there."""


def pytest_addoption(parser):
    parser.addini("hexcore_worker_memory", "what `-n auto` of pytest-xdist counts a worker with "
                  "(default: twice what pytest has at its start, at least 256MiB)", default="")
    parser.addini(_WARN_FROM, "memory_cleanup_fixture warns of more than this (default: 100MiB)",
                  default="100MiB")


def pytest_configure(config):
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    for setting in (_WARN_FROM, "hexcore_worker_memory"):
        try:
            parse_size(config.getini(setting) or "1")
        except ValueError as error:
            raise pytest.UsageError(f"{setting}: {error}") from None


@pytest.hookimpl(optionalhook=True)  # there is none without pytest-xdist
def pytest_xdist_auto_num_workers(config):
    """As many as the memory that nobody has reserved is enough for; None: xdist's own answer."""
    from .workers import workers_by_memory

    return workers_by_memory(config)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """Each test is a label in a recording, where somebody watches."""
    if "HEXCORE_WATCH" not in os.environ:
        yield
        return
    from ._package import hexcore

    with hexcore.label(item.nodeid):
        yield


@pytest.fixture
def memory_cleanup_fixture(request):
    """Empties caches before the test and after it, also if it fails, and yields what was in use
    before it, as memory_statistics() has it. Warns of what the test keeps."""
    from .caches import empty_caches
    from .memory import kept, memory_statistics

    empty_caches()
    before = memory_statistics()
    yield before
    problems = empty_caches()
    after = memory_statistics()
    most = parse_size(request.config.getini(_WARN_FROM))
    for device, size in kept(before, after).items():
        if size > most:
            warnings.warn(MemoryKept(
                f"{request.node.nodeid} keeps {shown(size)} of {device}; the warning is for more "
                f"than {shown(most)}"), stacklevel=1)
    for framework, why in problems.items():
        warnings.warn(pytest.PytestWarning(
            f"the caches of {framework} could not be emptied: {why}"), stacklevel=1)


@pytest.fixture(scope="session")
def gpu_resource_manager():
    """A GPUResourceManager for all tests of the session; what is still reserved at its end is given
    back."""
    from .resource_manager import GPUResourceManager

    manager = GPUResourceManager()
    yield manager
    manager.cleanup()


@pytest.fixture
def memory_tracker(request):
    """A GPUMemoryTracker that watches from before the test until after it. What each device's peak
    was goes into the report (`user_properties`), and so into junit files."""
    from ._package import hexcore

    tracker = hexcore.GPUMemoryTracker()
    tracker.start_monitoring()
    yield tracker
    found = tracker.stop_monitoring()
    for device, growth in found["growth"].items():
        request.node.user_properties.append(
            (f"hexcore.{device}.peak_bytes", growth["peak_bytes"]))
