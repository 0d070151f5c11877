"""Labels as files for other programs."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest

from invert_core.errors import ExistingOutputError, MissingDependencyError, SettingError
from invert_core.results.column_fields import OPTIONAL_TYPES, columns
from invert_core.results.columns import Label
from invert_core.results.export import export_labels, to_text
from invert_core.results.labels import COLUMNS, Labels
from invert_core.results.run_directory import read_run

GOLDEN = Path(__file__).parents[1] / "golden" / "run_v1"


OF_LATER_RUNS = {
    name: {float: 0.125, int: 3}[OPTIONAL_TYPES[one.type]]
    for name, one in columns(Label).items()
    if one.type in OPTIONAL_TYPES
}
"""A value for every column that is empty in some runs."""


@pytest.fixture
def labels():
    """The rows of an old run, and one that has all that later runs add."""
    rows = read_run(GOLDEN).labels.rows
    return Labels([*rows, replace(rows[-1], unit=9, **OF_LATER_RUNS)])


def test_all_kinds_have_the_same_rows_and_columns(tmp_path, labels):
    for kind in ("csv", "jsonl", "parquet"):
        export_labels(labels, tmp_path / f"x.{kind}")
    rows = [row.row() for row in labels]
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert read == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
    ]
    lines = (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()
    assert [{name: json.loads(line)[name] for name in COLUMNS} for line in lines] == rows
    table = pyarrow.parquet.read_table(tmp_path / "x.parquet")
    assert table.to_pylist() == rows
    assert rows[-1].items() >= OF_LATER_RUNS.items()
    assert {row["q_value"] for row in rows} == {None, 0.125}
    assert table.column_names == list(COLUMNS)
    assert str(table.schema.field("unit").type) == "int64"
    assert str(table.schema.field("gap").type) == "double"


@pytest.mark.parametrize("name", ["x", "x.txt", "x.csv.gz"])
def test_an_unknown_suffix_needs_a_kind(tmp_path, labels, name):
    with pytest.raises(SettingError, match="--format"):
        export_labels(labels, tmp_path / name)
    export_labels(labels, tmp_path / name, "csv")
    assert (tmp_path / name).read_bytes() == labels.to_csv().encode()


def test_an_unknown_kind_is_told_with_those_there_are(tmp_path, labels):
    with pytest.raises(SettingError, match=r"format cannot be 'cvs'\. Did you mean 'csv'\?"):
        export_labels(labels, tmp_path / "x.csv", "cvs")


def test_the_suffix_may_be_in_capitals(tmp_path, labels):
    export_labels(labels, tmp_path / "X.CSV")
    assert (tmp_path / "X.CSV").read_bytes() == labels.to_csv().encode()


def test_an_existing_file_stays(tmp_path, labels):
    (tmp_path / "x.csv").write_text("mine")
    with pytest.raises(ExistingOutputError):
        export_labels(labels, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == "mine"


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, labels, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "invert-core\[parquet\]"'):
        export_labels(labels, tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_parquet_is_no_text(labels):
    with pytest.raises(SettingError, match=r"-o labels\.parquet"):
        to_text(labels, "parquet")
