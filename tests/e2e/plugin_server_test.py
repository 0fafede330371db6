"""llama-server over the plugin: many clients at once, prompt cache, saved slots, within budget."""

import json
import re
import signal
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import on
from plugin_programs import PROMPT, assert_as_planned

CLIENTS = 8


class Server:
    """A llama-server that a test talks to."""

    def __init__(self, programs, folder, *options):
        command, environment = programs.command(
            "llama-server", "--host", "127.0.0.1", "--port", 0, *options)
        self.log_path = folder / "server.log"
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log,
                                            stderr=subprocess.STDOUT)

    def ask(self, path, body=None, timeout_s=300):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data,
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return json.load(answer)

    def wait(self, timeout_s=180):
        """Until it says on which port it listens, which it does once the model is loaded."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end and self.process.poll() is None:
            if told := re.search(r"listening on http://127\.0\.0\.1:(\d+)\n",
                                 self.log_path.read_text()):
                self.port = int(told[1])
                return self.ask("/health")
            time.sleep(0.05)
        raise AssertionError(self.log_path.read_text())

    def complete(self, slot, prompt, n=16):
        return self.ask("/completion", {"prompt": prompt, "n_predict": n, "temperature": 0,
                                        "id_slot": slot, "cache_prompt": True,
                                        "ignore_eos": True})

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(240)


def assert_within_plan(report):
    """The plan is for programs that want the logits of a whole batch; the server wants fewer."""
    assert_as_planned(report, exact=("weights_bytes", "experts_bytes", "kv_bytes"))
    for device in report["devices"]:
        assert device["accounted"]["compute_bytes"] <= device["planned"]["compute_bytes"]


@pytest.fixture(params=["host", "rpc"])
def programs(request, plugin_programs, demo_model, start_server):
    second = "host" if request.param == "host" else f"rpc:{start_server()[1]}"
    return plugin_programs(demo_model, *on("320MiB"), *on("320MiB", kind=second), "--ctx", 2048,
                           "--sequences", CLIENTS, "--ubatch", 128)


@pytest.fixture
def server(programs, tmp_path):
    (tmp_path / "slots").mkdir()
    server = Server(programs, tmp_path, "--slot-save-path", tmp_path / "slots")
    try:
        server.wait()
        yield server
    finally:
        server.process.kill()


def test_eight_clients_get_answers_within_budget(server, programs):
    prompts = [f"{PROMPT} number {client}:" for client in range(CLIENTS)]

    def talk(client):
        first = server.complete(client, prompts[client])
        return first, server.complete(client, prompts[client] + first["content"])

    with ThreadPoolExecutor(CLIENTS) as clients:
        for first, second in clients.map(talk, range(CLIENTS)):
            assert first["content"] and second["content"]
            assert first["tokens_predicted"] == second["tokens_predicted"] == 16
            # What was computed for the first answer is still in the slot.
            assert second["timings"]["cache_n"] > first["timings"]["prompt_n"]
    assert server.stop() == 0, server.log_path.read_text()
    assert_within_plan(programs.report())


def test_a_saved_slot_comes_back(server, programs):
    answer = server.complete(0, PROMPT)
    saved = server.ask("/slots/0?action=save", {"filename": "slot.bin"})
    assert saved["n_saved"] > answer["timings"]["prompt_n"]
    assert server.ask("/slots/0?action=erase", {})["n_erased"] == saved["n_saved"]
    restored = server.ask("/slots/3?action=restore", {"filename": "slot.bin"})
    assert restored["n_restored"] == saved["n_saved"]
    again = server.complete(3, PROMPT + answer["content"], n=4)
    assert again["timings"]["cache_n"] >= saved["n_saved"] - 1
    assert server.stop() == 0, server.log_path.read_text()
    assert_within_plan(programs.report())
