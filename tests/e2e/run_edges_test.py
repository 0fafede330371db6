"""hexcore run at its edges: why an answer ends, plans changed by hand, loads that are cut short."""

import copy
import json
import os
import signal
import subprocess
import time

import pytest
from conftest import catches, on, resident_bytes, wait_until
from terminal import Terminal

TWO = [*on("320MiB", "320MiB"), "--ctx", "512", "--threads", "1"]
SMALL = [*on("16MiB", "16MiB"), "--threads", "1"]
# It waits for whoever reads what it writes, however fast the machine is.
ENDLESS = ["--ctx", "256", "-p", "x", "--temp", "0", "-n", "100000000", "--on-full", "slide"]
PURPOSES = ["weights_bytes", "experts_bytes", "kv_bytes"]


@pytest.fixture(scope="module")
def tiny(random_model):
    return random_model("qwen3moe", layers=4, embd=128, ff=64, heads=4, experts=16, used=4,
                        type="q8_0")


def assert_as_planned(report):
    for device in report["devices"]:
        planned, accounted = device["planned"], device["accounted"]
        assert {purpose: accounted[purpose] for purpose in PURPOSES} == \
            {purpose: planned[purpose] for purpose in PURPOSES}
        assert accounted["compute_bytes"] == pytest.approx(planned["compute_bytes"], rel=0.01)
        assert accounted["total_bytes"] <= device["peak_bytes"] <= device["budget_bytes"]
        assert device["refused"] == 0
    for device in report["after_unload"]:
        assert (device["accounted_bytes"], device["measured_bytes"]) == (0, 0)


ONE, THREE = on("700MiB"), on("320MiB", "240MiB", "280MiB")
FOUR = on("360MiB", "200MiB", "200MiB", "200MiB")


@pytest.mark.parametrize("policy, options", [
    ("balanced", [*ONE, "--kv-type", "q8_0"]),
    ("layers", [*THREE, "--sequences", "3"]),
    ("fastest", [*THREE, "--kv-type", "q8_0", "--sequences", "2"]),
    ("alternate", [*FOUR, "--kv-type", "q4_0", "--ubatch", "64"]),
    ("balanced", [*FOUR, "--ubatch", "64"]),
], ids=["1-balanced", "3-layers", "3-fastest", "4-alternate", "4-balanced"])
def test_memory_is_as_planned_and_as_the_kernel_measures(hexcore, demo_model, policy, options):
    report = hexcore.json("run", demo_model, *options, "--policy", policy, "--ctx", 768,
                          "--threads", 1, "-p", "Hello", "-n", 2)
    assert_as_planned(report)
    for device in report["devices"]:
        if total := device["accounted"]["total_bytes"]:
            assert device["measured_bytes"] == pytest.approx(total, rel=0.01)


@pytest.mark.parametrize("arch, shape", [
    ("gpt-oss", {"experts": 8, "used": 2}), ("llama", {"experts": 0}),
    ("deepseek2", {"experts": 16, "used": 4, "leading_dense": 1, "fused_gate_up": True,
                   "head_dim": 32}),
    ("qwen3moe", {"experts": 64, "used": 8, "split": 3})], ids=["gpt-oss", "dense", "deepseek2",
                                                               "qwen3moe-split"])
def test_every_architecture_takes_what_is_planned(hexcore, random_model, arch, shape):
    model = random_model(arch, **{"layers": 4, "embd": 128, "ff": 64, "heads": 4} | shape)
    report = hexcore.json("run", model, *SMALL, "--ctx", 512, "-p", "Hello", "-n", 4)
    assert_as_planned(report)


def test_an_answer_ends_where_the_model_ends_it(hexcore, demo_model):
    prompt = "<|im_start|>user\nSay only hi.<|im_end|>\n<|im_start|>assistant\n"
    report = hexcore.json("run", demo_model, *TWO, "--raw", "-p", prompt, "--temp", 0, "-n", 100)
    assert report["stop"] == "eos"
    assert 0 < report["tokens"]["generated"] < 100
    assert "<|" not in report["text"]
    assert report["cache_stats"]["tokens_computed"] == sum(report["tokens"].values())


@pytest.mark.parametrize("count", [1, 2, 31])
def test_an_answer_ends_after_as_many_tokens_as_asked(hexcore, tiny, count):
    report = hexcore.json("run", tiny, *SMALL, "--ctx", 256, "-p", "x", "--temp", 0, "-n", count)
    assert (report["stop"], report["tokens"]["generated"]) == ("length", count)
    # Nothing follows the last token, so it is never computed.
    stats = report["cache_stats"]
    assert stats["tokens_computed"] == stats["cells_used"] == report["tokens"]["prompt"] + count - 1


