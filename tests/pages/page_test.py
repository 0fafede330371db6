"""What a page of a recording shows, and what readers can do with it."""

import re

import pytest
from looks import assert_only_its_own_script_may_run, contrast, data_of, opening_seconds


def middle_of(opened, chart=0):
    """A point in a chart's plot, left of its middle."""
    box = opened.page.locator(".plot .canvas").nth(chart).bounding_box()
    return box["x"] + 0.4 * box["width"], box["y"] + 100


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_shows_each_device_in_the_systems_theme(opened, theme):
    page = opened("hour", theme).page
    assert page.get_attribute("html", "data-theme") == theme
    assert page.title() == "python3 train.py --epochs 3: memory"
    assert page.locator(".device h3").all_text_contents() == ["cuda:0", "host"]
    assert page.locator("#charts .chart h3").all_text_contents() == ["cuda:0", "host"]
    assert page.locator(".map h3").all_text_contents() == ["cuda:0", "host"]
    assert not re.search("null|undefined|NaN|Infinity", page.inner_text("body"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_legible(opened, theme):
    page = opened("hour", theme).page
    for ink, ground in [("h1", "body"), (".quiet", ".card"), (".dygraph-axis-label", ".card"),
                        (".pill.good", ".pill.good"), (".tile", ".tile")]:
        assert contrast(page, ink, ground) >= 4.5, ink


def test_an_hour_at_10_ms_is_small_and_opens_soon(browser, page_of):
    path = page_of("hour")
    assert path.stat().st_size < 3 << 20
    rows = [len(chart["times_us"]) for chart in data_of(path)["charts"]]
    assert len(rows) == 2 and all(3000 < count <= 4000 for count in rows)
    assert 0 < opening_seconds(browser, path) < 2


def test_the_pointer_shows_what_there_was_at_that_time_in_all_charts(opened):
    it = opened("hour")
    (when, total), parts = it.legend(1)
    assert when.startswith("peak, at ") and total == it.page.text_content(
        ".device:has(h3:text-is('host')) .figure")
    assert list(parts) == ["python3 train.py --epochs 3 (1001)",
                           *(f"python3 loader.py ({pid})" for pid in list_of_pids(parts))]
    it.page.mouse.move(*middle_of(it))
    times = {it.legend(chart)[0][0].removeprefix("at ") for chart in (0, 1)}
    assert all(re.fullmatch(r"2\d:\d\d", time) for time in times), times
    assert it.page.locator(".hairline:visible").count() == 3, "across the labels, too"
    it.page.mouse.move(5, 5)
    assert it.legend(1)[0][0] == when


def list_of_pids(parts):
    return [re.search(r"\((\d+)\)$", name)[1] for name in list(parts)[1:]]


def test_dragging_zooms_all_charts_and_a_double_click_shows_all(opened):
    it = opened("hour")
    assert it.shown() == "0.00 s to 1:00:00"
    x, y = middle_of(it)
    it.page.mouse.move(x, y)
    it.page.mouse.down()
    it.page.mouse.move(x + 120, y, steps=4)
    it.page.mouse.up()
    assert re.fullmatch(r"2\d:\d\d to [23]\d:\d\d", it.shown())
    labels = [it.page.locator("#charts .plot").nth(chart).locator(".dygraph-axis-label-x")
              .all_text_contents() for chart in (0, 1)]
    assert labels[0] == labels[1] and "0 s" not in labels[0]
    it.page.mouse.dblclick(x, y)
    assert it.shown() == "0.00 s to 1:00:00"


def test_the_strip_below_the_first_chart_selects_a_time(opened):
    it = opened("hour")
    handle = it.page.locator(".dygraph-rangesel-zoomhandle").last
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    it.page.mouse.move(x, y)
    it.page.mouse.down()
    it.page.mouse.move(x - 200, y, steps=5)
    it.page.mouse.up()
    assert re.fullmatch(r"0\.\d\d s to [34]\d:\d\d", it.shown())


def test_keys_do_what_the_pointer_does(opened):
    it = opened("hour")
    keyboard = it.page.keyboard
    keyboard.press("p")
    peak = it.legend(0)[0]
    keyboard.press("ArrowLeft")
    assert it.legend(0)[0] != peak
    keyboard.press("ArrowRight")
    assert it.legend(0)[0] == peak
    keyboard.press("+")
    keyboard.press("+")
    zoomed = it.shown()
    assert zoomed != "0.00 s to 1:00:00"
    keyboard.press("Shift+ArrowLeft")
    assert it.shown() != zoomed
    keyboard.press("-")
    keyboard.press("0")
    assert it.shown() == "0.00 s to 1:00:00"
    keyboard.press("t")
    assert it.page.get_attribute("html", "data-theme") == "dark"
    keyboard.press("?")
    assert it.page.locator("dialog").is_visible()
    keyboard.press("Escape")
    assert not it.page.locator("dialog").is_visible()


def test_everything_can_be_reached_with_the_tab_key(opened):
    it = opened("hour")
    reached = set()
    for _ in range(12):
        it.page.keyboard.press("Tab")
        reached.add(it.page.evaluate("document.activeElement.className + "
                                     "document.activeElement.textContent.slice(0, 10)"))
    assert {"Theme", "Keys", "Zoom in", "Peak"} <= reached
    assert any("plot" in each for each in reached)


def test_the_peaks_areas_are_as_their_sizes(opened):
    it = opened("hour")
    tiles = it.page.locator(".map").nth(1).locator(".tile").all()
    areas = [box["width"] * box["height"] for box in (tile.bounding_box() for tile in tiles)]
    shares = [float(re.search(r"([\d.]+) %", tile.get_attribute("title"))[1]) for tile in tiles]
    assert sum(shares) == pytest.approx(100, abs=1.5)
    for area, share in zip(areas, shares, strict=True):
        assert area / sum(areas) == pytest.approx(share / 100, abs=0.02)


def test_what_programs_hold_can_be_seen_by_purpose(opened):
    it = opened("hour")
    by_process, by_purpose = it.page.locator("[data-by]").all()
    assert by_process.get_attribute("aria-pressed") == "true"
    (when, total), parts = it.legend(0)
    it.page.keyboard.press("s")
    assert by_purpose.get_attribute("aria-pressed") == "true"
    assert it.legend(0)[0] == [when, total], "the same peak, stacked another way"
    assert list(it.legend(0)[1]) == ["PyTorch allocated", "PyTorch cache", "outside PyTorch",
                                     "other programs, driver"]
    tiles = it.page.locator(".map").first.locator(".tile").all()
    assert [tile.get_attribute("title").split("\n")[0] for tile in tiles] == [
        "PyTorch allocated", "PyTorch cache", "other programs, driver", "outside PyTorch"]
    by_process.click()
    assert it.legend(0)[1] == parts


def test_what_other_programs_have_of_a_card_is_a_part_of_its_own(opened):
    it = opened("hour")
    assert it.legend(0)[1]["other programs, driver"] == "1.00 GiB"
    assert "other programs, driver" not in it.legend(1)[1], "nobody else is counted on the host"
    it.page.keyboard.press("s")
    parts = it.legend(0)[1]
    assert parts["other programs, driver"] == "1.00 GiB"
    assert parts["outside PyTorch"] == "1024 MiB", "a little less than the others' 1.00 GiB"


def test_a_line_says_what_there_is_where_use_comes_near(opened):
    it = opened("hour")
    assert it.page.locator(".limit:visible").all_text_contents() == ["size 24.00 GiB"]
    line, peak = (it.page.locator(f"#charts .chart >> nth=0 >> .{name}").bounding_box()
                  for name in ("limit", "peak"))
    assert line["y"] < peak["y"], "no more was used than there is"
    it = opened("ledger")
    assert it.page.locator(".limit:visible").all_text_contents() == ["budget 320 MiB"]


def test_a_device_of_hexcores_own_has_a_chart_by_purpose(opened):
    it = opened("ledger")
    assert it.page.locator("#charts h3").all_text_contents() == ["host", "host0"]
    (_, total), parts = it.legend(1)
    assert (total, parts) == ("161 MiB", {"experts": "160 MiB", "weights": "1.0 MiB"})
    it.page.keyboard.press("s")
    assert it.legend(0)[1] == {"host0: experts": "160 MiB", "host0: weights": "1.0 MiB",
                               "outside Hexcore's devices": "191 MiB"}
    it.page.locator("#charts .plot").nth(1).focus()
    for _ in range(60):
        it.page.keyboard.press("ArrowRight")
    assert it.legend(1)[1]["experts"] == "0 B", "it gave them back"


def test_labels_are_bands_over_the_charts_and_a_table(opened, page_of):
    labels = data_of(page_of("hour"))["labels"]
    assert len(labels["bands"]) == 180
    assert labels["marks"] == [{"at_us": 1829e6, "name": "checkpoint saved"}]
    it = opened("hour")
    rows = [row.locator("td").all_text_contents()
            for row in it.page.locator("#labels tbody tr").all()]
    assert [row[:3] for row in rows] == [["epoch", "1", "1:00:00"], ["step", "179", "56:41"]]
    heads = it.page.locator("#labels th").all_text_contents()
    assert heads[3:] == ["Most of cuda:0", "Most of host"]
    peaks = it.page.locator(".device .figure").all_text_contents()
    assert rows[0][3:] == peaks, "the one epoch is the whole time"
    assert all(re.fullmatch(r"[\d.]+ GiB", cell) for cell in rows[1][3:])
    lane = it.page.locator("canvas.lane")
    box, plot = lane.bounding_box(), it.page.locator(".plot .canvas").first.bounding_box()
    assert box["x"] == pytest.approx(plot["x"], abs=1)
    assert box["width"] == pytest.approx(plot["width"], abs=1)
    it.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 8)
    assert lane.get_attribute("title").startswith("epoch\n0.00 s to 1:00:00")
    it.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 34)
    assert lane.get_attribute("title").startswith("step\n")


