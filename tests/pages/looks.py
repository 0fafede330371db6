"""What all pages have to be: legible, soon there, and closed to any script but their own."""

import base64
import hashlib
import json
import re


def data_of(path):
    """The page's data, as a browser would find them."""
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text,
                                re.DOTALL)[1])


def contrast(page, ink, ground):
    """Of two selectors' colours, by the Web Content Accessibility Guidelines: 4.5 is legible."""
    def luminance(colour):
        values = [int(digits) / 255 for digits in re.findall(r"\d+", colour)[:3]]
        linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    colours = [page.locator(selector).first.evaluate(f"node => getComputedStyle(node).{name}")
               for selector, name in ((ink, "color"), (ground, "backgroundColor"))]
    light, dark = sorted(map(luminance, colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def opening_seconds(browser, path):
    """Time that the page's thread computes, whatever else the machine does."""
    page = browser.new_page()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    metrics = {each["name"]: each["value"]
               for each in session.send("Performance.getMetrics")["metrics"]}
    page.close()
    return metrics["TaskDuration"]


def assert_only_its_own_script_may_run(path):
    text = path.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "unsafe" not in policy and "http" not in policy
    assert policy.startswith("default-src 'none'; ")
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
