"""Samples in groups: what is permuted, what is said, and how often noise is significant."""

import logging
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from invert_core import Settings, label
from invert_core.activations.groups import Groups
from invert_core.concepts import ConceptSet
from invert_core.errors import DataError
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import plan
from invert_core.nulls.arrangements import GROUPS, SHIFT
from invert_core.nulls.grouped import arrangements_of
from invert_core.search.beam_search import BeamSearch

MODELS = Path(__file__).parents[2] / "../shared/cases/models"


def numbered(sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def groups_of(number):
    return Groups.of([f"clip {one}" for one in number])


def arranged(number, labels):
    """The arrangements of groups for labels [n_samples, n_concepts]."""
    concepts = ConceptSet.from_arrays(labels, [f"c{i}" for i in range(labels.shape[1])])
    return arrangements_of(groups_of(number), BeamSearch(concepts, Settings(objective="auc")).atoms)


def constant(number, of_group):
    return np.array(of_group)[number][:, None]


def said(caplog, level=logging.INFO):
    return [one.getMessage() for one in caplog.records if one.levelno == level]


HALF = [0, 1] * 6


def test_labels_that_are_constant_within_groups_change_places_whatever_the_sizes(caplog):
    number = numbered(range(1, 13))
    with caplog.at_level(logging.INFO, "invert"):
        found = arranged(number, constant(number, HALF))
    assert found.correction == GROUPS
    assert found.blocks.sizes.tolist() == list(range(1, 13))
    assert sorted(found.draw(np.random.default_rng(0))) == list(range(12))
    assert any(
        "within each of the 12 groups, so the labels of whole groups" in each
        for each in said(caplog)
    )


def test_other_groups_change_places_with_groups_of_their_size(caplog):
    number = np.random.default_rng(0).permutation(numbered([4, 3, 4, 2, 4, 3, 3, 5, 4]))
    labels = np.random.default_rng(1).random((number.size, 2)) < 0.5
    with caplog.at_level(logging.INFO, "invert"):
        found = arranged(number, labels)
    assert found.correction == GROUPS
    assert any("7 of 9 groups can change places" in each for each in said(caplog))
    moved = set()
    for seed in range(30):
        source = found.draw(np.random.default_rng(seed))
        assert sorted(source) == list(range(number.size))
        for group in range(9):
            places = np.flatnonzero(number == group)
            (of,) = set(number[source[places]].tolist())
            assert source[places].tolist() == np.flatnonzero(number == of).tolist()
            moved |= {group} if of != group else set()
    assert moved == {0, 1, 2, 4, 5, 6, 8}


TOO_FEW = {
    "of the labels": (numbered([9, 8, 7]), constant(numbered([9, 8, 7]), [0, 1, 1]), 3),
    "of one size": (numbered([9, 8, 9]), np.arange(26)[:, None] % 2 == 0, 2),
    "of any size": (numbered([9, 8]), np.arange(17)[:, None] % 2 == 0, 1),
}


@pytest.mark.parametrize("name", ["of the labels", "of one size"])
def test_too_few_arrangements_of_groups_give_way_to_shifts_with_a_warning(name, caplog):
    number, labels, count = TOO_FEW[name]
    found = arranged(number, labels)
    assert found.correction == SHIFT
    source = found.draw(np.random.default_rng(0))
    assert set(np.diff(source)) <= {1, 1 - number.size}
    (message,) = said(caplog, logging.WARNING)
    assert f"only {count} arrangements of the {len(set(number))} groups" in message
    assert "shifted in order" in message


def test_what_cannot_be_permuted_is_refused_with_what_to_do():
    number, labels, _ = TOO_FEW["of any size"]
    with pytest.raises(
        DataError, match="there is only 1 arrangement of the 2 groups, but 20"
    ) as at:
        arranged(number, labels)
    assert "17 samples cannot be shifted in 20 ways" in str(at.value)
    assert "--permutations 0" in at.value.hint
    number, labels, _ = TOO_FEW["of one size"]
    with pytest.raises(DataError, match="only if those of a group are next to each other"):
        arranged(np.roll(number, 3), labels)


def test_nineteen_arrangements_are_too_few_and_twenty_are_enough():
    for n_groups, correction in ((19, SHIFT), (20, GROUPS)):
        number = numbered([2] * n_groups)
        assert (
            arranged(number, constant(number, [1] + [0] * (n_groups - 1))).correction == correction
        )


def test_a_dry_run_refuses_groups_that_cannot_be_permuted():
    number, labels, _ = TOO_FEW["of any size"]
    inputs = Inputs(np.arange(17.0), {"a": labels[:, 0]}, groups=[str(one) for one in number])
    with pytest.raises(DataError, match="Groups cannot be permuted"):
        plan(inputs, Settings(objective="auc"))
    assert plan(inputs, Settings(objective="auc", permutations=0)).n_samples == 17


def test_without_permutations_a_warning_says_that_groups_count_for_nothing(caplog):
    number = numbered([3] * 12)
    marks = constant(number, HALF)[:, 0] == 1
    (row, *_) = label(
        np.arange(36.0),
        {"a": marks},
        groups=list(map(str, number)),
        settings=Settings(objective="auc", permutations=0),
    )
    assert row.correction == "space"
    assert row.n_groups_positive == 6
    (message,) = said(caplog, logging.WARNING)
    assert "takes samples as independent" in message


def test_rows_say_how_they_were_corrected_and_in_how_many_groups_they_are_true():
    rng = np.random.default_rng(2)
    number = numbered(rng.integers(3, 9, size=30))
    labels = {"a": np.isin(number, range(9)), "b": rng.random(number.size) < 0.1}
    values = rng.normal(size=(number.size, 2)) + 3 * labels["a"][:, None]
    rows = label(
        values,
        labels,
        groups=[str(one) for one in number],
        settings=Settings(objective="auc", length=1),
    )
    assert {row.correction for row in rows} == {"group permutation"}
    for row in rows:
        extent = labels[row.formula.removeprefix("~")] != row.formula.startswith("~")
        assert row.n_groups_positive == len(set(number[extent]))
    without = label(values, labels, groups="none", settings=Settings(objective="auc", length=1))
    assert {row.n_groups_positive for row in without} == {None}


def test_an_effect_that_all_groups_show_is_found():
    rng = np.random.default_rng(3)
    number = numbered(rng.integers(5, 15, size=40))
    of_group = rng.random((40, 6)) < 0.3
    values = rng.normal(size=40)[number] + 4 * of_group[number, 0] + rng.normal(size=number.size)
    labels = dict(zip("abcdef", of_group[number].T, strict=True))
    groups = [str(one) for one in number]
    assert next(iter(label(values, labels, groups=groups))).p_search == 1 / 201
    # The level itself, which is not below the level.
    few = Settings(objective="auc", permutations=19)
    assert next(iter(label(values, labels, groups=groups, settings=few))).p_search == 0.05


def noise(number, correlation, n_units, rng):
    """Units whose samples have this correlation within groups."""
    shared = rng.normal(size=(number.max() + 1, n_units))[number]
    own = rng.normal(size=(number.size, n_units))
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own


def noise_of_neighbours(number, correlation, n_units, rng):
    """Units whose samples are the more alike the nearer they are, without any seam."""
    decay = np.exp(-np.arange(60) * (1 - correlation) / 2)
    white = np.fft.rfft(rng.normal(size=(number.size, n_units)), axis=0)
    return np.fft.irfft(white * np.fft.rfft(decay, number.size)[:, None], number.size, axis=0)


def in_groups(number, rng):
    return rng.random((number.max() + 1, 15))[number] < 0.3


def partly_in_groups(number, rng):
    """Concepts of samples that only some groups have."""
    return in_groups(number, rng) & (rng.random((number.size, 15)) < 0.6)


def in_runs(number, rng):
    """Concepts of long runs of samples, wherever the groups begin."""
    steps = rng.random((number.size, 15)) < 0.02
    return np.cumsum(steps, axis=0) % 3 == 0


STRUCTURES = {
    "groups of any size": (in_groups, lambda rng: numbered(rng.integers(2, 20, size=50)), GROUPS),
    "groups of few sizes": (
        partly_in_groups,
        lambda rng: numbered(rng.choice([5, 8, 12], size=50)),
        GROUPS,
    ),
    "few long groups": (in_runs, lambda rng: numbered([150, 200, 250]), SHIFT),
}


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.5, 0.9])
@pytest.mark.parametrize("name", STRUCTURES)
def test_noise_in_groups_is_significant_no_more_often_than_the_level_says(name, correlation):
    labels_of, sizes_of, correction = STRUCTURES[name]
    n_sets, n_units = 30, 10
    n_significant, alone = 0, 0
    for seed in range(n_sets):
        rng = np.random.default_rng([seed, round(10 * correlation)])
        number = sizes_of(rng)
        labels = labels_of(number, rng)
        made = noise_of_neighbours if correction == SHIFT else noise
        values = made(number, correlation, n_units, rng)
        named = {f"c{c}": column for c, column in enumerate(labels.T)}
        settings = Settings(objective="auc", length=2, permutations=99, seed=seed)
        rows = label(values, named, groups=[str(one) for one in number], settings=settings)
        best = [row for row in rows if row.rank == 1]
        n_significant += sum(row.p_search < 0.05 for row in best)
        independent = label(
            values,
            named,
            groups="none",
            settings=Settings(objective="auc", length=2, permutations=0),
        )
        alone += sum(row.p_search < 0.05 for row in independent if row.rank == 1)
    # The chance of more is below 1 in 1,000, for units that are independent of each other.
    most = stats.binom.isf(0.001, n_sets * n_units, 0.05)
    assert n_significant <= most < alone


