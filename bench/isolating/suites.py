"""Test suites that nobody here wrote, from their sources in Debian and on PyPI, built once and kept
in the cache: GoogleTest's own, fmt's, and click's."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CLICK = "click==8.1.8"
PYTHON_PACKAGES = ["pytest==8.4.2", "pytest-xdist==3.8.0"]


def say(words):
    print(f"isolate: {words}", file=sys.stderr, flush=True)


def call(*words, **options):
    """Its output to the log, which is shown where it fails."""
    run = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                         **options)
    if run.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{run.stdout[-4000:]}")
    return run.stdout


def once(folder, make):
    """What `make` put into the folder, if need be now."""
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        say(f"making {folder}")
        make(folder)
        (folder / "complete").touch()
    return folder


def pytest_environment(cache):
    """A Python with pytest and xdist."""
    def make(folder):
        call(sys.executable, "-m", "venv", folder / "python")
        call(folder / "python/bin/pip", "install", "--quiet", *PYTHON_PACKAGES)
    return once(cache / "pytest", make) / "python/bin"


def debian_source(package, folder):
    """Unpacks the source of the release that this machine has."""
    parts, lists = folder / "parts", folder / "lists"
    for made in (parts, lists / "partial"):
        made.mkdir(parents=True)
    for file in Path("/etc/apt/sources.list.d").glob("*.sources"):
        text = file.read_text(encoding="utf-8")
        (parts / file.name).write_text(re.sub(r"^Types: deb$", "Types: deb-src", text,
                                              flags=re.MULTILINE), encoding="utf-8")
    listed = Path("/etc/apt/sources.list")
    if listed.exists():
        (parts / "listed.list").write_text(re.sub(r"^deb ", "deb-src ", listed.read_text("utf-8"),
                                                  flags=re.MULTILINE), encoding="utf-8")
    options = [word for name, value in (("Dir::Etc::sourcelist", "/dev/null"),
                                        ("Dir::Etc::sourceparts", parts),
                                        ("Dir::State::lists", lists))
               for word in ("-o", f"{name}={value}")]
    call("apt-get", *options, "update")
    call("apt-get", *options, "source", package, cwd=folder)
    (source,) = (path for path in folder.iterdir() if path.is_dir() and (path / "debian").is_dir())
    return source


def built_by_cmake(source, build, *settings):
    call("cmake", "-S", source, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", *settings)
    call("ninja", "-C", build)


def googletest(cache):
    """The build folder, for ctest."""
    source = Path("/usr/src/googletest")
    if not (source / "googletest/test").is_dir():
        return None
    return once(cache / "googletest", lambda folder: built_by_cmake(
        source, folder / "build", "-Dgtest_build_tests=ON", "-Dgmock_build_tests=OFF")) / "build"


def fmt(cache):
    def make(folder):
        source = debian_source("fmtlib", folder)
        built_by_cmake(source, folder / "build", "-DFMT_TEST=ON", "-DFMT_DOC=OFF")
    return once(cache / "fmt", make) / "build" if shutil.which("apt-get") else None


def click(cache):
    """The folder with its tests, and the Python that has it."""
    def make(folder):
        python = folder / "python/bin"
        call(sys.executable, "-m", "venv", folder / "python")
        call(python / "pip", "install", "--quiet", *PYTHON_PACKAGES, CLICK)
        call(python / "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", CLICK,
             "-d", folder)
        (archive,) = folder.glob("*.tar.gz")
        shutil.unpack_archive(archive, folder)
    folder = once(cache / "click", make)
    (source,) = folder.glob("click-*/tests")
    return source.parent, folder / "python/bin"


def cache_folder():
    return Path(os.environ.get("HEXCORE_CACHE", Path.home() / ".cache/hexcore")) / "isolate"
