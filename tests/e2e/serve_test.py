"""hexcore serve: OpenAI's interface, and what it says is what the engine says."""

import json

import openai  # tests/requirements.txt has it, so that nobody goes without these tests
import pytest
from conftest import on
from serving import Server, joined

DEVICES = [*on("320MiB", "320MiB"), "--reserve", "8MiB", "--ctx", "2048", "--sequences", "4"]


@pytest.fixture(scope="module")
def server(hexcore, demo_model):
    serving = Server(hexcore, demo_model, *DEVICES)
    hexcore.started.remove(serving.process)  # it outlives a single test
    yield serving
    serving.process.terminate()
    assert serving.process.wait(240) == 0


@pytest.fixture(scope="module")
def run_answer(hexcore, demo_model):
    """What `hexcore run` answers to a text, or as a chat."""
    def answer(prompt, count):
        return hexcore.json("run", demo_model, *on("320MiB", "320MiB"), "--reserve", "8MiB",
                            "--temp", "0", "-n", count, "-p", prompt, *raw(hexcore))["text"]
    return answer


def raw(hexcore):
    return ["--raw"] if "--raw" in hexcore("run", "--help").stdout else []


PROMPT = "Gravity is the force that"


def test_a_server_that_has_loaded_is_healthy_and_names_its_model(server):
    assert server.get("/health").json == {"status": "ok"}
    models = server.get("/v1/models").json
    assert models["object"] == "list"
    assert models["data"][0]["object"] == "model"


def test_a_completion_is_what_run_answers(server, run_answer):
    reply = server.complete(PROMPT, max_tokens=24)
    assert reply.status == 200
    assert reply.text == run_answer(PROMPT, 24)
    assert reply.json["choices"][0]["finish_reason"] == "length"
    assert reply.json["usage"]["completion_tokens"] == 24


def test_a_stream_is_the_whole_answer_in_parts(server):
    fields = {"prompt": PROMPT, "temperature": 0, "max_tokens": 24}
    whole = server.post("/v1/completions", fields)
    events = list(server.stream("/v1/completions",
                                fields | {"stream_options": {"include_usage": True}}))
    assert events[-1] == "[DONE]"
    assert len(events) > 10
    assert joined(events) == whole.text
    assert events[-2]["usage"]["completion_tokens"] == 24
    assert events[-2]["choices"] == []
    assert events[-2]["hexcore"]["devices"]
    assert all(event["usage"] is None for event in events[:-2])


def test_a_chat_goes_through_the_models_template(server):
    fields = {"messages": [{"role": "system", "content": "You are a teacher."},
                           {"role": "user", "content": "What is gravity?"}],
              "temperature": 0, "max_tokens": 16}
    reply = server.post("/v1/chat/completions", fields)
    assert reply.status == 200, reply.body
    message = reply.json["choices"][0]["message"]
    assert message["role"] == "assistant"
    assert message["content"]
    events = list(server.stream("/v1/chat/completions", fields))
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert joined(events) == message["content"]
    assert "hexcore" in events[-2]


def test_every_answer_has_the_caches_figures_and_the_devices(server):
    extra = server.complete("Once", max_tokens=2).json["hexcore"]
    stats = extra["cache_stats"]
    assert stats["cells_total"] >= 2048
    assert stats["seq_length"] > 0
    assert stats["estimated_memory_mb"] > 0
    for device in extra["devices"]:
        assert device["planned"]["total_bytes"] == device["accounted"]["total_bytes"]


def test_a_conversation_that_comes_back_is_not_computed_again(server):
    messages = [{"role": "user", "content": "Name a colour of the sky in the evening, please."}]
    first = server.chat(messages, max_tokens=8)
    messages += [{"role": "assistant", "content": first.text},
                 {"role": "user", "content": "And in the morning?"}]
    second = server.chat(messages, max_tokens=4).json["usage"]
    assert second["prompt_tokens_details"]["cached_tokens"] >= first.json["usage"]["prompt_tokens"]
    assert second["prompt_tokens_details"]["cached_tokens"] < second["prompt_tokens"]


