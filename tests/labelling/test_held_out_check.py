"""The labels of a run are tested on samples that its search did not see."""

import numpy as np
import pytest

from invert_core import check_held_out, label, score
from invert_core.activations import Activations
from invert_core.concepts import ConceptSet
from invert_core.errors import (
    DataError,
    UnknownNameError,
)
from invert_core.results.run_directory import read_run
from tests.labelling.checked_run import (
    N_SEARCHED,
    SETTINGS,
    label_seen,
    of_unseen,
)


def test_every_row_is_tested_as_if_its_formula_were_scored(run, files):
    found = check_held_out(run, *of_unseen(files))
    assert len(found.labels) == len(read_run(run).labels)
    for before, row in zip(read_run(run).labels, found.labels, strict=True):
        assert (row.formula, row.auc, row.p_search) == (before.formula, before.auc, before.p_search)
    for row in found.labels.rows[:12]:
        if row.n_positive_held_out in (0, 70):
            assert row.auc_held_out is None
            continue
        (alone,) = score(*of_unseen(files), row.formula, units=[row.unit])
        assert row.auc_held_out == alone.auc
        assert row.n_positive_held_out == alone.n_positive


def test_the_summary_counts_the_headlines_of_living_units(run, files):
    found = check_held_out(run, *of_unseen(files))
    first = [row for row in found.labels if row.headline and row.formula]
    assert found.counts["auc"].n_labels == len(first) == 78  # two directions of 39 living units
    tested = [row for row in first if row.auc_held_out is not None]
    signs = [-1 if row.direction == "negative" else 1 for row in tested]
    assert found.counts["auc"].n_tested == len(tested)
    wrong = [(row.auc > 0.5) != (row.auc_held_out > 0.5) for row in tested]
    assert found.counts["auc"].n_wrong_side == sum(wrong) > 0
    assert found.counts["auc"].n_significant == sum(row.p_held_out < 0.05 for row in tested) > 0
    optimism = [
        sign * (row.auc - row.auc_held_out) for sign, row in zip(signs, tested, strict=True)
    ]
    assert found.counts["auc"].median_optimism == pytest.approx(np.median(optimism))


def test_layers_may_come_in_another_order(files):
    with np.load(files / "seen.npz") as seen, np.load(files / "unseen.npz") as unseen:
        two = {
            name: {"a": each["fc"][:, :3], "b": each["fc"][:, 3:9]}
            for name, each in (("seen", seen), ("unseen", unseen))
        }
        ids = {"seen": seen["sample_id"], "unseen": unseen["sample_id"]}
    np.savez(files / "seen.npz", **two["seen"], sample_id=ids["seen"])
    run = label_seen(files)
    again = [
        check_held_out(run, *of_unseen_layers(files, two["unseen"], ids["unseen"], order))
        for order in ("ab", "ba")
    ]
    assert again[0].labels.rows == again[1].labels.rows
    assert len(again[0].labels) == len(read_run(run).labels)


def of_unseen_layers(files, layers, ids, order):
    path = files / f"{order}.npz"
    np.savez(path, **{name: layers[name] for name in order}, sample_id=ids)
    return path, files / "unseen_concepts.npz"


def test_the_activations_that_were_searched_are_no_test(run, files):
    with pytest.raises(DataError, match="holds the activations that the search of the run saw"):
        check_held_out(run, files / "seen.npz", files / "seen_concepts.npz")


def test_samples_with_the_ids_of_searched_ones_are_told(run, files, caplog):
    with np.load(files / "unseen.npz") as unseen, np.load(files / "unseen_concepts.npz") as of:
        again = {name: of[name] for name in ("labels", "id")}
        ids = np.array([f"s{number}" for number in range(70)])
        np.savez(files / "unseen.npz", fc=unseen["fc"], sample_id=ids)
        np.savez(files / "unseen_concepts.npz", **again, sample_id=ids)
    check_held_out(run, *of_unseen(files))
    assert "70 of 70 held-out samples have the ids of samples that the run was made" in caplog.text
    (files / "seen.npz").unlink()
    check_held_out(run, *of_unseen(files))
    assert "Nothing shows that the search did not see these samples" in caplog.text


def test_rows_whose_concepts_are_absent_are_told_and_left_empty(run, files, caplog):
    with np.load(files / "unseen_concepts.npz") as of:
        kept = {"labels": of["labels"][:, :5], "id": of["id"][:5], "sample_id": of["sample_id"]}
    np.savez(files / "unseen_concepts.npz", **kept)
    found = check_held_out(run, *of_unseen(files))
    assert "have no labels of 1 concept of the run ('c5'), so " in caplog.text
    lacking = [row for row in found.labels if "c5" in row.formula]
    assert {row.auc_held_out for row in lacking} == {None}
    assert {row.n_samples_held_out for row in lacking} == {0}
    assert any(row.auc_held_out is not None for row in found.labels)
    np.savez(files / "unseen_concepts.npz", **kept | {"id": np.array(list("uvwxy"))})
    with pytest.raises(DataError, match=r"no labels of 6 concepts of the run.*so no formula can"):
        check_held_out(run, *of_unseen(files))


def test_other_units_are_refused(run, files):
    with np.load(files / "unseen.npz") as unseen:
        values, ids = unseen["fc"], unseen["sample_id"]
    np.savez(files / "unseen.npz", fc=values[:, :30], sample_id=ids)
    with pytest.raises(DataError, match=r"has 30 units in the held-out file.*no unit 39"):
        check_held_out(run, *of_unseen(files))
    np.savez(files / "unseen.npz", fc2=values, sample_id=ids)
    with pytest.raises(UnknownNameError, match=r"no layer 'fc'.*Did you mean 'fc2'"):
        check_held_out(run, *of_unseen(files))


