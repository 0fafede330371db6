"""`hexcore run --trace-routing FILE`: what routers chose, whatever happens to run and file."""

import json
import resource
import shutil
import signal
import subprocess

import pytest
from conftest import on, wait_until

LAYERS, USED = 4, 4
WORDS = ["--threads", 1, "--ctx", 512, "--temp", 0, "--raw", "-p", "Once upon a time", "-n", 7]


@pytest.fixture(scope="module")
def tiny(random_model):
    return random_model("qwen3moe", layers=LAYERS, embd=128, ff=64, heads=4, experts=16, used=USED,
                        type="q8_0")


def read(file):
    header, *tokens = [json.loads(line) for line in file.read_text().splitlines()]
    assert header["schema"] == "hexcore.routing/1"
    return header, tokens


def without_speeds(report):
    return {key: value for key, value in report.items() if key != "timing"} | {
        "devices": [{key: value for key, value in device.items() if key != "measured_bytes"}
                    for device in report["devices"]]}


def test_every_token_has_a_line_with_its_choice_in_every_layer(hexcore, tiny, tmp_path):
    report = hexcore.json("run", tiny, *on("64MiB"), *WORDS, "--ubatch", 5, "--trace-routing",
                          tmp_path / "trace")
    header, tokens = read(tmp_path / "trace")
    assert header["model"]["n_layers"] == LAYERS
    assert [layer["layer"] for layer in header["layers"]] == list(range(LAYERS))
    prompt = report["tokens"]["prompt"]
    assert prompt > 10, "several batches"
    assert len(tokens) == report["cache_stats"]["tokens_computed"] == prompt + 6
    assert [token["position"] for token in tokens] == list(range(prompt + 6))
    assert [token["kind"] for token in tokens] == ["prompt"] * prompt + ["generated"] * 6
    assert [token["batch"] for token in tokens[:6]] == [1] * 5 + [2]
    for at, token in enumerate(tokens):
        last_of_batch = at + 1 == len(tokens) or tokens[at + 1]["batch"] != token["batch"]
        computed = LAYERS if last_of_batch else LAYERS - 1
        assert [len(set(experts)) for experts in token["experts"]] == \
            [USED] * computed + [0] * (LAYERS - computed)
        assert all(0 <= expert < 16 for experts in token["experts"] for expert in experts)


def test_answer_and_report_are_those_without_and_the_trace_that_of_any_placement(
        hexcore, tiny, tmp_path):
    traces = set()
    for number, devices in enumerate([on("64MiB"), on("16MiB", "16MiB"),
                                      [*on("16MiB", "16MiB", "16MiB"), "--policy", "alternate"]]):
        file = tmp_path / f"trace{number}"
        plain = hexcore.json("run", tiny, *devices, *WORDS)
        traced = hexcore.json("run", tiny, *devices, *WORDS, "--trace-routing", file)
        assert without_speeds(traced) == without_speeds(plain)
        traces.add(file.read_text())
    assert len(traces) == 1


def test_a_server_computes_it_too(hexcore, tiny, tmp_path, start_server):
    _, server = start_server()
    for number, devices in enumerate([on("64MiB"), ["--device", f"rpc:{server}=64MiB"],
                                      ["--device", f"rpc:{server}=16MiB", *on("16MiB"),
                                       "--policy", "alternate"]]):
        hexcore.json("run", tiny, *devices, *WORDS, "--trace-routing", tmp_path / f"{number}")
    assert len({file.read_text() for file in tmp_path.iterdir()}) == 1


