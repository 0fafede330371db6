"""Each is skipped, in another way."""

import unittest

import pytest


@pytest.mark.skip(reason="🔥 \x1b[31m not now ]]>")
def test_by_a_marker():
    pass


@pytest.mark.skipif(True, reason="")
def test_without_a_reason():
    pass


def test_in_the_middle():
    pytest.skip("half way")


def test_for_want_of_a_module():
    pytest.importorskip("no_module_of_that_name")


@pytest.fixture
def skips():
    pytest.skip("the fixture")


def test_by_a_fixture(skips):
    pass


@pytest.mark.xfail(reason="known")
def test_fails_as_expected():
    assert False


def test_says_that_it_fails():
    pytest.xfail("known")


class UnitTest(unittest.TestCase):
    @unittest.skip("not now")
    def test_by_a_decorator(self):
        pass

    def test_in_the_middle(self):
        self.skipTest("half way")

    def test_raises(self):
        raise unittest.SkipTest("half way")

    @unittest.expectedFailure
    def test_fails_as_expected(self):
        self.fail()
