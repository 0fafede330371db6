"""What the page of a run of tests shows, and what readers can do with it."""

import re
import sys

import pytest
from looks import assert_only_its_own_script_may_run, contrast, data_of, opening_seconds

VERDICTS = ["passed", "failed", "crashed", "timed out", "over budget", "skipped", "postponed",
            "flaky", "flaky (memory)"]


def names(page):
    return page.locator("#rows button.name").all_text_contents()


def verdicts(page):
    return page.locator("#rows > tr:not(.opened) > td:first-child .pill").all_text_contents()


def chip(page, words):
    return page.locator(".chip").filter(has_text=re.compile(rf"^{re.escape(words)} \d+$"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_says_in_short_how_the_run_was(opened_run, theme):
    page = opened_run("mixed", theme).page
    assert page.get_attribute("html", "data-theme") == theme
    assert page.title() == "./build/tests/all_tests: tests"
    assert page.text_content("#heading .pill") == "14 tests failed"
    assert page.locator(".device h3").all_text_contents() == [
        "Verdicts", "Memory at once", "cuda:0 at once", "Time", "Left behind"]
    assert page.locator(".device .figure").first.text_content() == "480 of 500 passed"
    assert "3 tests did not run" in page.locator(".device").first.text_content()
    assert "of 25.00 GiB" in page.locator(".device").nth(1).text_content()
    assert not re.search("null|undefined|NaN|Infinity", page.inner_text("body"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_legible(opened_run, theme):
    page = opened_run("mixed", theme).page
    for ink, ground in [("h1", "body"), (".card .quiet", ".card"), ("button.name", ".card"),
                        (".chip", ".chip"), (".details > .quiet", ".details"),
                        (".limit.learned > span", ".card"), ("#rows .pill", "#rows .pill")]:
        if page.locator(ink).count() > 0:
            assert contrast(page, ink, ground) >= 4.5, ink


def test_5000_tests_are_small_and_open_soon(browser, run_page_of):
    path = run_page_of("many")
    data = data_of(path)
    assert len(data["tests"]) == 5000
    assert path.stat().st_size < 3 << 20
    assert 0 < opening_seconds(browser, path) < 2
    failed = [test for test in data["tests"] if data["verdicts"][test["verdict"]] == "failed"]
    assert all("output" in test["attempts"][0] for test in failed), "theirs have room first"
    assert data["outputs_left_out"] > 0


def test_those_that_failed_come_first_and_the_first_of_them_is_open(opened_run):
    page = opened_run("mixed").page
    assert set(verdicts(page)[:14]) == {"failed", "crashed", "timed out", "over budget",
                                        "postponed"}
    assert verdicts(page)[14:18] == ["flaky", "flaky (memory)", "flaky", "flaky (memory)"]
    details = page.locator("#rows > tr:nth-child(2) .details")
    assert "planner_test.cpp:88: Failure" in details.locator(".reason").text_content()
    assert details.locator("canvas").count() > 0, "its memory over time"
    assert "[  FAILED  ]" in details.locator(".output pre").text_content()
    assert "\x1b" not in details.text_content()


def test_verdicts_choose_tests(opened_run):
    page = opened_run("mixed").page
    chips = page.locator(".chip").all_text_contents()
    assert [each.rsplit(" ", 1)[0] for each in chips] == [*VERDICTS, "clean", "kept", "leak",
                                                          "residue"]
    chip(page, "over budget").click()
    assert set(verdicts(page)) == {"over budget"}
    chip(page, "crashed").click()
    assert set(verdicts(page)) == {"over budget", "crashed"}
    assert page.text_content("#count") == "6 of 500 tests"
    chip(page, "residue").click()
    assert verdicts(page) == []
    for words in ("over budget", "crashed"):
        chip(page, words).click()
    assert page.text_content("#count") == "3 of 500 tests"


def test_words_choose_tests(opened_run):
    page = opened_run("mixed").page
    page.fill("#search", "KVCACHE spills")
    assert names(page) and all(re.match(r"KvCache\.Spills", name) for name in names(page))
    page.fill("#search", "postponed by nobody")
    assert page.text_content("#count") == "0 of 500 tests"
    page.fill("#search", "3.10 GiB were free")
    assert verdicts(page) == ["postponed", "postponed"], "reasons are looked through, too"


def test_a_hundred_are_shown_at_once_and_more_on_request(opened_run):
    page = opened_run("mixed").page
    assert len(names(page)) == 100
    page.click("#more")
    assert len(names(page)) == 200
    assert page.text_content("#more") == "Show 100 more of 300"


def test_they_can_be_ordered(opened_run):
    page = opened_run("mixed").page
    page.select_option("#order", "memory")
    most = page.locator("#rows .memory .number").first.text_content()
    assert most.split(" of ")[0] in page.locator(".device").nth(1).text_content()
    page.select_option("#order", "name")
    assert names(page) == sorted(names(page))


def test_a_test_shows_its_memory_against_its_budget(opened_run):
    page = opened_run("mixed").page
    chip(page, "over budget").click()
    page.locator("#rows button.name").first.click()
    details = page.locator(".details")
    assert re.fullmatch(r"memory: [\d.]+ MiB in use, budget [\d.]+ MiB",
                        details.locator(".breach p").text_content())
    assert details.locator(".breach td").first.text_content() == "all_tests"
    limit, peak = (details.locator(f".{name}").bounding_box() for name in ("limit", "peak"))
    assert details.locator(".limit").text_content().startswith("budget ")
    assert peak["y"] < limit["y"], "it used more"
    plot = details.locator(".canvas").bounding_box()
    at_peak = details.locator(".curve > .number").text_content()
    page.mouse.move(plot["x"] + plot["width"] * 0.2, plot["y"] + 60)
    assert details.locator(".curve > .number").text_content() != at_peak
    assert details.locator(".hairline").is_visible()
    assert page.locator("#rows .claim.over").count() > 0


def test_what_it_used_of_a_gpu_stands_below_and_in_a_curve_of_its_own(opened_run):
    page = opened_run("mixed").page
    page.fill("#search", "/53")
    cell = page.locator("#rows .memory").first
    assert cell.text_content().endswith("cuda:0 3.00 GiB of 4.00 GiB")
    assert cell.locator(".claim").count() == 2
    page.locator("#rows button.name").first.click()
    curves = page.locator(".details .curve")
    assert curves.count() == 2
    assert "of cuda:0 at" in curves.nth(1).locator(".number").text_content()
    assert "budget 4.00 GiB of cuda:0" in page.locator(".details > .quiet").text_content()
    limit, peak = (curves.nth(1).locator(f".{name}").bounding_box() for name in ("limit", "peak"))
    assert limit["y"] < peak["y"], "it used less"


def test_tests_can_be_ordered_by_what_they_used_of_a_gpu(opened_run):
    page = opened_run("mixed").page
    page.select_option("#order", "device")
    assert all("cuda:0" in cell for cell in
               page.locator("#rows .memory").all_text_contents()[:10])


def test_where_a_test_crashed_and_what_repeats_left_is_told(opened_run):
    page = opened_run("mixed").page
    chip(page, "crashed").click()
    page.locator("#rows button.name").first.click()
    stack = page.locator(".details .stack")
    assert stack.locator("li").all_text_contents() == [
        "raise", "keep(Cache&) at cache.cpp:88", "main at all_tests.cpp:7"]
    assert stack.locator("li.quiet").count() == 1, "what is not the program's own"
    assert stack.locator("p").text_content() == "2 more threads ran"
    chip(page, "crashed").click()
    chip(page, "leak").click()
    page.locator("#rows button.name").first.click()
    row = page.locator(".details table tbody tr td").all_text_contents()
    assert row == ["20", "host", "leak", "+1.0 MiB", ""]


def test_attempts_and_what_was_left_behind_are_told(opened_run):
    page = opened_run("mixed").page
    chip(page, "flaky (memory)").click()
    page.locator("#rows button.name").first.click()
    words = page.locator(".attempt > p").all_text_contents()
    assert len(words) == 2 and "Attempt 1 of 2" in words[0]
    assert words[1].endswith("; nothing else ran beside it")
    chip(page, "flaky (memory)").click()
    chip(page, "residue").click()
    page.locator("#rows button.name").first.click()
    row = page.locator(".details table").last.locator("tbody tr td").all_text_contents()
    assert row == ["process daemon", "99", "3.0 MiB", "removed"]


def test_what_ran_when_has_a_row_for_each_slot(opened_run):
    it = opened_run("mixed")
    assert it.page.locator("#charts h3").all_text_contents() == ["main memory", "cuda:0"]
    at_once = it.page.locator(".device").nth(2).locator(".figure").text_content()
    assert it.legend(1)[0][1] == at_once
    lane = it.page.locator("canvas.lane")
    box, plot = lane.bounding_box(), it.page.locator("#charts .canvas").first.bounding_box()
    assert box["x"] == pytest.approx(plot["x"], abs=1)
    assert box["height"] == 8 * 22 + 4
    x, y = box["x"] + box["width"] * 0.5, box["y"] + 8
    it.page.mouse.move(x, y)
    name, fact = lane.get_attribute("title").split("\n")
    assert re.match(r"[a-z ]+, [\d.]+ m?s from ", fact)
    it.page.mouse.click(x, y)
    assert names(it.page) == [name], "it is searched for"
    assert it.page.locator(".details").count() == 1


def test_memory_is_stacked_by_group_or_by_test(opened_run):
    it = opened_run("mixed")
    by_group = it.legend()
    assert set(by_group[1]) == {"Planner", "Ledger", "Loader", "Tokens", "KvCache", "Session",
                                "Server", "Report"}
    it.page.keyboard.press("s")
    by_test = it.legend()
    assert by_test[0] == by_group[0], "the same peak"
    assert len(by_test[1]) == 9 and list(by_test[1])[-1] == "all others"
    x, y, width = (it.page.locator("#charts .canvas").first.bounding_box()[key]
                   for key in ("x", "y", "width"))
    it.page.mouse.move(x + 0.4 * width, y + 100)
    assert it.legend()[0][0].startswith("at ")
    assert it.page.locator(".hairline:visible").count() == 3, "in what ran when, too"
    it.page.mouse.down()
    it.page.mouse.move(x + 0.6 * width, y + 100, steps=4)
    it.page.mouse.up()
    assert re.fullmatch(r"[23]\d\.\d s to [45]\d\.\d s", it.shown())
    it.page.keyboard.press("0")
    assert it.shown() == "0.00 s to 1:27"


def test_claimed_is_set_against_used(opened_run):
    page = opened_run("mixed").page
    assert page.locator("#claims h3").all_text_contents() == ["main memory", "cuda:0"]
    canvas = page.locator("canvas.claims").first
    assert "declared more than twice what they used" in page.text_content("#claims")
    assert page.locator("#claims tbody").nth(0).locator("tr").count() == 7
    assert page.locator("#claims tbody").nth(1).locator("tr").first.locator(
        "td").all_text_contents()[1:] == ["7.00 GiB", "3.00 GiB"]
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    titles = set()
    for step in range(40):
        page.mouse.move(box["x"] + 64 + (box["width"] - 78) * step / 40,
                        box["y"] + 310 - 296 * step / 40)
        titles.add(canvas.get_attribute("title"))
    assert any(re.search(r"\n[\d.]+ [MG]iB used of [\d.]+ [MG]iB (declared|learned)$", title)
               for title in titles if title)


def test_changes_since_earlier_runs_lead_to_the_test(opened_run):
    page = opened_run("mixed").page
    assert page.locator("#changes h3").all_text_contents() == ["Memory", "cuda:0", "Time"]
    on_gpu = page.locator("#changes tbody").nth(1).locator("tr").first
    assert on_gpu.locator("td").all_text_contents()[2] == "3.00 GiB"
    first = page.locator("#changes tbody tr").first
    cells = first.locator("td").all_text_contents()
    assert re.fullmatch(r"\+[\d.]+ [MG]iB", cells[3])
    assert first.locator("svg.trend").count() == 1
    first.locator("button.name").click()
    assert names(page) == [cells[0]]
    assert page.locator(".details").is_visible()


def test_it_says_what_protected(opened_run):
    words = opened_run("mixed").page.text_content("#machine")
    for fact in ("cgroup v1", "sweep", "limited", "cuda:0", "Not selected: 12 tests",
                 "No folder of control groups v2"):
        assert fact in words


def test_keys_do_what_the_pointer_does(opened_run):
    page = opened_run("mixed").page
    keyboard = page.keyboard
    keyboard.press("f")
    assert page.text_content("#count") == "14 of 500 tests"
    keyboard.press("j")
    keyboard.press("j")
    focused = page.evaluate("document.activeElement.textContent")
    assert focused == names(page)[1]
    keyboard.press("o")
    assert page.locator(".details").count() == 1
    keyboard.press("o")
    assert page.locator(".details").count() == 0
    keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == names(page)[0]
    keyboard.press("Enter")
    assert page.locator(".details").count() == 1
    keyboard.press("f")
    keyboard.press("/")
    keyboard.type("t0?-")
    assert page.input_value("#search") == "t0?-", "these are letters there"
    assert page.get_attribute("html", "data-theme") == "light"
    keyboard.press("Escape")
    assert page.text_content("#count") == "500 tests"
    page.locator("h1").click()
    keyboard.press("t")
    assert page.get_attribute("html", "data-theme") == "dark"
    keyboard.press("?")
    assert page.locator("dialog").is_visible()
    keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()


def test_names_and_output_do_no_harm(opened_run, run_page_of):
    path = run_page_of("hostile")
    assert path.stat().st_size < 1 << 20
    it = opened_run("hostile", "dark")
    for name in it.page.locator("#rows button.name").all()[1:]:
        name.click()
    assert it.page.locator(".details").count() == 8
    assert it.page.evaluate("window.hacked") is None
    assert it.page.locator("img[src=x]").count() == 0
    assert it.page.locator("script").count() == 2
    assert "<img src=x onerror='window.hacked = 2'>@data@" in names(it.page)
    assert {"__proto__", "constructor", "(no name)"} <= set(names(it.page))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", path.read_text(encoding="utf-8"))


def test_a_run_of_nothing_has_a_page_too(opened_run):
    page = opened_run("none").page
    assert page.text_content("#heading .pill") == "no test was selected"
    assert not page.locator("#tests").is_visible() and not page.locator("#time").is_visible()


def test_the_program_writes_it_of_real_tests(hexcore, open_file, tmp_path):
    (tmp_path / "test_held.py").write_text("""
def test_holds():
    held = bytearray(b"x") * (64 << 20)
    assert len(held) == 3

def test_nothing():
    pass
""", encoding="utf-8")
    report = tmp_path / "report.html"
    code, _, err = hexcore("test", "--html", report, "--", sys.executable, "-m", "pytest",
                           cwd=tmp_path, env={"XDG_STATE_HOME": str(tmp_path / "state")})
    assert code == 1, err
    page = open_file(report).page
    assert names(page) == ["test_held.py::test_holds", "test_held.py::test_nothing"]
    assert "assert 67108864 == 3" in page.locator(".details .reason").text_content()
    assert page.locator(".device .figure").first.text_content() == "1 of 2 passed"
    assert page.locator("#rows .memory").first.text_content().endswith(" MiB")


def test_only_its_own_script_may_run(run_page_of):
    assert_only_its_own_script_may_run(run_page_of("mixed"))


@pytest.mark.parametrize("width", [390, 800])
def test_it_fits_narrow_screens(opened_run, width):
    page = opened_run("mixed").page
    page.set_viewport_size({"width": width, "height": 800})
    # Charts are drawn anew some frames later.
    assert page.evaluate("""async () => {
        const [all, card] = [document.documentElement, document.querySelector(".tests")];
        for (let frame = 0; frame < 1000; ++frame) {
            if (all.scrollWidth === innerWidth && card.scrollWidth < 800) return true;
            await new Promise(requestAnimationFrame);
        }
        return [all.scrollWidth, card.scrollWidth];
    }""") is True
