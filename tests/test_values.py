"""Patterns of names."""

import time
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invert_core.errors import DataError
from invert_core.values import LONGEST_TEXT, check_text, pattern_rule
from invert_core.wording import nearest


def naive_fit(name, pattern):
    @cache
    def fits(at, of):
        if of == len(pattern):
            return at == len(name)
        if pattern[of] == "*":
            return fits(at, of + 1) or (at < len(name) and fits(at + 1, of))
        return at < len(name) and pattern[of] in ("?", name[at]) and fits(at + 1, of + 1)

    return fits(0, 0)


@given(st.text(st.sampled_from("ab[]!\n.\\"), max_size=8), st.text("ab*?[]!\n.\\", max_size=6))
@example("a[0]", "a[0]")
@example("a\n", "a")
def test_a_pattern_fits_what_the_definition_says(name, pattern):
    assert bool(pattern_rule(pattern).fullmatch(name)) == naive_fit(name, pattern)


def test_a_pattern_of_many_stars_takes_no_time():
    started = time.process_time()
    assert not pattern_rule("*a" * 30 + "*c").fullmatch("a" * 20_000)
    assert time.process_time() - started < 5


def test_an_id_of_megabytes_is_refused_and_not_printed():
    with pytest.raises(DataError, match="has 65,537 characters, more than 65,536") as refused:
        check_text("sample id", ["a", "b" * (LONGEST_TEXT + 1)])
    assert len(str(refused.value)) < 200


def test_long_names_are_not_compared():
    started = time.process_time()
    assert nearest("ab" * 100_000, ["ba" * 100_000, "ab"]) == ""
    assert time.process_time() - started < 1
