"""Files that no program wrote, through `hexcore plan`: each ends by an exit code and a sentence.

    python3 tests/fuzz/fuzz_plan.py --hexcore build/release/hexcore --seconds 60

Tiny good models of several architectures are changed in a few places (keys, types, shapes, names)
and planned by the real program. Only the exit codes 0, 2, 3 and 4 may come, within a time, with one
sentence where it is not 0; what is planned must also run for a token, or say why not. Whatever
breaks that is kept in --keep FOLDER, with the number that makes it again (--first N --count 1).
--seeds FOLDER takes the models in it besides; write_architectures, which the build leaves in
build/release/tests/mixtures, writes two of every architecture that llama.cpp knows into a folder.
"""

import argparse
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from edited_gguf import EditedGguf, gguf  # noqa: E402

SIZE = "--layers 2 --embd 64 --ff 64 --heads 2 --kv-heads 1 --experts 4 --used 2 --vocab 300"
SEEDS = [
    "--arch llama --type f16",
    "--arch deepseek2 --type q8_0 --head-dim 32 --fused-gate-up --kv-lora 32",
    "--arch qwen3moe --type q8_0",
    "--arch gpt-oss --type f16 --head-dim 64",
    "--arch deepseek2 --type f16 --head-dim 32 --shared-experts 1 --leading-dense 1",
]
ARCHITECTURES = """
    llama llama4 qwen2 qwen2moe qwen3 qwen3moe qwen3next olmoe phimoe dbrx grok deepseek
    deepseek2 glm4moe granitemoe granitehybrid jamba mamba mamba2 bert t5 gemma2 gemma3 gemma3n
    ernie4_5-moe hunyuan-moe minimax-m2 arctic bailingmoe bailingmoe2 dots1 smallthinker lfm2moe
    nemotron_h nemotron_h_moe rwkv6 rwkv7 command-r plamo2 falcon-h1 kimi-linear gpt-oss gpt2
    phi3 mpt bloom starcoder2 stablelm chatglm wavtokenizer-dec jais exaone4 seed_oss
""".split()
# Of processor time, so that what else the machine does makes no difference; one that sleeps for
# ever is a matter of wall time.
PROCESSOR_S = 60
TIMEOUT_S = 3600
INTERESTING = [0, 1, 2, 3, 7, 8, 31, 33, 255, 256, 4096, 65535, 65536, 2**24, 2**31 - 1, 2**31,
               2**32 - 1]
FLOATS = [0.0, -0.0, 1.0, -1.0, 1e-30, 1e30, float("nan"), float("inf"), -float("inf")]
# Tensor types: ggml's number, the elements of a block, its bytes.
TYPES = [(0, 1, 4), (1, 1, 2), (2, 32, 18), (3, 32, 20), (6, 32, 22), (7, 32, 24), (8, 32, 34),
         (9, 32, 36), (24, 1, 1), (25, 1, 2), (26, 1, 4), (27, 1, 8), (28, 1, 8), (30, 1, 2),
         (39, 32, 17)]


