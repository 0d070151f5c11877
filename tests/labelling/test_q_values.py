"""The q-values of a labelling correct the headlines of each layer together."""

import itertools
import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from invert_core import Settings, label, label_files, label_units, read_run
from invert_core.labelling.overview import Overview
from invert_core.labelling.q_values import QValues, with_q_values
from invert_core.results.columns import Label
from invert_core.results.label_table import LabelTable
from invert_core.results.labels import Labels
from tests.labelling.small_case import concept_set, small
from tests.results.unfinished_runs.stopped_runs import Stop

OF_STATSMODELS = {"bh": "fdr_bh", "by": "fdr_by", "holm": "holm"}
HOWS = tuple(OF_STATSMODELS)
LEAST = 1 / 201 / 0.99
"""The smallest p_search that 200 permutations can give."""


def row(unit, p, **values):
    """A headline of a living unit, unless the values say something else."""
    dead = Label.of_dead_unit(layer="fc", unit=unit, direction="positive", n_samples=9)
    of_search = {"p_search": p, "log10_p_search": float(np.log10(p)), "status": "ok"}
    return replace(dead, **of_search | {"correction": "permutation"} | values)


def expected(rows, how):
    """The q-value of each row; rows of each layer and objective are picked out one by one."""
    values = [None] * len(rows)
    for of in {(one.layer, one.objective) for one in rows}:
        at = [
            number
            for number, one in enumerate(rows)
            if (one.layer, one.objective) == of and one.headline and one.status != "dead"
        ]
        if at:
            p = [rows[number].p_search for number in at]
            for number, q in zip(at, multipletests(p, method=OF_STATSMODELS[how])[1], strict=True):
                values[number] = q
    return values


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["fc", "relu"]),
        st.sampled_from([1, 1, 0]),
        st.sampled_from(["ok", "ok", "constant", "dead"]),
        st.sampled_from([1e-200, 1e-3, 0.04, 1.0]) | st.floats(1e-300, 1),
    ),
    min_size=1,
    max_size=20,
)


