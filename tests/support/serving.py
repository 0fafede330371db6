"""A running `hexcore serve`, and clients that behave and that don't."""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import threading
from typing import NamedTuple


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def text(self):
        """Of the first choice."""
        choice = self.json["choices"][0]
        return choice["text"] if "text" in choice else choice["message"]["content"]


class Program:
    """`hexcore`, where no test's fixture starts it and ends it."""

    def __init__(self, path):
        self.path = path

    def start(self, *arguments, **options):
        return subprocess.Popen([self.path, *map(str, arguments)], **options)


class Server:
    """`hexcore serve MODEL OPTIONS`, once it listens; `ready` once it has loaded."""

    def __init__(self, hexcore, model, *options, wait=True, **process):
        self.process = hexcore.start("serve", model, "--port", "0", *options,
                                     stderr=subprocess.PIPE, **process)
        self.lines = []
        self.said = threading.Condition()
        self.port = None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.wait_for_line(r"serves .* at http://" if wait else r"listens on http://")

    def _read(self):
        for line in self.process.stderr:
            with self.said:
                self.lines.append(line.decode(errors="replace"))
                if match := re.search(r"http://[^ ]*:(\d+)", self.lines[-1]):
                    self.port = int(match[1])
                self.said.notify_all()
        with self.said:
            self.lines.append("")  # the end
            self.said.notify_all()

    def wait_for_line(self, pattern, timeout_s=600):
        def found():
            return any(re.search(pattern, line) for line in self.lines)

        with self.said:
            self.said.wait_for(lambda: found() or "" in self.lines, timeout=timeout_s)
            assert found(), f"it never said {pattern}: {''.join(self.lines)}"

    def connect(self, timeout_s=600):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            # What is refused is not read to its end, and the answer is there all the same.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, fields, headers=None):
        return self.request("POST", path, json.dumps(fields),
                            {"Content-Type": "application/json"} | (headers or {}))

    def complete(self, prompt, **fields):
        return self.post("/v1/completions", {"prompt": prompt, "temperature": 0} | fields)

    def chat(self, messages, **fields):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return self.post("/v1/chat/completions",
                         {"messages": messages, "temperature": 0} | fields)

    def stream(self, path, fields):
        return Stream(self, path, fields)

    def metrics(self):
        """By name, with labels as they are written."""
        found = {}
        for line in self.get("/metrics").body.decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def wait_until(self, condition):
        """Asks for metrics until condition(metrics) holds."""
        while not condition(metrics := self.metrics()):
            assert self.process.poll() is None
        return metrics


class Stream:
    """An answer by server-sent events, as it comes."""

    def __init__(self, server, path, fields):
        self.connection = server.connect()
        self.connection.request("POST", path, json.dumps(fields | {"stream": True}),
                                {"Content-Type": "application/json"})
        self.response = self.connection.getresponse()

    def __iter__(self):
        """The events; "[DONE]" is the last."""
        for line in self.response:
            if line.strip():
                assert line.startswith(b"data: "), line
                data = line.removeprefix(b"data: ").strip().decode()
                yield data if data == "[DONE]" else json.loads(data)

    def close(self):
        # close() alone waits for the response, which holds the socket, too.
        self.response.close()
        self.connection.close()


class RawClient:
    """Bytes to a server and back."""

    def __init__(self, server, timeout_s=600, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(timeout_s)
        self.socket.connect(("127.0.0.1", server.port))

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def post(self, path, body, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        headers.setdefault("Content_Length", str(len(body)))
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def everything(self):
        """Until the server closes."""
        received = b""
        while more := self.socket.recv(65536):
            received += more
        return received

    def until(self, text):
        received = b""
        while text not in received:
            more = self.socket.recv(65536)
            assert more, received
            received += more
        return received

    def vanish(self):
        """As a process that is killed does."""
        self.socket.close()


def joined(events):
    """The text of a stream's first choice."""
    text = ""
    for event in events:
        if event != "[DONE]" and event["choices"]:
            choice = event["choices"][0]
            text += choice["text"] if "text" in choice else choice["delta"].get("content") or ""
    return text
