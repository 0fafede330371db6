"""What a watched program told of itself, by the trace of its recording."""

import json
import re


class Told:
    def __init__(self, events):
        self.events = events

    def labels(self, thread=None):
        """`+name` and `-name` in order, of one thread or of the first that had any."""
        edges = [event for event in self.events if event["ph"] in "BE"]
        thread = thread or (edges[0]["tid"] if edges else 0)
        return [("+" if edge["ph"] == "B" else "-") + edge["name"]
                for edge in edges if edge["tid"] == thread]

    def threads(self):
        return list(dict.fromkeys(event["tid"] for event in self.events if event["ph"] in "BE"))

    def marks(self):
        return [event["name"] for event in self.events if event["ph"] == "i"]

    def holders(self):
        """{"cuda:0 PyTorch": the largest amounts that it had}, whichever process it is in."""
        found = {}
        for event in self.events:
            name = re.fullmatch(r"(.* (?:ledger|PyTorch|CuPy|JAX|program)) bytes \(\d+\)",
                                event["name"])
            if name and sum(event["args"].values()) >= sum(found.get(name[1], {}).values()):
                found[name[1]] = event["args"]
        return found


def watch(hexcore, folder, *command, options=(), env=None):
    """Runs a command under `hexcore watch`; (its outcome, what it told)."""
    recording, trace = folder / "told.hxr", folder / "told.trace.json"
    outcome = hexcore("watch", *options, "-o", recording, "--", *command, env=env, cwd=folder)
    written = hexcore("report", recording, "-o", trace)
    assert written.code == 0, written.stderr
    return outcome, Told(json.loads(trace.read_text(encoding="utf-8"))["traceEvents"])