def make_seeds(folder, given):
    """Those made here, and those of the folder that was given."""
    seeds = sorted(given.glob("*.gguf")) if given else []
    for number, options in enumerate(SEEDS):
        path = folder / f"seed{number}.gguf"
        subprocess.run([sys.executable, ROOT / "tools/make_random.py", *SIZE.split(),
                        *options.split(), "-o", path], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        seeds.append(path)
    return seeds


class Mutation:
    """Changes of one file, all drawn from one random number."""

    def __init__(self, model, rng):
        self.model, self.rng = model, rng

    def apply(self):
        changes = [self.scalar, self.scalar, self.scalar, self.array, self.text, self.drop_key,
                   self.type, self.shape, self.rename, self.drop_tensor, self.token,
                   self.raw_key, self.swap_shapes, self.architecture]
        for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
            self.rng.choice(changes)()

    def key(self, wanted):
        """One whose value is of one of these types."""
        keys = [key for key, raw in self.model.keys.items()
                if struct.unpack_from("<I", raw)[0] in wanted
                and key != "general.architecture"]
        return self.rng.choice(keys) if keys else None

    def scalar(self):
        key = self.key({gguf.U32, gguf.I32, gguf.F32, gguf.BOOL, gguf.U64})
        kind = struct.unpack_from("<I", self.model.keys[key])[0]
        if kind == gguf.F32:
            value = gguf.scalar(gguf.F32, self.rng.choice(FLOATS))
        elif kind == gguf.BOOL:
            value = gguf.scalar(gguf.BOOL, not self.model.keys[key][4])
        else:
            old = struct.unpack_from("<I", self.model.keys[key], 4)[0]
            near = [max(0, old - 1), old + 1, old * 2, old // 2]
            number = self.rng.choice(INTERESTING + near * 3)
            value = gguf.scalar(gguf.U32, min(number, 2**32 - 1))
        self.model.keys[key] = value

    def array(self):
        """A number for each layer in place of one number."""
        key = self.key({gguf.U32})
        old = struct.unpack_from("<I", self.model.keys[key], 4)[0]
        values = [self.rng.choice([old, old, 0, 1, old + 1, 2**31]) for _ in range(2)]
        self.model.keys[key] = gguf.scalar_array(gguf.U32, values)

    def text(self):
        key = self.key({gguf.STRING})
        words = ["", "foo", "llama", "bert", "t5", "rwkv", "gpt2", "no_vocab", "plamo2", "yarn",
                 "linear", "longrope", "\x1b[31m\n", "x" * 3000, "default", "qwen2", "deepseek-v3",
                 "{% for m in messages %}{{ m", "<|im_start|>", "[INST]"]
        self.model.keys[key] = gguf.string(self.rng.choice(words))

    def drop_key(self):
        self.model.keys.pop(self.rng.choice(list(self.model.keys)))

    def raw_key(self):
        """Bytes of a value flipped, its type left alone."""
        key = self.rng.choice(list(self.model.keys))
        raw = bytearray(self.model.keys[key])
        for _ in range(self.rng.randint(1, 4)):
            raw[self.rng.randrange(4, len(raw))] = self.rng.randrange(256)
        self.model.keys[key] = bytes(raw)

    def token(self):
        """Part of the vocabulary's three lists."""
        key = self.rng.choice(["tokenizer.ggml.tokens", "tokenizer.ggml.token_type",
                               "tokenizer.ggml.merges", "tokenizer.ggml.scores"])
        texts = ["", "w300", "<0x41>", "\u2581", "a b", "<s>", "\xff", "x" * 70000]
        count = self.rng.choice([0, 1, 299, 300, 301, 5000])
        if key.endswith("token_type"):
            value = gguf.scalar_array(gguf.I32, [self.rng.choice([0, 1, 3, 6, -1, 99])] * count)
        elif key.endswith("scores"):
            value = gguf.scalar_array(gguf.F32, [self.rng.choice(FLOATS)] * count)
        elif self.rng.random() < 0.5:
            value = gguf.string_array([self.rng.choice(texts) for _ in range(min(count, 301))])
        else:
            value = gguf.string_array([f"w{self.rng.randrange(400)}" for _ in range(count)])
        self.model.keys[key] = value

    def architecture(self):
        """The same keys under the name of another architecture."""
        if "general.architecture" not in self.model.keys:
            return  # dropped
        old, new = self.model.arch, self.rng.choice(ARCHITECTURES)
        self.model.keys["general.architecture"] = gguf.string(new)
        for key in [key for key in self.model.keys if key.startswith(old + ".")]:
            self.model.keys[new + key.removeprefix(old)] = self.model.keys.pop(key)

    def tensor(self):
        return self.rng.choice(self.model.tensors)

    def type(self):
        tensor = self.tensor()
        number, block, block_bytes = self.rng.choice(TYPES)
        if tensor.shape[0] % block == 0:
            self.model.retype(tensor.name, number, "", block, block_bytes)

    def shape(self):
        tensor = self.tensor()
        shape = list(tensor.shape)
        at = self.rng.randrange(len(shape))
        shape[at] = self.rng.choice([1, max(1, shape[at] // 2), shape[at] * 2, shape[at] + 32])
        if self.rng.random() < 0.2:
            shape.append(self.rng.choice([1, 2]))
        self.reshape(tensor, shape)

    def swap_shapes(self):
        one, other = self.tensor(), self.tensor()
        shapes = one.shape, other.shape
        self.reshape(one, shapes[1])
        self.reshape(other, shapes[0])

    def reshape(self, tensor, shape):
        if len(shape) <= 4 and shape[0] % tensor.type.block == 0:
            tensor.shape = tuple(shape)

    def rename(self):
        tensor = self.tensor()
        names = ["rope_freqs.weight", "blk.0.ffn_gate_up_exps.weight", "blk.1.attn_qkv.weight",
                 "output_norm.bias", "blk.0.attn_q.bias", "blk.0.ffn_down_exps.scale",
                 "blk.0.exp_probs_b.bias", "blk.1.ffn_gate_inp.bias", "unknown.weight",
                 tensor.name.replace(".weight", ".bias"), tensor.name.replace("blk.0", "blk.1")]
        tensor_data = self.model.data.pop(tensor.name, b"")
        tensor.name = self.rng.choice(names)
        self.model.data[tensor.name] = tensor_data

    def drop_tensor(self):
        if len(self.model.tensors) > 1:
            self.model.tensors.remove(self.tensor())


def mutated(seeds, number):
    rng = random.Random(number)
    model = EditedGguf.read(rng.choice(seeds))
    Mutation(model, rng).apply()
    return model.bytes()


def complaint(hexcore, arguments, allowed):
    """What is wrong with how the program ends; None where nothing is."""
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S + 1))

    try:
        run = subprocess.run([hexcore, *arguments], capture_output=True, timeout=TIMEOUT_S,
                             check=False, stdin=subprocess.DEVNULL, preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return f"no end within {TIMEOUT_S} s", None
    said = run.stderr.decode("utf-8", "replace")
    # The process in which a file is tried out has the same limit.
    if run.returncode == -signal.SIGXCPU or signal.strsignal(signal.SIGXCPU) in said:
        return f"no end within {PROCESSOR_S} s of processor time", None
    if run.returncode not in allowed:
        return f"exit code {run.returncode}: {said[-600:]}", run.returncode
    if run.returncode != 0 and (not said.startswith("hexcore: ") or said.count("\n") != 1
                                or any(ord(c) < 32 and c != "\n" for c in said)):
        return f"exit code {run.returncode} without one clean sentence: {said[-600:]}", None
    return None, run.returncode


def try_one(options, seeds, number, folder):
    path = folder / f"{number}.gguf"
    path.write_bytes(mutated(seeds, number))
    devices = ["--device", "host=64MiB", "--device", "host=64MiB", "--ctx", "256"]
    wrong, code = complaint(options.hexcore, ["plan", path, *devices], {0, 2, 3, 4})
    if wrong is None and code == 0 and not options.plan_only:
        wrong, _ = complaint(options.hexcore, ["run", path, *devices, "-p", "w1 w2", "-n", "1"],
                             {0, 1, 2, 3, 4})
    if wrong is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
        path.rename(options.keep / path.name)
    else:
        path.unlink()
    return number, code, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hexcore", type=Path, default=ROOT / "build/release/hexcore")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, help="number of the first file (default: a new one)")
    parser.add_argument("--count", type=int, default=2**62)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=Path, help="a folder of models to begin with")
    parser.add_argument("--plan-only", action="store_true", help="runs nothing that is planned")
    parser.add_argument("--keep", type=Path, default=ROOT / "build/fuzz/plan")
    options = parser.parse_args()
    first = random.SystemRandom().randrange(2**40) if options.first is None else options.first
    end = time.monotonic() + options.seconds
    codes, n_wrong, number = {}, 0, first
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(options.jobs) as pool:
        folder = Path(name)
        seeds = make_seeds(folder, options.seeds)
        while time.monotonic() < end and number < first + options.count:
            some = range(number, min(number + 8 * options.jobs, first + options.count))
            for done, code, wrong in pool.map(lambda n: try_one(options, seeds, n, folder), some):
                codes[code] = codes.get(code, 0) + 1
                if wrong is not None:
                    n_wrong += 1
                    print(f"file {done}: {wrong}", flush=True)
            number = some.stop
    ends = ", ".join(f"{count} with {code}" for code, count in sorted(codes.items(), key=str))
    print(f"{number - first} files from {first} on; plan ended {ends}")
    if n_wrong:
        print(f"{n_wrong} of them are kept in {options.keep}")
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