def said(caplog):
    return [(one.levelname, one.getMessage()) for one in caplog.records]


def test_samples_that_look_grouped_bring_advice_that_can_be_followed(clips, caplog):
    run = label_seen(clips, groups=None)
    caplog.clear()
    found = check_held_out(run, *of_unseen(clips))
    (told,) = [text for level, text in said(caplog) if level == "WARNING"]
    assert "give --groups 'id:(.*)/.*', or --groups none" in told
    assert found.counts["auc"].n_significant is not None
    of_samples = {row.p_held_out for row in found.labels} - {None}
    for groups, n_warnings in (("id:(.*)/.*", 0), ("none", 0)):
        caplog.clear()
        found = check_held_out(run, *of_unseen(clips), groups=groups)
        assert [level for level, _ in said(caplog)].count("WARNING") == n_warnings
        in_groups, told = groups != "none", {row.p_held_out for row in found.labels} - {None}
        assert found.counts["auc"].n_significant is not None
        assert bool(told & of_samples) != in_groups


def test_labels_hold_in_held_out_groups_as_they_do_when_labelled_with_them(clips):
    run = label_seen(clips, groups="id:(.*)/.*")
    found = check_held_out(run, *of_unseen(clips))
    tested = [row for row in found.labels.best() if row.p_held_out is not None]
    assert len(tested) > 5
    assert found.counts["auc"].n_significant == sum(row.p_held_out < 0.05 for row in tested)
    arrays = [np.load(clips / f"{name}.npz") for name in ("seen", "unseen")]
    searched, held = (
        Activations.from_array(each["fc"], sample_id=each["sample_id"].tolist()) for each in arrays
    )
    labels = [np.load(clips / f"{name}_concepts.npz") for name in ("seen", "unseen")]
    concepts = ConceptSet.from_arrays(
        np.concatenate([each["labels"] for each in labels]),
        labels[0]["id"].tolist(),
        sample_id=[*searched.sample_id, *held.sample_id],
    )
    at_once = label(
        *(searched, concepts), held_out=held, groups="id:(.*)/.*", settings=SETTINGS
    ).rows
    # A labelling that knows of held-out samples may choose another headline.
    others = {(row.unit, row.direction, row.formula): row for row in at_once}
    same = [row for row in found.labels if (row.unit, row.direction, row.formula) in others]
    assert len(same) > 0.9 * len(at_once)
    for row in same:
        other = others[row.unit, row.direction, row.formula]
        for name in ("auc_held_out", "auc_held_out_low", "auc_held_out_high", "p_held_out"):
            assert getattr(row, name) == getattr(other, name)


def test_groups_that_are_told_count_even_if_the_searched_activations_are_gone(clips, caplog):
    run = label_seen(clips, groups="id:(.*)/.*")
    whole = check_held_out(run, *of_unseen(clips))
    (clips / "seen.npz").unlink()
    caplog.clear()
    found = check_held_out(run, *of_unseen(clips))
    assert "Nothing shows that the held-out samples are of other groups" in caplog.text
    assert "seen.npz' is no longer there" in caplog.text
    assert list(found.labels) == list(whole.labels)


def test_held_out_samples_of_searched_groups_are_refused(clips):
    run = label_seen(clips, groups="id:(.*)/.*")
    with np.load(clips / "unseen.npz") as held, np.load(clips / "unseen_concepts.npz") as of:
        ids = np.array(["clip0/99", *held["sample_id"][1:]])
        of_concepts = {name: of[name] for name in ("labels", "id")}
        np.savez(clips / "unseen.npz", fc=held["fc"], sample_id=ids)
    np.savez(clips / "unseen_concepts.npz", **of_concepts, sample_id=ids)
    with pytest.raises(DataError, match=r"1 group has searched and held-out samples \('clip0'\)"):
        check_held_out(run, *of_unseen(clips))
    check_held_out(run, *of_unseen(clips), groups="none")


def test_the_table_of_a_run_says_nothing_of_other_samples(clips, caplog):
    def table(name, ids):
        rows = "".join(f"{id},{id.partition('/')[0]}\n" for id in ids)
        (clips / name).write_text(f"sample_id,clip\n{rows}")
        return f"{clips / name}:clip"

    ids = [f"clip{number // 10}/{number % 10}" for number in range(200)]
    run = label_seen(clips, groups=table("seen.csv", ids[:N_SEARCHED]))
    found = check_held_out(run, *of_unseen(clips))
    assert found.counts["auc"].n_significant is None
    assert found.counts["auc"].n_tested > 0
    assert {row.p_held_out for row in found.labels} == {None}
    assert {row.auc_held_out_high for row in found.labels} == {None}
    assert (
        "stay empty, because nothing shows which held-out samples are of one group" in caplog.text
    )
    assert "Nothing shows that these samples are of other groups" in caplog.text
    assert "give --groups TABLE:COLUMN with rows for both" in caplog.text
    caplog.clear()
    found = check_held_out(run, *of_unseen(clips), groups=table("all.csv", ids))
    assert found.counts["auc"].n_significant is not None
    assert "stay empty, because nothing" not in caplog.text
    assert "Nothing shows" not in caplog.text
    with pytest.raises(DataError, match=r"seen.csv' has no row for 70 held-out samples"):
        check_held_out(run, *of_unseen(clips), groups=f"{clips / 'seen.csv'}:clip")
