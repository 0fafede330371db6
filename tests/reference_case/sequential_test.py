"""Questions one after another, good and bad, leave the server as it was."""

import pytest
from figures import DEVICES, GREEDY, MIB, assert_as_planned, assert_nothing_left
from program import resident_bytes
from serving import Server

QUESTIONS = ["What is gravity?", "MTG?", "Name three colours.", "How does a tree drink?"]


@pytest.fixture(scope="module")
def server(hexcore, demo_model):
    # Sessions that are parked would take memory, as they are meant to.
    serving = Server(hexcore, demo_model, *DEVICES, "--ctx", 1024, "--sequences", 2, "--exact",
                     "--max-sessions", 2)
    hexcore.started.remove(serving.process)  # it outlives a single test
    yield serving
    serving.process.terminate()
    assert serving.process.wait(240) == 0


def test_multiple_sequential_queries(server):
    first, resident = {}, []
    for _ in range(3):
        for question in QUESTIONS:
            reply = server.chat(question, max_tokens=4)
            assert reply.text == first.setdefault(question, reply.text)
            assert_as_planned(reply.json["hexcore"]["devices"])
        resident.append(resident_bytes(server.process.pid))
    # The first round makes what is made once: sessions, threads, the allocator's heaps.
    assert resident[2] - resident[0] < 8 * MIB, resident


@pytest.mark.parametrize("question", [
    "MTG?", "a" * 100, "🎴🧙‍♂️✨", "   ", "\n\n\n", "<|im_end|>", "\0", "Ω≈ç√∫", "؟", "a\u0301" * 40])
def test_error_handling_edge_cases(server, question):
    reply = server.chat(question, max_tokens=4)
    assert reply.status == 200, reply.body
    assert reply.text == server.chat(question, max_tokens=4).text
    assert reply.json["usage"]["completion_tokens"] <= 4
    assert_as_planned(reply.json["hexcore"]["devices"])


@pytest.mark.parametrize(("fields", "status", "words"), [
    ({"prompt": ""}, 400, "the prompt is empty"),
    ({"prompt": []}, 400, "prompt must be"),
    ({"prompt": "a " * 5000}, 400, "the context has room for 512"),
    ({"prompt": "a", "max_tokens": 0}, 400, "max_tokens must be"),
    ({"prompt": "a", "temperature": -1}, 400, "temperature must be"),
    ({"prompt": "a", "top_p": 1.5}, 400, "top_p must be"),
    ({"prompt": [1 << 30]}, 400, "none of the model's"),
])
def test_error_handling_edge_cases_that_are_refused(server, fields, status, words):
    before = server.complete("Once upon a time", max_tokens=4).text
    reply = server.complete(**fields)
    assert (reply.status, reply.error["type"]) == (status, "invalid_request_error")
    assert words in reply.error["message"]
    assert server.complete("Once upon a time", max_tokens=4).text == before


@pytest.mark.parametrize(("words", "code", "says"), [
    (["-p", ""], 2, "the prompt is empty"),
    (["-p", "a " * 5000], 2, "the context has room for 256"),
    (["-p", "a", "--temp", "-1"], 2, "--temp"),
    (["-p", "a", "--top-p", "nan"], 2, "--top-p"),
])
def test_error_handling_edge_cases_of_a_run(hexcore, demo_model, words, code, says):
    outcome = hexcore("run", demo_model, *DEVICES, "--ctx", 256, *words)
    assert (outcome.code, outcome.stdout.strip()) == (code, "")
    assert says in outcome.stderr
    assert_nothing_left(hexcore.json("run", demo_model, *DEVICES, *GREEDY, "--ctx", 256, "-p", "a",
                                     "-n", 1))
