"""Who may ask a server: keys, and pages of other origins."""

import json

import pytest
from conftest import on
from serving import Server

KEY = {"Authorization": "Bearer secret"}
SMALL = [*on("640MiB"), "--ctx", "256"]


@pytest.fixture(scope="module")
def server(hexcore, demo_model):
    serving = Server(hexcore, demo_model, *SMALL, "--api-key", "secret")
    hexcore.started.remove(serving.process)
    yield serving
    serving.process.kill()
    serving.process.wait()


@pytest.mark.parametrize(("origin", "status"), [
    (None, 200), ("http://somewhere", 403), ("null", 403), ("http://somewhere:{port}", 403),
    ("http://127.0.0.1:{port}", 200),
])
def test_pages_of_other_origins_may_not_ask(server, origin, status):
    headers = KEY | ({"Origin": origin.format(port=server.port)} if origin else {})
    body = json.dumps({"prompt": "Hi", "max_tokens": 1})
    assert server.request("POST", "/v1/completions", body, headers).status == status


def test_a_name_that_was_made_to_lead_here_is_no_origin_without_a_key(hexcore, demo_model):
    body = json.dumps({"prompt": "Hi", "max_tokens": 1})
    open_to_all = Server(hexcore, demo_model, *SMALL)
    for name, status in [("evil.example", 403), ("localhost", 200)]:
        host = f"{name}:{open_to_all.port}"
        asked = open_to_all.request("POST", "/v1/completions", body,
                                    {"Host": host, "Origin": f"http://{host}"})
        assert asked.status == status, name


def test_a_key_is_asked_for_everywhere_but_where_it_says_how_it_is(server):
    assert server.get("/health").status == 200
    for path in ("/v1/models", "/metrics"):
        assert server.get(path).status == 401
    for key in ("", "secre", "secrets", "Secret"):
        refused = server.request("POST", "/v1/completions", "{}",
                                 {"Authorization": f"Bearer {key}"})
        assert refused.status == 401
        assert refused.error["code"] == "invalid_api_key"
    allowed = server.request("GET", "/v1/models", None, KEY)
    assert allowed.status == 200


def test_the_key_may_come_from_the_environment(hexcore, demo_model):
    environment = {"HEXCORE_API_KEY": "secret"}
    server = Server(hexcore, demo_model, *SMALL, env=environment)
    assert server.get("/v1/models").status == 401
