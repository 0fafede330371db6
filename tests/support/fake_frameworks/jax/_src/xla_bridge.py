"""Whether the backends were started, and what the allocator would say."""

in_use = pool = 0


def start(in_use_bytes, pool_bytes):
    global in_use, pool
    in_use, pool = in_use_bytes, pool_bytes


def backends_are_initialized():
    return pool > 0
