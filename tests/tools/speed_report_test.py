"""speed_report.py: pages and pictures are those of the data, and no figure can drift from it."""

import copy
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from conftest import run_tool

import speed_chart
import speed_data
import speed_report
import speed_table

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def document():
    return {
        "schema": "hexcore.speed/1", "unit": "tokens/s",
        "shapes": [{"id": "big", "name": "A big model", "short": "Big"},
                   {"id": "unmeasured", "name": "Another", "short": "Other"}],
        "ways": [{"id": "split", "by": "stock", "devices": "two GPUs", "name": "stock, split"},
                 {"id": "layer", "by": "stock", "devices": "two GPUs", "name": "stock, layers"},
                 {"id": "spread", "by": "hexcore", "devices": "two GPUs", "name": "Hexcore"},
                 {"id": "memory", "by": "hexcore", "devices": "main memory", "name": "Hexcore"}],
        "measurements": [{"id": "pair", "card": "two cards", "command": "llama-bench", "rows": [
            {"shape": "big", "way": "layer", "program": "llama-bench", "name": "layers",
             "drawn": True, "decode": [100.0, 110.5], "prompt": [2000, 3000]},
            {"shape": "big", "way": "split", "program": "llama-bench", "name": "split",
             "drawn": True, "decode": [200, 210], "prompt": [1000, 900]},
            {"shape": "big", "way": "spread", "program": "llama-bench", "name": "plugin",
             "drawn": True, "decode": [300, 252], "prompt": [1000, 1500]},
            {"shape": "big", "way": "memory", "program": "bench_decode_probe", "name": "alone",
             "drawn": True, "decode": [41], "prompt": [500]}]}]}


def test_pages_and_pictures_are_those_of_the_data():
    result = run_tool("speed_report.py", "--check")
    assert result.returncode == 0, result.stderr


def test_every_measurement_has_a_table_and_the_pages_show_the_picture():
    text = (ROOT / "docs/measured.md").read_text(encoding="utf-8")
    shown = [found[2] for found in speed_report.TABLE.finditer(text) if found[3]]
    assert sorted(shown) == sorted(speed_data.read().measurements)
    for page, folder in (("docs/measured.md", "images"), ("README.md", "docs/images")):
        text = (ROOT / page).read_text(encoding="utf-8")
        for theme in speed_chart.THEMES:
            assert f"{folder}/decode-{theme}.svg" in text


def test_the_data_is_written_as_it_is_read():
    text = speed_data.DATA.read_text(encoding="utf-8")
    assert speed_report.data_text(json.loads(text)) == text


def test_a_table_has_the_figures_and_ratios_to_the_fastest_stock_of_each_measure(document):
    data = speed_data.SpeedData(document)
    assert speed_table.table(data, data.measurements["pair"]).splitlines() == [
        "| | decode | over the better of stock | prompt | over the better of stock |",
        "|---|---|---|---|---|",
        "| layers | 100.0, 110.5 | | 2000, 3000 | 1 |",
        "| split | 200, 210 | 1 | 1000, 900 | |",
        "| plugin | 300, 252 | 1.50, 1.20 | 1000, 1500 | 0.50, 0.50 |",
        "| alone | 41 | 0.20 | 500 | 0.20 |"]


def test_any_other_figure_of_the_data_changes_a_page_or_a_picture():
    before = speed_data.read().document
    kept = dict(speed_report.all_files(speed_data.read()))
    for at, measurement in enumerate(before["measurements"]):
        changed = copy.deepcopy(before)
        for row in changed["measurements"][at]["rows"]:
            row["decode"][0] += 1
        now = dict(speed_report.all_files(speed_data.SpeedData(changed)))
        assert now != kept, measurement["id"]


def test_a_stale_table_and_a_stale_ratio_are_written_anew(document):
    data = speed_data.SpeedData(document)
    page = ("At <!--speed: big spread/split decode-->9.99 of it.\n\n<!-- speed: pair -->\n\n"
            "| a |\n|---|\n| 1 |\n\nMore.\n")
    text = speed_report.renewed(data, page)
    assert "At <!--speed: big spread/split decode-->1.35 of it.\n" in text
    assert "| plugin | 300, 252 |" in text and "| a |" not in text
    assert text.endswith("| 0.20 |\n\nMore.\n")
    assert speed_report.renewed(data, text) == text
    begun = speed_report.renewed(data, "<!-- speed: pair -->\n\nMore.\n")
    assert begun.startswith("<!-- speed: pair -->\n\n| | decode |")
    assert begun.endswith("| 0.20 |\n\nMore.\n")


def texts(picture):
    return ["".join(text.itertext()).replace("\N{EN SPACE}", "") for text in
            ET.fromstring(picture).iter(f"{SVG}text")]


@pytest.mark.parametrize("theme", speed_chart.THEMES)
def test_the_picture_tells_each_median_and_ratio_and_needs_no_fonts_or_network(document, theme):
    picture = speed_chart.draw(speed_data.SpeedData(document), theme)
    told = texts(picture)
    for text in ("A big model", "two GPUs", "main memory", "105.2", "205.0", "276.0 1.35\u00d7",
                 "41.0"):
        assert told.count(text) == 1, text
    assert "Another" not in told
    assert not re.search(r"@font-face|<image|href=\"http|url\((?!#)", picture)
    assert picture == speed_chart.draw(speed_data.SpeedData(document), theme)


def change(**values):
    def apply(document):
        document["measurements"][0]["rows"][0] |= values
    return apply


@pytest.mark.parametrize("spoil, words", [
    (change(way="none"), "no such shape or way"),
    (change(decode=[]), "no positive number"),
    (change(prompt=[0]), "no positive number"),
    (change(way="split"), "it is drawn of pair as well"),
    (lambda document: document.update(schema="hexcore.speed/2"), "the schema is"),
    (lambda document: document["measurements"].append(document["measurements"][0]),
     "two measurements have the same id"),
    (lambda document: document["ways"].append(document["ways"][0]), "two ways have the same id"),
])
def test_data_that_contradicts_itself_is_refused(document, spoil, words):
    spoil(document)
    with pytest.raises(speed_data.DataError, match=words):
        speed_data.SpeedData(document)


def test_a_page_that_tells_of_what_was_not_measured_is_refused(document):
    data = speed_data.SpeedData(document)
    for page in ("<!-- speed: none -->\n", "<!--speed: big split/none decode-->"):
        with pytest.raises(speed_data.DataError):
            speed_report.renewed(data, page)


def test_a_measurement_takes_the_place_of_the_one_with_its_id(document):
    other = copy.deepcopy(document["measurements"][0])
    speed_report.add(document, other)
    assert document["measurements"] == [other] and document["measurements"][0] is other
    newer = {"id": "new", "rows": [copy.deepcopy(other["rows"][1])]}
    speed_report.add(document, newer)
    assert [entry["id"] for entry in document["measurements"]] == ["pair", "new"]
    assert speed_data.SpeedData(document).drawn["big", "split"][0] is newer
