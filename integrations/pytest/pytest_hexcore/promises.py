"""How much of a device programs have promised each other and not yet taken."""

from .free_memory import held_bytes


def _bytes_of(document, device):
    """(what it may take, what it has taken or None)"""
    if device == "host":
        return document["host_bytes"], document["used_host_bytes"]
    for one in document["devices"]:
        if one["name"] == device:
            return one["bytes"], one["used_bytes"]
    return 0, 0


def claim_of(document, device):
    return _bytes_of(document, device)[0]


def promised(living, device):
    """`living` as Folder.living() has it. Of a GPU what is told as used counts, else nothing: who
    looks from outside sees the whole card alone."""
    used = _used(living, device)
    parts = {}
    names = dict(living)
    for name, document in living:
        if document["within"] in names:
            parts.setdefault(document["within"], []).append(name)
    return sum(max(0, claim - taken) for claim, taken in
               (_with_parts(name, names, parts, used, device, set()) for name in _tops(living)))


def has_room(living, within, wanted):
    """Whether the reservation that `wanted` would be part of has that much left."""
    names = dict(living)
    if within not in names or names[within]["state"] != "held":
        return False
    for device, size in wanted.items():
        siblings = sum(claim_of(other, device) for other in names.values()
                       if other["within"] == within)
        if siblings + size > claim_of(names[within], device):
            return False
    return True


def _tops(living):
    """Those that are part of none. A chain that leads back to itself is cut at its first ticket."""
    names = dict(living)
    tops = []
    for name, document in living:
        seen, above = {name}, document["within"]
        while above in names and above not in seen:
            seen.add(above)
            above = names[above]["within"]
        is_first = min(seen, key=lambda one: (names[one]["ticket"], one)) == name
        if document["within"] not in names or (above == name and is_first):
            tops.append(name)
    return tops


def _with_parts(name, names, parts, used, device, seen):
    """(claim, used) of a reservation with all that is part of it."""
    seen.add(name)
    claim, taken = claim_of(names[name], device), used[name]
    below = [_with_parts(part, names, parts, used, device, seen) for part in parts.get(name, [])
             if part not in seen]
    claim = max(claim, sum(one for one, _ in below))
    return claim, min(claim, max(taken, sum(one for _, one in below)))


def _used(living, device):
    """{file's name: bytes that it has taken}"""
    used, silent = {}, {}
    for name, document in living:
        claim, taken = _bytes_of(document, device)
        if document["state"] == "waiting":
            used[name] = 0
        elif taken is not None:
            used[name] = min(taken, claim)
        else:
            used[name] = 0
            if device == "host":
                silent.setdefault(document["pid"], []).append((document["ticket"], name, document))
    for pid, theirs in silent.items():
        since = held_bytes(pid) - min(document["host_base_bytes"] for _, _, document in theirs)
        for _, name, document in sorted(theirs, key=lambda one: one[:2]):
            used[name] = max(0, min(since, document["host_bytes"]))
            since -= used[name]
    return used
