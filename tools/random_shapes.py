"""What a model of each architecture consists of: its metadata keys and its tensors.

Follows the loaders of llama.cpp (src/models/{llama,qwen3moe,deepseek2,openai-moe}.cpp). A matrix's
spread is 1 / sqrt(fan in), so activations keep their size from layer to layer and logits at full
depth are finite; norms are near 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import gguf_file as gguf

SOFTMAX, SIGMOID = 1, 2
SLIDING_WINDOW = 128


@dataclass(frozen=True)
class Weight:
    """One tensor: `mean` + values of spread `sigma`; `exact` ones are F32 in every file."""

    name: str
    shape: tuple[int, ...]
    sigma: float
    mean: float = 0.0
    exact: bool = False


@dataclass(frozen=True)
class Shape:
    """A model's dimensions. Sizes are values, not bytes; 0 experts is a dense model."""

    arch: str
    layers: int
    embd: int
    ff: int
    dense_ff: int
    heads: int
    kv_heads: int
    head_dim: int
    experts: int
    used: int
    shared: int
    leading_dense: int
    vocab: int
    ctx: int
    rope_dim: int
    kv_lora: int
    q_lora: int
    fused_gate_up: bool

    def problem(self) -> str:
        """Why llama.cpp could not load such a model, or an empty string."""
        lite = self.layers in (26, 27) or (self.layers == 48 and self.vocab == 128256)
        checks = (
            (self.experts == 0 and self.arch != "llama", f"{self.arch} needs --experts"),
            (self.experts and not 1 <= self.used <= self.experts,
             f"--used {self.used} is not between 1 and {self.experts}, the number of experts"),
            (self.arch == "deepseek2" and self.shared < 1, "deepseek2 needs --shared-experts 1 up"),
            (self.arch != "deepseek2" and (self.shared or self.leading_dense or self.fused_gate_up),
             "--shared-experts, --leading-dense and --fused-gate-up need --arch deepseek2"),
            (self.leading_dense >= self.layers, "--leading-dense leaves no layer for experts"),
            (self.heads % self.kv_heads, f"--heads {self.heads} is no multiple of --kv-heads"),
            (self.rope_dim % 2, "the rotated part of a head must be even"),
            (self.arch == "deepseek2" and self.q_lora and lite,
             "llama.cpp takes deepseek2 of this depth for a Lite model, which has no --q-lora"),
        )
        return next((text for failed, text in checks if failed), "")


def metadata(shape: Shape, name: str, file_type: int) -> dict[str, bytes]:
    """All keys but the tokenizer's."""
    s, arch = shape, shape.arch
    mla = arch == "deepseek2"
    numbers = {
        "context_length": s.ctx, "embedding_length": s.embd, "block_count": s.layers,
        "feed_forward_length": s.dense_ff if mla or not s.experts else s.ff,
        "vocab_size": s.vocab, "attention.head_count": s.heads,
        "attention.head_count_kv": 1 if mla else s.kv_heads,
        "attention.key_length": s.kv_lora + s.rope_dim if mla else s.head_dim,
        "attention.value_length": s.kv_lora if mla else s.head_dim,
        "rope.dimension_count": s.rope_dim,
    }
    if s.experts:
        numbers.update({"expert_count": s.experts, "expert_used_count": s.used})
    if s.experts and arch != "llama":
        numbers["expert_feed_forward_length"] = s.ff
    if arch == "gpt-oss":
        numbers["attention.sliding_window"] = SLIDING_WINDOW
    if mla:
        numbers.update({
            "attention.q_lora_rank": s.q_lora, "attention.kv_lora_rank": s.kv_lora,
            "attention.key_length_mla": s.head_dim + s.rope_dim,
            "attention.value_length_mla": s.head_dim, "expert_shared_count": s.shared,
            "leading_dense_block_count": s.leading_dense, "expert_gating_func": SIGMOID})
    keys = {"general.architecture": gguf.string(arch), "general.type": gguf.string("model"),
            "general.name": gguf.string(name),
            "general.file_type": gguf.scalar(gguf.U32, file_type),
            "general.quantization_version": gguf.scalar(gguf.U32, 2)}
    keys.update({f"{arch}.{key}": gguf.scalar(gguf.U32, n) for key, n in numbers.items()})
    keys[f"{arch}.rope.freq_base"] = gguf.scalar(gguf.F32, 10000.0)
    keys[f"{arch}.attention.layer_norm_rms_epsilon"] = gguf.scalar(gguf.F32, 1e-5)
    if mla:
        keys[f"{arch}.expert_weights_scale"] = gguf.scalar(gguf.F32, 1.0)
        keys[f"{arch}.expert_weights_norm"] = gguf.scalar(gguf.BOOL, True)
    return keys