def test_an_answer_ends_when_the_last_cell_is_taken(hexcore, tiny):
    report = hexcore.json("run", tiny, *SMALL, "--ctx", 256, "-p", "hello", "--temp", 0)
    stats = report["cache_stats"]
    assert report["stop"] == "context_full"
    assert stats["cells_used"] == stats["cells_total"] == stats["tokens_computed"] == 256
    assert stats["bytes_used"] == stats["bytes_total"] == stats["high_water_bytes"]
    assert report["tokens"]["prompt"] + report["tokens"]["generated"] == 257


def test_a_prompt_that_just_fits_has_one_token_of_answer(hexcore, tiny):
    def run(tokens):
        return hexcore("run", tiny, *SMALL, "--ctx", 256, "-p", "\x01" * tokens, "--temp", 0,
                       "--format", "json")

    fits = next(count for count in range(256, 200, -1) if run(count).code == 0)
    report = json.loads(run(fits).stdout)
    assert report["tokens"] == {"prompt": 256, "generated": 1}
    longer = run(fits + 1)
    assert longer.code == 2
    assert "257 tokens" in longer.stderr and "--ctx" in longer.stderr


def test_an_expert_moved_in_the_plan_file_is_moved_in_memory(hexcore, tiny, tmp_path):
    plan = hexcore.json("plan", tiny, *SMALL[:-2], "--ctx", 256)
    moved = copy.deepcopy(plan)
    place = moved["expert_device"][2]
    expert = place.index(0)
    place[expert] = 1
    moved["devices"][0]["experts"] -= 1
    moved["devices"][1]["experts"] += 1

    def experts_bytes(document, name):
        path = tmp_path / name
        path.write_text(json.dumps(document))
        report = hexcore.json("run", tiny, "--plan", path, "-p", "x", "-n", 3, "--temp", 0)
        assert_as_planned(report)
        return [device["accounted"]["experts_bytes"] for device in report["devices"]], \
            report["text"]

    before, text = experts_bytes(plan, "plan.json")
    after, text_after = experts_bytes(moved, "moved.json")
    one = 3 * 128 * 64 // 32 * 34  # gate, up and down in q8_0
    assert before[0] - after[0] == pytest.approx(one, abs=3 * 1024)
    assert after[1] - before[1] == pytest.approx(one, abs=3 * 1024)
    assert text == text_after


def test_an_expert_that_is_computed_elsewhere_than_it_is_stored_is_refused(hexcore, tiny, tmp_path):
    plan = hexcore.json("plan", tiny, *SMALL[:-2], "--ctx", 256)
    path = tmp_path / "plan.json"
    plan["expert_compute_device"] = copy.deepcopy(plan["expert_device"])
    path.write_text(json.dumps(plan))
    assert hexcore("run", tiny, "--plan", path, "-p", "x", "-n", 1).code == 0
    expert = plan["expert_device"][2].index(1)
    plan["expert_compute_device"][2][expert] = 0
    path.write_text(json.dumps(plan))
    code, out, err = hexcore("run", tiny, "--plan", path, "-p", "x")
    assert (code, out) == (4, ""), err
    assert f"expert {expert} of layer 2 on host1 and computes it on host0" in err


def test_a_plan_file_with_budgets_too_small_by_now_is_refused(hexcore, tiny, tmp_path):
    plan = hexcore.json("plan", tiny, *SMALL[:-2], "--ctx", 256)
    for device in plan["devices"]:
        device["reserve_bytes"] = 0
        device["budget_bytes"] = device["planned"]["total_bytes"] // 2
        device["fill"] = 2.0
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    code, out, err = hexcore("run", tiny, "--plan", path, "-p", "x")
    assert (code, out) == (3, ""), err
    assert "bytes" in err and "host" in err


def test_a_prompt_that_begins_with_bos_has_it_once(hexcore, tiny):
    def run(prompt):
        report = hexcore.json("run", tiny, *SMALL, "--ctx", 256, "--raw", "-p", prompt, "-n", 4,
                              "--temp", 0)
        return report["tokens"]["prompt"], report["text"]

    plain = run("hello")
    assert run("<|bos|>hello") == plain
    assert run("<|bos|><|bos|>hello")[0] == plain[0] + 1  # what is written twice is meant twice


