"""The random blocks are valid, unbiased, and as wide as asked, by the gguf package's arithmetic."""

from __future__ import annotations

import gguf
import numpy as np
import pytest

import random_blocks
from gguf_file import TYPE_BY_NAME

SIGMAS = (1.0, 1 / 64, 1 / 135)  # embeddings; fan-ins of 4096 and 18,432
VALUES = 256 * 4096


def drawn(kind: str, sigma: float, part: int = 0) -> np.ndarray:
    size = VALUES // TYPE_BY_NAME[kind].block * TYPE_BY_NAME[kind].block_bytes
    data = random_blocks.random_bytes(7, "blk.0.ffn_up.weight", part, size)
    random_blocks.FILL[kind](data, sigma)
    rows = data.reshape(1, -1).view({"F32": "<f4", "F16": "<f2"}.get(kind, np.uint8))
    return gguf.quants.dequantize(rows, gguf.GGMLQuantizationType[kind]).ravel()


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("kind", random_blocks.FILL)
def test_values_have_the_wanted_mean_and_spread(kind, sigma):
    values = drawn(kind, sigma)
    assert np.isfinite(values).all()
    assert abs(values.mean()) < 0.01 * sigma
    tolerance = 1.45 if kind in ("F32", "F16") else 1.05
    assert 1 / tolerance < values.std() / sigma < tolerance


@pytest.mark.parametrize("kind", random_blocks.FILL)
def test_neighbouring_values_are_not_correlated(kind):
    values = drawn(kind, 1.0)
    for distance in (1, 16, 32, 256):
        product = (values[:-distance] * values[distance:]).mean() / values.var()
        assert abs(product) < 0.01, distance


@pytest.mark.parametrize("kind", random_blocks.FILL)
def test_parts_names_and_seeds_give_different_bytes(kind):
    assert not np.array_equal(drawn(kind, 1.0), drawn(kind, 1.0, part=1))
    first = random_blocks.random_bytes(0, "a", 0, 64)
    assert not np.array_equal(first, random_blocks.random_bytes(1, "a", 0, 64))
    assert not np.array_equal(first, random_blocks.random_bytes(0, "b", 0, 64))


def test_bytes_never_change_between_versions():
    """The first word of this stream as it was when the tool was written."""
    word = random_blocks.random_bytes(0, "token_embd.weight", 0, 8).tobytes().hex()
    assert word == "ccd9a8d7172684c6"
