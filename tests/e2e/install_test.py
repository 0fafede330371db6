"""`cmake --install`: what it puts where works there, with nothing of the build folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Hexcore, on

ROOT = Path(__file__).resolve().parents[2]


def test_the_installed_program_runs_with_its_own_libraries(hexcore, demo_model, tmp_path):
    build = hexcore.path.parent
    subprocess.run(["cmake", "--install", build, "--prefix", tmp_path], check=True,
                   capture_output=True)
    program = tmp_path / "bin/hexcore"

    def run(*arguments):
        return subprocess.run(arguments, env={"PATH": "/usr/bin:/bin"}, capture_output=True,
                              text=True, check=True).stdout

    (plugin,) = tmp_path.glob("lib*/**/libggml-hexcore.so")
    for file, least in ((program, 4), (plugin, 3)):
        libraries = [line for line in run("ldd", file).splitlines()
                     if "libggml" in line or "libllama" in line]
        assert len(libraries) >= least
        assert all(str(tmp_path) in line for line in libraries), libraries
    commands = run(program, "plan", demo_model, *on("700MiB"), "--ctx", "256", "--plugin",
                   "--format", "llama.cpp")
    assert f"GGML_BACKEND_PATH={plugin} " in commands

    assert run(program, "limit", "--memory", "1GiB", "--", "echo", "caged") == "caged\n"

    share = tmp_path / "share"
    for arguments, path in [
        (["completion", "bash"], share / "bash-completion/completions/hexcore"),
        (["completion", "zsh"], share / "zsh/site-functions/_hexcore"),
        (["completion", "fish"], share / "fish/vendor_completions.d/hexcore.fish"),
        (["man"], share / "man/man1/hexcore.1"),
    ]:
        assert path.read_text() == run(program, *arguments)


EXAMPLE = ROOT / "examples" / "answer"
TEXT = "Gravity is the force that"


@pytest.fixture(scope="module")
def installed(hexcore, tmp_path_factory):
    prefix = tmp_path_factory.mktemp("installed")
    subprocess.run(["cmake", "--install", hexcore.path.parent, "--prefix", prefix], check=True,
                   capture_output=True)
    assert not list(prefix.rglob("__pycache__"))
    return prefix


def answer_of(program, demo_model):
    return subprocess.run([program, demo_model, "320MiB", TEXT], capture_output=True, text=True,
                          check=True, env={**os.environ, **Hexcore.env}).stdout


def test_the_example_is_built_by_cmake_against_what_is_installed(hexcore, installed, demo_model,
                                                                 tmp_path):
    for arguments in (["-S", EXAMPLE, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={installed}"],
                      ["--build", tmp_path]):
        subprocess.run(["cmake", *arguments], check=True, capture_output=True)
    shown = answer_of(tmp_path / "answer", demo_model)
    code, out, err = hexcore("run", demo_model, *on("320MiB", "320MiB"), "-n", "24", "--temp", "0",
                             "--raw", "-p", TEXT)
    assert code == 0, err
    assert out.strip() in shown
    assert '"accounted"' in shown and "PLANNED FILL" in shown


def test_a_program_reserves_memory_and_runs_work_apart_with_what_is_installed(installed, tmp_path):
    example = ROOT / "examples" / "resources"
    for arguments in (["-S", example, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={installed}"],
                      ["--build", tmp_path]):
        subprocess.run(["cmake", *arguments], check=True, capture_output=True)
    run = subprocess.run([tmp_path / "resources", "64MiB"], check=True, capture_output=True,
                         text=True, env={"PATH": "/usr/bin:/bin",
                                         "HEXCORE_RESERVATIONS": str(tmp_path / "reservations")})
    assert re.fullmatch(r"result 67108864, peak \d+\.?\d* MiB, memory clean\n", run.stdout), run
    assert [path.name for path in (tmp_path / "reservations").iterdir()] == ["lock"]


TRACKER_EXAMPLE = ROOT / "examples" / "tracker"


def tracked(*command):
    """The document that a program prints last, and what it printed before."""
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, _, document = shown.partition("{")
    return json.loads("{" + document), before


def test_a_program_tracks_itself_with_what_is_installed(installed, tmp_path):
    for arguments in (["-S", TRACKER_EXAMPLE, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={installed}"],
                      ["--build", tmp_path]):
        subprocess.run(["cmake", *arguments], check=True, capture_output=True)
    picture = tmp_path / "memory.svg"
    document, shown = tracked(tmp_path / "tracked", picture)
    assert "MiB more than at the start" in shown
    assert document["schema"] == "hexcore.recording/1"
    assert document["devices"][0]["peak_bytes"] > 100 << 20
    assert picture.read_text().startswith("<svg") or "<svg" in picture.read_text()
    in_c, _ = tracked(tmp_path / "tracked_in_c")
    assert in_c["devices"][0]["name"] == "host"

    (folder,) = installed.glob("lib*/**/pkgconfig")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "hexcore-tracker"], check=True,
                           text=True, capture_output=True,
                           env={**os.environ, "PKG_CONFIG_PATH": str(folder)}).stdout.split()
    subprocess.run(["cc", TRACKER_EXAMPLE / "tracked_in_c.c", "-o", tmp_path / "by_pkg_config",
                    *flags, f"-Wl,-rpath,{folder.parent}"], check=True, capture_output=True)
    assert tracked(tmp_path / "by_pkg_config")[0]["duration_ms"] > 0


def test_tests_say_what_they_keep_with_the_headers_that_are_installed(installed, tmp_path):
    for arguments in (["-S", ROOT / "examples" / "testing", "-B", tmp_path,
                       f"-DCMAKE_PREFIX_PATH={installed}"], ["--build", tmp_path]):
        subprocess.run(["cmake", *arguments], check=True, capture_output=True)
    budgets = tmp_path / "budgets.jsonl"
    run = subprocess.run([tmp_path / "tested_with_googletest"], capture_output=True, text=True,
                         check=True, env={"HEXCORE_TEST_BUDGETS": str(budgets)})
    said = [line for line in run.stderr.splitlines() if "MEMORY" in line]
    assert re.fullmatch(r"\[  MEMORY  \] Cache\.GrowsWithUse kept 1\d\d\.\d MiB of host "
                        r"\([\d.]+ MiB before, [\d.]+ MiB after\)", said[0]), said
    # By the fixture, and by what watches every test.
    assert said[1:] == ["[  MEMORY  ] Device.GivesBackWhatItTook kept 200.0 MiB of cuda:0 "
                        "(0.0 MiB before, 200.0 MiB after)"] * 2
    assert [json.loads(line) for line in budgets.read_text().splitlines()] == [
        {"test": "Cache.GrowsWithUse", "memory": "512MiB"},
        {"test": "Cache.GrowsWithUse", "timeout": "30s"}]
    run = subprocess.run([tmp_path / "tested_with_catch2"], capture_output=True, text=True,
                         check=True)
    (said,) = (line for line in run.stderr.splitlines() if "MEMORY" in line)
    assert said.startswith("[  MEMORY  ] the cache grows with use kept 1")


def test_the_library_exports_the_names_of_hexcore_only(installed):
    (library,) = installed.glob("lib*/libhexcore.so")
    names = subprocess.run(["nm", "-D", "--defined-only", "--demangle", "--format=just-symbols",
                            library], check=True, capture_output=True, text=True).stdout
    ours = re.compile(r"((typeinfo|typeinfo name|vtable) for )?hexcore::")
    others = [name for name in names.splitlines() if not ours.match(name)]
    assert not others
    assert "hexcore::PlannedModel::make(" in names


def test_debians_python_finds_the_package(installed):
    """By the line in its folder, as it is read at Python's start; and that finds the library."""
    found, status = subprocess.run(
        ["python3", "-I", "-c", "import site, sys; site.addsitedir(sys.argv[1]); import hexcore; "
         "print(hexcore.__file__); print(hexcore.status())",
         installed / "lib/python3/dist-packages"],
        capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"]}).stdout.splitlines()
    (package,) = installed.glob("lib*/**/hexcore/python/hexcore/__init__.py")
    assert Path(found) == package
    assert status.startswith("not watched")


def test_what_nvtx_loads_finds_the_library(installed):
    (injection,) = installed.glob("lib*/**/libhexcore-nvtx.so")
    needed = subprocess.run(["ldd", injection], capture_output=True, text=True, check=True).stdout
    (line,) = (line for line in needed.splitlines() if "libhexcore-tracker" in line)
    assert str(installed) in line


def build_and_run_by_pkg_config(prefix, demo_model, program):
    (folder,) = prefix.glob("lib*/**/pkgconfig")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "hexcore"], check=True, text=True,
                           capture_output=True, env={**os.environ, "PKG_CONFIG_PATH": str(folder)})
    subprocess.run(["c++", EXAMPLE / "answer.cpp", "-o", program, *flags.stdout.split(),
                    f"-Wl,-rpath,{folder.parent}"], check=True, capture_output=True)
    assert '"accounted"' in answer_of(program, demo_model)


