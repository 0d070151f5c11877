"""Groups of equal size: the definition, written plainly, and pandas where the two agree."""

import logging
import math
import re

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from invert_core.concepts.sets.missing import Missing
from invert_core.concepts.sources.tables.number_columns import (
    GroupedColumn,
    ThresholdColumn,
    roundest,
    shortest,
)
from invert_core.errors import SettingError
from tests.needs import need

pandas = need("pandas")

numbers = st.lists(
    st.one_of(
        st.integers(-3, 3).map(float),
        st.floats(width=32, allow_nan=False),
        st.none(),
    ),
    min_size=1,
    max_size=70,
)

NUMBERS = Missing("exclude", {"-1": "value"})
"""Every number counts, and only missing cells are left out."""


def read(column, cells):
    for row, cell in enumerate(cells):
        column.add(None, row, cell)
    return column.concepts()


def members(found, n_samples):
    """The samples of each concept."""
    return [
        [i for i in range(n_samples) if int(bits[i // 64]) >> (i % 64) & 1] for bits in found.bits
    ]


def naive_groups(cells, n_groups):
    """The samples of each group, and its edges."""
    ascending = sorted(cell for cell in cells if cell is not None)
    edges = [ascending[k * len(ascending) // n_groups] for k in range(1, n_groups)]
    groups = []
    for low, high in zip([-math.inf, *edges], [*edges, None], strict=True):
        groups.append(
            [
                sample
                for sample, cell in enumerate(cells)
                if cell is not None and low <= cell and (high is None or cell < high)
            ]
        )
    return groups


@given(numbers, st.integers(2, 9))
def test_groups_are_those_of_the_definition(cells, n_groups):
    assume(any(cell is not None for cell in cells))
    found = read(GroupedColumn("x", n_groups, NUMBERS), cells)
    groups = naive_groups(cells, n_groups)
    filled = [k for k, group in enumerate(groups) if group]
    assert len(set(found.id)) == len(filled)
    assert members(found, len(cells)) == [groups[k] for k in filled]
    assert found.defined.tolist() == [cell is not None for cell in cells]


def as_python(name):
    name = re.sub(r"^x (\S+) to (\S+)$", r"\1 <= x <= \2", name)
    return re.sub(r"^x = (\S+)$", r"x == \1", name)


@given(numbers, st.integers(2, 9))
@example([0, 1, 5], 3)
@example([0, 1e300, 1e301], 3)
def test_a_name_says_which_numbers_are_in_its_group(cells, n_groups):
    assume(any(cell is not None for cell in cells))
    found = read(GroupedColumn("x", n_groups, NUMBERS), cells)
    for name, group in zip(found.name, members(found, len(cells)), strict=True):
        said = [
            sample
            for sample, x in enumerate(cells)
            if x is not None and eval(as_python(name), {"x": x, "inf": math.inf})
        ]
        assert said == group


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
@example(0.0, 5e-324)
@example(-1.7e308, 1.7e308)
@example(0.1, 0.1 + 2**-55)
@example(1.0, 1.0 + 2**-52)
def test_the_roundest_number_lies_between_and_has_no_more_places_than_any_other(one, other):
    lower, upper = sorted([one, other])
    assume(lower < upper)
    found = roundest(lower, upper)
    assert lower < found <= upper
    text = re.sub(r"e.*", "", shortest(found))
    if 1e-4 < abs(found) < 1e15:
        places = len(text.partition(".")[2])
        coarser = [round(lower, p) for p in range(places)] + [
            round(upper, p) for p in range(places)
        ]
        assert not any(lower < each <= upper for each in coarser)


@given(st.lists(st.integers(-50, 50), min_size=1, unique=True, max_size=60), st.integers(2, 9))
def test_groups_of_different_numbers_have_almost_the_same_size(cells, n_groups):
    found = read(GroupedColumn("x", n_groups, NUMBERS), cells)
    sizes = [len(group) for group in members(found, len(cells))]
    assert sum(sizes) == len(cells)
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(2, 6), st.integers(1, 9), st.randoms(use_true_random=False))
def test_groups_of_different_numbers_are_those_of_pandas(n_groups, size, random):
    cells = random.sample(range(-100, 100), n_groups * size)
    found = read(GroupedColumn("x", n_groups, NUMBERS), cells)
    of_pandas = pandas.qcut(cells, n_groups, labels=False)
    assert members(found, len(cells)) == [
        np.flatnonzero(of_pandas == k).tolist() for k in range(n_groups)
    ]


def test_the_names_of_groups_give_their_edges():
    found = read(GroupedColumn("age", 4), ["65", 20, 21.0, 34, 35, 50, 64, "18"])
    assert found.id == ["age.lt.21", "age.ge.21.lt.35", "age.ge.35.lt.64", "age.ge.64"]
    assert found.name == ["age < 21", "age 21 to 34", "age 35 to 63", "age >= 64"]
    assert found.definition == ["age < 21", "21 <= age < 35", "35 <= age < 64", "age >= 64"]
    found = read(GroupedColumn("age", 4), ["65", 20, 20.5, 34.3, 34.72, 50, 64, "18"])
    assert found.name == ["age < 20.5", "20.5 <= age < 34.7", "34.7 <= age < 60", "age >= 60"]
    assert found.definition == found.name


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ([0, 1, 2], ["x < 1", "x = 1", "x >= 2"]),
        ([-9, -8, -5, -4, 0, 1], ["x < -5", "x -5 to -1", "x >= 0"]),
        ([0, 1, None, 2], ["x < 1", "x = 1", "x >= 2"]),
        ([0, 1, "inf"], ["x < 1", "1 <= x < inf", "x >= inf"]),
    ],
)
def test_groups_of_whole_numbers_are_named_by_their_first_and_last_number(cells, names):
    assert read(GroupedColumn("x", 3, NUMBERS), cells).name == names


def test_groups_that_ties_leave_empty_are_left_out_and_counted(caplog):
    caplog.set_level(logging.INFO, "invert")
    found = read(GroupedColumn("x", 4, NUMBERS), [0, 0, 0, 0, 0, 1, 2, 3])
    assert found.id == ["x.ge.0.lt.2", "x.ge.2"]
    assert found.name == ["x 0 to 1", "x >= 2"]
    assert caplog.messages == [
        "2 empty groups of 4 of the column 'x' left out: equal numbers are in one group."
    ]


def test_a_constant_column_is_one_group():
    found = read(GroupedColumn("x", 3, NUMBERS), [5, 5])
    assert (found.id, found.name) == (["x.ge.5"], ["x >= 5"])


@given(numbers, st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_threshold_splits_the_numbers(cells, threshold):
    assume(any(cell is not None for cell in cells))
    found = read(ThresholdColumn("x", threshold, NUMBERS), cells)
    at_least = [i for i, cell in enumerate(cells) if cell is not None and cell >= threshold]
    assert members(found, len(cells)) == [at_least]
    assert found.name == [f"x >= {shortest(threshold)}"]


@pytest.mark.parametrize(
    ("number", "text"), [(18.0, "18"), (-0.0, "0"), (0.1, "0.1"), (1e22, "1e+22"), (-2.5, "-2.5")]
)
def test_numbers_are_printed_shortest(number, text):
    assert shortest(number) == text


def test_more_groups_than_anybody_counts_are_refused():
    with pytest.raises(SettingError, match=r"'x' cannot be cut into more than 1,000,000 groups"):
        GroupedColumn("x", 10**12)
    found = read(GroupedColumn("x", 1_000_000, NUMBERS), [1, 2])
    assert found.id == ["x.ge.1.lt.2", "x.ge.2"]