@given(ROWS, st.sampled_from(HOWS), st.integers(1, 5))
def test_headlines_of_living_units_are_corrected_within_their_layer(drawn, how, size):
    rows = [
        row(unit, p, layer=layer, headline=headline, rank=2 - headline, status=status)
        for unit, (layer, headline, status, p) in enumerate(drawn)
    ]
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    tables = with_q_values(map(LabelTable.of_rows, parts), Settings(adjust=how))
    found = list(itertools.chain.from_iterable(tables))
    assert [replace(one, q_value=None) for one in found] == rows
    for one, q_value in zip(found, expected(rows, how), strict=True):
        assert one.q_value == (None if q_value is None else pytest.approx(q_value, rel=1e-10))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two layers of 30 units, some of which follow a concept and some of which are dead."""
    folder = tmp_path_factory.mktemp("files")
    values, labels = small(n_units=60)
    rises = 3 + np.random.default_rng(1).random((150, 7))
    values[:, 5:12] += rises * labels[:, [0, 1, 2, 3, 4, 5, 0]]
    values[:, [20, 50]] = 1
    np.savez(folder / "a.npz", fc=values[:, :30], relu=values[:, 30:])
    np.savez(folder / "c.npz", labels=labels, id=[f"c{number}" for number in range(6)])
    return folder / "a.npz", folder / "c.npz"


@pytest.mark.parametrize("how", HOWS)
def test_memory_and_files_and_what_is_printed_have_the_same_q_values(tmp_path, files, how):
    settings = Settings(length=2, direction="both", adjust=how)
    overview = Overview(20, settings)
    rows = label(*files, settings=settings).rows
    written = label_files(*files, tmp_path / "run", settings=settings, each=overview.add)
    assert written.rows == read_run(tmp_path / "run").labels.rows == rows
    q_values = expected(rows, how)
    assert [one.q_value for one in rows] == [
        None if q is None else pytest.approx(q, rel=1e-10) for q in q_values
    ]
    assert overview.best == written.answers(20)
    by_auc = [one for one in rows if one.objective == "auc" and one.q_value is not None]
    found = {one.address for one in by_auc if one.q_value < 0.05}
    assert 5 < len(found) < 60
    assert overview.n_significant == len(found)


@pytest.mark.parametrize("after", [1, 10, 40])
def test_a_labelling_that_was_stopped_ends_with_the_same_q_values(
    tmp_path, files, monkeypatch, after
):
    monkeypatch.setattr("invert_core.labelling.batches._UNITS", 4)
    monkeypatch.setattr("invert_core.executors.threads._units_per_piece", lambda *_: 4)
    settings = Settings(length=1)
    whole = label_files(*files, tmp_path / "whole", settings=settings)
    seen = 0

    def stop(labels):
        nonlocal seen
        seen += len(labels)
        if seen >= after:
            raise Stop

    with pytest.raises(Stop):
        label_files(*files, tmp_path / "run", settings=settings, each=stop)
    overview = Overview(7, settings)
    found = label_files(*files, tmp_path / "run", settings=settings, each=overview.add)
    assert found.rows == whole.rows
    assert overview.best == whole.answers(7)
    for name in ("labels.csv", "labels.jsonl"):
        of_both = ((tmp_path / run / name).read_bytes() for run in ("run", "whole"))
        assert len(set(of_both)) == 1


def test_units_that_are_yielded_one_by_one_have_no_q_values():
    activations, labels = small()
    rows = itertools.chain(*label_units(activations, concept_set(labels)))
    assert {one.q_value for one in rows} == {None}


def test_a_unit_is_significant_if_it_is_ok_in_any_direction():
    q_values = QValues(Settings(direction="both"))
    rows = [
        *(row(0, p) for p in (0.001, 0.9)),
        *(row(1, p) for p in (0.001, 0.001)),
        row(2, 0.001, status="untrusted"),
        row(3, 0.2),
        row(3, 0.001, layer="relu"),
    ]
    q_values.add(LabelTable.of_rows(rows))
    assert q_values.n_significant() == 3


def overview_of(rows, settings):
    overview = Overview(9, settings)
    overview.add(Labels(rows))
    return overview


def test_an_overview_takes_rows_as_they_are_unless_it_gathers_q_values():
    rows = [replace(row(0, 0.01), q_value=0.7), row(1, 0.02)]
    assert [one.q_value for (one,) in overview_of(rows, None).best] == [0.7, None]
    assert overview_of(rows, None).n_significant is None
    assert [one.q_value for (one,) in overview_of(rows, Settings()).best] == [
        pytest.approx(0.02),
        pytest.approx(0.02),
    ]


def warned(caplog, rows, **settings):
    caplog.clear()
    with caplog.at_level(logging.WARNING, "invert"):
        with_q_values([LabelTable.of_rows(rows)], Settings(**settings))
    return caplog.messages


def noise(n_units, **values):
    return [row(unit, 0.5, **values) for unit in range(n_units)]


GROUPED = {"correction": "group permutation"}


@pytest.mark.parametrize(("how", "n_enough"), [("bh", 606), ("by", 2836), ("holm", 1212)])
def test_labels_that_only_lack_permutations_are_told_with_how_many_it_takes(caplog, how, n_enough):
    rows = [*noise(58), row(58, LEAST), row(59, LEAST), *noise(3, layer="relu")]
    (said,) = warned(caplog, rows, adjust=how)
    assert said.startswith(
        "In layer 'fc', the p_search of 2 of 60 labels is the smallest that 200 permutations can "
        "give, which makes q_value "
    )
    assert said.endswith(f"For less than 0.05 it takes at least --permutations {n_enough}.")


@pytest.mark.parametrize("correction", ["group permutation", "shift"])
def test_labels_of_groups_that_only_lack_permutations_are_told_so_too(caplog, correction):
    rows = noise(58) + [row(unit, 1 / 201, correction=correction) for unit in (58, 59)]
    (said,) = warned(caplog, rows)
    assert "the p_search of 2 of 60 labels is the smallest that 200 permutations can give" in said
    assert said.endswith("at least --permutations 600.")


def test_a_unit_of_grouped_samples_is_significant_with_as_many_permutations_as_it_says(caplog):
    rng = np.random.default_rng(0)
    concepts = np.repeat(rng.random((40, 3)) < 0.4, 5, axis=0)
    activations = rng.normal(size=(200, 30))
    activations[:, 7] += 9 * concepts[:, 1]

    def q_value(permutations):
        labels = label(
            activations,
            concept_set(concepts),
            settings=Settings(objective="auc", length=1, permutations=permutations),
            groups=[f"g{number // 5}" for number in range(200)],
        )
        return next(one.q_value for one in labels.rows if one.unit == 7)

    with caplog.at_level(logging.WARNING, "invert"):
        assert q_value(99) > 0.05
    (said,) = [message for message in caplog.messages if "at least --permutations" in message]
    n_enough = int(said.rstrip(".").rpartition(" ")[2])
    assert q_value(n_enough) < 0.05


def test_more_permutations_than_can_be_asked_for_are_not_asked_for(caplog):
    (said,) = warned(caplog, [*noise(60_000), row(60_000, LEAST)])
    assert said.endswith("For less than 0.05 it takes more than 1,000,000 permutations.")


@pytest.mark.parametrize(
    ("rows", "settings"),
    [
        ([*noise(8), row(8, LEAST)], {}),  # significant as it is
        ([*noise(58), row(58, 2 * LEAST)], {}),  # not the smallest
        ([*noise(58), row(58, LEAST, correction="space")], {}),
        ([*noise(58), row(58, LEAST, rank=2, headline=0)], {}),
        ([*noise(58), row(58, LEAST, **GROUPED)], {}),  # not the smallest of groups
        ([*noise(58), row(58, LEAST)], {"permutations": 0}),
        ([*noise(58), row(58, LEAST)], {"permutations": 400}),
        ([*noise(58), *(row(unit, LEAST) for unit in range(58, 80))], {}),
    ],
)
def test_nothing_is_said_of_labels_that_do_not_lack_permutations(caplog, rows, settings):
    assert warned(caplog, rows, **settings) == []
