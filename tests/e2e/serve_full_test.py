"""hexcore serve: what happens when a session, a device or a disk is full."""

import pytest
from conftest import on
from serving import Server

SMALL = [*on("640MiB"), "--ctx", "512", "--sequences", "2"]  # 256 tokens for each
# Not the tokens that end an answer.
GOES_ON = {"temperature": 0, "logit_bias": {"0": -100, "2": -100}}


def test_a_full_session_stops_unless_it_is_to_slide(hexcore, demo_model):
    server = Server(hexcore, demo_model, *SMALL)
    reply = server.complete("Once upon a time", max_tokens=400, **GOES_ON)
    assert reply.status == 200, reply.body
    assert reply.json["choices"][0]["finish_reason"] == "length"
    assert reply.json["usage"]["total_tokens"] == 257
    assert server.metrics()['hexcore_answers_total{stop="context_full"}'] == 1
    too_long = server.complete("word " * 400, max_tokens=1)
    assert (too_long.status, too_long.error["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_a_full_session_that_slides_goes_on_in_the_memory_that_was_planned(hexcore, demo_model,
                                                                          kv_type):
    server = Server(hexcore, demo_model, *SMALL, "--kv-type", kv_type, "--on-full", "slide",
                    "--keep", "4")
    reply = server.complete("Once upon a time", max_tokens=400, **GOES_ON)
    assert reply.status == 200, reply.body
    assert reply.json["usage"]["completion_tokens"] == 400
    extra = reply.json["hexcore"]
    assert extra["cache_stats"]["shifts"] == 2
    for device in extra["devices"]:
        assert device["planned"] == device["accounted"]
    # A prompt that is longer than the session is taken by its start and its newest.
    long = server.complete("word " * 400, max_tokens=1, session_id="long", **GOES_ON)
    assert long.status == 200, long.body
    assert 128 < long.json["usage"]["prompt_tokens"] <= 256


def test_a_chat_that_outgrows_its_session_goes_on_without_being_computed_anew(hexcore, demo_model):
    server = Server(hexcore, demo_model, *SMALL, "--on-full", "slide", "--keep", "4")
    messages = []
    anew = 0
    for turn in range(8):
        messages.append({"role": "user", "content": f"Tell me more, part {turn}."})
        reply = server.chat(messages, max_tokens=60, **GOES_ON)
        assert reply.status == 200, reply.body
        usage = reply.json["usage"]
        assert usage["completion_tokens"] == 60
        anew += usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"] > 80
        messages.append({"role": "assistant", "content": reply.text})
    assert anew <= 4, "it fills the session twice, and a first question is new"


def test_what_cannot_be_kept_is_refused(hexcore, demo_model):
    code, _, err = hexcore("serve", demo_model, *SMALL, "--on-full", "slide", "--keep", 200,
                           "--port", "0")
    assert code == 2 and "more than half" in err
