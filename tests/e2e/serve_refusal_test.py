"""hexcore serve: requests that cannot be met, clients that misbehave, and how it ends."""

import json
import os
import re
import signal
import subprocess
import threading

import pytest
from conftest import on
from serving import RawClient, Server, joined

SMALL = [*on("640MiB"), "--ctx", "4096"]
HELLO = [{"role": "user", "content": "Hello"}]
LONG = {"prompt": "Gravity is", "temperature": 0, "max_tokens": 1500,
        "logit_bias": {"0": -100, "2": -100}}  # not the tokens that end an answer


@pytest.fixture
def serve(hexcore, demo_model):
    return lambda *options, **process: Server(hexcore, demo_model, *SMALL, *options, **process)


@pytest.fixture(scope="module")
def server(hexcore, demo_model):
    serving = Server(hexcore, demo_model, *SMALL, "--max-body", "100000")
    hexcore.started.remove(serving.process)
    yield serving
    serving.process.kill()
    serving.process.wait()


def test_what_is_not_supported_is_refused_by_name(server):
    reply = server.chat(HELLO, audio={"voice": "alloy"})
    assert reply.status == 400
    assert reply.error["param"] == "audio"
    assert reply.error["code"] == "unsupported_field"
    assert reply.error["type"] == "invalid_request_error"


@pytest.mark.parametrize(("fields", "param"), [
    ({"temperature": "warm"}, "temperature"),
    ({"temperature": -1}, "temperature"),
    ({"n": 1.5}, "n"),
    ({"n": 10 ** 30}, "n"),
    ({"stop": [1]}, "stop"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
     "messages[0].content[0].type"),
    ({"logit_bias": {"x": 1}}, "logit_bias"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "wrong"}}}},
     "response_format"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
    ({"messages": [{"role": "user", "content": "\0" * 3, "name": 4}]}, "messages[0].name"),
    ({"messages": [{"role": "user", "content": "word " * 9000}]}, "messages"),
    ({"logit_bias": {"10000000": 1}}, "logit_bias"),
    ({"seed": 2 ** 63}, "seed"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_completion_tokens": -2}, "max_completion_tokens"),
    ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
    ({"stop": ""}, "stop"),
    ({"stop": ["a"] * 17}, "stop"),
    ({"stop": [None]}, "stop"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"stream": True, "stream_options": {"include": 1}}, "stream_options.include"),
    ({"enable_thinking": False}, "enable_thinking"),
    ({"chat_template_kwargs": [1]}, "chat_template_kwargs"),
    ({"service_tier": "flex"}, "service_tier"),
])
def test_a_wrong_field_is_refused_by_its_path(server, fields, param):
    reply = server.post("/v1/chat/completions", {"messages": HELLO} | fields)
    assert reply.status == 400, reply.body
    assert reply.error["param"] == param


@pytest.mark.parametrize(("fields", "param"), [
    ({"prompt": ""}, "prompt"),
    ({"prompt": [10 ** 7]}, "prompt"),
    ({"prompt": "word " * 9000}, "prompt"),
    ({"best_of": 2}, "best_of"),
    ({"n": 2, "best_of": 1}, "best_of"),
    ({"echo": True}, "echo"),
    ({"logprobs": 21}, "logprobs"),
])
def test_a_wrong_field_of_a_text_is_refused_by_its_name(server, fields, param):
    reply = server.post("/v1/completions", {"prompt": "a"} | fields)
    assert reply.status == 400, reply.body
    assert reply.error["param"] == param


@pytest.mark.parametrize("body", [
    b"", b"{", b"nothing", b"[]", b'{"prompt": "\xff"}', b'{"prompt": "\\ud800"}',
    b'{"prompt": ' + b"[" * 40000, b'{"prompt": ' + b"[" * 40000 + b"]" * 40000 + b"}",
    b'{"a": ' * 10000,
])
def test_what_is_no_json_is_refused(server, body):
    reply = server.request("POST", "/v1/completions", body)
    assert reply.status == 400
    assert reply.error["code"] == "invalid_json"


def most_memory_ever(server):
    status = open(f"/proc/{server.process.pid}/status", encoding="ascii").read()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) << 10


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
def test_a_prompt_for_many_choices_is_not_kept_many_times(serve, path):
    server = serve("--queue", "128", "--max-sessions", "128")
    text = "abc " * 250_000
    fields = {"prompt": text} if "chat" not in path else {
        "messages": [{"role": "user", "content": text}]}
    assert server.post(path, fields).error["code"] == "context_length_exceeded"
    one = most_memory_ever(server)
    assert server.post(path, fields | {"n": 127}).error["code"] == "context_length_exceeded"
    assert most_memory_ever(server) - one < 100 << 20  # 127 times the tokens are 127 MB


def test_more_choices_than_there_can_ever_be_are_refused_by_their_field(server):
    for fields, param in (({"prompt": "a", "n": 128}, "n"),
                          ({"prompt": ["a"] * 100}, "prompt")):
        reply = server.post("/v1/completions", fields)
        assert reply.status == 400
        assert reply.error["param"] == param


