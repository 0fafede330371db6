"""Texts that a vocabulary's splitter goes over without an end, as far as the stack allows."""

import re

import pytest
from conftest import on
from edited_gguf import EditedGguf, gguf
from serving import Server

OPTIONS = [*on("64MiB"), "--threads", "1", "--ctx", "512"]
TAKEN, REFUSED = 60_000, 70_000


@pytest.fixture(scope="module")
def recursing(random_model, tmp_path_factory):
    """A model whose texts are split by std::regex."""
    edited = EditedGguf.read(random_model("qwen3moe", layers=2, embd=128, ff=64, heads=4, experts=8,
                                          used=2, type="q8_0"))
    edited.keys["tokenizer.ggml.pre"] = gguf.string("deepseek-v3")
    path = tmp_path_factory.mktemp("recursing") / "model.gguf"
    edited.write(path)
    return path


@pytest.mark.parametrize("raw", [[], ["--raw"]], ids=["chat", "raw"])
def test_a_run_refuses_what_its_context_or_the_tokenizer_cannot_take(hexcore, recursing, tmp_path,
                                                                     raw):
    file = tmp_path / "prompt"
    for count, words in ((TAKEN, "the context has room for"), (REFUSED, f"{REFUSED} characters")):
        file.write_text("a" * count, encoding="utf-8")
        code, _, err = hexcore("run", recursing, *OPTIONS, "--file", file, "-n", "1", *raw)
        assert code == 2 and words in err, err


def test_a_chat_and_a_server_go_on_behind_such_a_text(hexcore, recursing):
    code, out, err = hexcore("run", recursing, *OPTIONS, "-n", "4",
                             stdin=f"{'a' * REFUSED}\n{' .' * TAKEN}\nhello\n")
    assert code == 0 and out.strip(), err
    assert f"{REFUSED} characters" in err
    server = Server(hexcore, recursing, *OPTIONS)
    for text in ("a", "1", ".", "é"):
        for ask in (server.complete, server.chat):
            refused = ask(text * REFUSED, max_tokens=1)
            assert refused.status == 400
            assert re.search(r"7000\d characters in a row", refused.error["message"])
    assert server.complete(" ." * TAKEN, max_tokens=1).error["code"] == "context_length_exceeded"
    named = server.complete("a" * REFUSED, max_tokens=1, session_id="one")
    assert named.status == 400 and named.error["param"] == "prompt"
    assert server.complete("Hello", max_tokens=2, session_id="one").status == 200
