#!/usr/bin/env python3
"""Makes the pictures of docs/images anew: pages of real recordings, in both themes.

    report_images.py [--build build/release]

One is of `hexcore run` with the demo model over two capped devices, one of a small Python program
with a leak. They are drawn in Chromium with playwright, as the tests of pages are; run it on a
machine that does nothing else, for that is what they show.
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


def record(build, folder):
    """The recordings by the names of their pictures."""
    (folder / "train.py").write_text(TRAINING, encoding="utf-8")
    model = subprocess.run([sys.executable, ROOT / "tools/demo_model.py", "--cache",
                            os.environ["HEXCORE_CACHE"]],
                           stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    (folder / "model.gguf").symlink_to(model)
    commands = {
        "run": ["hexcore", "run", "model.gguf", "--device", "host=320MiB", "--device",
                "host=320MiB", "--reserve", "8MiB", "-n", "96", "--temp", "0", "-p",
                "Why is the sky blue?"],
        "leak": ["python3", "train.py"],
    }
    environment = os.environ | {"PATH": f"{build}:/usr/bin:/bin",
                                "PYTHONPATH": str(build / "python")}
    for name, command in commands.items():
        subprocess.run([build / "hexcore", "watch", "--interval", "10", "-o", f"{name}.hxr", "--",
                        *command], cwd=folder, env=environment, check=True,
                       stdout=subprocess.DEVNULL)
    return {name: folder / f"{name}.hxr" for name in commands}


def draw(browser, page_file, theme, n_charts, output):
    """The page from its top to the end of so many charts, stacked by purpose."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, color_scheme=theme)
    page.goto(page_file.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    page.keyboard.press("s")
    box = page.locator("#charts .chart").nth(n_charts - 1).bounding_box()
    page.screenshot(path=output, full_page=True, clip={
        "x": 0, "y": 0, "width": WIDTH, "height": box["y"] + box["height"] + 20})
    page.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    build = parser.parse_args().build.resolve()
    images = ROOT / "docs/images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        recordings = record(build, Path(folder))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"),
                                             args=["--no-sandbox"])
        for name, recording in recordings.items():
            page = recording.with_suffix(".html")
            subprocess.run([build / "hexcore", "report", recording, "-o", page], check=True)
            for theme in ("light", "dark"):
                draw(browser, page, theme, 3 if name == "run" else 1,
                     images / f"{name}-{theme}.png")


if __name__ == "__main__":
    main()