def test_a_prompt_longer_than_the_context_is_refused(server):
    reply = server.complete("word " * 9000, max_tokens=1)
    assert reply.status == 400
    assert reply.error["code"] == "context_length_exceeded"
    assert server.complete("", max_tokens=1).status in (200, 400)
    assert server.complete("after", max_tokens=1).status == 200


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server):
    client = RawClient(server)
    client.post("/v1/completions", b"", Content_Length="100000000000")
    assert b" 413 " in client.until(b"body_too_large")
    chunked = RawClient(server)
    chunked.send("POST /v1/completions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunked.send("20000\r\n" + "a" * 0x20000 + "\r\n0\r\n\r\n")
    assert b" 413 " in chunked.until(b"\r\n")


def test_paths_that_are_not_there_get_an_error_in_json(server):
    reply = server.get("/v2/nothing")
    assert reply.status == 404
    assert "/v2/nothing" in reply.error["message"]
    assert server.get("/v1/completions").status == 404


@pytest.mark.parametrize("request_bytes", [
    b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
    b"POST /v1/completions HTTP/9.9\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
])
def test_what_is_no_http_does_no_harm(server, request_bytes):
    client = RawClient(server)
    client.send(request_bytes)
    client.socket.shutdown(1)
    try:
        client.everything()
    except ConnectionResetError:
        pass  # it is in its right to hang up
    assert server.get("/health").status == 200


def test_connections_that_say_nothing_keep_nobody_out(server):
    idle = [RawClient(server) for _ in range(40)]
    for client in idle[:20]:
        client.send("POST /v1/completions HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
    assert server.complete("Hello", max_tokens=2).status == 200
    for client in idle:
        client.vanish()


def test_a_client_that_goes_away_in_a_stream_cancels_its_answer(server):
    before = server.metrics().get('hexcore_answers_total{stop="interrupted"}', 0)
    stream = server.stream("/v1/completions", LONG)
    next(iter(stream))
    stream.close()
    server.wait_until(lambda now: now["hexcore_requests_answering"] == 0 and
                      now.get('hexcore_answers_total{stop="interrupted"}', 0) == before + 1)


def test_clients_that_go_away_whole_answers_and_in_the_queue_cancel_theirs(server):
    before = server.metrics().get('hexcore_answers_total{stop="interrupted"}', 0)
    clients = [RawClient(server) for _ in range(3)]
    for client in clients:  # one is answered, two wait: there is one sequence
        client.post("/v1/completions", LONG)
    server.wait_until(lambda now: now["hexcore_requests_answering"] == 1 and
                      now["hexcore_requests_waiting"] == 2)
    clients[2].vanish()
    server.wait_until(lambda now: now["hexcore_requests_waiting"] == 1)
    clients[0].vanish()
    clients[1].vanish()
    server.wait_until(lambda now: now["hexcore_requests_answering"] == 0 and
                      now["hexcore_requests_waiting"] == 0 and
                      now['hexcore_answers_total{stop="interrupted"}'] == before + 3)
    assert server.complete("Hello", max_tokens=2).status == 200


def test_a_slow_reader_gets_all_of_its_answer(server):
    fields = LONG | {"max_tokens": 300, "logprobs": 20}
    whole = server.post("/v1/completions", fields)
    slow = RawClient(server, receive_bytes=4096)
    slow.post("/v1/completions", fields | {"stream": True}, Connection="close")
    # It reads nothing until the answer has ended.
    ended = server.metrics()['hexcore_answers_total{stop="length"}']
    server.wait_until(lambda now: now['hexcore_answers_total{stop="length"}'] > ended)
    lines = [line[6:] for line in slow.everything().splitlines() if line.startswith(b"data: {")]
    assert joined(map(json.loads, lines)) == whole.text


def test_more_than_the_queue_holds_get_429_and_when_to_try_again(serve):
    server = serve("--queue", "1")
    streams = [server.stream("/v1/completions", LONG)]
    next(iter(streams[0]))
    waiting = RawClient(server)
    waiting.post("/v1/completions", LONG)
    server.wait_until(lambda now: now["hexcore_requests_waiting"] == 1)
    refused = server.complete("Hello", max_tokens=1)
    assert refused.status == 429
    assert refused.error["code"] == "queue_full"
    assert int(refused.headers["Retry-After"]) >= 1
    assert server.complete("Hello", n=3, max_tokens=1).status == 400  # can never be
    streams[0].close()
    waiting.vanish()
    server.wait_until(lambda now: now["hexcore_requests_answering"] == 0)
    assert server.complete("Hello", max_tokens=1).status == 200


def test_an_answer_that_takes_too_long_ends_with_504(serve):
    server = serve("--timeout", "0.2")
    reply = server.post("/v1/completions", LONG)
    assert reply.status == 504
    assert reply.error["code"] == "timeout"
    # Of a stream it is the last event; where not even the first one came in time, such an answer.
    stream = server.stream("/v1/completions", LONG)
    end = json.load(stream.response) if stream.response.status == 504 else list(stream)[-1]
    assert end["error"]["code"] == "timeout"
    # A session is free again by then.
    for _ in range(2):
        late = server.post("/v1/completions", LONG | {"session_id": "late"})
        assert (late.status, late.error["code"]) == (504, "timeout")
    server.wait_until(lambda now: now["hexcore_requests_answering"] == 0)


def test_a_session_is_one_clients_at_a_time(server):
    stream = server.stream("/v1/completions", LONG | {"session_id": "mine"})
    next(iter(stream))
    refused = server.complete("Hello", session_id="mine", max_tokens=1)
    assert refused.status == 409
    assert refused.error["code"] == "session_busy"
    stream.close()
    server.wait_until(lambda now: now["hexcore_requests_answering"] == 0)


def test_while_it_loads_it_says_so(hexcore, demo_model, tmp_path):
    fifo = tmp_path / "plan.json"
    os.mkfifo(fifo)
    # It waits for its plan, and listens meanwhile.
    server = Server(hexcore, demo_model, "--plan", fifo, wait=False)
    for reply in (server.get("/health"), server.complete("Hello")):
        assert reply.status == 503
        assert reply.error["code"] == "loading"
    plan = hexcore("plan", demo_model, *SMALL, "--format", "json").stdout
    fifo.write_text(plan, encoding="utf-8")
    server.wait_for_line("serves .* at")
    assert server.get("/health").status == 200


def test_sigterm_lets_answers_end_and_takes_no_more(serve):
    server = serve()
    stream = server.stream("/v1/completions", LONG | {"max_tokens": 200})
    events = iter(stream)
    first = next(events)
    server.process.terminate()
    server.wait_for_line("finished first")
    refused = server.complete("Hello")
    assert refused.status == 503
    assert refused.error["code"] == "shutting_down"
    rest = list(events)
    assert rest[-1] == "[DONE]"
    assert rest[-2]["choices"][0]["finish_reason"] == "length"
    assert joined([first, *rest])
    assert server.process.wait(240) == 0


def test_a_second_signal_ends_at_once(serve):
    server = serve()
    stream = server.stream("/v1/completions", LONG)
    events = iter(stream)
    next(events)
    server.process.send_signal(signal.SIGINT)
    server.wait_for_line("finished first")
    server.process.send_signal(signal.SIGINT)
    assert list(events)[-1]["error"]["code"] == "shutting_down"
    assert server.process.wait(240) == 0


def test_a_client_that_never_ends_its_request_does_not_keep_it(serve):
    server = serve()
    slow = RawClient(server)
    slow.send("POST /v1/completions HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
    slower = RawClient(server)
    slower.send("GET /health HT")
    assert server.get("/health").status == 200  # both are there by now
    server.process.terminate()
    assert server.process.wait(240) == 0


def test_what_calls_itself_a_form_is_read_like_any_other_body(serve):
    server = serve()
    fields = json.dumps({"prompt": "a", "max_tokens": 1, "user": "x" * 20_000})
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl -d says
    assert server.request("POST", "/v1/completions", fields, form).status == 200
    parts = {"Content-Type": "multipart/form-data; boundary=x"}
    assert server.request("POST", "/v1/completions", fields, parts).status == 415


def test_all_of_a_burst_of_clients_are_served_though_others_say_nothing(serve):
    server = serve()
    silent = [RawClient(server) for _ in range(40)]
    asked = [RawClient(server) for _ in range(24)]
    for client in asked:
        client.send("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for client in asked:
        assert b" 200 " in client.everything()
    for client in silent:
        client.vanish()


def test_without_answers_sigint_ends_it_at_once(serve):
    server = serve()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(240) == 0


def test_a_server_that_is_killed_leaves_its_port_free(serve, hexcore, demo_model):
    server = serve()
    stream = server.stream("/v1/completions", LONG)
    next(iter(stream))
    server.process.kill()
    server.process.wait()
    again = hexcore.start("serve", demo_model, *SMALL, "--port", server.port,
                          stderr=subprocess.PIPE)
    for line in again.stderr:
        if b"serves" in line:
            break
    assert server.get("/health").status == 200


def test_a_port_in_use_is_refused(server, hexcore, demo_model):
    code, _, err = hexcore("serve", demo_model, *SMALL, "--port", server.port)
    assert code == 2
    assert f"cannot listen on 127.0.0.1:{server.port}" in err


def test_many_clients_get_what_each_would_get_alone(serve):
    server = serve("--sequences", "4", "--exact")
    prompts = [f"Number {i} is" for i in range(12)]
    alone = [server.complete(prompt, max_tokens=8).text for prompt in prompts]
    together = [None] * len(prompts)

    def ask(i):
        together[i] = server.complete(prompts[i], max_tokens=8).text

    threads = [threading.Thread(target=ask, args=[i]) for i in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
