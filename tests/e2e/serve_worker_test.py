"""hexcore serve --worker: the process that has the model may go; who waits is told, and the next
request loads again."""

import os
import shutil
import signal
import subprocess

import pytest
from conftest import on
from serving import Server, joined

PROMPT = "Gravity is the force that"
OPTIONS = [*on("320MiB", "320MiB"), "--reserve", "8MiB", "--ctx", "2048", "--sequences", "4"]


class WorkerServer(Server):
    def __init__(self, hexcore, model, *options, **process):
        super().__init__(hexcore, model, *OPTIONS, "--worker", *options, **process)

    def workers(self):
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True,
                               text=True, check=False).stdout
        return [int(pid) for pid in found.split()]

    def worker(self):
        """Once there is one, loading or loaded."""
        while not (pids := self.workers()):
            assert self.process.poll() is None
        return pids[0]

    def kill_worker(self, how=signal.SIGKILL):
        os.kill(self.worker(), how)


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """The folder for what is kept of runs."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def server(hexcore, demo_model, state):
    serving = WorkerServer(hexcore, demo_model, env={"XDG_STATE_HOME": str(state)})
    hexcore.started.remove(serving.process)  # it outlives a single test
    yield serving
    serving.process.terminate()
    assert serving.process.wait(240) == 0


@pytest.fixture(scope="module")
def answer(server):
    return server.complete(PROMPT, max_tokens=16).text


def ended(pid):
    """Whether it has; a zombie whose parent was killed has, too."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_answers_come_from_the_other_process_whole_and_as_a_stream(server, answer, hexcore,
                                                                   demo_model):
    plain = Server(hexcore, demo_model, *OPTIONS)
    assert plain.complete(PROMPT, max_tokens=16).text == answer
    fields = {"prompt": PROMPT, "temperature": 0, "max_tokens": 16}
    events = list(server.stream("/v1/completions", fields))
    assert events[-1] == "[DONE]"
    assert len(events) > 8
    assert joined(events) == answer
    assert events[-2]["hexcore"]["devices"][0]["name"] == "host0"
    ours, theirs = (s.get("/v1/models").json["data"][0] for s in (server, plain))
    assert ours | {"created": 0} == theirs | {"created": 0}


def test_what_it_refuses_comes_as_it_is(server):
    assert server.complete(PROMPT, max_tokens=-5).status == 400
    assert server.complete(PROMPT, nonsense=1).error["param"] == "nonsense"
    assert server.complete("word " * 3000).error["code"] == "context_length_exceeded"
    assert server.get("/v1/models/other").error["code"] == "model_not_found"


def test_a_client_that_goes_away_ends_its_answer_there(server):
    stream = server.stream("/v1/completions", {"prompt": PROMPT, "max_tokens": 450,
                                               "temperature": 0})
    next(iter(stream))
    stream.close()
    server.wait_until(lambda now: now["hexcore_requests_answering"] == 0)


def test_killed_in_the_middle_of_answers_it_is_told_and_the_next_request_loads_again(server,
                                                                                     answer):
    before = server.metrics()["hexcore_worker_starts_total"]
    streams = [server.stream("/v1/completions", {"prompt": f"{PROMPT} {i}", "max_tokens": 450,
                                                 "temperature": 0}) for i in range(2)]
    for events in map(iter, streams):
        next(events)
    server.kill_worker()
    for stream in streams:
        last = list(stream)[-1]
        assert last["error"]["code"] == "worker_ended"
        assert "signal 9" in last["error"]["message"]
    server.wait_for_line(r"ended by signal 9 .*; its memory is back after")
    assert server.get("/health").json == {"status": "ok"}
    assert server.complete(PROMPT, max_tokens=16).text == answer
    assert server.metrics()["hexcore_worker_starts_total"] == before + 1


def test_killed_while_it_loads_again_it_is_told_and_the_next_request_loads(server, answer):
    assert server.request("POST", "/reset").json["clean"]
    stream = server.connect()
    stream.request("POST", "/v1/completions", '{"prompt": "a", "max_tokens": 4}')
    server.kill_worker()
    reply = stream.getresponse()
    assert reply.status == 503
    body = reply.read().decode()
    assert "signal 9" in body
    assert "not_loaded" in body or "worker_ended" in body, body
    assert server.complete(PROMPT, max_tokens=16).text == answer


