"""Reading and writing GGUF headers without decoding what is only passed on.

A model maker copies most of a file as it is. So this reader keeps each metadata value as the raw
bytes that it had in the file (a 50,000-word vocabulary is walked, never built), and the writer puts
raw values back. Tensor data is never touched here: callers read and write it by offset.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little endian.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

from output_file import InputError

MAGIC = b"GGUF"
DEFAULT_ALIGNMENT = 32
MAX_DIMS = 4

U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
SCALAR_FORMAT = {0: "B", 1: "b", 2: "H", 3: "h", U32: "I", I32: "i", F32: "f", BOOL: "?",
                 U64: "Q", 11: "q", 12: "d"}


@dataclass(frozen=True)
class TensorType:
    """How ggml stores a row: `block` values take `block_bytes` bytes."""

    id: int
    name: str
    block: int
    block_bytes: int


TENSOR_TYPES = {t.id: t for t in (
    TensorType(0, "F32", 1, 4), TensorType(1, "F16", 1, 2), TensorType(2, "Q4_0", 32, 18),
    TensorType(3, "Q4_1", 32, 20), TensorType(6, "Q5_0", 32, 22), TensorType(7, "Q5_1", 32, 24),
    TensorType(8, "Q8_0", 32, 34), TensorType(10, "Q2_K", 256, 84),
    TensorType(11, "Q3_K", 256, 110), TensorType(12, "Q4_K", 256, 144),
    TensorType(13, "Q5_K", 256, 176), TensorType(14, "Q6_K", 256, 210),
    TensorType(20, "IQ4_NL", 32, 18), TensorType(23, "IQ4_XS", 256, 136),
    TensorType(30, "BF16", 1, 2), TensorType(39, "MXFP4", 32, 17),
)}
TYPE_BY_NAME = {t.name: t for t in TENSOR_TYPES.values()}


@dataclass
class Tensor:
    """One tensor: shape as ggml orders it (fastest first), `offset` from the start of the data."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    offset: int = 0

    @property
    def values(self) -> int:
        count = 1
        for dim in self.shape:
            count *= dim
        return count

    @property
    def row_bytes(self) -> int:
        return self.shape[0] // self.type.block * self.type.block_bytes

    @property
    def size_bytes(self) -> int:
        return self.values // self.type.block * self.type.block_bytes


@dataclass
class Header:
    """Metadata (key -> raw value: four bytes of type, the value) and tensors, in file order."""

    keys: dict[str, bytes] = field(default_factory=dict)
    tensors: list[Tensor] = field(default_factory=list)
    alignment: int = DEFAULT_ALIGNMENT
    data_offset: int = 0

    def scalar(self, key: str, default=None):
        """The value of a number, a flag or a string; `default` where the key is missing."""
        raw = self.keys.get(key)
        if raw is None:
            return default
        kind = struct.unpack_from("<I", raw)[0]
        if kind == STRING:
            return raw[12:].decode("utf-8", "replace")
        if kind not in SCALAR_FORMAT:
            raise InputError(f"key {key} holds a list where one value is expected")
        return struct.unpack_from("<" + SCALAR_FORMAT[kind], raw, 4)[0]


Value = Union[str, bool, int, float]


def scalar(kind: int, value: Value) -> bytes:
    """A number or flag of the given GGUF value type, encoded for Header.keys."""
    return struct.pack("<I" + SCALAR_FORMAT[kind], kind, value)


def string(value: str) -> bytes:
    """A string, encoded for Header.keys."""
    return struct.pack("<I", STRING) + _packed(value)


def string_array(values: list[str]) -> bytes:
    """A list of strings, encoded for Header.keys."""
    return struct.pack("<IIQ", ARRAY, STRING, len(values)) + b"".join(map(_packed, values))


def scalar_array(kind: int, values: list) -> bytes:
    """A list of numbers of one GGUF value type, encoded for Header.keys."""
    return struct.pack(f"<IIQ{len(values)}{SCALAR_FORMAT[kind]}", ARRAY, kind, len(values), *values)


def _packed(text: str) -> bytes:
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def align(offset: int, alignment: int) -> int:
    return (offset + alignment - 1) // alignment * alignment


