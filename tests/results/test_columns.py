import re
from dataclasses import fields
from pathlib import Path

import pytest

from invert_core.labelling import probing
from invert_core.results.column_fields import columns, markdown_table
from invert_core.results.columns import Explanation, Label
from invert_core.results.row_checks import checked

ROOT = Path(__file__).parents[2]

DEAD = Label.of_dead_unit(layer="fc", unit=3, direction="positive", n_samples=9)


def test_the_page_on_file_formats_has_the_columns_as_they_are_declared():
    page = (ROOT / "docs/file-formats.md").read_text("utf-8")
    assert markdown_table(Label, Label.ORDER) in page


def test_every_column_that_the_page_on_columns_explains_exists():
    table = (ROOT / "docs/columns.md").read_text("utf-8")
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]+)\|", table, re.M)))
    assert len(named) > 8
    assert set(named) <= {*Label.ORDER, *probing.COLUMNS}


@pytest.mark.parametrize("kind", [Label, probing.ProbedUnit])
def test_every_column_has_a_meaning_in_the_docstring(kind):
    for name, one in columns(kind).items():
        assert one.metadata["what"].endswith(".")
        assert f"\n    {name}\n        {one.metadata['what']}" in kind.__doc__


def test_every_field_is_a_column_of_the_file_but_the_formulas_by_length():
    assert {field.name for field in fields(Label)} == {*Label.ORDER, "by_length"}
    assert set(probing.COLUMNS) == set(columns(probing.ProbedUnit)) - {"length", "score"}


def test_a_dead_unit_has_no_formula_and_nothing_that_says_it_does():
    assert (DEAD.formula, DEAD.label, DEAD.length, DEAD.n_positive) == ("", "", 0, 0)
    assert (DEAD.auc, DEAD.u, DEAD.z) == (0.5, 0.0, 0.0)
    assert (DEAD.p_value, DEAD.log10_p, DEAD.p_search, DEAD.log10_p_search) == (1.0, 0.0, 1.0, 0.0)
    assert (DEAD.status, DEAD.method, DEAD.rank, DEAD.n_scored) == ("dead", "none", 1, 0)
    assert (DEAD.layer, DEAD.unit, DEAD.unit_name, DEAD.gap) == ("fc", 3, "", None)
    with pytest.raises(TypeError, match="layer"):
        Label.of_dead_unit(unit=3, direction="positive", n_samples=9)


def test_columns_that_older_files_lack_get_their_default():
    row = DEAD.row()
    old = {name: value for name, value in row.items() if name not in ("gap", "unit_name")}
    assert checked(Label, old) == row


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auc", 1),
        ("auc", None),
        ("auc", float("nan")),
        ("unit", -1),
        ("unit", 2**63),
        ("unit", True),
        ("unit", 3.0),
        ("label", None),
        ("label", "half a \udc80 character"),
        ("log10_p", 0.5),
        ("gap", -0.1),
        ("gap", 0),
        ("correction", "guess"),
        ("correction", ""),
        ("more", 1),
    ],
)
def test_a_value_that_a_column_cannot_hold_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name}|surrogates"):
        checked(Label, DEAD.row() | {name: value})


@pytest.mark.parametrize("missing", ["auc", "layer", "formula"])
def test_a_column_without_a_default_must_be_there(missing):
    row = {name: value for name, value in DEAD.row().items() if name != missing}
    with pytest.raises(ValueError, match=missing):
        checked(Label, row)


def test_what_is_no_object_is_refused():
    with pytest.raises(ValueError, match="no object"):
        checked(Explanation, ["auc"])
