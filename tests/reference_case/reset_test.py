"""The complete reset: whatever happened, the next load finds the machine as the first did."""

from figures import DEVICES, GREEDY, assert_as_planned, assert_nothing_left
from program import resident_bytes
from serving import Server

PROMPT = "one two three four " * 12


def test_force_complete_reset(hexcore, demo_model, tmp_path):
    env = {"XDG_STATE_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    words = ["run", demo_model, *DEVICES, *GREEDY, "--ctx", 256, "-p", "Hello", "-n", 4]
    before = hexcore.json(*words, env=env)
    assert_nothing_left(before)

    # Sessions in its cache, in host memory and in a file, and an answer under way.
    server = Server(hexcore, demo_model, *DEVICES, "--ctx", 256, "--sequences", 1,
                    "--park-memory", "8MiB", "--park-files", "64MiB", env=env)
    parked = tmp_path / "hexcore" / "parked"
    for number in range(8):
        assert server.complete(PROMPT, session_id=f"s{number}", max_tokens=1).status == 200
        if list(parked.glob("run-*/*.session")):
            break
    stream = server.stream("/v1/completions", {"prompt": "Once", "max_tokens": 200})
    next(iter(stream))
    assert resident_bytes(server.process.pid) > 400 << 20
    server.process.kill()
    server.process.wait()

    # The kernel took its memory back; what is left are its files, until they are ended.
    code, _, err = hexcore("reset", env=env)
    assert code == 1 and "--end" in err
    left = hexcore.json("reset", "--end", env=env)
    assert left["clean"] and [one["kind"] for one in left["leftovers"]] == ["parked"]
    assert hexcore.json("reset", env=env)["leftovers"] == []
    assert list(parked.iterdir()) == []

    after = hexcore.json(*words, env=env)
    assert_as_planned(after["devices"])
    assert_nothing_left(after)
    assert after["text"] == before["text"]
    assert [device["accounted"] for device in after["devices"]] == \
        [device["accounted"] for device in before["devices"]]
