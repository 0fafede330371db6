"""The reference case's own tests, by their names there: the demo model over two capped devices.

    ./dev test reference_case
"""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "bench")]
from program import *  # noqa: E402,F403


@pytest.fixture(scope="session")
def probes():
    """The folder of the programs that are built for these tests."""
    return ROOT / os.environ.get("HEXCORE_BUILD", "build/release") / "tests/reference_case"
