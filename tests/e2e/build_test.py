"""What a user builds."""

import subprocess

from conftest import ROOT


def configured(folder, *options):
    """build.ninja of a build folder that was configured as by hand, for the llama.cpp at hand."""
    subprocess.run(["cmake", "-G", "Ninja", "-S", ROOT, "-B", folder, *options], check=True,
                   capture_output=True)
    return (folder / "build.ninja").read_text(encoding="utf-8")


def test_a_user_builds_no_tests_no_benchmarks_and_no_errors_from_warnings(tmp_path):
    rules = configured(tmp_path / "user")
    assert "build program:" in rules and "libggml-hexcore.so" in rules
    for other in ("test_plan", "bench_planner", "-Werror"):
        assert other not in rules
    assert "-Werror" in configured(tmp_path / "check", "-DHEXCORE_WERROR=ON")


def test_what_a_user_builds_keeps_its_optimisation_beside_a_quick_build(tmp_path):
    folder = tmp_path / "build"
    assert " -O1 " in configured(folder, "-DCMAKE_BUILD_TYPE=Release", "-DHEXCORE_QUICK=ON")
    assert " -O1 " not in configured(folder, "-DHEXCORE_QUICK=OFF")
