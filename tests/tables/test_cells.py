import math

import pytest

from invert_core.tables.cells import UNDEFINED, CellMarks, as_mark, as_number, excerpt, is_missing

TRUE = ["1", "1.0", "true", "True", "tRUE", 1, 1.0, True]
FALSE = ["0", "0.0", "false", "FALSE", 0, 0.0, -0.0, False]
MISSING = ["", "  ", "nan", "NaN", "NA", "n/a", "null", "NULL", "None", None, math.nan]


@pytest.mark.parametrize(
    ("cells", "mark"),
    [(TRUE, 1), (FALSE, 0), ([*MISSING, "-1", "-1.0", -1, -1.0], UNDEFINED)],
    ids=["true", "false", "undefined"],
)
def test_marks_have_many_spellings(cells, mark):
    assert [as_mark(cell) for cell in cells] == [mark] * len(cells)
    known = CellMarks()
    assert [known[cell] for cell in [*cells, *cells]] == [mark] * 2 * len(cells)


@pytest.mark.parametrize(
    "cell", ["2", "yes", " 1", "01", "1.00", "-0", "t", "+1", 2, 0.5, -2, math.inf, [1], [], {}]
)
def test_anything_else_is_no_mark(cell):
    assert as_mark(cell) is None
    with pytest.raises((ValueError, TypeError)):
        CellMarks()[cell]


def test_cell_marks_do_not_keep_every_nan():
    known = CellMarks()
    for _ in range(3):
        assert known[float("nan")] == UNDEFINED
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