def test_a_conversation_keeps_its_turns_while_others_share_its_system_prompt(server):
    system = {"role": "system", "content": "You answer in a word or two, always politely. " * 8}
    first = [system, {"role": "user", "content": "Name a river."}]
    answer = server.chat(first, max_tokens=8)
    other = server.chat([system, {"role": "user", "content": "Which metal is liquid?"}],
                        max_tokens=8)
    assert other.json["usage"]["prompt_tokens_details"]["cached_tokens"] > 80
    back = server.chat([*first, {"role": "assistant", "content": answer.text},
                        {"role": "user", "content": "And a lake?"}], max_tokens=4).json["usage"]
    assert back["prompt_tokens_details"]["cached_tokens"] >= answer.json["usage"]["prompt_tokens"]


def test_a_session_with_a_name_goes_on_without_what_was_said(server):
    first = server.chat("My name is Ada.", session_id="ada", max_tokens=8)
    named = server.chat("What is my name?", session_id="ada", max_tokens=8)
    whole = server.chat([{"role": "user", "content": "My name is Ada."},
                         {"role": "assistant", "content": first.text},
                         {"role": "user", "content": "What is my name?"}], max_tokens=8)
    assert named.text == whole.text
    assert named.json["usage"]["prompt_tokens"] == whole.json["usage"]["prompt_tokens"]
    assert named.json["usage"]["prompt_tokens_details"]["cached_tokens"] > 0


def test_text_in_a_session_with_a_name_goes_on_where_it_stands(server):
    first = server.complete("The sun", session_id="text", max_tokens=6)
    second = server.complete(" and the moon", session_id="text", max_tokens=6)
    whole = server.complete("The sun" + first.text + " and the moon", max_tokens=6)
    assert second.text == whole.text


def until_free(ask):
    """What it answers once the session is not busy any more."""
    while (reply := ask()).status == 409:
        assert reply.error["code"] == "session_busy"
        assert reply.headers["Retry-After"] == "1"
    return reply


GOES_ON = {"logit_bias": {"0": -100, "2": -100}}  # not the tokens that end an answer


def test_an_answer_that_is_cut_is_no_part_of_its_text(server):
    first = server.complete("The sun", session_id="cut text", max_tokens=6)
    cut = server.stream("/v1/completions", GOES_ON | {
        "prompt": " and the moon", "temperature": 0, "max_tokens": 400, "session_id": "cut text"})
    for _ in zip(range(3), cut):
        pass
    cut.close()
    again = until_free(lambda: server.complete(" and the moon", session_id="cut text",
                                               max_tokens=6))
    whole = server.complete("The sun" + first.text + " and the moon", max_tokens=6)
    assert again.text == whole.text


def test_an_answer_that_is_cut_is_no_part_of_its_conversation(server):
    first = server.chat("My name is Bob.", session_id="cut chat", max_tokens=8)
    cut = server.stream("/v1/chat/completions", GOES_ON | {
        "messages": [{"role": "user", "content": "Count to a thousand."}], "temperature": 0,
        "max_tokens": 400, "session_id": "cut chat"})
    for _ in zip(range(3), cut):
        pass
    cut.close()
    again = until_free(lambda: server.chat("What is my name?", session_id="cut chat",
                                           max_tokens=8))
    whole = server.chat([{"role": "user", "content": "My name is Bob."},
                         {"role": "assistant", "content": first.text},
                         {"role": "user", "content": "What is my name?"}], max_tokens=8)
    assert again.text == whole.text
    assert again.json["usage"]["prompt_tokens"] == whole.json["usage"]["prompt_tokens"]


def test_a_session_whose_request_failed_goes_on(server):
    first = server.complete("The sun", session_id="failed", max_tokens=6)
    for fields in ({"prompt": "word " * 600}, {"prompt": [10 ** 6]}, {"prompt": "a", "top_p": 2}):
        assert server.post("/v1/completions", fields | {"session_id": "failed"}).status == 400
    chat = server.chat("Hello", session_id="failed")
    assert (chat.status, chat.error["param"]) == (400, "session_id")
    second = server.complete(" and the moon", session_id="failed", max_tokens=6)
    assert second.text == server.complete("The sun" + first.text + " and the moon",
                                          max_tokens=6).text