def test_where_memory_was_taken_has_names_of_functions(opened):
    page = opened("ledger").page
    row = page.locator("#growth .list").last.locator("tbody tr")
    assert row.locator("td").all_text_contents()[:5] == [
        "host0: kv", "decode", "5.0 MiB", "20.0 MiB", "20"]
    stack = row.locator("details.stack")
    assert re.match(r"hexcore::.*::record_ledger\(.*\) (in|at) make_recording",
                    stack.locator("summary").text_content())
    assert not stack.locator("pre").is_visible()
    stack.locator("summary").click()
    assert stack.locator("pre").is_visible()
    assert stack.locator("pre").text_content().endswith("\ngone.so+0x1234")
    assert "/nowhere/gone.so" in page.text_content("#notes")


def test_a_leak_is_said_with_its_label_and_size(opened):
    it = opened("leak")
    assert it.page.text_content(".device .pill") == "leak: +1.0 MiB a step"
    rows = [row.locator("td").all_text_contents()
            for row in it.page.locator("#growth .list").nth(1).locator("tbody tr").all()]
    judged = rows[0][1].split(" of ")
    assert 8 <= int(judged[0]) < 40 and judged[1] == "40", "some are warm-up"
    assert rows[0][:1] + rows[0][2:7] == ["step", "host", "leak", "+1.0 MiB", "exact",
                                          "allocations"]
    assert rows[1][:7] == ["", "", "history", "leak", "+1.0 MiB", "", ""]
    it.page.keyboard.press("s")
    assert list(it.legend()[1]) == ["history", "outside what programs told"]


def test_many_processes_of_one_program_are_one_series(opened):
    _, parts = opened("build").legend()
    assert list(parts) == ["cc1plus", "ninja"]


def test_what_ended_at_once_has_a_page_too(opened):
    page = opened("short").page
    assert page.text_content(".device .figure") == "1.0 MiB"


def test_names_do_no_harm(opened, page_of):
    path = page_of("hostile")
    assert path.stat().st_size < 1 << 20
    page = opened("hostile", "dark").page
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("script").count() == 2
    assert "<img src=x onerror='window.hacked = 2'>@data@" in page.locator(
        "#charts h3").all_text_contents()
    assert any("window.hacked = 1" in name for name in
               page.locator(".legend .name").all_text_contents())
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", path.read_text(encoding="utf-8"))


def test_only_its_own_script_may_run(page_of):
    assert_only_its_own_script_may_run(page_of("hour"))


def test_it_brings_the_licences_of_what_it_draws_with(opened):
    words = opened("hour").page.text_content("footer pre")
    for word in ("Dan Vanderkam", "Mike Bostock", "Permission is hereby granted",
                 "Redistribution and use in source and binary forms"):
        assert word in words
