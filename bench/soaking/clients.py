"""Clients side by side, and what they found."""

import collections
import json
import threading
import time

from serving import RawClient, joined
from soaking.fresh import answer_of
from soaking.questions import Talk

QUIET_S = 60  # within which a server that nobody asks must be idle
SHOWN = 5     # of what went wrong


class Findings:
    """Counts, and the first things that went wrong, by name."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.wrong = collections.defaultdict(list)

    def count(self, name):
        with self.lock:
            self.counts[name] += 1

    def complain(self, name, what):
        with self.lock:
            self.counts[name] += 1
            if len(self.wrong[name]) < SHOWN:
                self.wrong[name].append(str(what))


class Clients:
    """`expected`: what fresh processes answered."""

    def __init__(self, server, expected, number, random):
        self.server = server
        self.expected = expected
        self.number = number
        self.random = random
        self.findings = Findings()
        self.talks = 0
        self.bad_seen = set()

    def work(self, jobs):
        """Does all jobs, and returns once nobody is answered any more."""
        queue = collections.deque(self.prepared(kind, what) for kind, what in jobs)
        threads = [threading.Thread(target=self.one_client, args=[queue])
                   for _ in range(self.number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.wait_until_quiet()

    def prepared(self, kind, what):
        """A function that does a query, and gives the next one of the same conversation, or None.
        What is left to chance is decided here, on one thread."""
        chance = self.random.random()
        if kind == "bad":
            return lambda: self.send_bad(what)
        if kind == "cancelled":
            return lambda: self.leave(what, int(chance * 6))
        self.talks += 1
        talk = Talk(what, f"talk {self.talks}")
        return lambda: self.ask(talk, chance < 0.5)

    def one_client(self, queue):
        while True:
            try:
                query = queue.popleft()
            except IndexError:
                return
            try:
                more = query()
            except (OSError, ValueError, KeyError, AssertionError) as error:
                self.findings.complain("failed", repr(error))
                more = None
            if more:
                queue.append(more)  # behind others, which take its place in the cache

    def ask(self, talk, as_stream):
        step = len(talk.answers)
        fields = talk.fields()
        if as_stream:
            stream = self.server.stream(talk.question.path, fields)
            status = stream.response.status
            if status == 200:
                answer = joined(stream)
            else:
                answer = json.load(stream.response)["error"]["code"]
            stream.close()
        else:
            reply = self.server.post(talk.question.path, fields)
            status, answer = reply.status, answer_of(reply)
        expected = self.expected[talk.question][step]
        if [status, answer] != expected:
            self.findings.complain("different", f"{fields}: {[status, answer]}, not {expected}")
            return None
        self.findings.count("answered" if status == 200 else "overflowed")
        talk.take(status, answer)
        return (lambda: self.ask(talk, as_stream)) if talk.has_more else None

    def leave(self, question, after):
        """Goes away: before it hears anything, or after so many events of a stream."""
        fields = question.fields[0] | {"max_tokens": 200}
        if after == 0:
            client = RawClient(self.server)
            client.post(question.path, fields)
            client.vanish()
        else:
            stream = self.server.stream(question.path, fields)
            events = iter(stream)
            for _ in range(after - 1):
                next(events, None)
            stream.close()
        self.findings.count("cancelled")

    def send_bad(self, bad):
        reply = self.server.request("POST", bad.path, bad.body,
                                    {"Content-Type": "application/json"})
        if wrong := bad.wrong(reply):
            self.findings.complain("refused otherwise", wrong)
        else:
            self.findings.count("refused")
            self.bad_seen.add(bad.name)

    def wait_until_quiet(self):
        """The metrics then; a complaint where the server has not come to rest."""
        end = time.monotonic() + QUIET_S
        while True:
            metrics = self.server.metrics()
            if metrics["hexcore_requests_answering"] + metrics["hexcore_requests_waiting"] == 0:
                return metrics
            if time.monotonic() > end:
                self.findings.complain("stuck", "answers that nobody waits for do not end")
                return metrics
            time.sleep(0.005)
