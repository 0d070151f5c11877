"""`invert score`: one formula of the user's own on all units."""

import csv
import io
import json

import pytest

from tests.command_line import invert, refused

ARGUMENTS = ("score", "activations.npz", "concepts.csv", "--formula")


def test_a_formula_is_tested_on_every_unit(inputs):
    rows = json.loads(invert(*ARGUMENTS, "a & ~b", "--format", "json").stdout)
    assert [row["unit"] for row in rows] == [0, 1, 2, 3]
    assert rows[0]["auc"] == 1.0
    assert rows[2]["status"] == "dead"
    assert all(row["p_search"] == row["p_value"] for row in rows)
    assert {row["direction"] for row in rows} == {"given"}
    printed = invert(*ARGUMENTS, "a & ~b", "--format", "csv").stdout
    read = list(csv.DictReader(io.StringIO(printed)))
    assert [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
    ] == read


def test_the_table_is_in_names(inputs):
    result = invert(*ARGUMENTS, "a & ~b", "--names", "names.csv", "--top", 1, "--units", "0-1")
    assert "fc:0  apple & ~brown  1.0000" in result.stdout
    assert result.stderr == ""


def test_the_table_calls_the_p_value_what_it_is(inputs):
    head, first, *_ = invert(*ARGUMENTS, "a & ~b").stdout.splitlines()
    assert "  p value  " in head
    assert "p search" not in head
    (row, *_) = json.loads(invert(*ARGUMENTS, "a & ~b", "--format", "json").stdout)
    at = head.index("p value")
    assert float(first[at : at + 9]) == pytest.approx(row["p_value"], rel=0.05)


def test_the_label_that_is_printed_can_be_given_as_the_formula(inputs):
    named = ("--names", "names.csv", "--format", "json")
    rows = json.loads(invert(*ARGUMENTS, "a & ~b", *named).stdout)
    assert json.loads(invert(*ARGUMENTS, rows[0]["label"], *named).stdout) == rows


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("a & bb", "There is no concept with the id or name 'bb'."),
        ("apple", "invert concepts show"),
        ("a & & b", "'&' at character 5"),
        ("", "ends at character 1"),
        ("(" * 100_000, "nests deeper than 100"),
        ("a & ~a", "is true nowhere"),
        ("a | ~a", "is true everywhere"),
    ],
)
def test_a_formula_that_cannot_be_tested_is_refused(inputs, formula, words):
    assert words in refused(*ARGUMENTS, formula)


def test_unknown_layers_and_units_are_refused(inputs):
    assert "Did you mean 'fc'?" in refused(*ARGUMENTS, "a", "-l", "fd")
    assert "Its units are 0 to 3." in refused(*ARGUMENTS, "a", "--units", "4")
