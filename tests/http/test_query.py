"""Whole numbers from query strings and forms."""

import pytest

from ragsite.http.query import MAX_INTEGER, MAX_KEY, primary_keys, whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("12", 12), ("007", 7), ("9" * 5000, MAX_INTEGER)])
def test_a_whole_number_is_read_and_limited_to_what_the_database_stores(text, number):
    assert whole_number(text) == number


@pytest.mark.parametrize("text", [None, "", "-1", "+1", "1.5", "1e3", " 1", "٣", "²", "x", "1\0"])
def test_anything_else_is_no_number(text):
    assert whole_number(text) is None


def test_keys_that_are_no_numbers_are_left_out():
    assert primary_keys(["3", "x", "", "9" * 30, "5"]) == [3, MAX_KEY, 5]
