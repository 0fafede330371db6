"""Every exit code has a test that provokes it, and says what to change."""

import json
import resource
import shutil

import pytest
from conftest import on
from terminal import Terminal

TWO = on("320MiB", "320MiB") + ["--reserve", "8MiB"]


@pytest.fixture(scope="module")
def tiny(random_model):
    return random_model("llama", layers=3, embd=128, ff=128, heads=4, kv_heads=2, experts=4, used=2,
                        vocab=512, type="q8_0")


def fails(outcome, code, *words):
    assert outcome.code == code, outcome.stderr
    assert outcome.stdout == ""
    assert outcome.stderr.count("\n") <= 3, outcome.stderr
    for word in words:
        assert word in outcome.stderr


@pytest.mark.parametrize("arguments", [
    ["no-such-command"], [], ["plan"], ["plan", "--no-such-option"], ["run"],
    ["plan", "--shape", "mixtral-8x7b"], ["plan", "--shape", "nothing", "--quant", "q4_K"],
    ["plan", "--shape", "mixtral-8x7b", "--quant", "q9_X"],
    ["plan", "--shape", "mixtral-8x7b", "--quant", "q4_K", "--device", "16XB"],
    ["plan", "--shape", "mixtral-8x7b", "--quant", "q4_K", "--device", "host=-1GiB"],
    ["plan", "--shape", "mixtral-8x7b", "--quant", "q4_K", "--policy", "best"],
    ["plan", "--shape", "mixtral-8x7b", "--quant", "q4_K", "--ctx", "0"],
    ["plan", "--shape", "mixtral-8x7b", "--quant", "q4_K", "--kv-type", "q5"],
    ["verify", "x.gguf", "--tolerance", "-1"], ["run", "x.gguf", "--temp", "hot"],
])
def test_wrong_usage_ends_with_2(hexcore, arguments):
    code, out, err = hexcore(*arguments)
    assert code == 2, err
    assert out == "" and err != ""


def test_a_type_for_a_shape_is_no_type_for_a_file(hexcore, tiny):
    fails(hexcore("plan", tiny, "--quant", "q4_K"), 2, "--quant q4_K", "leave it out")


@pytest.mark.parametrize("option, value, sentence", [
    ("--port", "99999", "99999 is not a whole number from 0 to 65535"),
    ("--port", "80a", "80a is not a whole number"),
    ("--threads", "1.5", "1.5 is not a whole number")])
def test_a_number_that_an_option_cannot_have_is_told_with_those_that_it_can(
        hexcore, option, value, sentence):
    fails(hexcore("serve", "x.gguf", option, value), 2, option, sentence)


def test_a_prompt_longer_than_the_context_ends_with_2_and_says_what_ctx_would_do(hexcore, tiny):
    outcome = hexcore("run", tiny, *on("64MiB"), "--ctx", 256, "-p", "long " * 400)
    assert outcome.code == 2, outcome.stderr
    assert "--ctx" in outcome.stderr and "256" in outcome.stderr


@pytest.mark.parametrize("command", [["plan"], ["plan", "--fit", "ctx"], ["run", "-p", "x"],
                                     ["verify"]], ids=" ".join)
def test_a_kv_type_that_the_model_cannot_have_ends_with_2(hexcore, random_model, command):
    model = random_model("llama", layers=2, embd=96, ff=64, heads=4, experts=4, used=2)
    assert hexcore("plan", model, *on("64MiB"), "--ctx", 256).code == 0
    fails(hexcore(*command, model, *on("64MiB"), "--ctx", 256, "--kv-type", "q8_0"), 2,
          "--kv-type q8_0", "f16", "24")


@pytest.mark.parametrize("option", ["-p", "--file"])
def test_an_empty_prompt_ends_with_2_before_anything_is_read(hexcore, tmp_path, option):
    empty = tmp_path / "empty"
    empty.touch()
    fails(hexcore("run", "no-such-model.gguf", option, empty if option == "--file" else ""), 2,
          "the prompt is empty")


