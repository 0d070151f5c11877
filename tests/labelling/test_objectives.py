import numpy as np
import pytest
from scipy import sparse

from invert_core import Settings, label
from invert_core.activations import Activations
from invert_core.concepts import ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.labelling.label_files import label_files
from invert_core.labelling.permuted_labels import check_permuted_labels
from invert_core.labelling.verifying import verify_run
from invert_core.results.comparison import compare_runs
from invert_core.results.run_directory import read_run
from invert_core.settings import OBJECTIVES
from tests.command_line import invert

N = 600
PERMUTATIONS = 19


def made(seed=0):
    rng = np.random.default_rng(seed)
    concepts = rng.random((N, 9)) < np.linspace(0.02, 0.3, 9)
    units = rng.normal(size=(N, 7)).astype(np.float32)
    units[:, 0] += 3 * concepts[:, 8]
    units[:, 1] += 2 * concepts[:, 3]
    units[:, 2] = np.maximum(units[:, 2], 0)
    units[:, 3] = 4.0
    units[:, 4] = np.round(units[:, 4])
    return units, {f"c{number}": column for number, column in enumerate(concepts.T)}


def settings(*objectives, **others):
    return Settings(objective=objectives, permutations=PERMUTATIONS, **others)


def rows_by(labels, objective):
    return [row for row in labels if row.objective == objective]


@pytest.mark.parametrize("direction", ["positive", "negative", "both"])
def test_the_rows_by_auc_are_the_same_bytes_beside_other_objectives(direction):
    units, concepts = made()
    alone = label(units, concepts, settings=settings("auc", direction=direction))
    beside = label(units, concepts, settings=settings("auc", "phi", direction=direction))
    assert rows_by(beside, "auc") == list(alone)
    last = label(units, concepts, settings=settings("phi", "auc", direction=direction))
    living = [row for row in alone if row.status != "dead"]
    assert [row for row in last if row.objective == "auc" and row.status != "dead"] == living


def test_a_unit_has_the_rows_of_one_objective_after_the_other_and_a_dead_one_has_one_row():
    units, concepts = made()
    found = label(units, concepts, settings=settings("phi", "auc", "top"))
    for unit in range(units.shape[1]):
        of_unit = found.at(f"activations:{unit}")
        if unit == 3:
            assert [(row.status, row.objective) for row in of_unit] == [("dead", "phi")]
            continue
        order = list(dict.fromkeys(row.objective for row in of_unit))
        assert order == ["phi", "auc", "top"]
        for objective in order:
            rows = [row for row in of_unit if row.objective == objective]
            assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
            assert sum(row.headline for row in rows) == 1
            assert rows[0].by_length
            assert rows[0].score == max(row.score for row in rows)
            (q_value,) = [row.q_value for row in rows if row.headline]
            assert q_value is not None
    assert {row.objective for row in found.best()} == {"phi"}


def test_what_is_found_does_not_depend_on_threads_blocks_and_storage():
    units, concepts = made()
    chosen = settings(*OBJECTIVES, direction="both", quantile=0.05)
    once = label(units, concepts, settings=chosen, jobs=1)
    assert list(label(units, concepts, settings=chosen, jobs=3, block=2)) == list(once)
    assert list(label(sparse.csc_array(units), concepts, settings=chosen, jobs=2)) == list(once)


def test_held_out_samples_test_the_formulas_of_each_objective_as_if_it_were_alone():
    units, concepts = made()
    chosen = {"holdout": 0.3, "jobs": 1}
    both = label(units, concepts, settings=settings("auc", "phi"), **chosen)
    for objective in ("auc", "phi"):
        alone = label(units, concepts, settings=settings(objective), **chosen)
        living = [row for row in alone if row.status != "dead"]
        found = [row for row in both if row.objective == objective and row.status != "dead"]
        assert found == living


def test_groups_are_permuted_for_each_objective():
    units, concepts = made()
    groups = [str(number // 10) for number in range(N)]
    both = label(units, concepts, settings=settings("auc", "phi", "mad"), groups=groups)
    for objective in ("auc", "phi", "mad"):
        alone = label(units, concepts, settings=settings(objective), groups=groups)
        found = [row for row in both if row.objective == objective and row.status != "dead"]
        assert found == [row for row in alone if row.status != "dead"]
        assert {row.correction for row in found} == {"group permutation"}


def test_dead_units_are_counted_whatever_objective_comes_first(tmp_path):
    units, concepts = made()
    np.savez(tmp_path / "a.npz", layer=units)
    np.savez(tmp_path / "c.npz", labels=np.stack(list(concepts.values()), axis=1), id=[*concepts])
    inputs = tmp_path / "a.npz", tmp_path / "c.npz"
    for name, options in (
        ("beam", {"objective": ("phi", "auc")}),
        ("exhaustive", {"search": "exhaustive"}),
    ):
        of_run = Settings(length=2, permutations=0, evidence=False, **options)
        label_files(*inputs, tmp_path / name, settings=of_run)
    found = compare_runs(tmp_path / "beam", tmp_path / "exhaustive")
    assert (found.n_dead, found.n_only_beam, found.n_only_exhaustive) == (1, 0, 0)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"objective": 7}, "is 7"),
        ({"objective": "auc", "quantile": 0.3}, "only with the objectives phi, iou and f1"),
        ({"search": "exhaustive", "quantile": 0.3}, "only with the objectives phi, iou and f1"),
        ({"objective": "auc,phy"}, "phi"),
        ({"objective": ("auc", "phi", "phi")}, "names 'phi' twice. Give each one once."),
        ({"objective": []}, "names no objective. Give one or several, as in --objective auc,phi."),
        ({"quantile": 0.0}, "--quantile is 0.0"),
        ({"quantile": 1.0}, "--quantile is 1.0"),
        ({"objective": "phi", "search": "exhaustive"}, "no objective but auc"),
    ],
)
def test_objectives_that_cannot_be_are_refused(given, says):
    with pytest.raises(SettingError) as raised:
        Settings(**given)
    assert says in f"{raised.value.message} {raised.value.hint}"