def test_the_example_is_built_by_pkg_config_against_what_is_installed(installed, demo_model,
                                                                      tmp_path):
    build_and_run_by_pkg_config(installed, demo_model, tmp_path / "answer")


def test_a_system_whose_libraries_are_in_lib64_is_served_as_well(hexcore, demo_model, tmp_path):
    """The same programs, from a build folder that is configured for such a system."""
    built, configured, prefix = hexcore.path.parent, tmp_path / "build", tmp_path / "prefix"
    subprocess.run(["cmake", "-S", ROOT, "-B", configured, "-G", "Ninja",
                    "-DCMAKE_INSTALL_LIBDIR=lib64", "-DCMAKE_BUILD_TYPE=Release"], check=True,
                   capture_output=True)
    for name in ("hexcore", "hexcore-supervisor", "hexcore-tracer", "libggml-hexcore.so",
                 "libhexcore.so*", "libhexcore-tracker.so*", "libhexcore-nvtx.so", "shell"):
        for path in built.glob(name):
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, configured / path.name, **({} if path.is_dir()
                                                  else {"follow_symlinks": False}))
    subprocess.run(["cmake", "--install", configured, "--prefix", prefix], check=True,
                   capture_output=True)
    assert not (prefix / "lib").exists()
    build_and_run_by_pkg_config(prefix, demo_model, tmp_path / "answer")


