"""Held-out samples in groups: what is refused, and what is inferred from them."""

import numpy as np
import pytest
import scipy.stats

from invert_core import label
from invert_core.activations import Activations
from invert_core.activations.group_names import read_groups
from invert_core.errors import DataError
from invert_core.formula.formula import Formula
from tests.labelling.held_out_case import BOTH, named, with_ids
from tests.labelling.small_case import QUICK, concept_set, small
from tests.naive import intervals as naive

Z = float(scipy.stats.norm.isf(0.025))
INFERRED = ("auc_held_out_low", "auc_held_out_high", "p_held_out", "log10_p_held_out")


def test_a_held_out_file_has_no_samples_of_searched_groups():
    activations, labels = small(n_samples=60)
    ids = [f"clip{number // 4}/{number}" for number in range(60)]
    concepts = concept_set(labels, sample_id=ids)

    def labelled(n_searched):
        parts = slice(n_searched), slice(n_searched, None)
        searched, held = (
            Activations.from_array(activations[part], sample_id=ids[part]) for part in parts
        )
        return label(
            *(searched, concepts),
            **{"held_out": held, "groups": "id:(.*)/.*", "settings": QUICK},
        )

    assert {row.n_samples_held_out for row in labelled(40)} == {20, None}
    with pytest.raises(DataError, match=r"1 group has searched and held-out samples \('clip10'\)"):
        labelled(42)


def clips_of(activations, labels, n_searched=None, **told):
    """Label samples of which every four are a clip, and hold some out."""
    ids = [f"clip{number // 4}/{number}" for number in range(len(labels))]
    concepts = concept_set(labels, sample_id=ids)
    if n_searched is None:
        searched, held = Activations.from_array(activations, sample_id=ids), {"holdout": 0.4}
    else:
        parts = slice(n_searched), slice(n_searched, None)
        searched, other = (
            Activations.from_array(activations[part], sample_id=ids[part]) for part in parts
        )
        held = {"held_out": other}
    return label(searched, concepts, **{"groups": "id:(.*)/.*", "settings": BOTH}, **held, **told)