class _Cursor:
    """Walks the header; every step is checked against the end of the file."""

    def __init__(self, view: mmap.mmap, path: Path):
        self.view, self.path, self.at = view, path, 0

    def take(self, size: int) -> int:
        start = self.at
        if size > len(self.view) - start:
            raise InputError(f"{self.path} ends inside its header, at byte {start}; "
                             "the download or copy is probably incomplete")
        self.at = start + size
        return start

    def unpack(self, fmt: str):
        return struct.unpack_from("<" + fmt, self.view, self.take(struct.calcsize("<" + fmt)))

    def text(self) -> str:
        size = self.unpack("Q")[0]
        start = self.take(size)
        return self.view[start:start + size].decode("utf-8", "replace")

    def skip_value(self, kind: int) -> None:
        if kind == STRING:
            self.take(self.unpack("Q")[0])
        elif kind == ARRAY:
            item, count = self.unpack("IQ")
            if item == STRING:
                self._skip_strings(count)
            elif item in SCALAR_FORMAT:
                self.take(count * struct.calcsize("<" + SCALAR_FORMAT[item]))
            else:
                raise InputError(f"{self.path} has a metadata list of unknown type {item}")
        elif kind in SCALAR_FORMAT:
            self.take(struct.calcsize("<" + SCALAR_FORMAT[kind]))
        else:
            raise InputError(f"{self.path} has a metadata value of unknown type {kind}")

    def _skip_strings(self, count: int) -> None:
        unpack, view, end, at = struct.Struct("<Q").unpack_from, self.view, len(self.view), self.at
        for _ in range(count):
            if at + 8 > end:
                break
            at += 8 + unpack(view, at)[0]
        self.at = min(at, end)
        self.take(at - self.at)


def read_header(path: Path) -> Header:
    """Reads and checks the header of one GGUF file; raises InputError with a sentence to show."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < 24:
                raise InputError(f"{path} is no GGUF file: it has only {size} bytes")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
                return _parse(_Cursor(view, path))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _parse(cursor: _Cursor) -> Header:
    path, header = cursor.path, Header()
    magic = cursor.view[:4]
    if magic != MAGIC:
        raise InputError(f"{path} is no GGUF file: it starts with {magic!r}, not {MAGIC!r}")
    cursor.take(4)
    version, n_tensors, n_keys = cursor.unpack("IQQ")
    if version not in (2, 3):
        raise InputError(f"{path} has GGUF version {version}; versions 2 and 3 are understood")
    for _ in range(n_keys):
        key = cursor.text()
        start = cursor.at
        cursor.skip_value(cursor.unpack("I")[0])
        header.keys[key] = cursor.view[start:cursor.at]
    header.alignment = header.scalar("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(header.alignment, int) or header.alignment <= 0 or header.alignment % 8:
        raise InputError(f"{path} has general.alignment {header.alignment}, not a multiple of 8")
    for _ in range(n_tensors):
        header.tensors.append(_parse_tensor(cursor))
    header.data_offset = align(cursor.at, header.alignment)
    for tensor in header.tensors:
        end = header.data_offset + tensor.offset + tensor.size_bytes
        if end > len(cursor.view):
            raise InputError(f"{path} is too short: tensor {tensor.name} ends at byte {end}, "
                             f"the file at {len(cursor.view)}")
    return header


def _parse_tensor(cursor: _Cursor) -> Tensor:
    name, n_dims = cursor.text(), cursor.unpack("I")[0]
    if not 1 <= n_dims <= MAX_DIMS:
        raise InputError(f"{cursor.path}: tensor {name} has {n_dims} dimensions")
    shape = cursor.unpack(f"{n_dims}Q")
    type_id, offset = cursor.unpack("IQ")
    if type_id not in TENSOR_TYPES:
        raise InputError(f"{cursor.path}: tensor {name} has type {type_id}, not one that is known")
    tensor = Tensor(name, shape, TENSOR_TYPES[type_id], offset)
    if shape[0] % tensor.type.block or tensor.values == 0:
        raise InputError(f"{cursor.path}: tensor {name} of shape {list(shape)} is no whole number "
                         f"of {tensor.type.name} blocks")
    return tensor


def layout(header: Header) -> tuple[bytes, int]:
    """Assigns every tensor's offset, in order, and encodes the header with its padding.

    Returns the header's bytes and the size of the whole file; sets `data_offset`.
    """
    at = 0
    for tensor in header.tensors:
        tensor.offset = at
        at = align(at + tensor.size_bytes, header.alignment)
    parts = [MAGIC, struct.pack("<IQQ", 3, len(header.tensors), len(header.keys))]
    for key, raw in header.keys.items():
        parts += [_packed(key), raw]
    for t in header.tensors:
        parts += [_packed(t.name), struct.pack(f"<I{len(t.shape)}QIQ", len(t.shape), *t.shape,
                                               t.type.id, t.offset)]
    raw = b"".join(parts)
    header.data_offset = align(len(raw), header.alignment)
    return raw.ljust(header.data_offset, b"\0"), header.data_offset + at
