"""Labels are stored as columns; rows and text are made when someone asks for them."""

import gc
import hashlib
import itertools
import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core import Settings, label, score
from invert_core.errors import UnknownNameError
from invert_core.labelling.overview import Overview
from invert_core.results.column_fields import columns
from invert_core.results.columns import Explanation, Label
from invert_core.results.final_rows import write_final
from invert_core.results.label_table import LabelTable
from invert_core.results.labels import Labels, conviction, tables_of
from invert_core.results.unfinished_record import Saved
from tests.labelling.small_case import concept_set, small
from tests.results import rowwise

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["", " a", 'a "b"', "a,b", "a\r\nb", "\n", "\ud7ff", "é", "\x00", "%s", "{}", "nan"]
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -0.0, 5e-324, 1e16, 1e-5, 0.1 + 0.2, sys.float_info.max]
)
OF_TYPE = {
    str: TEXT,
    int: st.integers(0, 2**63 - 1) | st.integers(0, 9),
    float: FLOATS,
    float | None: st.none() | FLOATS,
    int | None: st.none() | st.integers(0, 2**53 - 1),
}


def of_kind(kind):
    return {
        name: st.sampled_from(words) if (words := one.metadata["words"]) else OF_TYPE[one.type]
        for name, one in columns(kind).items()
    }


EXPLANATIONS = st.builds(Explanation, **of_kind(Explanation))
ROWS = st.builds(Label, **of_kind(Label), by_length=st.lists(EXPLANATIONS, max_size=3).map(tuple))


@settings(max_examples=200)
@given(st.lists(ROWS, max_size=4))
def test_the_text_equals_what_is_written_row_by_row_to_the_byte(rows):
    labels = Labels(rows)
    assert labels.to_csv() == rowwise.to_csv(rows)
    assert labels.to_jsonl() == rowwise.to_jsonl(rows)
    assert list(labels) == rows
    assert len(labels) == len(rows)