def test_a_chat_tells_questions_and_answers_apart(hexcore, demo_model, tmp_path):
    outcome = hexcore("run", demo_model, *on("600MiB"), "--temp", 0, "-n", 4, "--trace-routing",
                      tmp_path / "trace", stdin="Name a colour.\nName another.\n")
    assert outcome.code == 0, outcome.stderr
    _, tokens = read(tmp_path / "trace")
    kinds = [token["kind"] for token in tokens]
    turns = [kind for at, kind in enumerate(kinds) if at == 0 or kinds[at - 1] != kind]
    assert turns == ["prompt", "generated"] * 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_what_it_computed(hexcore, tiny, tmp_path, number):
    file = tmp_path / "trace"
    program = hexcore.start("run", tiny, *on("64MiB"), "--threads", "1", "--ctx", 256, "--raw",
                            "-p", "x", "--temp", 0, "-n", 100000000, "--on-full", "slide",
                            "--trace-routing", file, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    wait_until(lambda: file.exists() and file.read_bytes().count(b"\n") > 20, program)
    program.send_signal(number)
    assert program.wait() == (130 if number == signal.SIGINT else -number)
    whole = file.read_text()
    if number == signal.SIGKILL and not whole.endswith("\n"):
        file.write_text(whole[:whole.rindex("\n") + 1])
    _, tokens = read(file)
    assert len(tokens) >= 20
    assert all(len(token["experts"]) == LAYERS for token in tokens)


def test_a_full_disk_ends_the_trace_and_not_the_run(hexcore, tiny, tmp_path):
    words = ["run", tiny, *on("64MiB"), *WORDS, "--format", "json"]
    plain = json.loads(hexcore(*words).stdout)
    full = hexcore(*words, "--trace-routing", "/dev/full")
    assert full.code == 1 and json.loads(full.stdout)["text"] == plain["text"]
    assert "No space left on device; it has the first 0 of" in " ".join(full.stderr.split())

    def limit_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    cut = hexcore(*words, "--trace-routing", tmp_path / "trace", setup=limit_files)
    assert cut.code == 1 and json.loads(cut.stdout)["text"] == plain["text"]
    _, tokens = read(tmp_path / "trace")
    assert f"it has the first {len(tokens)} of" in " ".join(cut.stderr.split())


@pytest.mark.parametrize("place", ["", "none/trace"])
def test_where_no_trace_can_be_written_nothing_is_loaded(hexcore, tiny, tmp_path, place):
    outcome = hexcore("run", tiny, *on("64MiB"), *WORDS, "--trace-routing", tmp_path / place)
    assert outcome.code == 2 and outcome.stdout == ""
    assert "cannot write the routing trace" in " ".join(outcome.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_experts_has_no_trace(hexcore, random_model, tmp_path):
    dense = random_model("llama", layers=2, embd=128, ff=64, heads=4, experts=0)
    outcome = hexcore("run", dense, *on("64MiB"), *WORDS, "--trace-routing", tmp_path / "trace")
    assert outcome.code == 2 and outcome.stdout == ""
    assert "has no experts" in " ".join(outcome.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size, prompt, code", [
    ("1MiB", "Once", 3), ("64MiB", "Once upon a time " * 500, 2)], ids=["memory", "context"])
def test_a_file_stays_as_it_was_if_nothing_comes_of_the_run(
        hexcore, tiny, tmp_path, size, prompt, code):
    file = tmp_path / "trace"
    older = '{"schema":"hexcore.routing/1"} and more'
    file.write_text(older)
    outcome = hexcore("run", tiny, *on(size), "--ctx", 512, "--raw", "-p", prompt,
                      "--trace-routing", file)
    assert outcome.code == code, outcome.stderr
    assert file.read_text() == older


def test_what_a_run_reads_is_never_written_over(hexcore, tiny, tmp_path):
    model, question = tmp_path / "model.gguf", tmp_path / "question"
    shutil.copy(tiny, model)
    question.write_text("Why?")
    before = model.read_bytes()
    for file in (model, question):
        outcome = hexcore("run", model, *on("64MiB"), "-n", 3, "--file", question,
                          "--trace-routing", file)
        assert outcome.code == 2 and "no routing trace" in " ".join(outcome.stderr.split())
    assert model.read_bytes() == before and question.read_text() == "Why?"
    kept = tmp_path / "kept"
    outcome = hexcore("run", model, *on("64MiB"), *WORDS[:-2], "--session", kept,
                      "--trace-routing", kept)
    assert outcome.code == 2 and not kept.exists()


@pytest.mark.parametrize("place", ["/dev/stdout", "-"])
def test_the_answer_and_the_trace_are_not_mixed(hexcore, tiny, tmp_path, place):
    outcome = hexcore("run", tiny, *on("64MiB"), *WORDS, "--trace-routing", place, cwd=tmp_path)
    assert outcome.code == 2 and outcome.stdout == ""
    assert f"{place} is where the answer goes" in " ".join(outcome.stderr.split())
    assert list(tmp_path.iterdir()) == []
