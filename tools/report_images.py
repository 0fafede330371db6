#!/usr/bin/env python3
"""Makes the pictures of docs/images anew: pages of real recordings and of tests, in both themes.

    report_images.py [--build build/release] [NAME...]

`run` is of `hexcore run` with the demo model over two capped devices, `leak` of a small Python
program with a leak, `tests` of `hexcore test` with three files of pytest's. They are drawn in
Chromium with playwright, as the tests of pages are; run it on a machine that does nothing else, for
that is what they show.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 1180

# Keeps a list that nobody reads, beside a cache that stops to grow after eight steps.
TRAINING = """
import time
import hexcore

MIB = 1 << 20
history, cache = [], {}
for step in range(80):
    with hexcore.label("step"):
        with hexcore.label("forward"):
            work = bytearray(b"x") * (48 * MIB)
            time.sleep(0.06)
        with hexcore.label("log"):
            cache.setdefault(step % 8, bytearray(b"c") * (4 * MIB))
            history.append(bytearray(b"h") * MIB)
            hexcore.amounts({"activations": 48 * MIB, "cache": len(cache) * 4 * MIB,
                             "history": len(history) * MIB})
            time.sleep(0.03)
        del work
        hexcore.amounts({"cache": len(cache) * 4 * MIB, "history": len(history) * MIB})
    if step == 39:
        hexcore.mark("half of the steps")
    time.sleep(0.03)
"""

TESTS = {
    "growing.py": """
import math
import time

MIB = 1 << 20


def holds(mib, seconds, shape=math.sqrt):
    kept = []
    for step in range(1, 21):
        while len(kept) < mib * shape(step / 20):
            kept.append(bytearray(b"x") * MIB)
        time.sleep(seconds / 20)
""",
    "test_loader.py": """
import pytest
from growing import holds


@pytest.mark.parametrize("layers", [2, 4, 8, 16])
def test_loads_all_layers(layers):
    holds(layers * 12, 0.2 + layers / 20)


@pytest.mark.memory(host="512MiB")
def test_maps_a_large_file():
    holds(330, 1.2)


@pytest.mark.memory(host="256MiB")
def test_stays_within_its_budget():
    holds(300, 0.8, shape=lambda share: share)
""",
    "test_cache.py": """
import os
import pytest
from growing import holds


@pytest.mark.parametrize("tokens", [512, 1024, 2048, 4096])
def test_evicts_the_oldest(tokens):
    holds(tokens / 16, 0.6)


@pytest.mark.memory(host="1GiB")
def test_moves_between_devices():
    holds(int(os.environ["MOVED_MIB"]), 1.0)


def test_counts_pages():
    holds(40, 0.3)
    assert 3 == 4
""",
    "test_server.py": """
import os
import signal
import pytest
from growing import holds


@pytest.mark.parametrize("clients", [1, 2, 4, 8, 16])
def test_answers_side_by_side(clients):
    holds(20 + 6 * clients, 0.4)


@pytest.mark.isolated
def test_outlives_its_parent():
    holds(60, 0.4)
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.skip(reason="no GPU on this machine")
def test_streams_from_a_gpu():
    pass
""",
}


def environment_for(build, folder):
    """In which `hexcore`, `python3` and `pytest` are what they should be."""
    here = Path(sys.executable).parent
    return os.environ | {"PATH": f"{build}:{here}:/usr/bin:/bin",
                         "XDG_STATE_HOME": str(folder / "state")}


def record(build, folder, name, command):
    """The page of what the command does."""
    environment = environment_for(build, folder) | {"PYTHONPATH": str(build / "python")}
    recording, page = folder / f"{name}.hxr", folder / f"{name}.html"
    subprocess.run([build / "hexcore", "watch", "--interval", "10", "-o", recording, "--",
                    *command], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([build / "hexcore", "report", recording, "-o", page], check=True)
    return page


def record_run(build, folder):
    model = subprocess.run([sys.executable, ROOT / "tools/demo_model.py", "--cache",
                            os.environ["HEXCORE_CACHE"]],
                           stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    (folder / "model.gguf").symlink_to(model)
    return record(build, folder, "run", [
        "hexcore", "run", "model.gguf", "--device", "host=320MiB", "--device", "host=320MiB",
        "--reserve", "8MiB", "-n", "96", "--temp", "0", "-p", "Why is the sky blue?"])


def record_leak(build, folder):
    (folder / "train.py").write_text(TRAINING, encoding="utf-8")
    return record(build, folder, "leak", ["python3", "train.py"])


def record_tests(build, folder):
    """The fourth run, so that there is a history; and one of the tests takes more than before."""
    for name, text in TESTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    for moved_mib in (160, 160, 160, 420):
        environment = environment_for(build, folder) | {"MOVED_MIB": str(moved_mib)}
        subprocess.run([build / "hexcore", "test", "-j", "4", "--html", "tests.html", "--",
                        "pytest"], cwd=folder, env=environment, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "tests.html"


def by_purpose(n_charts):
    """Charts are stacked by purpose, and the picture ends below so many."""
    def prepare(page):
        page.keyboard.press("s")
        return page.locator("#charts .chart").nth(n_charts - 1)
    return prepare


def over_budget(page):
    """The test that was over its budget is open, and the picture ends below its curve."""
    for name in page.locator("#rows button.name[aria-expanded=true]").all():
        name.click()
    page.get_by_role("button", name="test_stays_within_its_budget").first.click()
    page.mouse.move(0, 0)
    return page.locator(".curve")


PICTURES = {"run": (record_run, by_purpose(3)), "leak": (record_leak, by_purpose(1)),
            "tests": (record_tests, over_budget)}


def draw(browser, page_file, theme, prepare, output):
    """The page from its top to the end of what `prepare` gives."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme=theme)
    page.goto(page_file.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    box = prepare(page).bounding_box()
    top = page.evaluate("scrollY")
    page.screenshot(path=output, full_page=True, clip={
        "x": 0, "y": 0, "width": WIDTH, "height": top + box["y"] + box["height"] + 8})
    page.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all by default")
    options = parser.parse_args()
    images = ROOT / "docs/images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"),
                                             args=["--no-sandbox"])
        for name in options.names or PICTURES:
            make, prepare = PICTURES[name]
            page_file = make(options.build.resolve(), Path(folder))
            for theme in ("light", "dark"):
                draw(browser, page_file, theme, prepare, images / f"{name}-{theme}.png")


if __name__ == "__main__":
    main()
