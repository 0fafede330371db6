"""hexcore reset: what dead runs left is shown and, with --end, goes; nothing else does."""

import fcntl
import os

import pytest
from conftest import on
from serving import Server


@pytest.fixture
def state(tmp_path):
    """The environment of a user who has parked and watched nothing yet, and the folder for the
    first."""
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    return ({"XDG_STATE_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime)},
            tmp_path / "hexcore" / "parked")


def left_folder(parked, name, size=1000):
    (parked / name).mkdir(parents=True)
    (parked / name / "lock").touch()
    (parked / name / "1.session").write_bytes(b"x" * size)
    return parked / name


def leftovers(hexcore, env, *options, code):
    outcome = hexcore("reset", *options, "--format", "json", env=env)
    assert outcome.code == code, outcome
    return outcome.stdout


def test_nothing_is_left_where_nothing_ran(hexcore, state):
    report = hexcore.json("reset", env=state[0])
    assert report == {"schema": "hexcore.reset/1", "clean": True, "why": [], "waited_ms": 0,
                      "devices": [], "host": None, "unloaded": [], "leftovers": []}
    assert hexcore("reset", env=state[0]) == (0, "nothing is left of runs that died\n", "")


def test_what_a_killed_server_parked_is_shown_and_removed(hexcore, demo_model, state):
    env, parked = state
    server = Server(hexcore, demo_model, *on("320MiB", "320MiB"), "--reserve", "8MiB", "--ctx",
                    "512", "--sequences", "1", "--park-memory", "8MiB", "--park-files", "64MiB",
                    env=env)
    for session in range(20):
        assert server.complete("one two three four " * 16, session_id=f"s{session}",
                               max_tokens=1).status == 200
        if files := list(parked.glob("run-*/*.session")):
            break
    assert files, "twenty sessions take more than 8 MiB"
    metrics = server.metrics()
    assert metrics["hexcore_parked_memory_limit_bytes"] == 8 << 20
    assert metrics["hexcore_parked_file_limit_bytes"] == 64 << 20
    assert hexcore.json("reset", "--end", env=env)["leftovers"] == [], "it lives"
    assert files[0].exists()
    server.process.kill()
    server.process.wait()

    code, out, err = hexcore("reset", env=env)
    assert code == 1
    assert str(files[0].parent)[-20:] in out.replace("\n", "").replace(" ", "")
    assert "--end" in err
    assert files[0].exists(), "it was only shown"
    report = hexcore.json("reset", "--end", env=env)
    assert [(left["kind"], left["path"], left["ended"]) for left in report["leftovers"]] == [
        ("parked", str(files[0].parent), True)]
    assert report["leftovers"][0]["bytes"] > 100_000
    assert report["clean"]
    assert list(parked.iterdir()) == []
    assert hexcore("reset", env=env).code == 0


def test_what_lives_and_what_is_no_folder_of_ours_stays(hexcore, state, tmp_path):
    env, parked = state
    living = left_folder(parked, "run-living")
    dead = left_folder(parked, "run-dead00")
    other = left_folder(parked, "notes")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    (dead / "inside").symlink_to(precious)
    (parked / "run-linked").symlink_to(precious)
    with (living / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, out, _ = hexcore("reset", "--end", env=env)
    assert code == 0
    assert "removed" in out
    assert not dead.exists()
    assert living.exists() and other.exists() and (precious / "file").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_what_is_another_users_stays(hexcore, state):
    env, parked = state
    theirs = left_folder(parked, "run-theirs")
    os.chown(theirs, 65534, 65534)
    assert hexcore("reset", "--end", env=env).code == 0
    assert theirs.exists()


def test_what_cannot_be_removed_is_told(hexcore, state):
    env, parked = state
    dead = left_folder(parked, "run-dead00")
    if os.geteuid() == 0:
        pytest.skip("root can remove anything")
    dead.chmod(0o500)
    code, out, _ = hexcore("reset", "--end", env=env)
    dead.chmod(0o700)
    assert code == 1
    assert "cannot remove" in out
