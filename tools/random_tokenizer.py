"""A small byte-level BPE vocabulary of any size, so that random models take and give text."""

from __future__ import annotations

import gguf_file as gguf

MERGES = ("Ġ t", "h e", "Ġ a", "i n", "r e", "o n", "Ġt he", "e r", "Ġ s", "a t", "Ġ w", "Ġ o",
          "e n", "Ġ c", "i t", "i s", "a n", "o r", "e s", "Ġ b", "e d", "Ġ f", "in g", "Ġ p",
          "o u", "Ġa n", "a l", "a r", "Ġt o", "Ġ m", "Ġo f", "Ġ in")
SPECIALS = ("<|bos|>", "<|eos|>", "<|im_start|>", "<|im_end|>")
NORMAL, CONTROL = 1, 3
MIN_VOCAB = 256 + len(SPECIALS) + len(MERGES)

CHAT_TEMPLATE = ("{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
                 "{{ message['content'] }}<|im_end|>\n{% endfor %}"
                 "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")


def byte_characters() -> list[str]:
    """GPT-2's printable stand-in for each byte: itself where printable, else from U+0100 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def tokenizer_keys(vocab: int) -> dict[str, bytes]:
    """The tokenizer's metadata: specials, 256 bytes, a few merges, then words up to `vocab`."""
    tokens = [*SPECIALS, *byte_characters(), *(m.replace(" ", "") for m in MERGES)]
    tokens += [f"Ġw{i}" for i in range(len(tokens), vocab)]
    kinds = [CONTROL] * len(SPECIALS) + [NORMAL] * (vocab - len(SPECIALS))
    ids = {text: i for i, text in enumerate(SPECIALS)}
    return {
        "tokenizer.ggml.model": gguf.string("gpt2"),
        "tokenizer.ggml.pre": gguf.string("gpt-2"),
        "tokenizer.ggml.tokens": gguf.string_array(tokens),
        "tokenizer.ggml.token_type": gguf.scalar_array(gguf.I32, kinds),
        "tokenizer.ggml.merges": gguf.string_array(list(MERGES)),
        "tokenizer.ggml.bos_token_id": gguf.scalar(gguf.U32, ids["<|bos|>"]),
        "tokenizer.ggml.eos_token_id": gguf.scalar(gguf.U32, ids["<|eos|>"]),
        "tokenizer.ggml.eot_token_id": gguf.scalar(gguf.U32, ids["<|im_end|>"]),
        "tokenizer.ggml.add_bos_token": gguf.scalar(gguf.BOOL, True),
        "tokenizer.chat_template": gguf.string(CHAT_TEMPLATE),
    }