def test_what_is_null_is_as_good_as_left_out(server):
    both = ["frequency_penalty", "logit_bias", "max_tokens", "max_completion_tokens", "n",
            "presence_penalty", "seed", "stop", "stream", "stream_options", "temperature", "top_p",
            "user", "session_id", "model", "service_tier", "logprobs"]
    texts = both + ["best_of", "echo", "suffix"]
    chats = both + ["top_logprobs", "tools", "tool_choice", "parallel_tool_calls",
                    "response_format", "store", "metadata", "modalities", "functions",
                    "function_call", "reasoning_effort", "chat_template_kwargs", "prediction"]
    limit = {"max_tokens": 1}  # of those that are null it is one, too
    assert server.post("/v1/completions",
                       {"prompt": "a"} | dict.fromkeys(texts) | limit).status == 200
    messages = [{"role": "user", "content": "Hello", "name": None}]
    assert server.post("/v1/chat/completions",
                       {"messages": messages} | dict.fromkeys(chats) | limit).status == 200


def test_several_choices_are_one_answer_each(server):
    same = server.complete(PROMPT, n=3, max_tokens=8).json
    assert len({choice["text"] for choice in same["choices"]}) == 1
    assert [choice["index"] for choice in same["choices"]] == [0, 1, 2]
    assert same["usage"]["completion_tokens"] == 24
    different = server.complete(PROMPT, n=3, max_tokens=8, temperature=2, seed=1).json
    assert len({choice["text"] for choice in different["choices"]}) > 1
    again = server.complete(PROMPT, n=3, max_tokens=8, temperature=2, seed=1).json
    assert again["choices"] == different["choices"]


def test_the_prompt_of_several_choices_is_computed_once(server):
    before = server.metrics()["hexcore_cache_tokens_computed_total"]
    reply = server.complete("All of this is one prompt. " * 20, n=3, max_tokens=2).json["usage"]
    computed = server.metrics()["hexcore_cache_tokens_computed_total"] - before
    assert computed < reply["prompt_tokens"] + 3 * 4


def test_several_prompts_are_answered_in_their_order(server):
    reply = server.complete(["The sun", "The moon"], max_tokens=6).json
    alone = [server.complete(prompt, max_tokens=6).text for prompt in ("The sun", "The moon")]
    assert [choice["text"] for choice in reply["choices"]] == alone


def test_stop_texts_are_no_part_of_the_answer(server):
    whole = server.complete(PROMPT, max_tokens=24).text
    stop = whole[10:14]
    reply = server.complete(PROMPT, max_tokens=24, stop=[stop, "never"])
    assert reply.text == whole[:whole.index(stop)]
    assert reply.json["choices"][0]["finish_reason"] == "stop"


def test_chances_of_tokens_are_given_where_they_are_asked_for(server):
    reply = server.chat("Hello", max_tokens=4, logprobs=True, top_logprobs=3)
    content = reply.json["choices"][0]["logprobs"]["content"]
    assert len(content) == reply.json["usage"]["completion_tokens"]
    for token in content:
        assert len(token["top_logprobs"]) == 3
        assert token["logprob"] == token["top_logprobs"][0]["logprob"]  # the most likely one
        assert token["logprob"] <= 0
    old = server.complete("Hello", max_tokens=4, logprobs=2).json["choices"][0]["logprobs"]
    assert len(old["tokens"]) == len(old["token_logprobs"]) == len(old["top_logprobs"]) == 4


def test_biases_forbid_and_force_tokens(server):
    free = server.complete(PROMPT, max_tokens=1, logprobs=0).json["choices"][0]
    forced = server.complete([1, 2, 3], max_tokens=3, logit_bias={"1000": 100}, logprobs=0)
    tokens = forced.json["choices"][0]["logprobs"]["tokens"]
    assert len(set(tokens)) == 1
    assert tokens[0] != free["logprobs"]["tokens"][0]


def test_an_answer_in_json_is_json(server):
    schema = {"type": "object", "properties": {"age": {"type": "integer"},
                                               "ok": {"type": "boolean"}},
              "required": ["age", "ok"], "additionalProperties": False}
    reply = server.chat("How old is the sun?", max_tokens=64, response_format={
        "type": "json_schema", "json_schema": {"name": "sun", "schema": schema}})
    assert reply.status == 200, reply.body
    answer = json.loads(reply.text)
    assert isinstance(answer["age"], int)
    assert isinstance(answer["ok"], bool)