@pytest.mark.parametrize("n_searched", [None, 60])
def test_groups_that_are_held_out_give_an_interval_and_a_p_value(n_searched, caplog):
    activations, labels = small(n_samples=120)
    with caplog.at_level("INFO", "invert"):
        rows = clips_of(activations, labels, n_searched).rows
    if n_searched is None:
        # The clips that are held out are those with the smallest numbers of this stream.
        order = np.random.default_rng((BOTH.seed, 2)).random(30).argsort(kind="stable")
        is_held = np.isin(np.arange(120) // 4, order[:12])
    else:
        is_held = np.arange(120) >= 60
    clip = (np.arange(120) // 4)[is_held].tolist()
    seen = set()
    for row in rows:
        if row.auc_held_out is None:
            assert {getattr(row, name) for name in INFERRED} == {None}
            continue
        extent = row_extent(row, labels)[is_held]
        values = activations[is_held, row.unit]
        variance = naive.grouped_variance(values.tolist(), extent.tolist(), clip)
        seen.add((row.direction, variance is not None))
        if variance is None:
            assert {getattr(row, name) for name in INFERRED} == {None}
            continue
        n_groups = naive.effective_groups(extent.tolist(), clip)
        auc = row.auc_held_out
        ends = [naive.newcombe_interval(auc, *n_groups, Z)]
        if of_logit := naive.logit_interval(auc, variance, Z):
            ends.append(of_logit)
            t = scipy.special.logit(auc) * auc * (1 - auc) / float(variance) ** 0.5
            t = -t if row.direction == "negative" else t
            expected = scipy.stats.t.sf(t, max(min(n_groups) - 1, 0.5))
            assert row.p_held_out == pytest.approx(expected, rel=1e-6)
            assert row.log10_p_held_out == pytest.approx(np.log10(expected), abs=1e-6)
        assert row.auc_held_out_low == pytest.approx(min(low for low, _ in ends), abs=1e-7)
        assert row.auc_held_out_high == pytest.approx(max(high for _, high in ends), abs=1e-7)
    assert {("positive", True), ("negative", True)} <= seen
    n_lacking = sum(row.auc_held_out is not None and row.p_held_out is None for row in rows)
    told = [one.getMessage() for one in caplog.records if "stay empty" in one.getMessage()]
    assert len(told) == (n_lacking > 0)
    # Formulas that could have been a headline are tested, too.
    assert all(int(text.split()[1]) >= n_lacking for text in told)


def row_extent(row, labels):
    return Formula.parse(row.formula).combine(lambda id: labels[:, int(id[1:])])


def test_a_formula_in_one_held_out_group_has_an_auc_and_nothing_more(caplog):
    activations, labels = small(n_samples=120, n_concepts=1)
    # The concept holds in many of the clips that are searched, and in one that is held out.
    labels[60:] = False
    labels[80:83] = True
    with caplog.at_level("INFO", "invert"):
        rows = clips_of(activations, labels, 60).rows
    tested = [row for row in rows if row.auc_held_out is not None]
    assert len(tested) > 3
    assert {getattr(row, name) for row in rows for name in INFERRED} == {None}
    (told,) = [one.getMessage() for one in caplog.records if "stay empty" in one.getMessage()]
    n_lacking, n_tested = told.split()[1:4:2]
    assert n_lacking == n_tested
    assert int(n_tested) >= len(tested)
    assert "true, or false, in fewer than 2 of the held-out groups" in told


def test_groups_of_half_defined_formulas_count_where_these_are_defined():
    activations, labels = small(n_samples=120)
    marks = labels.astype(float)
    marks[np.random.default_rng(5).random(marks.shape) < 0.2] = np.nan
    concepts = {f"c{number}": column for number, column in enumerate(marks.T)}
    clip = np.arange(120) // 4
    rows = label(
        *(activations, concepts),
        **{"holdout": 0.4, "groups": [f"clip{each}" for each in clip], "settings": BOTH},
        missing="exclude",
    ).rows
    order = np.random.default_rng((BOTH.seed, 2)).random(30).argsort(kind="stable")
    is_held = np.isin(clip, order[:12])
    n_checked = 0
    for row in rows:
        if row.p_held_out is None:
            continue
        used = [int(id[1:]) for id in Formula.parse(row.formula).ids]
        kept = is_held & np.isfinite(marks[:, used]).all(axis=1)
        extent = row_extent(row, marks == 1)[kept]
        found = activations[kept, row.unit].tolist(), extent.tolist(), clip[kept].tolist()
        variance, auc = naive.grouped_variance(*found), row.auc_held_out
        if not (of_logit := naive.logit_interval(auc, variance, Z)):
            continue
        n_checked += 1
        assert row.auc_held_out_low <= of_logit[0] + 1e-9
        n_groups = naive.effective_groups(*found[1:])
        t = scipy.special.logit(auc) * auc * (1 - auc) / float(variance) ** 0.5
        t = -t if row.direction == "negative" else t
        expected = scipy.stats.t.sf(t, max(min(n_groups) - 1, 0.5))
        assert row.p_held_out == pytest.approx(expected, rel=1e-6)
    assert n_checked > 5


def test_nothing_is_inferred_if_a_list_names_the_groups_of_searched_samples_only(caplog):
    activations, labels = small(n_samples=80)
    with caplog.at_level("INFO", "invert"):
        rows = label(
            *(with_ids(activations[:40]), named(labels)),
            **{"held_out": with_ids(activations[40:], 40), "settings": BOTH},
            groups=[f"clip{number // 4}" for number in range(40)],
        ).rows
    tested = [row for row in rows if row.auc_held_out is not None]
    assert len(tested) > 3
    assert {getattr(row, name) for row in rows for name in INFERRED} == {None}
    (told,) = [one for one in caplog.records if "stay empty" in one.getMessage()]
    assert told.levelname == "WARNING"
    assert "nothing shows which held-out samples are of one group" in told.getMessage()


def test_groups_of_held_out_samples_change_nothing_with_threads_and_blocks():
    activations, labels = small(n_samples=120, n_units=40)
    one, other = (
        clips_of(activations, labels, **told).rows
        for told in ({"jobs": 1}, {"jobs": 2, "block": 3})
    )
    assert one == other
    assert any(row.p_held_out is not None for row in one)


@pytest.mark.parametrize("title", ["sample_id", "file"])
def test_a_table_of_groups_without_rows_for_held_out_samples_is_refused(tmp_path, title):
    activations, labels = small(n_samples=60)
    rows = "".join(f"s{number},{number // 3}\n" for number in range(30))
    (tmp_path / "clips.csv").write_text(f"{title},clip\n{rows}")
    with pytest.raises(DataError, match=r"clips.csv' has no row for 30 held-out samples: 's30'"):
        label(
            *(with_ids(activations[:30]), named(labels)),
            **{"held_out": with_ids(activations[30:], 30), "settings": QUICK},
            groups=f"{tmp_path / 'clips.csv'}:clip",
        )


def test_held_out_samples_are_not_matched_with_groups_by_position(tmp_path):
    activations, labels = small(n_samples=60)
    (tmp_path / "clips.csv").write_text("clip\n" + "".join(f"{n // 3}\n" for n in range(30)))
    with pytest.raises(DataError, match=r"has no row for 30 held-out samples") as caught:
        label(
            *(with_ids(activations[:30]), named(labels)),
            **{"held_out": with_ids(activations[30:], 30), "settings": QUICK},
            groups=f"{tmp_path / 'clips.csv'}:clip",
        )
    assert caught.value.hint
    with pytest.raises(DataError, match="nothing shows which rows of the list"):
        read_groups(["a"] * 3, None, 3, searched_id=())