def test_a_reset_gives_all_memory_back_and_says_so(server, answer, state):
    assert server.complete(PROMPT, max_tokens=16).text == answer  # there is a worker
    pid = server.worker()
    parked = state / "hexcore" / "parked" / "run-killed"
    parked.mkdir(parents=True)
    (parked / "lock").touch()
    (parked / "1.session").write_bytes(b"x" * 1000)
    reply = server.request("POST", "/reset")
    assert reply.status == 200
    report = reply.json
    assert report["schema"] == "hexcore.reset/1"
    assert report["clean"] is True
    assert report["host"]["before"]["measured_bytes"] > 500 << 20
    assert report["host"]["after"]["measured_bytes"] == 0
    assert report["host"]["after"]["accounted_bytes"] is None
    assert [(left["kind"], left["path"], left["ended"]) for left in report["leftovers"]] == [
        ("parked", str(parked), True)]
    assert not parked.exists()
    assert ended(pid)
    assert server.workers() == []
    again = server.request("POST", "/reset").json
    assert again["clean"], "nothing is there to be given back"
    assert (again["devices"], again["host"], again["leftovers"]) == ([], None, [])
    page = server.request("POST", "/reset", headers={"Origin": "http://somewhere"})
    assert page.status == 403
    assert server.complete(PROMPT, max_tokens=16).text == answer


def test_one_that_says_nothing_is_ended_and_replaced(hexcore, demo_model):
    server = WorkerServer(hexcore, demo_model, "--timeout", "5")  # in which one has to be loaded
    server.kill_worker(signal.SIGSTOP)
    reply = server.complete(PROMPT, max_tokens=4)
    assert (reply.status, reply.error["code"]) == (504, "timeout")
    server.wait_for_line("did not answer in time; its memory is back")
    while server.complete(PROMPT, max_tokens=4).status != 200:  # a busy machine
        assert server.process.poll() is None


def test_killed_while_it_loads_first_the_server_stays(hexcore, demo_model):
    server = WorkerServer(hexcore, demo_model, wait=False)
    server.kill_worker()
    server.wait_for_line("ended by signal 9 .*; its memory is back")
    server.wait_for_line("serves a model that is loaded when it is asked")
    assert server.get("/v1/models").json["data"] == []
    assert server.complete(PROMPT, max_tokens=4).status == 200
    assert server.get("/v1/models").json["data"][0]["id"]


def test_a_model_that_does_not_load_ends_the_server_with_its_code_and_one_sentence(hexcore,
                                                                                   tmp_path):
    missing = hexcore("serve", tmp_path / "no.gguf", "--worker", "--port", "0", *OPTIONS)
    assert missing.code == 4
    assert missing.stderr.count("no.gguf") == 1, missing.stderr
    assert missing.stdout == ""


@pytest.mark.parametrize("option", ["--plan", "--chat-template"])
def test_what_comes_once_is_not_for_processes_that_each_read_it(hexcore, demo_model, option):
    refused = hexcore("serve", demo_model, "--worker", "--port", "0", option, "-", stdin="{}")
    assert refused.code == 2
    assert f"{option} - does not go with --worker" in refused.stderr


def test_an_empty_template_is_none(hexcore, demo_model):
    refused = hexcore("serve", demo_model, "--port", "0", "--chat-template", "/dev/null",
                      *OPTIONS)
    assert refused.code == 4
    assert "/dev/null is empty" in refused.stderr


def test_a_model_that_is_gone_later_is_an_answer_until_it_is_back(hexcore, demo_model, tmp_path,
                                                                  monkeypatch):
    model = tmp_path / "model.gguf"
    model.symlink_to(demo_model)
    program = tmp_path / "hexcore"
    shutil.copy(hexcore.path, program)
    monkeypatch.setattr(hexcore, "path", program)
    server = WorkerServer(hexcore, model)
    # Another version in the program's place is not for the server that runs.
    program.unlink()
    program.symlink_to("/bin/false")
    assert server.request("POST", "/reset").json["clean"]
    model.unlink()
    reply = server.complete(PROMPT, max_tokens=4)
    assert (reply.status, reply.error["code"]) == (503, "not_loaded")
    assert "model.gguf" in reply.error["message"]
    model.symlink_to(demo_model)
    assert server.complete(PROMPT, max_tokens=4).status == 200


def test_sigterm_lets_answers_end_and_leaves_no_process(hexcore, demo_model):
    server = WorkerServer(hexcore, demo_model)
    pid = server.worker()
    stream = server.stream("/v1/completions", {"prompt": PROMPT, "max_tokens": 60,
                                               "temperature": 0})
    events = iter(stream)
    next(events)
    server.process.terminate()
    assert list(events)[-1] == "[DONE]"
    assert server.process.wait(240) == 0
    assert ended(pid)


def test_a_worker_ends_with_the_server_that_is_killed(hexcore, demo_model):
    server = WorkerServer(hexcore, demo_model)
    pid = server.worker()
    server.process.kill()
    server.process.wait()
    while not ended(pid):
        pass


def test_ctrl_c_while_it_loads_ends_both(hexcore, demo_model):
    server = WorkerServer(hexcore, demo_model, wait=False)
    pid = server.worker()
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(240) == 130
    assert ended(pid)


def test_without_a_worker_there_is_nothing_to_reset(hexcore, demo_model):
    server = Server(hexcore, demo_model, *OPTIONS)
    assert server.request("POST", "/reset").error["code"] == "no_worker"