def test_progress_and_results_do_not_mix(hexcore, tiny):
    code, out, err = hexcore("run", tiny, *SMALL, "--ctx", 256, "-p", "x", "-n", 2,
                             "--format", "json")
    assert code == 0
    assert all(" loading: " in line for line in err.splitlines())  # where that took over a second
    assert json.loads(out)["schema"] == "hexcore.run/1"
    terminal = Terminal(hexcore, "run", tiny, *SMALL, "--ctx", 256, "-p", "x", "-n", 2)
    assert terminal.exit_code() == 0
    assert "loading" in terminal.seen and "as planned; loaded in" in " ".join(terminal.seen.split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("megabytes", [60, 250, 400])
def test_interrupted_while_loading_it_leaves_nothing(hexcore, demo_model, number, megabytes):
    for _ in range(10):  # loading may be over before the signal comes
        process = hexcore.start("run", demo_model, *TWO, "--raw", "-p", "Once", "--temp", "0",
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while resident_bytes(process.pid) < megabytes << 20:  # of about 500 MiB once loaded
            assert process.poll() is None
            time.sleep(0.001)
        process.send_signal(number)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 130, err
        if out == "":
            # Without how far it was, which is said where that takes longer than a second.
            said = [line for line in err.splitlines() if " loading: " not in line]
            assert said == ["hexcore: interrupted while loading; nothing is left allocated"]
            return
    pytest.fail("the signal never came while the model was loading")


@pytest.mark.parametrize("given, spins", [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"),
                                          ({"OMP_WAIT_POLICY": "passive"}, None)])
def test_threads_wait_briefly_where_the_user_does_not_say_how(hexcore, tiny, given, spins):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OMP", "GOMP"))}
    process = subprocess.Popen([hexcore.path, "run", tiny, *SMALL, *ENDLESS],
                               env=env | given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.read(1)
    with open(f"/proc/{process.pid}/environ", "rb") as file:
        now = dict(entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry)
    with open(f"/proc/{process.pid}/comm", encoding="ascii") as file:
        assert file.read() == "hexcore\n"
    process.kill()
    process.wait()
    assert now.get(b"GOMP_SPINCOUNT") == (spins.encode() if spins else None)


def test_killed_while_it_runs_it_leaves_no_file(hexcore, tiny, tmp_path):
    process = hexcore.start("run", tiny, *SMALL, *ENDLESS, stdout=subprocess.PIPE, cwd=tmp_path,
                            env={"HEXCORE_CACHE": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path),
                                 "TMPDIR": str(tmp_path), "HOME": str(tmp_path)})
    process.stdout.read(1)
    with open(f"/proc/{process.pid}/maps", encoding="utf-8") as maps:
        lines = [line.split(maxsplit=5) for line in maps]
    shared = [line[5].strip() for line in lines if line[1] == "rw-s" and len(line) > 5]
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=240) == -signal.SIGKILL
    assert not [path for path in shared if os.path.exists(path)]
    assert list(tmp_path.iterdir()) == []


def test_a_signal_between_two_questions_ends_the_chat(hexcore, demo_model):
    terminal = Terminal(hexcore, "run", demo_model, *TWO)
    terminal.read_until(lambda text: text.endswith("> "))
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.exit_code() == 130


@pytest.mark.parametrize("columns", ["0", "1", str(2**64 - 1), "-1", "wide"])
def test_a_terminal_that_has_no_size_is_no_reason_to_hang(hexcore, tiny, columns):
    terminal = Terminal(hexcore, "run", tiny, *SMALL, "--ctx", 256, "-p", "x", "-n", 2,
                        env={"COLUMNS": columns})
    assert terminal.exit_code() == 0
    assert len(terminal.seen) < 100_000


@pytest.mark.parametrize("option", ["--plan", "--file"])
@pytest.mark.parametrize("path", ["-", "/dev/stdin"])
def test_waiting_for_standard_input_can_be_interrupted(hexcore, tiny, option, path):
    run = hexcore.start("run", tiny, option, path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
    wait_until(lambda: catches(run.pid, signal.SIGINT), run)
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=240) == 130
    assert b"interrupted while reading" in run.stderr.read()


@pytest.mark.parametrize("option", ["--plan", "--file"])
def test_a_folder_for_standard_input_cannot_be_read(hexcore, tiny, tmp_path, option):
    folder = os.open(tmp_path, os.O_RDONLY)
    run = hexcore.start("run", tiny, option, "-", stdin=folder, stderr=subprocess.PIPE)
    os.close(folder)
    _, err = run.communicate(timeout=240)
    assert run.returncode == 4
    assert b"standard input cannot be read" in err


def test_a_plan_and_a_prompt_cannot_both_be_standard_input(hexcore, tiny):
    code, out, err = hexcore("run", tiny, "--plan", "-", "--file", "-", stdin="{}")
    assert (code, out) == (2, "")
    assert "--plan -" in err and "--file -" in err
