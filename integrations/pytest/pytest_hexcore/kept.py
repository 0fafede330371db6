"""What a process has before and after a test: main memory, and what frameworks took of GPUs."""

from .caches import trim_host
from .memory import framework_bytes, framework_memory, resident_bytes

# Less than this a test leaves behind by merely having run, and a look for garbage costs more than
# small tests do.
_WORTH_A_LOOK = 1 << 20


def levels():
    """What there is of each device between two repeats of a test, without what nobody uses. Of main
    memory the kernel's word, of GPUs what frameworks have given out, which is exact."""
    trim_host()
    found = [{"name": "host", "bytes": resident_bytes()}]
    for memory in framework_memory():
        same = next((one for one in found if one["name"] == memory.device), None)
        if same is None:
            found.append({"name": memory.device, "bytes": memory.allocated, "exact": True})
        else:
            same["bytes"] += memory.allocated
    return found


class Kept:
    """From when it is made to found()."""

    def __init__(self):
        self.resident_bytes = resident_bytes()
        self._devices = framework_bytes()

    def found(self):
        after = resident_bytes()
        if after - self.resident_bytes > _WORTH_A_LOOK:
            trim_host()
            after = resident_bytes()
        said = {"resident_bytes": after}
        devices = framework_bytes()
        if devices or self._devices:
            said["devices"] = [{"name": name, "before_bytes": self._devices.get(name, 0),
                                "after_bytes": devices.get(name, 0)}
                               for name in sorted({*devices, *self._devices})]
        return said
