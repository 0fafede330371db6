"""What is free of main memory and of GPUs, for a process that is about to take some."""

import os
import subprocess
from collections import namedtuple

from .caches import used_torch

_CGROUPS = "/sys/fs/cgroup"
_ASK_S = 20
GPU = namedtuple("GPU", "name uuid free_bytes total_bytes")


def _fields(path):
    """{"MemAvailable": bytes} of a file of the kernel's with lines like that."""
    with open(path, encoding="ascii", errors="replace") as file:
        words = (line.replace(":", " ").split() for line in file)
        return {line[0]: int(line[1]) << (10 if line[2:] == ["kB"] else 0) for line in words
                if len(line) > 1 and line[1].isdigit()}


def held_bytes(pid):
    """What the process has of main memory and files do not, or 0 where that cannot be seen."""
    try:
        status = _fields(f"/proc/{pid}/status")
    except OSError:
        return 0
    return status.get("RssAnon", 0) + status.get("RssShmem", 0)


def _number(folder, name):
    try:
        with open(os.path.join(folder, name), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):  # no such group, or "max"
        return None


def _left_in_group(folder, limit_name, usage_name, cache_name):
    limit, usage = _number(folder, limit_name), _number(folder, usage_name)
    if limit is None or usage is None:
        return None
    try:
        cache = _fields(os.path.join(folder, "memory.stat")).get(cache_name, 0)
    except OSError:
        cache = 0
    return limit - (usage - cache)


def _groups():
    """Folders of this process's control groups and those around them, with the files' names."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if controllers == "":
                root, names = "", ("memory.max", "memory.current", "inactive_file")
            elif "memory" in controllers.split(","):
                root = "memory"
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            else:
                continue
            while True:
                yield os.path.join(_CGROUPS, root, path.lstrip("/")), names
                if path in ("", "/"):
                    break
                path = os.path.dirname(path)


def free_host_bytes():
    free = _fields("/proc/meminfo")["MemAvailable"]
    for folder, names in _groups():
        left = _left_in_group(folder, *names)
        free = free if left is None else min(free, left)
    return max(0, free)


def gpus():
    """Every GPU of this machine that this process may use, as the driver's own program tells it: to
    ask the driver from here would start it. [] where there is none."""
    query = ["nvidia-smi", "--query-gpu=index,uuid,memory.free,memory.total",
             "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=_ASK_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in said.stdout.splitlines():
        index, uuid, *sizes = (word.strip() for word in line.split(","))
        if len(sizes) == 2 and all(size.isdigit() for size in sizes):
            free, total = (int(size) << 20 for size in sizes)
            found.append((index, uuid, free, total))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:  # in the order that it gives, up to the first that is none
        by_name = {name: gpu for gpu in found for name in gpu[:2]}
        listed = [by_name.get(word.strip()) for word in visible.split(",")]
        found = listed[:listed.index(None)] if None in listed else listed
    return [GPU(f"cuda:{place}", *gpu[1:]) for place, gpu in enumerate(found)]


def free_bytes(device):
    """Of "host" or "cuda:0", in bytes; 0 of a GPU that is not there."""
    if device == "host":
        return free_host_bytes()
    cuda = used_torch()
    if cuda is not None:
        return cuda.mem_get_info(int(device.split(":")[1]))[0]
    return next((gpu.free_bytes for gpu in gpus() if gpu.name == device), 0)