Q_VALUES = st.none() | st.floats(0, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@given(st.lists(st.tuples(ROWS, Q_VALUES), max_size=5))
def test_q_values_are_put_into_the_saved_text_as_if_the_rows_had_had_them(folder, rows):
    saved = {}
    without = Labels(replace(row, q_value=None) for row, _ in rows)
    texts = (without.to_jsonl(), without.to_csv())
    for name, text in zip(("unfinished.jsonl", "unfinished.csv"), texts, strict=True):
        (folder / name).write_bytes(text.encode() + b'{"half": "a l')
        saved[name] = Saved(len(text.encode()), hashlib.sha256(text.encode()).hexdigest())
    q_values = np.array([q_value for _, q_value in rows], np.float64)  # None becomes NaN
    written = write_final(folder, saved, q_values)
    expected = Labels(replace(row, q_value=q_value) for row, q_value in rows)
    for name, text in (("labels.jsonl", expected.to_jsonl()), ("labels.csv", expected.to_csv())):
        content = (folder / name).read_bytes()
        assert content == text.encode()
        assert written[name] == Saved(len(content), hashlib.sha256(content).hexdigest())


def found(kind):
    activations, labels = small(n_units=40)
    concepts = concept_set(labels, name=[f"naïve, {i % 3}" for i in range(6)])
    if kind == "scored":
        return score(activations, concepts, "c0 | ~c1")
    options = {"missing labels": {"missing": "exclude"}}.get(kind, {})
    if kind == "missing labels":
        gaps = labels.astype(float)
        gaps[np.random.default_rng(1).random(gaps.shape) < 0.1] = np.nan
        concepts = concept_set(gaps)
    chosen = {
        "exhaustive": Settings(search="exhaustive", length=2, permutations=20),
        "beam": Settings(direction="both", beam=5, min_gain=0.01, permutations=20),
    }.get(kind, Settings(length=2, permutations=20))
    return label(activations, concepts, settings=chosen, **options)


KINDS = ("beam", "exhaustive", "missing labels", "scored")


@pytest.mark.parametrize("kind", KINDS)
def test_the_columns_of_a_labelling_are_written_as_its_rows_would_be(kind):
    labels = found(kind)
    assert {row.status for row in labels} > {"dead"}
    assert labels.to_csv() == rowwise.to_csv(labels.rows)
    assert labels.to_jsonl() == rowwise.to_jsonl(labels.rows)
    assert Labels(labels.rows, labels.concepts) == labels
    assert Labels(labels.rows[:-1], labels.concepts) != labels


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_rows_are_those_that_a_sort_of_all_rows_puts_first(kind):
    labels = found(kind)
    alive = [row for row in labels if row.headline and row.status != "dead"]
    expected = tuple(sorted((row for row in alive if row.objective == "auc"), key=conviction))
    assert len(expected) > 20
    assert labels.best() == expected
    answers = tuple(
        tuple(
            other for other in alive if (other.unit, other.direction) == (row.unit, row.direction)
        )
        for row in expected
    )
    assert labels.answers() == answers
    assert {len(rows) for rows in answers} == {2 if kind == "beam" else 1}
    for top in (0, 1, 7):
        assert labels.best(top) == expected[:top]
        assert labels.answers(top) == answers[:top]


@pytest.mark.parametrize("size", [1, 3, 40])
def test_an_overview_of_parts_is_that_of_all_rows(size):
    labels = found("missing labels")
    units = [list(rows) for _, rows in itertools.groupby(labels, lambda row: row.unit)]
    overview = Overview(top=5)
    for start in range(0, len(units), size):
        rows = itertools.chain.from_iterable(units[start : start + size])
        overview.add(Labels(rows, labels.concepts))
    counts = {one.n_samples for row in labels for one in (row, *row.by_length)}
    assert overview.best == labels.answers()[:5]
    assert (overview.n_units, overview.n_dead) == (40, 1)
    assert overview.sample_counts == counts | {150}
    assert len(counts) > 3


def test_rows_are_made_anew_each_time_unless_all_are_asked_for():
    labels = found("beam")
    row = next(iter(labels))
    watched = weakref.ref(row)
    del row
    gc.collect()
    assert watched() is None
    assert labels.rows is labels.rows


def test_rows_in_a_file_are_read_when_they_are_used_and_streamed_where_that_is_enough():
    made, read = found("beam"), []
    lines = made.to_jsonl().splitlines()

    def load():
        read.append(1)
        return tables_of(lines, "x")

    labels = Labels.loaded_by(load, made.concepts)
    assert read == []
    for _ in range(2):
        assert list(iter(labels)) == list(made)
    assert len(read) == 2  # nothing was kept
    assert labels.best() == made.best()
    assert len(labels) == len(made)
    assert len(read) == 3


def test_tables_that_are_read_hold_whole_units(monkeypatch):
    monkeypatch.setattr("invert_core.results.labels._ROWS_PER_TABLE", 4)
    labels = found("beam")
    tables = list(tables_of(labels.to_jsonl().splitlines(), "x"))
    assert len(tables) > 5
    units = [unit for table in tables for unit in table.units()]
    assert units == [("activations", unit) for unit in range(40)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["auc", "p_search"])
def test_a_number_that_no_run_can_hold_is_not_written(name, value):
    row = found("scored").rows[0]
    broken = Labels([Label(**row.row() | {name: value})])
    with pytest.raises(ValueError, match=f"'{name}'"):
        broken.to_jsonl()
    with pytest.raises(ValueError, match=f"'{name}'"):
        broken.to_csv()


def test_a_unit_is_found_by_number_before_name_and_only_by_its_whole_address():
    def row(layer, unit, name=""):
        dead = Label.of_dead_unit(layer=layer, unit=unit, direction="positive", n_samples=9)
        return Label(**dead.row() | {"unit_name": name})

    rows = [row("a", 0, "1"), row("a", 1, "x:y"), row("a:1", 0), row("b", 12)]
    labels = Labels(rows)
    assert labels.at("a:1") == (rows[1],)
    assert labels.at("a:x:y") == (rows[1],)
    assert labels.at("a:1:0") == (rows[2],)
    for address in ("a:01", "a:²", "b:", "b", ":12", "a:", "b:" + "9" * 30):
        with pytest.raises(UnknownNameError):
            labels.at(address)


def test_an_empty_table_has_no_rows_and_no_text():
    empty = LabelTable.of_rows([])
    assert list(empty) == empty.units() == []
    assert Labels().to_jsonl() == ""
    assert Labels().best() == ()
    with pytest.raises(UnknownNameError, match="no rows"):
        Labels().at("fc:0")


def naive_at(rows, aliases, address):
    """The units that an address stands for; numbers count before names."""
    layers = {row.layer for row in rows}
    aliases = {layer: alias for layer, alias in aliases.items() if alias not in layers}
    for unit in ("unit", "unit_name"):
        for called in (lambda layer: layer, lambda layer: aliases.get(layer, layer)):
            found = {
                row.address
                for row in rows
                if getattr(row, unit) != ""
                and f"{called(row.layer)}:{getattr(row, unit)}" == address
            }
            if found:
                return found
    return set()


hostile_names = st.text("a:01", max_size=3)


@given(
    st.lists(st.tuples(hostile_names, st.integers(0, 11), hostile_names), min_size=1, max_size=6),
    st.dictionaries(hostile_names, hostile_names.filter(bool), max_size=3),
    hostile_names,
    hostile_names,
)
def test_an_address_stands_for_the_units_that_the_rule_says(units, aliases, layer, unit):
    named = {(layer, number): name for layer, number, name in sorted(units)}
    rows = [
        Label.of_dead_unit(layer=at, unit=of, direction="positive", n_samples=9, unit_name=name)
        for (at, of), name in named.items()
    ]
    labels = Labels(rows, aliases=aliases)
    for address in (f"{layer}:{unit}", *(f"{at}:{name}" for (at, _), name in named.items())):
        expected = naive_at(rows, aliases, address)
        if len(expected) == 1:
            assert {row.address for row in labels.at(address)} == expected
        else:
            with pytest.raises(UnknownNameError, match="are called" if expected else "no unit"):
                labels.at(address)