def weights(shape: Shape) -> list[Weight]:
    """All tensors in the order in which they stand in the file."""
    s = shape
    result = [Weight("token_embd.weight", (s.embd, s.vocab), 1.0)]
    for layer in range(s.layers):
        parts = [_norm("attn_norm", s.embd)]
        parts += _mla(s) if s.arch == "deepseek2" else _attention(s)
        parts.append(_norm("post_attention_norm" if s.arch == "gpt-oss" else "ffn_norm", s.embd))
        parts += _mixture(s) if s.experts and layer >= s.leading_dense else _dense(s)
        result += [replace(w, name=f"blk.{layer}.{w.name}") for w in parts]
    # Twice the usual spread: clear winners among the logits.
    result += [_norm("output_norm", s.embd),
               Weight("output.weight", (s.embd, s.vocab), 2.0 / math.sqrt(s.embd))]
    return result


def _matrix(name: str, fan_in: int, *rows: int) -> Weight:
    return Weight(f"{name}.weight", (fan_in, *rows), 1.0 / math.sqrt(fan_in))


def _norm(name: str, size: int) -> Weight:
    return Weight(f"{name}.weight", (size,), 0.1, mean=1.0, exact=True)


def _bias(name: str, *dims: int) -> Weight:
    return Weight(name, dims, 0.1, exact=True)


def _attention(s: Shape) -> list[Weight]:
    q, kv = s.heads * s.head_dim, s.kv_heads * s.head_dim
    parts = [_matrix("attn_q", s.embd, q), _matrix("attn_k", s.embd, kv),
             _matrix("attn_v", s.embd, kv), _matrix("attn_output", q, s.embd)]
    if s.arch == "qwen3moe":
        parts += [_norm("attn_q_norm", s.head_dim), _norm("attn_k_norm", s.head_dim)]
    if s.arch == "gpt-oss":
        parts += [_bias("attn_q.bias", q), _bias("attn_k.bias", kv), _bias("attn_v.bias", kv),
                  _bias("attn_output.bias", s.embd), _bias("attn_sinks.weight", s.heads)]
    return parts


def _mla(s: Shape) -> list[Weight]:
    """Latent attention: `head_dim` is the unrotated part of a key and the size of a value."""
    q = s.heads * (s.head_dim + s.rope_dim)
    if s.q_lora:
        parts = [_matrix("attn_q_a", s.embd, s.q_lora), _norm("attn_q_a_norm", s.q_lora),
                 _matrix("attn_q_b", s.q_lora, q)]
    else:
        parts = [_matrix("attn_q", s.embd, q)]
    # attn_k_b is stored transposed: what it makes of a key sums over kv_lora values.
    return parts + [
        _matrix("attn_kv_a_mqa", s.embd, s.kv_lora + s.rope_dim),
        _norm("attn_kv_a_norm", s.kv_lora),
        Weight("attn_k_b.weight", (s.head_dim, s.kv_lora, s.heads), 1.0 / math.sqrt(s.kv_lora)),
        _matrix("attn_v_b", s.kv_lora, s.head_dim, s.heads),
        _matrix("attn_output", s.heads * s.head_dim, s.embd)]


def _dense(s: Shape) -> list[Weight]:
    return [_matrix("ffn_gate", s.embd, s.dense_ff), _matrix("ffn_up", s.embd, s.dense_ff),
            _matrix("ffn_down", s.dense_ff, s.embd)]


def _mixture(s: Shape) -> list[Weight]:
    parts = [replace(_matrix("ffn_gate_inp", s.embd, s.experts), exact=True)]
    if s.fused_gate_up:
        parts.append(_matrix("ffn_gate_up_exps", s.embd, 2 * s.ff, s.experts))
    else:
        parts += [_matrix("ffn_gate_exps", s.embd, s.ff, s.experts),
                  _matrix("ffn_up_exps", s.embd, s.ff, s.experts)]
    parts.append(_matrix("ffn_down_exps", s.ff, s.embd, s.experts))
    if s.arch == "deepseek2":
        shared = s.ff * s.shared
        parts += [_bias("exp_probs_b.bias", s.experts), _matrix("ffn_gate_shexp", s.embd, shared),
                  _matrix("ffn_up_shexp", s.embd, shared),
                  _matrix("ffn_down_shexp", shared, s.embd)]
    if s.arch == "gpt-oss":
        parts += [_bias("ffn_gate_inp.bias", s.experts),
                  _bias("ffn_gate_exps.bias", s.ff, s.experts),
                  _bias("ffn_up_exps.bias", s.ff, s.experts),
                  _bias("ffn_down_exps.bias", s.embd, s.experts)]
    return parts
