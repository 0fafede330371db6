"""The corpus's programs that are Python's own: what leaks there, and what only seems to.

    python_corpus.py list
    python_corpus.py told|sampled NAME REPEATS SEED

like leak_corpus, with allocations told through the package or samples only.
"""

import collections
import functools
import gc
import random
import sys
import time
import weakref

import hexcore

KIB = 1024
PAGE = 4096


class Block(bytearray):
    """Memory of which every page is in use; if that is the mode, told as long as it lives."""

    told = False
    made = 0

    def __init__(self, size, purpose="work"):
        super().__init__(size)
        self[::PAGE] = b"\1" * len(range(0, size, PAGE))
        if Block.told:
            Block.made += 1
            hexcore.allocated(Block.made, size, purpose)
            weakref.finalize(self, hexcore.released, Block.made).atexit = False


def list_that_nobody_empties(_):
    history = []
    return lambda _: history.append(Block(200 * KIB, "history"))


def cache_without_a_bound(_):
    @functools.cache
    def look_up(_):
        return Block(150 * KIB, "answer")
    return look_up


def callbacks_that_stay(_):
    """A method that is registered keeps its object."""
    class View:
        def __init__(self):
            self.pixels = Block(256 * KIB, "view")

        def changed(self):
            pass
    listeners = []
    return lambda _: listeners.append(View().changed)


def errors_that_are_kept(_):
    """Their tracebacks hold the frames, and those what was local."""
    errors = []

    def fail():
        local = Block(200 * KIB, "local")
        raise ValueError(len(local))

    def repeat(_):
        try:
            fail()
        except ValueError as error:
            errors.append(error)
    return repeat


def cache_with_a_bound(_):
    @functools.lru_cache(maxsize=16)
    def look_up(_):
        return Block(256 * KIB, "entry")
    return look_up


def last_ten(_):
    history = collections.deque(maxlen=10)
    return lambda _: history.append(Block(300 * KIB, "history"))


def made_when_first_needed(_):
    kept = {}
    return lambda _: kept.setdefault("tables", kept.get("tables") or Block(6 * KIB * KIB, "tables"))


def cycles_that_are_collected(_):
    """Objects that refer to each other live until the collector comes by."""
    class Node:
        def __init__(self):
            self.block, self.itself = Block(200 * KIB, "node"), self

    gc.disable()

    def repeat(number):
        Node()
        if number % 13 == 12:
            gc.collect()
    return repeat


def scratch_space(rng):
    return lambda _: Block(rng.randrange(1, 40) * 256 * KIB, "scratch") and None


# name: truth, repeats with allocations told, repeats with samples only, what makes a repeat.
CASES = {
    "python-list": ("leak", 20, 160, list_that_nobody_empties),
    "python-cache-without-a-bound": ("leak", 20, 160, cache_without_a_bound),
    "python-callbacks": ("leak", 20, 160, callbacks_that_stay),
    "python-errors": ("leak", 20, 160, errors_that_are_kept),
    "python-lru-cache": ("cache", 80, 200, cache_with_a_bound),
    "python-deque": ("cache", 60, 200, last_ten),
    "python-first-needed": ("cache", 20, 200, made_when_first_needed),
    "python-cycles": ("pool", 100, 300, cycles_that_are_collected),
    "python-scratch": ("none", 20, 200, scratch_space),
}


def main():
    if sys.argv[1:] == ["list"]:
        for name, (truth, told, sampled, _) in CASES.items():
            print(name, truth, told, sampled)
        return
    mode, name, repeats, seed = sys.argv[1:]
    Block.told = mode == "told"
    rng = random.Random(int(seed))
    repeat = CASES[name][3](rng)
    for number in range(int(repeats)):
        with hexcore.label("work"):
            repeat(number)
        if mode == "sampled":  # so that samples see the time between two repeats
            time.sleep(rng.uniform(0.8e-3, 2e-3))


if __name__ == "__main__":
    main()