def test_a_debian_package_can_be_installed_and_removed(hexcore, tmp_path):
    build = hexcore.path.parent
    subprocess.run(["cpack", "--config", build / "CPackConfig.cmake", "-B", tmp_path / "made"],
                   check=True, capture_output=True, cwd=tmp_path)
    (package,) = (tmp_path / "made").glob("hexcore_*.deb")
    depends = subprocess.run(["dpkg-deb", "--field", package, "Depends"], check=True, text=True,
                             capture_output=True).stdout
    assert "libc6" in depends and "libfmt" in depends
    root = tmp_path / "root"
    admin = root / "var/lib/dpkg"
    (admin / "info").mkdir(parents=True)
    (admin / "updates").mkdir()
    (admin / "status").touch()
    dpkg = ["dpkg", f"--root={root}", "--force-not-root", "--force-depends",
            "--force-script-chrootless", "--log=/dev/null"]
    subprocess.run([*dpkg, "--install", package], check=True, capture_output=True)
    version = subprocess.run([root / "usr/bin/hexcore", "--version"], check=True, text=True,
                             capture_output=True).stdout
    assert version.startswith("hexcore ")
    (package,) = root.glob("usr/lib*/**/hexcore/python")
    subprocess.run(["python3", "-c", "import hexcore"], check=True,
                   env={"PATH": os.environ["PATH"], "PYTHONPATH": str(package)})
    assert list(package.rglob("*.pyc"))
    subprocess.run([*dpkg, "--purge", "hexcore"], check=True, capture_output=True)
    assert not [path for path in root.rglob("*") if path.is_file() and admin not in path.parents]


def test_the_installed_program_runs_pytests_tests_by_its_own_plugin(installed, tmp_path):
    """Which finds Hexcore's package, and that the library."""
    (tmp_path / "test_it.py").write_text("""
import pytest_hexcore._package

def test_package(gpu_resource_manager):
    hexcore = pytest_hexcore._package.hexcore
    assert hexcore.__name__ == "pytest_hexcore._hexcore" and "not watched" in hexcore.status()
""")
    run = subprocess.run(
        [installed / "bin/hexcore", "test", "--config", "none", "--", sys.executable, "-m",
         "pytest", "-p", "no:cacheprovider"], cwd=tmp_path, capture_output=True, text=True,
        check=False,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1",
             "HEXCORE_RESERVATIONS": str(tmp_path / "reservations")})
    assert run.returncode == 0, run.stdout + run.stderr
