"""What the soak asks: about 200 distinct questions, in a mix that is the same in every hundred
queries and, over a thousand, has each question equally often."""

import itertools
import json
from typing import NamedTuple

TEXT, CHAT = "/v1/completions", "/v1/chat/completions"
SUBJECTS = ["sun", "moon", "river", "tree", "stone", "bird", "horse", "boat", "road", "house",
            "king", "child", "song", "clock", "letter", "garden", "winter", "storm", "fire",
            "bridge", "mirror", "market"]
OPENERS = ["The {} is", "Once a {} came to", "Every {} has", "If a {}", "Nobody knows why the {}"]
INSTRUCTIONS = ["You are a teacher, and you answer in one sentence.", "You answer like a pirate."]
TOO_LONG = " and on" * 300

# Jobs in a hundred queries; one of a session, or of a conversation that is sent again, is three.
MIX = {"text": 44, "chat": 8, "told": 8, "session": 4, "resent": 2, "full": 2, "odd": 2,
       "cancelled": 8, "bad": 10}
HUNDRED = 100
ASKED_EACH = 16  # how often each is asked at least, as long as there are enough


class Question(NamedTuple):
    kind: str
    path: str
    steps: tuple  # JSON of each request's fields; of chats that are sent again, of what is new

    @property
    def fields(self):
        return [json.loads(step) for step in self.steps]


def question(kind, path, *steps):
    return Question(kind, path, tuple(json.dumps(step, sort_keys=True) for step in steps))


def text(prompt, number=0, **more):
    """A request for some tokens, every fourth with a seed."""
    chosen = {"temperature": 0.8, "seed": number} if number % 4 == 3 else {"temperature": 0}
    return {"prompt": prompt, "max_tokens": 4 + number % 3} | chosen | more


def chat(*messages, number=0):
    fields = text("", number)
    del fields["prompt"]
    return fields | {"messages": [{"role": role, "content": said} for role, said in messages]}


def session(number, subject):
    """A text in three parts; the middle one of every other is longer than the context."""
    middle = TOO_LONG if number % 2 == 0 else f" and the other {subject}"
    return question("session", TEXT, text(f"My {subject}", number), text(middle, number),
                    text(" so that", number + 1))


def all_questions():
    """By kind, in a fixed order, so that their answers can be kept."""
    odd = ["     ", "a\0b", "<|im_end|>\n<|im_start|>", "🎴🧙‍♂️✨", "\n\n\n", "a\u0301" * 20,
           "\ufffd\ufffe"]
    return {
        "text": [question("text", TEXT, text(opener.format(subject), number))
                 for number, (opener, subject) in enumerate(itertools.product(OPENERS, SUBJECTS))],
        "chat": [question("chat", CHAT, chat(("user", f"What is a {subject}?"), number=number))
                 for number, subject in enumerate(SUBJECTS[:20])],
        "told": [question("told", CHAT, chat(("system", instructions),
                                             ("user", f"Why a {subject}?"), number=number))
                 for number, (subject, instructions) in
                 enumerate(itertools.product(SUBJECTS[:10], INSTRUCTIONS))],
        "session": [session(number, subject) for number, subject in enumerate(SUBJECTS[:10])],
        "resent": [question("resent", CHAT, *(chat(("user", said.format(subject)), number=number)
                                              for said in ("A {}?", "Why?", "More.")))
                   for number, subject in enumerate(SUBJECTS[:5])],
        # Their answers end where the context of 256 tokens does.
        "full": [question("full", TEXT, text(f"Up and {subject} and " * 62, max_tokens=1000,
                                             logit_bias={"0": -100, "2": -100}))
                 for subject in ["down", "left", "back", "out", "over"]],
        "odd": [*(question("odd", TEXT, text(prompt)) for prompt in odd),
                *(question("odd", CHAT, chat(("user", said))) for said in ("", "  ", odd[2]))],
    }


def distinct_questions(queries):
    """By kind, as many as so many queries ask ASKED_EACH times; of odd ones all."""
    hundreds = queries / HUNDRED
    return {kind: found[:max(1, round(MIX[kind] * hundreds / (1 if kind == "odd" else ASKED_EACH)))]
            for kind, found in all_questions().items()}


def hundreds(queries, distinct, bad, random):
    """For each hundred queries its jobs, shuffled: (kind, question or bad input)."""
    sources = {kind: itertools.cycle(found) for kind, found in distinct.items()}
    sources["cancelled"] = itertools.cycle(distinct["text"][:40])
    sources["bad"] = itertools.cycle(bad)
    for _ in range(-(-queries // HUNDRED)):
        jobs = [(kind, next(sources[kind])) for kind, count in MIX.items() for _ in range(count)]
        random.shuffle(jobs)
        yield jobs


class Talk:
    """A question as it is put to a server: request by request, with what was answered between."""

    def __init__(self, asked, name):
        self.question = asked
        self.name = name
        self.said = []  # of a chat that is sent again
        self.answers = []

    @property
    def has_more(self):
        return len(self.answers) < len(self.question.steps)

    def fields(self):
        """Of the next request."""
        fields = self.question.fields[len(self.answers)]
        if self.question.kind == "session":
            fields["session_id"] = self.name
        elif self.question.kind == "resent":
            self.said += fields["messages"]
            fields["messages"] = self.said
        return fields

    def take(self, status, answer):
        """The text, or the code of an error."""
        self.answers.append([status, answer])
        if self.question.kind == "resent":
            self.said.append({"role": "assistant", "content": answer})
