"""What fresh processes answer: each question once, kept for as long as model and program are the
same."""

import hashlib
import json
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from serving import Server
from soaking.questions import TEXT, Talk

SESSION_TOKENS = 256
DEVICES = ["--device", "host=320MiB", "--device", "host=320MiB", "--reserve", "8MiB"]
THREADS = 2  # of a fresh process; the bits do not depend on it


def stamp(program, model):
    """Of all that decides an answer's bits: the program, what of llama.cpp it links, the model, and
    the processor."""
    digest = hashlib.sha256()
    linked = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True)
    for path in [program, *re.findall(r"=> (\S*(?:ggml|llama)\S*)", linked.stdout)]:
        digest.update(Path(path).read_bytes())
    file = os.stat(model)
    flags = re.search(r"^(flags|Features).*", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    digest.update(f"{file.st_size} {file.st_mtime_ns} {flags and flags[0]}".encode())
    return digest.hexdigest()[:16]


def answer_of(reply):
    """The text, or the code of an error, by which they are compared: its words have figures of the
    context."""
    return reply.text if reply.status == 200 else reply.error["code"]


def ask_server(server, talk):
    fields = talk.fields()
    reply = server.post(talk.question.path, fields)
    talk.take(reply.status, answer_of(reply))


def by_run(program, model, question):
    """By `hexcore run`, whose way to the engine is another one."""
    fields, = question.fields
    words = ["--ctx", SESSION_TOKENS, "--threads", THREADS, "--exact", "--format", "json",
             "-n", fields["max_tokens"], "--temp", fields["temperature"]]
    if "seed" in fields:
        words += ["--seed", fields["seed"]]
    with tempfile.NamedTemporaryFile() as file:  # its bytes may be none for a command line
        if question.path == TEXT:
            words.append("--raw")
            file.write(fields["prompt"].encode())
        else:
            file.write(fields["messages"][-1]["content"].encode())
        file.flush()
        process = program.start("run", model, *DEVICES, *words, "--file", file.name,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        out, err = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"hexcore run did not answer {fields}: {err.decode()}")
    return [[200, json.loads(out)["text"]]]


def by_server(program, model, question):
    server = Server(program, model, *DEVICES, "--ctx", SESSION_TOKENS, "--threads", THREADS,
                    "--exact")
    try:
        talk = Talk(question, "fresh")
        while talk.has_more:
            reply = server.post(question.path, talk.fields())
            talk.take(reply.status, answer_of(reply))
        return talk.answers
    finally:
        server.process.terminate()
        server.process.wait()


def fresh_answer(program, model, question):
    is_run = question.kind in ("text", "chat") or (question.kind == "odd" and question.path == TEXT)
    return (by_run if is_run else by_server)(program, model, question)


class FreshAnswers:
    """`cache`: the folder in which they are kept."""

    def __init__(self, program, model, cache, say):
        self.program, self.model = program, model
        self.folder = Path(cache) / "soak" / stamp(program.path, model)
        self.say = say

    def of(self, questions):
        """{question: [[status, text or code], ...]}; those that are missing are asked, a few at a
        time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = sum(not self.file_of(one).exists() for one in questions)
        if missing:
            self.say(f"{missing} of {len(questions)} questions are answered by fresh processes")
        with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) // THREADS)) as pool:
            return dict(zip(questions, pool.map(self.one, questions)))

    def file_of(self, question):
        digest = hashlib.sha256(json.dumps(question).encode()).hexdigest()[:16]
        return self.folder / f"{digest}.json"

    def one(self, question):
        path = self.file_of(question)
        if not path.exists():
            partial = path.with_suffix(f".{os.getpid()}")
            answer = fresh_answer(self.program, self.model, question)
            partial.write_text(json.dumps(answer), encoding="utf-8")
            partial.rename(path)
        return json.loads(path.read_text(encoding="utf-8"))