def test_missing_labels_are_left_out_by_auc_alone():
    units, concepts = made()
    concepts = {name: marks.astype(np.int8) for name, marks in concepts.items()}
    concepts["c2"][:40] = -1
    with pytest.raises(SettingError, match="objective auc"):
        label(units, concepts, settings=settings("auc", "phi"), missing="exclude")


def test_by_default_every_unit_has_two_answers_where_both_can_be_found(tmp_path, caplog):
    units, concepts = made()
    options = {"length": 2, "permutations": PERMUTATIONS}
    found = label(units, concepts, settings=Settings(**options))
    assert list(found) == list(label(units, concepts, settings=settings("auc", "phi", length=2)))
    assert {len(rows) for rows in found.answers()} == {2}
    certified = label(units, concepts, settings=Settings(search="exhaustive", **options))
    assert {row.objective for row in certified} == {"auc"}

    concepts = {name: marks.astype(np.int8) for name, marks in concepts.items()}
    concepts["c2"][:40] = -1
    caplog.set_level("INFO", "invert")
    lacking = label(units, concepts, settings=Settings(**options), missing="exclude")
    assert {row.objective for row in lacking} == {"auc"}
    assert "no unit gets a label of what its strongest responses share" in caplog.text
    with pytest.raises(SettingError, match="only with the objectives phi"):
        label(units, concepts, settings=Settings(quantile=0.1), missing="exclude")
    files = tmp_path / "units.npy", tmp_path / "concepts.npz"
    np.save(files[0], units)
    np.savez(files[1], labels=np.stack(list(concepts.values()), axis=1), id=list(concepts))
    label_files(*files, tmp_path / "run", settings=Settings(**options), missing="exclude")
    assert read_run(tmp_path / "run").info["settings"]["objective"] == ["auc"]


def test_a_run_of_several_objectives_is_read_checked_and_shown(tmp_path):
    units, concepts = made()
    np.save(tmp_path / "units.npy", units)
    table = {"labels": np.stack(list(concepts.values()), axis=1), "id": list(concepts)}
    np.savez(tmp_path / "concepts.npz", **table)
    run, other = tmp_path / "run", tmp_path / "other"
    files = tmp_path / "units.npy", tmp_path / "concepts.npz"
    made_now = label_files(*files, output=run, settings=settings("auc", "phi"))
    read = read_run(run).labels
    assert list(read) == list(made_now)
    assert verify_run(run).differences == ()
    assert check_permuted_labels(run, 2).n_permutations == 2
    shown = invert("show", run, "units:1")
    assert "By phi, what the strongest responses share:" in shown.stdout
    # Where both objectives say the same, it is said once.
    assert "Label and peak: c3 (" in shown.stdout
    shown = invert("show", run, "units:2").stdout
    assert "Label: c0 (" in shown
    assert "Peak: c6 (" in shown
    label_files(*files, output=other, settings=settings("auc", search="exhaustive"))
    assert len(compare_runs(run, other).units) == 6


@pytest.mark.parametrize("objective", ["mad", "pearson", "cosine"])
@pytest.mark.parametrize("of", [np.asarray, sparse.csc_array], ids=["dense", "sparse"])
def test_infinite_activations_that_need_a_mean_are_named(objective, of):
    units, concepts = made()
    units[units < 0] = 0
    units[[400, 30], 5] = np.inf, -np.inf
    ids = [f"s{number}" for number in range(N)]
    activations = Activations.from_array({"fc": of(units)}, sample_id=ids)
    # The first sample has no labels.
    marks = np.stack([column[1:] for column in concepts.values()], axis=1)
    concepts = ConceptSet.from_arrays(marks, list(concepts), sample_id=ids[1:])
    with pytest.raises(
        DataError, match=r"of unit fc:5 is infinite for sample 's30', and"
    ) as caught:
        label(activations, concepts, settings=settings("auc", objective), join="inner")
    assert caught.value.hint.endswith("order of activations: auc, correlation, phi, iou, f1, top.")
    for told in (
        {"settings": settings(objective), "units": [0, 1, 6]},
        {"settings": settings("auc", "phi"), "units": [5]},
    ):
        assert label(activations, concepts, join="inner", **told).rows


@pytest.mark.parametrize("objective", ["correlation", "phi", "iou", "f1", "pearson", "cosine"])
def test_the_value_of_a_perfect_formula_is_not_beyond_1(objective):
    marks = np.random.default_rng(0).random((291, 90)) < np.linspace(0.07, 0.49, 90)
    units = (marks * np.linspace(0.1, 3, 90)).astype(np.float32)
    concepts = {f"c{number}": column for number, column in enumerate(marks.T)}
    told = {"permutations": 0, "length": 1, "objective": objective}
    found = label(units, concepts, settings=Settings(**told)).best()
    assert max(row.score for row in found) == 1.0
