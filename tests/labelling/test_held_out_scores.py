"""What a search among the highest samples finds is tested among the highest held-out ones."""

import json

import numpy as np
import pytest
import scipy.sparse

from invert_core import check_held_out, label
from invert_core.activations import Activations
from invert_core.concepts import ConceptSet
from invert_core.errors import FileFormatError
from invert_core.formula.formula import Formula
from invert_core.labelling.inputs import Inputs
from invert_core.results.labels import Labels
from invert_core.results.run_directory import read_run
from invert_core.settings import OF_HIGHEST, Settings
from tests.labelling.checked_run import N_SEARCHED, label_seen, of_unseen, write_samples
from tests.naive import objectives as naive
from tests.results.changed_files import seal

QUANTILE = 0.2
OF_SCORES = ("score_held_out", "optimism", "p_held_out", "log10_p_held_out")


def settings(*objectives, **others):
    told = {"permutations": 0, "direction": "both", "max_fraction": 1.0} | others
    quantile = {"quantile": QUANTILE} if set(objectives) & set(OF_HIGHEST) else {}
    return Settings(objective=objectives, **told, **quantile)


def tied(seed, n_samples=240):
    """Units full of ties, one of them constant on most samples, and concepts that some follow."""
    rng = np.random.default_rng(seed)
    marks = rng.random((n_samples, 5)) < np.linspace(0.1, 0.5, 5)
    units = rng.normal(size=(n_samples, 5)).round(1)
    units[:, 0] += 2 * marks[:, 0]
    units[:, 1] = np.maximum(units[:, 1], 0)
    units[:, 2] = np.round(units[:, 2])
    units[:, 3] = np.where(marks[:, 1] & (rng.random(n_samples) < 0.3), 1.5, 0)
    units[:, 4] = -np.maximum(units[:, 4], 0)
    return units.astype(np.float32), marks


def headlines(labels):
    return [row for row in labels if row.headline]


def check_row(row, values, extent, n_searched, quantile=QUANTILE):
    """Compute what held-out samples say of a row from their values and marks, and compare."""
    if extent.all() or not extent.any():
        assert {getattr(row, name) for name in OF_SCORES} == {None}
        return
    if (values == values[0]).all():
        assert (row.score_held_out, row.optimism) == (0.0, row.score)
        assert (row.p_held_out, row.log10_p_held_out) == (1.0, 0.0)
        return
    values = -values if row.direction == "negative" else values
    target = naive.target_of_unseen(values.size, n_searched, quantile)
    inside = set(np.flatnonzero(extent).tolist())
    measure = naive.Measure(row.objective, values.tolist(), quantile, target)
    assert row.score_held_out == measure.value(inside)
    assert row.optimism == row.score - row.score_held_out
    hits = sum(measure.scores[sample] for sample in inside)
    p = naive.chance_of_hits(values.size, len(inside), measure.total, hits)
    assert row.p_held_out == pytest.approx(float(p), rel=1e-9)
    assert row.log10_p_held_out == pytest.approx(np.log10(float(p)), abs=1e-9)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("is_sparse", [False, True])
def test_every_score_is_that_of_the_same_share_of_held_out_samples(is_sparse, seed):
    units, marks = tied(seed)
    concepts = {f"c{number}": column for number, column in enumerate(marks.T)}
    given = scipy.sparse.csc_array(units) if is_sparse else units
    chosen = settings("phi", "auc", "iou", "f1")
    with Inputs(given, concepts, holdout=0.3).open(chosen.seed) as work:
        held = work.held_out.kept
    rows = label(given, concepts, settings=chosen, holdout=0.3, jobs=2, block=2).rows
    compared = 0
    for row in rows:
        if row.objective == "auc":
            assert row.score_held_out is None
            continue
        extent = Formula.parse(row.formula).combine(lambda id: marks[:, int(id[1:])])
        check_row(row, units[held, row.unit], extent[held], units.shape[0] - held.size)
        compared += row.score_held_out is not None
    assert compared > 40


def test_the_rows_by_auc_know_nothing_of_other_objectives():
    units, marks = tied(0)
    concepts = {f"c{number}": column for number, column in enumerate(marks.T)}
    alone = label(units, concepts, settings=settings("auc"), holdout=0.3)
    beside = label(units, concepts, settings=settings("auc", "phi"), holdout=0.3)
    assert [row for row in beside if row.objective == "auc"] == list(alone)