@pytest.mark.parametrize("lines", ["", "\n\n"])
def test_a_chat_with_nobody_ends_with_2_and_says_so(hexcore, tiny, lines):
    fails(hexcore("run", tiny, *on("64MiB"), "--ctx", 256, stdin=lines), 2, "no prompt", "-p TEXT")


@pytest.mark.parametrize("arguments, words", [
    (["plan", "-"], ["must be a file", "standard input"]),
    (["plan", "x.gguf", "--shape", "mixtral-8x7b"], ["both", "x.gguf", "--shape mixtral-8x7b"]),
    (["plan", "x.gguf", "-c", "0"], ["0 tokens are no context", "--fit ctx"]),
    (["plan", "--shape", "mixtral-8x7b", "--quant", "MXFP4_MOE"],
     ["'MXFP4_MOE' is none of f32, ", "the nearest is mxfp4"]),
    (["plan", "--shape", "mixtral-8x7b", "--quant", "q4_K", "--device", "320"], ["320MiB"]),
    (["plan", "--shape", "mixtral-8x7b", "--quant", "q4_K", "--device", "1GiB,1GiB"],
     ["repeat it"]),
    (["help", "walk"], ["there is no command 'walk'"]),
], ids=" ".join)
def test_what_is_often_written_gets_a_sentence_of_its_own(hexcore, arguments, words):
    fails(hexcore(*arguments), 2, *words)


@pytest.mark.parametrize("command", [[], ["plan"]])
def test_the_word_help_is_as_good_as_the_option(hexcore, command):
    assert hexcore("help", *command) == hexcore(*command, "--help")


def test_on_a_terminal_an_error_is_broken_between_words(hexcore):
    terminal = Terminal(hexcore, "plan", "--shape", "mixtral-8x7b", "--quant", "q4_K",
                        "--device", "host=1GiB", env={"COLUMNS": "50"})
    assert terminal.exit_code() == 3
    lines = terminal.seen.split("\r\n")
    assert len(lines) > 4 and max(map(len, lines)) <= 50
    assert "does not fit by policy balanced" in " ".join(lines)


@pytest.mark.parametrize("make", [
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"no model at all"),
    lambda path: path.mkdir(),
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: None,
], ids=["empty", "text", "directory", "device file", "missing"])
@pytest.mark.parametrize("command", ["plan", "run", "verify"])
def test_what_is_not_a_model_ends_with_4_and_names_the_file(hexcore, tmp_path, command, make):
    path = tmp_path / "model.gguf"
    make(path)
    fails(hexcore(command, path, *on("64MiB")), 4, str(path))


def test_a_file_that_is_still_being_downloaded_ends_with_4_and_names_a_tensor(hexcore, tiny,
                                                                             tmp_path):
    path = tmp_path / "partial.gguf"
    shutil.copy(tiny, path)
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size // 2)
    fails(hexcore("run", path, *on("64MiB"), "-p", "x"), 4, "blk.")


def test_a_missing_part_of_a_split_model_ends_with_4_and_names_it(hexcore, random_model, tmp_path):
    first = random_model("llama", layers=2, embd=128, ff=128, heads=4, kv_heads=2, experts=4,
                         used=2, vocab=512, type="q8_0", split=3)
    for part in first.parent.glob("*.gguf"):
        if "00002" not in part.name:
            shutil.copy(part, tmp_path)
    fails(hexcore("plan", tmp_path / first.name, *on("64MiB")), 4, "00002")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema": "hexcore.plan/9"}'])
def test_a_plan_file_that_is_none_ends_with_4(hexcore, tiny, tmp_path, text):
    path = tmp_path / "plan.json"
    path.write_text(text)
    fails(hexcore("run", tiny, "--plan", path, "-p", "x"), 4, str(path))


