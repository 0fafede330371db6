"""Every Hexcore program under `hexcore watch`: the recording has its devices, to the byte."""

import json

import pytest
from conftest import on
from plugin_programs import PROMPT
from serving import Server

DEVICES = [*on("320MiB", "320MiB"), "--reserve", "8MiB", "--ctx", "512"]


@pytest.fixture
def watched(hexcore, tmp_path):
    """The words that come before a command, and the ledgers that were told once it has ended."""
    recording, out = tmp_path / "out.hxr", tmp_path / "out.json"

    def ledgers():
        told = hexcore("report", recording, "-o", out)
        assert told.code == 0, told.stderr
        document = json.loads(out.read_text())
        assert document["lost_records"] == 0
        return {holder["device"]: holder for holder in document["holders"]
                if holder["kind"] == "ledger"}

    return ["watch", "-o", recording, "--"], ledgers


class Watched:
    """`hexcore`, started under `hexcore watch`."""

    def __init__(self, hexcore, words):
        self.hexcore, self.words = hexcore, words

    def start(self, *arguments, **options):
        return self.hexcore.start(*self.words, self.hexcore.path, *arguments, **options)


def test_a_server_tells_what_was_planned_and_nothing_is_left_of_it(hexcore, demo_model, watched):
    words, ledgers = watched
    server = Server(Watched(hexcore, words), demo_model, *DEVICES)
    devices = server.complete("Gravity", max_tokens=4).json["hexcore"]["devices"]
    server.process.terminate()
    assert server.process.wait(240) == 0, "the signal is the server's, and so is the exit code"
    told = ledgers()
    assert len(devices) == 2
    for device in devices:
        assert told[device["name"]]["peak_bytes"] == device["planned"]["total_bytes"]
        assert told[device["name"]]["last_bytes"] == 0


def test_verify_tells_its_devices(hexcore, demo_model, watched):
    words, ledgers = watched
    code, out, err = hexcore(*words, hexcore.path, "verify", demo_model, *DEVICES, "--tokens", 16,
                             "--format", "json")
    assert code == 0, err
    assert json.loads(out)["identical"]
    told = ledgers()
    for name in ("host0", "host1"):
        assert 0 < told[name]["peak_bytes"] <= told[name]["total_bytes"]
        assert told[name]["last_bytes"] == 0


def test_the_plugin_tells_the_devices_of_a_stock_program(hexcore, plugin_programs, demo_model,
                                                         watched):
    words, ledgers = watched
    programs = plugin_programs(demo_model, *on("320MiB", "320MiB"), "--ctx", 512, "--ubatch", 128)
    command, env = programs.command("llama-completion", "-p", PROMPT, "-n", 8, "--temp", 0,
                                    "-no-cnv", "--no-display-prompt", "--simple-io")
    code, _, err = hexcore(*words, *command, env=env, cwd=programs.folder)
    assert code == 0, err
    told = ledgers()
    devices = programs.report()["devices"]
    assert len(devices) == 2
    for device in devices:
        assert told[device["name"]]["peak_bytes"] == device["peak_bytes"]
        assert device["peak_bytes"] == device["planned"]["total_bytes"]
        assert told[device["name"]]["last_bytes"] == device["left_bytes"] == 0
