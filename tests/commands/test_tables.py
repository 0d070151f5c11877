"""Tables for people: they fit the terminal, and lose nothing elsewhere."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.commands.signs import can_write, cut_to, signs, width_of
from invert_core.commands.tables import Address, Fit, Number, print_rows, table
from tests.commands.screen import Screen

LABEL = "three & ~slanted right & (left of centre | bottom heavy)"
ROW = {
    "unit": Address("encoder.layer.5:12"),
    "label": LABEL,
    "auc": Number("0.9514"),
    "peak": "seven & ~top heavy",
    "p_search": Number("2.7e-64"),
    "positive": 95,
}
LESS = Fit(drop=("positive", "p_search", "peak"))


def shown(width, fit=LESS, rows=(ROW, ROW)):
    lines, left_out = table(rows, list(rows[0]), width, fit)
    return lines, left_out


def screen(monkeypatch, encoding="utf-8"):
    """Put a terminal in the place of stdout."""
    made = Screen(encoding)
    monkeypatch.setattr(sys, "stdout", made)
    return made


def test_elsewhere_than_in_a_terminal_nothing_is_left_out_or_cut(capsys):
    print_rows([ROW | {"label": LABEL * 9}], list(ROW), "table", LESS)
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["unit", "label", "auc", "peak", "p", "search", "positive"]
    assert LABEL * 9 in line


def test_a_table_that_fits_stays_as_it_is():
    wide, left_out = shown(None)
    assert shown(max(map(len, wide))) == (wide, left_out) == (wide, [])


def test_texts_are_cut_before_columns_are_left_out():
    lines, left_out = shown(90)
    assert left_out == []
    assert lines[1].split("  ")[1].endswith("…")
    assert max(map(len, lines)) == 90


def test_the_longest_text_is_cut_first():
    lines, _ = shown(100)
    assert ROW["peak"] in lines[1]
    assert LABEL not in lines[1]


@pytest.mark.parametrize(
    ("width", "left_out"),
    [(80, ["positive"]), (70, ["p_search", "positive"]), (60, ["peak", "p_search", "positive"])],
)
def test_columns_are_left_out_in_the_order_that_is_given(width, left_out):
    lines, without = shown(width)
    assert without == left_out
    assert max(map(len, lines)) <= width


@given(st.integers(30, 200), st.lists(st.text("ab 猫&~", max_size=90), min_size=1, max_size=4))
def test_every_table_fits_and_no_number_is_cut(width, texts):
    rows = [ROW | {"label": text, "peak": text[::-1]} for text in texts]
    lines, left_out = shown(width, rows=rows)
    assert max(map(width_of, lines)) <= width
    for name in ("auc", "p_search", "positive"):
        for line in lines[1:]:
            assert name in left_out or str(ROW[name]) in line


def test_an_address_that_must_be_cut_keeps_both_ends():
    rows = [ROW | {"unit": Address("encoder.layers.3.attention.output.dense:1234")}]
    lines, _ = shown(60, rows=rows)
    address = lines[1].split("  ")[0]
    assert address.startswith("encoder")
    assert address.endswith("dense:1234")


def test_prose_goes_on_in_the_next_line():
    rows = [{"subject": "cache", "finding": "it is filled and it is in a folder far away"}]
    lines, left_out = table(rows, ["subject", "finding"], 30, Fit(prose=("finding",)))
    assert lines[1:] == [
        "cache    it is filled and it",
        "         is in a folder far",
        "         away",
    ]
    assert left_out == []


def test_columns_without_an_order_are_left_out_from_the_right():
    rows = [{f"number_{k}": Number("123456789") for k in range(9)}]
    lines, left_out = table(rows, list(rows[0]), 40)
    assert left_out == [f"number_{k}" for k in range(3, 9)]
    assert max(map(len, lines)) <= 40


def test_what_a_terminal_has_no_room_for_is_said(monkeypatch, caplog):
    drawn = screen(monkeypatch)
    monkeypatch.setenv("COLUMNS", "60")
    with caplog.at_level("INFO", logger="invert"):
        print_rows([ROW], list(ROW), "table", LESS)
    assert max(map(len, drawn.text().splitlines())) <= 60
    told = "Left out, because the terminal is narrow: peak, p search, positive."
    assert caplog.messages == [told]


def test_a_wide_character_takes_two_places():
    rows = [{"name": "猫猫", "n": 1}, {"name": "cat", "n": 2}]
    _, *lines = table(rows, ["name", "n"])[0]
    assert lines == ["猫猫  1", "cat   2"]
    assert cut_to("猫猫猫", 4) == "猫…"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_signs_that_stdout_lacks_are_replaced(monkeypatch, encoding):
    drawn = screen(monkeypatch, encoding)
    monkeypatch.setenv("COLUMNS", "50")
    assert can_write("".join(vars(signs()).values()))
    print_rows([ROW | {"label": f"猫 {LABEL}"}], list(ROW), "table", LESS)
    head, line = drawn.text().splitlines()
    assert "..." in line
    assert r"\u732b" in line
    assert max(len(head), len(line)) <= 50


def test_signs_are_those_of_utf_8_where_stdout_has_them(monkeypatch):
    screen(monkeypatch)
    assert (signs().cut, signs().outside) == ("…", "−")
