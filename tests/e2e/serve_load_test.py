"""hexcore serve under 64 clients at once, many of which misbehave: whoever gets an answer gets the
right one, nobody is stuck, and memory stays as it is."""

import random
import threading

from conftest import on, resident_bytes
from serving import RawClient, Server, joined

CLIENTS = 64
ROUNDS = 3
PROMPTS = [f"Number {i} is" for i in range(16)]
TOKENS = 8


class Client(threading.Thread):
    """Asks ROUNDS times, each time in another way; `wrong` is what should not have come."""

    def __init__(self, server, expected, seed):
        super().__init__()
        self.server = server
        self.expected = expected
        self.random = random.Random(seed)
        self.answers = 0
        self.wrong = []

    def run(self):
        ways = [self.ask, self.ask, self.read_a_stream, self.leave_a_stream, self.leave_unheard,
                self.send_half, self.send_noise]
        for _ in range(ROUNDS):
            prompt = self.random.choice(PROMPTS)
            fields = {"prompt": prompt, "temperature": 0, "max_tokens": TOKENS}
            try:
                self.random.choice(ways)(fields)
            except (OSError, AssertionError) as error:
                self.wrong.append(error)

    def compare(self, fields, text):
        self.answers += 1
        if text != self.expected[fields["prompt"]]:
            self.wrong.append((fields["prompt"], text))

    def ask(self, fields):
        reply = self.server.post("/v1/completions", fields)
        if reply.status == 200:
            self.compare(fields, reply.text)
        elif reply.status != 429:
            self.wrong.append(reply)

    def read_a_stream(self, fields):
        stream = self.server.stream("/v1/completions", fields)
        if stream.response.status == 200:
            self.compare(fields, joined(stream))
        stream.close()

    def leave_a_stream(self, fields):
        stream = self.server.stream("/v1/completions", fields | {"max_tokens": 300})
        events = iter(stream) if stream.response.status == 200 else iter(())
        for _ in range(self.random.randrange(4)):
            next(events, None)
        stream.close()

    def leave_unheard(self, fields):
        client = RawClient(self.server)
        client.post("/v1/completions", fields | {"max_tokens": 300})
        client.vanish()

    def send_half(self, _):
        client = RawClient(self.server)
        client.send("POST /v1/completions HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        client.vanish()

    def send_noise(self, _):
        reply = self.server.request("POST", "/v1/completions", self.random.randbytes(2000))
        if reply.status != 400:
            self.wrong.append(reply)


def test_sixty_four_clients_get_the_right_answers_or_none(hexcore, demo_model):
    # More wait and leave than there is room for, and sessions are parked and taken over.
    server = Server(hexcore, demo_model, *on("640MiB"), "--ctx", "2048", "--sequences", "4",
                    "--exact", "--max-sessions", "48", "--queue", "64")
    expected = {prompt: server.complete(prompt, max_tokens=TOKENS).text for prompt in PROMPTS}
    resident = []
    for wave in range(2):
        clients = [Client(server, expected, wave * CLIENTS + i) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert [client.wrong for client in clients if client.wrong] == []
        assert sum(client.answers for client in clients) > CLIENTS / 2
        server.wait_until(lambda now: now["hexcore_requests_answering"] == 0 and
                          now["hexcore_requests_waiting"] == 0)
        resident.append(resident_bytes(server.process.pid))
    assert resident[1] - resident[0] < 16 << 20, resident
    assert server.complete(PROMPTS[0], max_tokens=TOKENS).text == expected[PROMPTS[0]]
    server.process.terminate()
    assert server.process.wait(60) == 0