def test_a_tool_that_has_to_be_called_is_called(hexcore, demo_model, llama_source):
    template = llama_source / "models/templates/Qwen3-Coder.jinja"
    server = Server(hexcore, demo_model, *DEVICES, "--exact", "--chat-template", template)
    tools = [{"type": "function", "function": {
        "name": "weather", "description": "Tells the weather",
        "parameters": {"type": "object", "properties": {"day": {"type": "integer"}},
                       "required": ["day"], "additionalProperties": False}}}]
    fields = {"messages": [{"role": "user", "content": "The weather of day 3?"}], "tools": tools,
              "tool_choice": "required", "parallel_tool_calls": False, "temperature": 0,
              "max_tokens": 120}
    reply = server.post("/v1/chat/completions", fields)
    assert reply.status == 200, reply.body
    choice = reply.json["choices"][0]
    assert choice["finish_reason"] == "tool_calls", choice
    wrong = {"type": "function", "function": {"name": "w", "parameters": {"type": "wrong"}}}
    refused = server.post("/v1/chat/completions", fields | {"tools": [wrong]})
    assert (refused.status, refused.error["param"]) == (400, "tools")
    call = choice["message"]["tool_calls"][0]
    assert call["function"]["name"] == "weather"
    assert isinstance(json.loads(call["function"]["arguments"])["day"], int)
    name, arguments = "", ""
    for event in server.stream("/v1/chat/completions", fields):
        for choice in event["choices"] if event != "[DONE]" else []:
            for part in choice["delta"].get("tool_calls", []):
                name += part["function"].get("name", "")
                arguments += part["function"]["arguments"]
    assert (name, arguments) == ("weather", call["function"]["arguments"])


def test_characters_of_several_tokens_come_whole(server):
    # Bytes of an emoji that this vocabulary has no token for come one after another.
    fields = {"prompt": "Repeat: 🦄🪐🧬 🦄🪐🧬 🦄🪐🧬 🦄🪐🧬 🦄", "temperature": 0, "max_tokens": 24}
    whole = server.post("/v1/completions", fields)
    events = list(server.stream("/v1/completions", fields))
    for event in events[:-1]:
        for choice in event["choices"]:
            if choice["finish_reason"] is None:
                assert "\ufffd" not in choice["text"] or "\ufffd" in whole.text
    assert joined(events) == whole.text
    cut = server.post("/v1/completions", fields | {"max_tokens": 2})
    assert (cut.text, cut.json["usage"]["completion_tokens"]) == ("", 2)


def test_metrics_say_what_the_server_did(server):
    before = server.metrics()
    server.complete("One", max_tokens=3)
    after = server.metrics()
    assert after["hexcore_generated_tokens_total"] == before["hexcore_generated_tokens_total"] + 3
    assert after['hexcore_answers_total{stop="length"}'] >= 1
    assert after["hexcore_time_to_first_token_seconds_count"] >= 1
    planned = {name: value for name, value in after.items() if 'kind="planned"' in name}
    assert len(planned) == 2
    for name, value in planned.items():
        assert after[name.replace("planned", "accounted")] == value


def test_openais_package_gets_on_with_it(server):
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="any",
                           max_retries=0)
    model = client.models.list().data[0].id
    messages = [{"role": "user", "content": "What is gravity?"}]
    whole = client.chat.completions.create(model=model, messages=messages, temperature=0,
                                           max_tokens=12, logprobs=True, top_logprobs=2)
    assert whole.usage.prompt_tokens_details.cached_tokens >= 0
    assert len(whole.choices[0].logprobs.content) == whole.usage.completion_tokens
    parts = client.chat.completions.create(model=model, messages=messages, temperature=0,
                                           max_tokens=12, stream=True,
                                           stream_options={"include_usage": True})
    text, usage = "", None
    for part in parts:
        usage = part.usage or usage
        text += "".join(choice.delta.content or "" for choice in part.choices)
    assert text == whole.choices[0].message.content
    assert usage.completion_tokens == whole.usage.completion_tokens
    old = client.completions.create(model=model, prompt="The sun", max_tokens=4, temperature=0,
                                    echo=False, best_of=1, logprobs=2, seed=2 ** 63 - 1, stop=None)
    choice = old.choices[0]
    assert choice.text == server.complete("The sun", max_tokens=4).text
    begins = [len("".join(choice.logprobs.tokens[:i])) for i in range(4)]
    assert choice.logprobs.text_offset == begins
    assert all(token in chances for token, chances in zip(choice.logprobs.tokens,
                                                          choice.logprobs.top_logprobs))
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(model=model, messages=messages, store=True)
    assert error.value.param == "store"
    with pytest.raises(openai.BadRequestError) as error:
        client.completions.create(model=model, prompt="a", best_of=2)
    assert error.value.param == "best_of"
