"""Two `hexcore test` at once: each knows what the other is going to take."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from program import wait_until

HEXCORE = Path(os.environ.get("HEXCORE_BIN", "build/release/hexcore")).resolve()
SAMPLE = Path(os.environ.get("HEXCORE_BUILD", HEXCORE.parent)) / "tests/isolate/runner_sample"


class Run:
    """A run of the sample in a folder of its own, whose tests have this budget each."""

    def __init__(self, hexcore, folder, select, budget, *options, cores=None):
        folder.mkdir()
        self.folder = folder
        self.err = folder / "err"
        (folder / "hexcore.toml").write_text(f'[[test]]\nfilter = "*"\nmemory = "{budget}"\n')
        with open(self.err, "wb") as err:
            self.process = hexcore.start(
                "test", *options, "-E", select, "--", SAMPLE, cwd=folder, stderr=err,
                stdout=subprocess.DEVNULL,
                preexec_fn=cores and (lambda: os.sched_setaffinity(0, cores)),
                env={"HEXCORE_SAMPLE_FOLDER": str(folder), "XDG_STATE_HOME": str(folder),
                     "HEXCORE_RESERVATIONS": str(folder.parent / "reservations")})

    def said(self):
        return " ".join(self.err.read_text().split())

    def wait_for(self, condition):
        wait_until(condition, self.process)

    def has(self, *names):
        return lambda: all((self.folder / name).exists() for name in names)

    def kill(self):
        self.process.kill()
        self.process.wait()


def most_of_the_memory(hexcore):
    return hexcore.json("devices")["host"]["available_bytes"] * 6 // 10


def test_what_one_is_going_to_take_the_other_waits_for_until_it_is_killed(hexcore, tmp_path):
    budget = most_of_the_memory(hexcore)
    one = Run(hexcore, tmp_path / "one", "=Slow.Waits", budget)
    one.wait_for(one.has("waits"))  # which takes next to nothing of it
    other = Run(hexcore, tmp_path / "other", "=Quick.Passes", budget)
    other.wait_for(lambda: "Quick.Passes waits for memory" in other.said())
    assert re.search(rf"reserved and not yet taken are [\d.]+ GiB by process {one.process.pid} "
                     r"\(hexcore test -- ", other.said())
    other.process.send_signal(signal.SIGUSR1)
    other.wait_for(lambda: other.said().count(f"process {one.process.pid}") > 1)
    one.kill()
    assert other.process.wait() == 0


def test_with_a_deadline_it_is_a_failure_that_names_the_other(hexcore, tmp_path):
    budget = most_of_the_memory(hexcore)
    one = Run(hexcore, tmp_path / "one", "=Slow.Waits", budget)
    one.wait_for(one.has("waits"))
    junit = tmp_path / "results.xml"
    other = Run(hexcore, tmp_path / "other", "=Quick.Passes", budget,
                "--wait", "10ms", "--junit", junit)
    assert other.process.wait() == 1
    assert f"process {one.process.pid}" in junit.read_text()
    one.kill()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core")
def test_two_that_take_what_cores_there_are_share_them(hexcore, tmp_path):
    cores = sorted(os.sched_getaffinity(0))[:2]
    one = Run(hexcore, tmp_path / "one", "=Slow.Waits or =Slow.IgnoresTheRequestToEnd", "64MiB",
              cores=cores)
    one.wait_for(one.has("waits", "slow"))  # both at once
    # Each of these passes only beside the other.
    other = Run(hexcore, tmp_path / "other", "Meeting", "64MiB", cores=cores)
    other.wait_for(lambda: other.has("one")() or other.has("other")())
    other.process.send_signal(signal.SIGUSR1)
    other.wait_for(lambda: "this run has 1 of 2 cores" in other.said())
    assert not other.has("one", "other")()
    one.kill()
    assert other.process.wait() == 0


def test_a_wait_ends_with_ctrl_c(hexcore, tmp_path):
    budget = most_of_the_memory(hexcore)
    one = Run(hexcore, tmp_path / "one", "=Slow.Waits", budget)
    one.wait_for(one.has("waits"))
    other = Run(hexcore, tmp_path / "other", "=Quick.Passes", budget,
                "--wait", "1h")
    other.wait_for(lambda: "waits for memory" in other.said())
    other.process.send_signal(signal.SIGINT)
    assert other.process.wait() == 130
    one.kill()
