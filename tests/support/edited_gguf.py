"""GGUF files as nobody writes them: a good one is read, changed piece by piece, and written.

    model = EditedGguf.read(path)
    model.keys["llama.expert_used_count"] = gguf.scalar(gguf.U32, 9)
    model.write(other_path)
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import gguf_file as gguf  # noqa: E402


class EditedGguf:
    """A file in pieces: `header`, of it `keys` and `tensors`, and `data` by the tensors' names.

    Tensors whose data is shorter than what their type and shape say are filled up with zeros.
    """

    def __init__(self, header, data):
        self.header = header
        self.data = data
        self.version = 3

    @classmethod
    def read(cls, path):
        header = gguf.read_header(Path(path))
        raw = Path(path).read_bytes()
        at = header.data_offset
        return cls(header, {t.name: raw[at + t.offset:at + t.offset + t.size_bytes]
                            for t in header.tensors})

    @property
    def keys(self):
        return self.header.keys

    @property
    def tensors(self):
        return self.header.tensors

    @property
    def arch(self):
        return self.header.scalar("general.architecture")

    def tensor(self, name):
        return next(t for t in self.tensors if t.name == name)

    def retype(self, name, number, name_of_type, block, block_bytes):
        """Another element type for a tensor, also one that the tools do not know."""
        self.tensor(name).type = gguf.TensorType(number, name_of_type, block, block_bytes)
        self.data[name] = b""

    def bytes(self):
        head, size = gguf.layout(self.header)
        out = bytearray(head.ljust(size, b"\0"))
        out[4:8] = self.version.to_bytes(4, "little")
        for tensor in self.tensors:
            data = self.data.get(tensor.name, b"")[:tensor.size_bytes]
            at = self.header.data_offset + tensor.offset
            out[at:at + len(data)] = data
        return bytes(out)

    def write(self, path):
        Path(path).write_bytes(self.bytes())
        return path
