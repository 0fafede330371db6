"""Requests that are refused, each kind in its own words."""

import json
from typing import NamedTuple

from soaking.questions import CHAT, TEXT, TOO_LONG

MEGABYTE = 1_000_000


class BadInput(NamedTuple):
    name: str
    path: str
    body: bytes
    status: int
    code: str | None
    param: str | None
    words: str  # that the message has

    def wrong(self, reply):
        """What is not as it should be, or None."""
        expected = (self.status, self.code, self.param)
        if reply.status == 200:
            return f"{self.name}: it was answered; not {expected}"
        error = reply.error
        found = (reply.status, error["code"], error["param"])
        if found != expected or self.words not in error["message"]:
            return f"{self.name}: {found}, {error['message']!r}; not {expected}, {self.words!r}"
        return None


def wrong_field(field, value, words, name=None):
    body = json.dumps({"prompt": "a", field: value}).encode()
    return BadInput(name or f"{field}={value}", TEXT, body, 400, None, field, words)


def raw(name, body, words, code="invalid_json", path=TEXT):
    return BadInput(name, path, body, 400, code, None, words)


def too_long(name, fields, words, path=TEXT):
    return BadInput(name, path, json.dumps(fields).encode(), 400, "context_length_exceeded",
                    "prompt" if path == TEXT else "messages", words)


ALL = [
    raw("empty body", b"", "the body is empty"),
    wrong_field("prompt", "", "the prompt is empty", "empty prompt"),
    wrong_field("prompt", [], "prompt must be 1 to 128 prompts", "no prompt"),
    wrong_field("prompt", [1073741824], "a token that is none of the model's", "no text"),
    too_long("longer than the context", {"prompt": TOO_LONG}, "the prompt has 6"),
    too_long("a chat longer than the context",
             {"messages": [{"role": "user", "content": TOO_LONG}]}, "room for 256", CHAT),
    too_long("a megabyte of words", {"prompt": "word " * (MEGABYTE // 5)}, "has 200001 tokens"),
    too_long("a megabyte of one letter", {"prompt": "a" * MEGABYTE}, "has 250000 tokens"),
    too_long("a megabyte of blanks", {"prompt": " " * MEGABYTE}, "has 15625 tokens"),
    BadInput("three megabytes", TEXT, b" " * (3 * MEGABYTE), 413, "body_too_large", None,
             "larger than 2097152 bytes"),
    raw("invalid UTF-8", b'{"prompt": "a\xff"}', "no UTF-8 at byte 14"),
    raw("half a character", b'{"prompt": "\xe2\x82"}', "no UTF-8 at byte 15"),
    raw("NUL", b'{"prompt": "a\0b"}', "no JSON at byte 14"),
    raw("half a surrogate", b'{"prompt": "\\ud800"}', "no JSON at byte 19"),
    raw("not a number", b'{"prompt": "a", "temperature": NaN}', "no JSON at byte 32"),
    raw("nested too deep", b'{"prompt": ' + b"[" * 40_000, "nested deeper than 64"),
    raw("no object", b'"Hello"', "the body is no JSON object"),
    wrong_field("temperature", -1, "temperature must be between 0 and 100"),
    wrong_field("temperature", "hot", "temperature must be a number"),
    wrong_field("top_p", 1.5, "top_p must be between 0 and 1"),
    wrong_field("top_k", -5, "top_k must be between 0 and"),
    wrong_field("repeat_penalty", 0, "repeat_penalty must be between 0.01 and 100"),
    wrong_field("max_tokens", 0, "max_tokens must be between 1 and"),
    wrong_field("n", 1000, "n must be between 1 and 128"),
    BadInput("a field that is unknown", TEXT, b'{"prompt": "a", "echo": true}', 400,
             "unsupported_field", "echo", "echo is not supported"),
]
