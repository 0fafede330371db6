"""Random weights of a wanted spread, made as the bits of a tensor type and never quantised.

Each function takes a flat buffer of random bytes that holds whole blocks and turns it in place into
valid data of one tensor type with mean 0 and standard deviation `sigma`: the quants stay as random
as they came, only scales and offsets are put on top. Everything is integer work on raw PCG64 or
SFC64 words, which numpy promises never to change, so the same seed gives the same bytes on every
machine and with every numpy. Block layouts: ggml/src/ggml-common.h of llama.cpp.

The float types draw the magnitude from [b, 4b) by random mantissa and one random exponent bit, so
their spread is `sigma` rounded to the next power of two.
"""

from __future__ import annotations

import math
import zlib

import numpy as np

# Standard deviations of uniform integers: -127..127, 0..15 and 0..63, and of the twice sixteen
# values of MXFP4's quants, doubled (0, 1, 2, 3, 4, 6, 8, 12).
Q8_SPREAD, Q4_SPREAD, Q6_SPREAD, MXFP4_SPREAD = 73.6, 4.61, 18.47, 5.852
# Root mean square of the sub-block scales drawn below: 32..63 in Q4_K, 8..23 in Q6_K.
Q4K_SCALE, Q6K_SCALE = 48.4, 16.2
# Root mean square of a magnitude drawn from [1, 4) as the float types do it.
FLOAT_SPREAD = 2.415


def random_bytes(seed: int, name: str, part: int, size: int) -> np.ndarray:
    """`size` random bytes that depend on the seed, a tensor's name and the part of it, only."""
    key = np.random.SeedSequence([seed, zlib.crc32(name.encode()), part])
    words = np.random.SFC64(key).random_raw((size + 7) // 8)
    return words.astype("<u8", copy=False).view(np.uint8)[:size]


def uniform(seed: int, name: str, count: int) -> np.ndarray:
    """`count` F32 values, uniform in [-1, 1)."""
    words = random_bytes(seed, name, 0, count * 4).view("<u4") >> np.uint32(8)
    return words.astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)


def _scale_table(scale: float, signed: bool) -> np.ndarray:
    """256 F16 scales between 0.75 and 1.25 of `scale`, as bits; half of them negative if signed."""
    steps = np.arange(256) % 128 if signed else np.arange(256) // 2
    table = scale * (0.75 + steps / 254.0)
    if signed:
        table[128:] *= -1
    return table.astype("<f2").view("<u2")


def _put_u16(blocks: np.ndarray, at: int, values: np.ndarray) -> None:
    blocks[:, at:at + 2] = values.astype("<u2").view(np.uint8).reshape(-1, 2)


def fill_f32(data: np.ndarray, sigma: float) -> None:
    bits, base = data.view("<u4"), 127 + round(math.log2(sigma / FLOAT_SPREAD))
    bits &= np.uint32(0x80FFFFFF)
    bits += np.uint32(base << 23)


def fill_f16(data: np.ndarray, sigma: float) -> None:
    bits, base = data.view("<u2"), max(1, 15 + round(math.log2(sigma / FLOAT_SPREAD)))
    bits &= np.uint16(0x87FF)
    bits += np.uint16(base << 10)


def fill_q8_0(data: np.ndarray, sigma: float) -> None:
    """-128 is kept out: ggml's own quantiser never writes it."""
    blocks = data.reshape(-1, 34)
    scales = _scale_table(sigma / Q8_SPREAD, signed=False)[blocks[:, 0]]
    quants = data.view(np.int8)
    np.maximum(quants, np.int8(-127), out=quants)
    _put_u16(blocks, 0, scales)


def fill_q4_0(data: np.ndarray, sigma: float) -> None:
    """Quants stand for -8..7, so half of the scales are negative to keep the mean at 0."""
    blocks = data.reshape(-1, 18)
    _put_u16(blocks, 0, _scale_table(sigma / Q4_SPREAD, signed=True)[blocks[:, 0]])


def fill_q4_1(data: np.ndarray, sigma: float) -> None:
    blocks = data.reshape(-1, 20)
    index = blocks[:, 0].copy()
    _put_u16(blocks, 0, _scale_table(sigma / Q4_SPREAD, signed=False)[index])
    _put_u16(blocks, 2, _scale_table(-7.5 * sigma / Q4_SPREAD, signed=False)[index])


def fill_mxfp4(data: np.ndarray, sigma: float) -> None:
    """A block's scale is a power of two: the one below what is wanted or that above it, each as
    often as makes the spread `sigma`."""
    blocks, scale = data.reshape(-1, 17), sigma / MXFP4_SPREAD
    below = math.floor(math.log2(scale))
    doubled = ((scale / 2.0**below) ** 2 - 1) / 3
    blocks[:, 0] = np.uint8(128 + below) + (blocks[:, 0] < round(256 * doubled))


def fill_q4_k(data: np.ndarray, sigma: float) -> None:
    """Each sub-block's minimum is 7.5 times its scale (the mean quant), so the mean is 0.

    Both are 6-bit numbers, eight of each packed into 12 bytes: four low ones whole, with the upper
    two bits of the others above them, whose lower four bits share the last four bytes.
    """
    blocks, scale = data.reshape(-1, 144), sigma / (Q4_SPREAD * Q4K_SCALE)
    index = blocks[:, 0].copy()
    _put_u16(blocks, 0, _scale_table(scale, signed=False)[index])
    _put_u16(blocks, 2, _scale_table(7.5 * scale, signed=False)[index])
    sub = (blocks[:, 4:12] & np.uint8(31)) | np.uint8(32)
    low, high = sub[:, :4], sub[:, 4:]
    blocks[:, 4:8] = blocks[:, 8:12] = low | ((high >> np.uint8(4)) << np.uint8(6))
    blocks[:, 12:16] = (high & np.uint8(15)) * np.uint8(17)


def fill_q6_k(data: np.ndarray, sigma: float) -> None:
    """Quants stand for -32..31, so half of the sub-block scales are negative."""
    blocks = data.reshape(-1, 210)
    index = blocks[:, 208].copy()
    _put_u16(blocks, 208, _scale_table(sigma / (Q6_SPREAD * Q6K_SCALE), signed=False)[index])
    raw = blocks[:, 192:208]
    magnitude = (raw & np.uint8(15)) + np.uint8(8)
    blocks[:, 192:208] = np.where(raw & np.uint8(128), np.uint8(0) - magnitude, magnitude)


FILL = {"F32": fill_f32, "F16": fill_f16, "Q8_0": fill_q8_0, "Q4_0": fill_q4_0, "Q4_1": fill_q4_1,
        "MXFP4": fill_mxfp4, "Q4_K": fill_q4_k, "Q6_K": fill_q6_k}
