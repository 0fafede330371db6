"""Evaluates a text with libllama and prints the tokens and logits as JSON.

Usage: llama_probe.py LIBLLAMA MODEL TEXT

Parameter structs are passed by value, as libllama's own defaults made them: a buffer larger than
any of them is passed the same way by the C calling conventions of x86-64 and aarch64. One byte is
looked for inside, by the pinned version of llama.h: weights stay as they are in the file, since
ggml's kernels for those that it packs anew need what not every machine lets a program use (AMX).
"""

import ctypes
import json
import sys

TOKENS_MAX = 256
# Of llama_model_params: after nine words of pointers and numbers the third bool.
USE_EXTRA_BUFTS = 9 * 8 + 2


class Opaque(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_char * 1024)]


def returns(function, kind, *arguments):
    function.restype, function.argtypes = kind, arguments
    return function


def evaluate(library: str, path: str, text: str) -> dict:
    lib, pointer, integer = ctypes.CDLL(library), ctypes.c_void_p, ctypes.c_int32
    lib.llama_backend_init()
    parameters = returns(lib.llama_model_default_params, Opaque)()
    parts = (ctypes.c_char * ctypes.sizeof(Opaque)).from_buffer(parameters)
    if parts[USE_EXTRA_BUFTS] != b"\1":
        sys.exit("llama_model_params has another shape than in the pinned llama.h")
    parts[USE_EXTRA_BUFTS] = b"\0"
    model = returns(lib.llama_model_load_from_file, pointer, ctypes.c_char_p, Opaque)(
        path.encode(), parameters)
    if not model:
        sys.exit(f"{path} does not load")
    context = returns(lib.llama_init_from_model, pointer, pointer, Opaque)(
        model, returns(lib.llama_context_default_params, Opaque)())
    if not context:
        sys.exit(f"{path} gives no context")
    vocab = returns(lib.llama_model_get_vocab, pointer, pointer)(model)
    size = returns(lib.llama_vocab_n_tokens, integer, pointer)(vocab)
    tokens, raw = (integer * TOKENS_MAX)(), text.encode()
    tokenize = returns(lib.llama_tokenize, integer, pointer, ctypes.c_char_p, integer, pointer,
                       integer, ctypes.c_bool, ctypes.c_bool)
    count = tokenize(vocab, raw, len(raw), tokens, TOKENS_MAX, True, False)
    if count <= 0:
        sys.exit(f"{text!r} gives no tokens")
    batch = returns(lib.llama_batch_get_one, Opaque, pointer, integer)(tokens, count)
    status = returns(lib.llama_decode, integer, pointer, Opaque)(context, batch)
    if status != 0:
        sys.exit(f"llama_decode returns {status}")
    logits = returns(lib.llama_get_logits_ith, ctypes.POINTER(ctypes.c_float), pointer, integer)(
        context, -1)
    return {"tokens": tokens[:count], "logits": logits[:size]}


print(json.dumps(evaluate(*sys.argv[1:])))
