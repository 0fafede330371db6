"""`cmake --install`: what it puts where works there, with nothing of the build folder."""

import subprocess

from conftest import on


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

    share = tmp_path / "share"
    for arguments, path in [
        (["completion", "bash"], share / "bash-completion/completions/hexcore"),
        (["completion", "zsh"], share / "zsh/site-functions/_hexcore"),
        (["completion", "fish"], share / "fish/vendor_completions.d/hexcore.fish"),
        (["man"], share / "man/man1/hexcore.1"),
    ]:
        assert path.read_text() == run(program, *arguments)
