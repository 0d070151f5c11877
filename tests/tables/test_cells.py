import math

import numpy as np
import pytest

from invert_core.errors import DataError
from invert_core.tables.cells import (
    UNDEFINED,
    CellMarks,
    OneKind,
    as_mark,
    as_number,
    excerpt,
    is_missing,
    looks_like_mark,
)

TRUE = ["1", "1.0", "1.00", "1.000e+00", "1.0E-00", "true", "True", "tRUE", 1, 1.0, True]
YES = ["yes", "Y", "t"]
NO = ["No", "n", "F"]
FALSE = ["0", "0.0", "-0", "0.000000", "-0.0e+00", "false", "FALSE", 0, 0.0, -0.0, False]
MISSING = ["", "  ", "nan", "NaN", "NA", "n/a", "null", "NULL", "None", None, math.nan]


@pytest.mark.parametrize(
    ("cells", "mark"),
    [(TRUE + YES, 1), (FALSE + NO, 0), ([*MISSING, "-1", "-1.00", -1, -1.0], UNDEFINED)],
    ids=["true", "false", "undefined"],
)
def test_marks_have_many_spellings(cells, mark):
    assert [as_mark(cell) for cell in cells] == [mark] * len(cells)
    known = CellMarks()
    for cell in [*cells, *cells]:
        assert OneKind(["a"]).marks(np.array([[known[cell]]], np.uint8)).tolist() == [[mark]]


@pytest.mark.parametrize(
    "cell",
    [
        "2",
        "yeah",
        " 1",
        "01",
        "1,00",
        "1e1",
        "1.01",
        "ja",
        "+1",
        "١",
        "tt",
        2,
        0.5,
        -2,
        math.inf,
        [1],
        [],
        {},
    ],
)
def test_anything_else_is_no_mark(cell):
    assert as_mark(cell) is None
    with pytest.raises((ValueError, TypeError)):
        CellMarks()[cell]


def marks_of(*rows):
    known, one_kind = CellMarks(), OneKind(["a", "b"])
    return [one_kind.marks(np.array([[known[cell] for cell in row]], np.uint8)) for row in rows]


def test_each_column_may_hold_another_kind_of_labels():
    found = marks_of(("yes", "T"), ("NO", "f"), ("", -1), ("no", "t"))
    assert [row.tolist() for row in found] == [[[1, 1]], [[0, 0]], [[2, 2]], [[0, 1]]]
    marks_of(("1", "true"), (False, "0.00"))


@pytest.mark.parametrize(
    ("cells", "kinds"),
    [
        (("1", "no"), "0/1/false/true and no/yes"),
        (("y", "no"), "no/yes and n/y"),
        (("t", "", "y"), "n/y and f/t"),
        ((True, "f"), "0/1/false/true and f/t"),
    ],
)
def test_a_column_of_several_kinds_is_refused(cells, kinds):
    with pytest.raises(DataError, match=f"column 'b' mixes labels of several kinds: {kinds}."):
        marks_of(*(("1", cell) for cell in cells))
    with pytest.raises(DataError, match=f"first in row {len(cells)} below the titles"):
        marks_of(*(("1", cell) for cell in cells))


def test_titles_that_are_letters_or_missing_are_no_labels():
    assert [looks_like_mark(title) for title in ("y", "no", "", "na")] == [False] * 4
    assert [looks_like_mark(title) for title in ("0", "1.00", "-1", "True")] == [True] * 4


def test_cell_marks_do_not_keep_every_nan():
    known = CellMarks()
    for _ in range(3):
        assert known[float("nan")] & 3 == UNDEFINED
    assert not known


@pytest.mark.parametrize("cell", MISSING)
def test_what_is_missing_is_no_number(cell):
    assert is_missing(cell)
    assert math.isnan(as_number(cell))


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("12", 12),
        (" 1.5 ", 1.5),
        ("-1", -1),
        ("1e3", 1000),
        ("-inf", -math.inf),
        (7, 7),
        (0.25, 0.25),
    ],
)
def test_numbers_are_read_from_texts_and_numbers(cell, number):
    assert as_number(cell) == number


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("old", "not a number"),
        ("1,5", "not a number"),
        ("1_000", "not a number"),
        ("+nan", "not a number"),
        (True, "not a number"),
        ([1], "not a number"),
        (2**53 + 1, "reaches 2"),
        (-(10**400), "reaches 2"),
        ("9007199254740993", "reaches 2"),
    ],
)
def test_other_cells_are_no_numbers(cell, words):
    with pytest.raises(ValueError, match=words):
        as_number(cell)


def test_large_floats_are_numbers():
    assert as_number("1e300") == as_number(1e300) == 1e300


def test_an_excerpt_of_a_huge_cell_is_short():
    assert excerpt("ab") == "'ab'"
    assert len(excerpt("a" * 10**6)) < 50