@pytest.mark.parametrize("n_held", [2, 3, 7])
def test_few_held_out_samples_are_no_trouble(n_held):
    units, marks = tied(1)
    # A formula is true on some of them, and false on others.
    marks[-n_held:] = np.arange(n_held)[:, None] % 2 == 0
    units[-n_held:, 2] = 7
    ids = np.array([f"s{number}" for number in range(len(units))])
    concepts = ConceptSet.from_arrays(marks, list("abcde"), sample_id=ids.tolist())
    searched, held = (
        Activations.from_array(units[part], sample_id=ids[part])
        for part in (slice(None, -n_held), slice(-n_held, None))
    )
    rows = label(searched, concepts, held_out=held, settings=settings("phi"))
    seen = set()
    for row in rows:
        extent = Formula.parse(row.formula).evaluate(concepts)[-n_held:]
        check_row(row, units[-n_held:, row.unit], extent, len(units) - n_held)
        seen.add((row.unit == 2, bool(row.score_held_out)))
    # The third unit is constant there, so that none of its samples is among the highest.
    assert (False, True) in seen
    assert (True, True) not in seen


def test_a_longer_formula_that_unseen_peaks_contradict_is_no_headline():
    rng = np.random.default_rng(2)
    n = 4_000
    marks = rng.random((n, 4)) < 0.2
    is_peak = marks[:, 0] & ~marks[:, 1]
    values = rng.normal(size=n)
    half = np.arange(n) < n // 2
    # "a & ~b" has the peaks that are searched, and all of "a" those that are not.
    values[half & is_peak] += 4
    values[~half & marks[:, 0]] += 4
    ids = np.array([f"s{number}" for number in range(n)])
    concepts = ConceptSet.from_arrays(marks, list("abcd"), sample_id=ids.tolist())
    searched, unseen = (
        Activations.from_array(values[part, None], sample_id=ids[part]) for part in (half, ~half)
    )
    told = {"settings": Settings(objective="phi", length=2, quantile=0.1), "join": "inner"}

    assert [row.formula for row in headlines(label(searched, concepts, **told))] == ["a & ~b"]
    found = label(searched, concepts, held_out=unseen, **told)
    assert [row.formula for row in headlines(found)] == ["a"]
    scores = {row.formula: row.score_held_out for row in found}
    assert scores["a"] > scores["a & ~b"]


def test_a_peak_that_other_samples_do_not_have_fades():
    rng = np.random.default_rng(1)
    marks = rng.random((2_000, 3)) < 0.1
    values = rng.normal(size=2_000)
    concepts = dict(zip("abc", marks.T, strict=True))
    with Inputs(values, concepts, holdout=0.5).open(0) as work:
        seen = work.kept
    values[seen] += 3 * marks[seen, 0]
    by_phi = Settings(length=1, objective="phi")
    (row,) = headlines(label(values, concepts, holdout=0.5, settings=by_phi))
    assert (row.formula, row.verdict) == ("a", "fades")
    values[:] = rng.normal(size=2_000) + 3 * marks[:, 0]
    (row,) = headlines(label(values, concepts, holdout=0.5, settings=by_phi))
    assert (row.formula, row.verdict) == ("a", "holds")
    assert row.p_held_out < 1e-6