def test_labels_drawn_for_clips_say_nothing_about_real_units_recorded_in_clips():
    if not MODELS.exists():
        pytest.skip("needs ../shared/cases, which is not there")
    rows = label(
        MODELS / "grouped_activations.npz",
        MODELS / "grouped_noise_concepts.csv",
        groups="id:(.*)/.*",
        settings=Settings(objective="auc"),
    )
    best = [row for row in rows if row.rank == 1]
    assert len(best) == 24
    assert sum(row.p_search < 0.05 for row in best) <= stats.binom.isf(0.05, 24, 0.05)
    assert {row.correction for row in best} == {"group permutation"}


def unequal_groups(min_fraction):
    """Noise of groups, of which every second is large, and a concept on one of the large ones."""
    rng = np.random.default_rng(8)
    number = numbered([30, 10] * 20)
    values = rng.normal(size=(40, 200))[number] + rng.normal(size=(800, 200))
    settings = Settings(
        objective="auc", length=1, min_fraction=min_fraction, max_fraction=0.9, permutations=99
    )
    marks = {"large": number == 2}
    groups = [f"clip {one}" for one in number]
    return label(values, marks, settings=settings, groups=groups)


def test_orders_of_groups_in_which_nothing_could_be_found_do_not_count():
    # In half of the orders, the concept is on a small group, and too small to be found.
    found = np.array([row.p_search for row in unequal_groups(0.03) if row.rank == 1])
    assert found.size == 200
    assert (found < 0.05).mean() < 0.11
    assert 0.3 < (found < 0.5).mean() < 0.7


def test_groups_are_refused_if_hardly_any_order_leaves_anything_to_find():
    number = numbered([150] + [10] * 45)
    values = np.random.default_rng(9).normal(size=(600, 2))
    settings = Settings(
        objective="auc", length=1, min_fraction=0.2, max_fraction=0.7, permutations=20
    )
    groups = [f"clip {one}" for one in number]
    with pytest.raises(DataError, match="arrangements of the groups, only") as error:
        label(values, {"large": number == 0}, settings=settings, groups=groups)
    assert "--min-fraction" in str(error.value)
