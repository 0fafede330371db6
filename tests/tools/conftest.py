"""Helpers of the tests of the model makers: running them, reading files with the gguf package."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))


def run_tool(name: str, *args, **options) -> subprocess.CompletedProcess:
    """Runs tools/NAME as a person would; output is captured as text."""
    command = [sys.executable, str(TOOLS / name), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def made(name: str, *args) -> None:
    """Runs a maker in this process, which is quicker where only its file matters."""
    importlib.import_module(Path(name).stem).make([str(arg) for arg in args])


def assert_refused(result: subprocess.CompletedProcess, code: int, words: str) -> None:
    """One sentence on stderr that holds `words`, and the exit code; never a traceback."""
    assert result.returncode == code, result.stderr
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    if code != 2:
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr


class Model:
    """A GGUF file as the gguf package, not our own code, reads it."""

    def __init__(self, path: Path):
        self.reader = gguf.GGUFReader(path)
        self.tensors = {t.name: t for t in self.reader.tensors}

    def value(self, key: str):
        return self.reader.fields[key].contents()

    def keys(self) -> dict:
        return {k: f.contents() for k, f in self.reader.fields.items() if not k.startswith("GGUF.")}

    def raw(self, name: str) -> bytes:
        return self.tensors[name].data.tobytes()

    def floats(self, name: str) -> np.ndarray:
        """The tensor's values in F32, slowest dimension first."""
        tensor = self.tensors[name]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        return values.reshape([int(n) for n in reversed(tensor.shape)]).astype(np.float32)


def tiny(path: Path, *options, arch: str = "llama", kind: str = "f16") -> Path:
    """A random model of 2 layers; options override."""
    made("make_random.py", "--arch", arch, "--layers", 2, "--embd", 256, "--ff", 256, "--heads", 4,
         "--type", kind, "-o", path, *options)
    return path


def peak_memory_bytes(name: str, *args) -> int:
    """Runs a tool in a process of its own and returns the most memory that it had resident."""
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)")
    command = [sys.executable, "-c", code, sys.executable, str(TOOLS / name), *map(str, args)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split()[-1])


@pytest.fixture(scope="session")
def llama_bin() -> Path:
    """The folder with llama.cpp's programs; tests that need it are skipped without it."""
    folder = os.environ.get("HEXCORE_LLAMA_BIN")
    if not folder:
        pytest.skip("HEXCORE_LLAMA_BIN is not set to a folder with llama.cpp's programs")
    return Path(folder)


@pytest.fixture(scope="session")
def probe(llama_bin):
    """probe(model, text) loads a model in a process of its own and returns what it computed."""
    library = llama_bin / "libllama.so"
    if not library.exists():
        pytest.skip(f"{library} does not exist: llama.cpp was built without shared libraries")

    def run(model: Path, text: str = "The cat is in the hat, and the hat is in the box."):
        script = Path(__file__).with_name("llama_probe.py")
        result = subprocess.run([sys.executable, str(script), str(library), str(model), text],
                                capture_output=True, text=True, check=False, timeout=120)
        assert result.returncode == 0, result.stderr[-2000:]
        return json.loads(result.stdout)

    return run