def test_groups_give_a_score_but_no_p():
    units, marks = tied(0)
    concepts = {f"c{number}": column for number, column in enumerate(marks.T)}
    groups = [str(number // 4) for number in range(len(units))]
    rows = label(units, concepts, settings=settings("phi"), holdout=0.4, groups=groups).rows
    assert sum(row.score_held_out is not None for row in rows) > 10
    assert any(row.auc_held_out_low is not None for row in rows)
    assert {row.p_held_out for row in rows} == {row.log10_p_held_out for row in rows} == {None}


@pytest.fixture
def files(tmp_path):
    return write_samples(tmp_path)


def unseen_arrays(files):
    with np.load(files / "unseen.npz") as held, np.load(files / "unseen_concepts.npz") as of:
        return held["fc"], of["labels"]


def test_a_run_is_checked_as_if_it_had_been_labelled_with_the_held_out_samples(files):
    run = label_seen(files, settings=settings("auc", "phi", "f1"))
    values, marks = unseen_arrays(files)
    found = check_held_out(run, *of_unseen(files))
    compared = 0
    for before, row in zip(read_run(run).labels, found.labels, strict=True):
        assert (before.score_held_out, before.score) == (None, row.score)
        if row.formula and row.objective != "auc":
            extent = Formula.parse(row.formula).combine(lambda id: marks[:, int(id[1:])])
            check_row(row, values[:, row.unit], extent, N_SEARCHED)
            compared += row.score_held_out is not None
    assert compared > 300
    assert list(Labels.from_jsonl(found.labels.to_jsonl().splitlines())) == list(found.labels)


def test_only_samples_on_which_a_formula_is_defined_are_compared(files):
    run = label_seen(files, settings=settings("phi", beam=2))
    values, marks = unseen_arrays(files)
    known = np.random.default_rng(4).random(marks.shape) < 0.8
    with np.load(files / "unseen_concepts.npz") as of:
        kept = {"id": of["id"], "sample_id": of["sample_id"]}
    labels = np.where(known, marks.astype(float), np.nan)
    np.savez(files / "unseen_concepts.npz", labels=labels, **kept)
    found = check_held_out(run, *of_unseen(files), missing="exclude")
    compared = 0
    for row in found.labels:
        if row.formula:
            formula = Formula.parse(row.formula)
            of = np.all([known[:, int(id[1:])] for id in formula.ids], axis=0)
            extent = formula.combine(lambda id: marks[:, int(id[1:])])
            check_row(row, values[of, row.unit], extent[of], N_SEARCHED)
            compared += row.score_held_out is not None and of.sum() < len(of)
    assert compared > 100


def test_a_run_by_phi_counts_labels_that_hold_unless_groups_are_independent(files):
    run = label_seen(files, settings=settings("phi", "auc"))
    found = check_held_out(run, *of_unseen(files))
    tested = [row for row in found.labels.best() if row.auc_held_out is not None]
    assert {row.objective for row in tested} == {"phi"}
    counts = found.counts["phi"]
    assert list(found.counts) == ["phi", "auc"]
    scores = [row.score_held_out for row in tested if row.score_held_out is not None]
    assert counts.n_wrong_side == sum(score < 0 for score in scores)
    assert counts.n_significant == sum((row.p_held_out or 1) < 0.05 for row in tested) > 0
    optimism = [row.optimism for row in tested if row.optimism is not None]
    assert found.counts["phi"].median_optimism == np.median(optimism)
    with np.load(files / "unseen.npz") as held:
        ids = held["sample_id"]
    both = [*(f"s{number}" for number in range(N_SEARCHED)), *ids]
    rows = "".join(f"{id},{int(id[1:]) // 3}\n" for id in both if id != "s129")
    (files / "groups.csv").write_text(f"sample_id,clip\n{rows}s129,last\n")
    found = check_held_out(run, *of_unseen(files), groups=f"{files / 'groups.csv'}:clip")
    assert found.counts["phi"].n_significant is None
    assert found.counts["phi"].median_optimism is not None


def test_a_check_judges_labels_by_the_samples_that_it_tests_them_on(files):
    run = label_seen(files, settings=settings("auc", "phi", permutations=20))
    before = read_run(run).labels
    assert {"holds", "chance"} <= {row.verdict for row in before}
    assert "fades" not in {row.verdict for row in before}
    values, _ = unseen_arrays(files)
    with np.load(files / "unseen.npz") as held:
        ids = held["sample_id"]
    noise = np.random.default_rng(8).normal(size=values.shape).astype(np.float32)
    np.savez(files / "unseen.npz", fc=noise, sample_id=ids)
    found = check_held_out(run, *of_unseen(files))
    held = [row for row in before if row.verdict == "holds" and row.headline]
    again = {(row.unit, row.objective, row.direction): row for row in found.labels if row.headline}
    for row in held:
        assert again[row.unit, row.objective, row.direction].verdict == "fades"


@pytest.mark.parametrize("value", [0.0, 3.5])
def test_a_unit_that_is_constant_on_unseen_samples_has_no_peak_there(files, value):
    values, _ = unseen_arrays(files)
    with np.load(files / "unseen.npz") as held:
        ids = held["sample_id"]
    np.savez(files / "unseen.npz", fc=np.full_like(values, value), sample_id=ids)
    run = label_seen(files, settings=settings("phi", "iou", permutations=20))
    found = check_held_out(run, *of_unseen(files)).labels
    tested = [row for row in found if row.auc_held_out is not None]
    assert {(row.score_held_out, row.p_held_out) for row in tested} == {(0.0, 1.0)}
    assert {row.verdict for row in tested} <= {"chance", "fades", "steps"}
    assert "fades" in {row.verdict for row in tested}


@pytest.mark.parametrize("quantile", [2.0, "half", None])
def test_a_run_with_an_impossible_quantile_is_refused(files, quantile):
    run = label_seen(files, settings=settings("phi", length=1))
    info = json.loads((run / "run.json").read_text())
    info["settings"]["quantile"] = quantile
    seal(run / "run.json", info)
    with pytest.raises(FileFormatError, match=r"says that --quantile was .* label again"):
        check_held_out(run, *of_unseen(files))
