"""Where the scripts keep what is made once."""

import os
import subprocess

import pytest
from conftest import ROOT


@pytest.mark.parametrize("command", [["./dev", "help"], ["cmake/build_llama.sh", "ggml"]])
def test_a_relative_cache_folder_is_refused(command):
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False,
                         env=os.environ | {"HEXCORE_CACHE": "not-absolute"})
    assert run.returncode == 2
    assert "HEXCORE_CACHE is 'not-absolute'" in run.stderr and "absolute path" in run.stderr
    assert run.stderr.count("\n") == 1
    assert not (ROOT / "not-absolute").exists()


def test_a_relative_folder_of_the_desktop_is_passed_over(tmp_path):
    command = ". cmake/cache.sh; hexcore_cache"
    run = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True,
                         check=True, env={"HOME": str(tmp_path), "XDG_CACHE_HOME": "here"})
    assert run.stdout == f"{tmp_path}/.cache/hexcore\n"
