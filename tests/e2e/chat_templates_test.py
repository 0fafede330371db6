"""Chats in templates that leave out of earlier answers what the model thought, or that have
channels: each question is put to the model as a server puts the same conversation."""

import pytest
from chatting import saved_messages
from conftest import on
from edited_gguf import EditedGguf, gguf
from serving import Server

OPTIONS = [*on("64MiB"), "--threads", "1", "--ctx", "2048"]
TEMPLATES = ["Qwen-Qwen3-0.6B", "Qwen-QwQ-32B", "llama-cpp-deepseek-r1", "openai-gpt-oss-120b",
             "deepseek-ai-DeepSeek-V3.1"]
TOKENS = 12


@pytest.fixture(scope="module")
def tiny(random_model):
    return random_model("qwen3moe", layers=2, embd=128, ff=64, heads=4, experts=8, used=2,
                        type="q8_0")


@pytest.fixture
def chats(hexcore, tiny, tmp_path, llama_source):
    """A model with that template, and what a chat with it makes of lines."""

    def with_template(name):
        template = llama_source / f"models/templates/{name}.jinja"
        edited = EditedGguf.read(tiny)
        edited.keys["tokenizer.chat_template"] = gguf.string(template.read_text(encoding="utf-8"))
        model = tmp_path / f"{name}.gguf"
        edited.write(model)

        def chat(*lines):
            code, out, err = hexcore("run", model, *OPTIONS, "--exact", "--temp", "0", "-n", TOKENS,
                                     stdin="\n".join(lines) + "\n")
            assert code == 0, err
            assert "hexcore: " not in err, err
            return out

        return model, chat

    return with_template


def said(message):
    """By a server or in a file."""
    reasoning = message.get("reasoning", message.get("reasoning_content", ""))
    return message["content"], reasoning


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_chat_goes_on_in_any_template_as_with_a_server(hexcore, chats, tmp_path, template):
    model, chat = chats(template)
    begun, whole, loaded = (tmp_path / name for name in ("begun", "whole", "loaded"))
    chat("Name a colour.", "Why that one?", f"/save {begun}", "And another?", f"/save {whole}")
    messages = saved_messages(whole)
    assert [message["role"] for message in messages] == ["user", "assistant"] * 3
    # A model of random weights names no channel, and what is in none is no message.
    assert any(any(said(message)) for message in messages[1::2]) or "gpt-oss" in template
    assert saved_messages(begun) == messages[:4]
    # What a file holds is the conversation, to the bit.
    chat(f"/load {begun}", "And another?", f"/save {loaded}")
    assert saved_messages(loaded) == messages
    server = Server(hexcore, model, *OPTIONS, "--exact")
    asked = []
    for question, answer in zip(messages[::2], messages[1::2], strict=True):
        asked.append(question)
        reply = server.chat(asked, max_tokens=TOKENS)
        assert reply.status == 200, reply.body
        served = reply.json["choices"][0]["message"]
        assert said(served) == said(answer), len(asked)
        asked.append(served)


def test_what_templates_keep_of_a_chat_is_not_computed_again(hexcore, chats, tmp_path):
    model, _ = chats("Qwen-QwQ-32B")  # which leaves out thoughts
    words = ["run", model, *OPTIONS, "--temp", 0, "-n", TOKENS, "--session", tmp_path / "talk",
             "--system", "You know all colours, and say which one you like, and why, in a word."]
    first = hexcore.json(*words, "-p", "Name a colour.")
    second = hexcore.json(*words, "-p", "Name another.")
    stats = second["cache_stats"]
    # All of the first prompt but what opens the answer is there, and nothing of the thoughts.
    assert first["tokens"]["prompt"] > stats["tokens_reused"] > first["tokens"]["prompt"] / 2
    assert second["tokens"]["prompt"] < stats["tokens_reused"]
    assert stats["cells_used"] == stats["tokens_reused"] + stats["tokens_computed"]
