"""hexcore serve --assistant: experts are models beside the one that is loaded. With a worker, which
has all of it; what does not need one is in tests/serve."""

import os
import signal
import threading

import pytest
from conftest import on
from serve_worker_test import WorkerServer, ended
from serving import Server, joined

ASSISTANT = """
schema = "hexcore.assistant/1"
name = "garden"
description = "two ways to speak of a garden"
combining = { method = "attend" }

[[expert]]
name = "PLAN"
description = "says when"
system = "You plan a garden."
examples = ["When do I sow beans?", "In which month do I plant garlic?"]
keywords = ["when", "month"]
sampling = { temperature = 0.0 }

[[expert]]
name = "HEAL"
description = "says what a plant suffers from"
system = "You heal plants."
examples = ["My roses have black spots.", "Why do the leaves of my tomatoes curl?"]
keywords = ["spots", "curl", "leaves"]
sampling = { temperature = 0.0 }

[[expert]]
name = "SING"
description = "has an adapter that is not there"
system = "You sing of a garden."
examples = ["Sing me a song of the lilies.", "Sing about the rain."]
keywords = ["sing", "song"]
sampling = { temperature = 0.0 }
adapter = { file = "missing.gguf" }
"""

LONG = "Explain all steps to heal a sick rose, in detail."  # it is answered by some 300 tokens
CHAT = "/v1/chat/completions"
DEVICES = [*on("340MiB", "340MiB"), "--reserve", "8MiB", "--ctx", "4096", "--sequences", "4"]


@pytest.fixture(scope="module")
def assistant(tmp_path_factory):
    file = tmp_path_factory.mktemp("assistant") / "assistant.toml"
    file.write_text(ASSISTANT)
    return file


class AssistantServer(WorkerServer):
    def __init__(self, hexcore, model, assistant):
        Server.__init__(self, hexcore, model, *DEVICES, "--worker", "--assistant", assistant)


@pytest.fixture(scope="module")
def server(hexcore, demo_model, assistant):
    serving = AssistantServer(hexcore, demo_model, assistant)
    hexcore.started.remove(serving.process)  # it outlives a single test
    yield serving
    serving.process.terminate()
    assert serving.process.wait(60) == 0


def fields(model, question, **more):
    return {"model": model, "messages": [{"role": "user", "content": question}],
            "max_tokens": 12} | more


def test_experts_are_models_beside_the_one_that_is_loaded(server):
    models = server.get("/v1/models").json["data"]
    assert [model["id"] for model in models][1:] == ["garden", "garden:PLAN", "garden:HEAL",
                                                    "garden:SING"]
    assert models[2]["description"] == "says when"
    assert server.get("/v1/models/garden:HEAL").json == models[3]
    assert server.post(CHAT, fields("garden:DANCE", "La")).error["code"] == "model_not_found"
    plain = server.complete("Gravity is", max_tokens=4)
    assert "experts" not in plain.json["hexcore"]


def test_a_question_is_routed_and_a_stream_says_the_same(server):
    asked = fields("garden", "In which month do I sow beans?")
    whole = server.post(CHAT, asked)
    assert whole.status == 200, whole.body
    said = whole.json["hexcore"]
    assert said["experts"][0]["name"] == "PLAN"
    assert 0 < said["experts"][0]["confidence"] <= 1
    parts = {name: value for name, value in said["timing"].items() if name != "total_ms"}
    assert said["timing"]["total_ms"] == pytest.approx(sum(parts.values()), abs=500)
    assert said["cache_stats"]["cells_total"] >= 4096
    assert said["devices"][0]["planned"] == said["devices"][0]["accounted"]
    events = list(server.stream(CHAT, asked))
    assert joined(events) == whole.text
    assert events[-2]["hexcore"]["experts"][0]["name"] == "PLAN"
    other = server.post(CHAT, fields("garden:HEAL", "In which month do I sow beans?")).json
    assert (other["model"], other["hexcore"]["experts"][0]["name"]) == ("garden:HEAL", "HEAL")


def test_the_base_model_that_reads_along_has_a_sequence_of_its_own_in_the_plan(server):
    reply = server.post(CHAT, fields("garden", "When do I sow beans?", experts=2))
    assert reply.status == 200, reply.body
    said = reply.json["hexcore"]
    assert (said["combine"], len(said["experts"])) == ("attend", 2)
    assert sum(expert["weight"] for expert in said["experts"]) == pytest.approx(1, abs=1e-6)
    assert said["cache_stats"]["cells_total"] == 5 * 1024
    for device in said["devices"]:
        assert device["planned"] == device["accounted"]


def test_who_lacks_an_adapter_is_answered_for_by_another_that_says_why(server):
    said = server.post(CHAT, fields("garden:SING", "Sing about the rain.")).json["hexcore"]
    other = said["experts"][0]["name"]
    assert other in ("PLAN", "HEAL") and said["named_by"] is None
    assert said["fallback"]["expert"] == other
    assert said["fallback"]["reason"].startswith("SING: its adapter is missing: ")
    assert not any("missing" in note for note in said["notes"])
    refused = server.post(CHAT, fields("garden:SING", "Sing about the rain.", strict=True))
    assert (refused.status, refused.error["code"]) == (422, "not_sure")
    assert refused.json["hexcore"]["fallback"]["expert"] == other


def test_clients_that_come_together_are_all_answered_beside_one_that_reads_nothing(server):
    frozen = server.stream(CHAT, fields("garden:HEAL", LONG, max_tokens=400))
    replies = {}

    def ask(model):
        replies[model] = server.post(CHAT, fields(model, "Why do the leaves curl?"))

    threads = [threading.Thread(target=ask, args=[model])
               for model in ("garden", "garden:PLAN", "garden:HEAL", "the model")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [reply.status for reply in replies.values()] == [200] * 4
    frozen.close()
    server.wait_until(lambda now: now["hexcore_requests_answering"] == 0)
    assert server.metrics()['hexcore_assistant_questions_total{expert="PLAN"}'] >= 1


def test_a_worker_that_is_killed_while_it_answers_is_told_and_reset_gives_all_back(server):
    stream = server.stream(CHAT, fields("garden:HEAL", LONG, max_tokens=400))
    events = iter(stream)
    next(events)
    server.kill_worker()
    assert list(events)[-1]["error"]["code"] == "worker_ended"
    again = server.post(CHAT, fields("garden", "When do I sow beans?"))
    assert again.json["hexcore"]["experts"][0]["name"] == "PLAN"
    pid = server.worker()
    report = server.request("POST", "/reset").json
    assert report["clean"] is True
    assert report["host"]["after"]["measured_bytes"] == 0
    assert ended(pid)


def test_interrupted_twice_it_ends_an_answer_under_way_and_itself(hexcore, demo_model, assistant):
    server = Server(hexcore, demo_model, *DEVICES, "--assistant", assistant)
    stream = server.stream(CHAT, fields("garden:HEAL", LONG, max_tokens=-1))
    events = iter(stream)
    next(events)
    os.kill(server.process.pid, signal.SIGINT)
    server.wait_for_line("another signal ends them at once")
    os.kill(server.process.pid, signal.SIGINT)
    rest = list(events)
    assert rest[-1] == "[DONE]" or rest[-1]["error"]["code"] == "shutting_down"
    assert server.process.wait(60) == 0
