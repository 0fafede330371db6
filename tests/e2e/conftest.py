"""The end-to-end tests: the real program in a process of its own.

    ./dev test e2e
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from program import *  # noqa: E402,F403


@pytest.fixture
def plugin_programs(hexcore, llama_bin, tmp_path):
    """llama.cpp's programs over a plan: `plugin_programs(demo_model, *on("320MiB"))`."""
    from plugin_programs import PluginPrograms

    def make(model, *options):
        return PluginPrograms(hexcore, llama_bin, tmp_path, model, *options)

    return make