@pytest.mark.parametrize("part, key, value", [
    ("context", "tokens", 0), ("context", "tokens", 2**32 - 1), ("context", "sequences", 0),
    ("context", "sequences", 257), ("context", "ubatch", 0), ("context", "ubatch", 2**32 - 1),
    ("device", "name", "foo"), ("device", "name", "host1")])
def test_a_plan_file_of_absurd_values_ends_with_4(hexcore, tiny, tmp_path, part, key, value):
    plan = hexcore.json("plan", tiny, *on("64MiB"))
    (plan["devices"][0] if part == "device" else plan["context"])[key] = value
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    fails(hexcore("run", tiny, "--plan", path, "-p", "x"), 4, str(value))


def test_a_plan_file_of_more_devices_than_can_be_named_ends_with_4(hexcore, tiny, tmp_path):
    sizes = ["4MiB"] * 17
    fails(hexcore("plan", tiny, *on(*sizes), "--ctx", 256), 2, "17 devices")
    plan = hexcore.json("plan", tiny, *on(*sizes[:16]), "--ctx", 256)
    plan["devices"].append(plan["devices"][0] | {"name": "host16", "layers": 0, "experts": 0})
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    fails(hexcore("run", tiny, "--plan", path, "-p", "x"), 4, "17 devices")


def test_options_that_a_plan_has_settled_are_wrong_usage_beside_it(hexcore, tiny, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(hexcore("plan", tiny, *on("64MiB"), "--format", "json").stdout)
    for option in (["--ctx", 512], on("64MiB"), ["--policy", "layers"], ["--sequences", 2]):
        fails(hexcore("run", tiny, "--plan", path, "-p", "x", *option), 2, option[0])


def test_a_plan_for_another_model_ends_with_4(hexcore, tiny, demo_model, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(hexcore("plan", demo_model, *TWO, "--format", "json").stdout)
    fails(hexcore("run", tiny, "--plan", path, "-p", "x"), 4, "plan again", str(path))


@pytest.mark.parametrize("command", [["plan"], ["run", "-p", "x"], ["verify"]])
def test_what_does_not_fit_ends_with_3_and_says_by_how_much_and_where(hexcore, demo_model, command):
    outcome = hexcore(command[0], demo_model, *command[1:], *on("200MiB", "200MiB"))
    assert outcome.code == 3
    assert outcome.stdout == ""
    assert "host" in outcome.stderr and "bytes" in outcome.stderr


def test_verify_that_does_not_fit_says_why_it_needs_more_than_run_and_what_lowers_it(hexcore,
                                                                                     demo_model):
    options = [*on("304MiB", "304MiB"), "--reserve", 0]
    assert hexcore("plan", demo_model, *options).code == 0
    fails(hexcore("verify", demo_model, *options), 3, "verify needs more than run",
          "all 512 tokens", "--ubatch")


def test_a_machine_that_refuses_the_memory_ends_with_3(hexcore, demo_model):
    def little_memory():
        resource.setrlimit(resource.RLIMIT_DATA, (300 << 20, 300 << 20))

    outcome = hexcore("run", demo_model, *TWO, "-p", "x", "-n", 1, setup=little_memory)
    assert outcome.code == 3, outcome.stderr
    assert "host" in outcome.stderr


def test_a_gpu_that_is_not_there_ends_with_5(hexcore, tiny):
    info = hexcore.json("devices")
    missing = len(info["gpus"])
    outcome = hexcore("plan", tiny, "--device", f"cuda:{missing}=1GiB")
    fails(outcome, 5, f"cuda:{missing}")


@pytest.mark.parametrize("command", [[], ["devices"], ["plan"], ["run"], ["verify"]])
def test_help_goes_to_stdout_with_an_example(hexcore, command):
    code, out, err = hexcore(*command, "--help")
    assert code == 0 and err == ""
    assert "Example" in out or command == []


def test_version_is_one_line(hexcore):
    code, out, _ = hexcore("--version")
    assert code == 0
    assert out.startswith("hexcore ") and out.count("\n") == 1
