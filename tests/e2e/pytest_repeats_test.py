"""`hexcore test --repeat` of pytest's tests: leaks, fixtures, and repeats that fail."""

import json
import sys

TESTS = """
import pytest
kept, set_up = [], []

@pytest.fixture(scope="module")
def of_module():
    set_up.append(1)
    yield
    assert set_up.count(1) == 1

@pytest.fixture(params=[1])
def of_test(request, of_module):
    yield request.param

def test_leaks(of_test):
    kept.append(b"x" * (1 << 18))

def test_gives_back(of_test, capsys):
    print("once")
    assert b"x" * (1 << 20)
    assert capsys.readouterr().out == "once\\n"

def test_fails_the_second_time(of_test):
    set_up.append(2)
    assert set_up.count(2) < 2

def test_after_it(of_module):
    assert set_up == [1, 2, 2]
"""


def test_repeats_share_what_a_module_sets_up_and_tell_leaks(hexcore, tmp_path):
    (tmp_path / "test_it.py").write_text(TESTS)
    code, out, err = hexcore("test", "--config", "none", "--json", "found.json", "--repeat", "30",
                             "--", sys.executable, "-m", "pytest", cwd=tmp_path,
                             env={"HEXCORE_RESERVATIONS": str(tmp_path / "reservations")})
    assert code == 1, out + err
    tests = {test["id"].rpartition("::")[2]: test
             for test in json.loads((tmp_path / "found.json").read_text())["tests"]}
    assert {name: (test["verdict"], test["memory"]) for name, test in tests.items()} == {
        "test_leaks[1]": ("passed", "leak"), "test_gives_back[1]": ("passed", "clean"),
        "test_fails_the_second_time[1]": ("failed", "clean"),
        "test_after_it": ("passed", "clean")}, out + err
    assert tests["test_fails_the_second_time[1]"]["reason"].startswith("in repeat 2 of 30: ")
