"""Concepts are included and left out by id, name and pattern."""

import fnmatch
import json
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core import label, label_units
from invert_core.concepts import Alias, ConceptSet
from invert_core.errors import SettingError, StaleFileError, UnknownNameError
from invert_core.labelling.choosing_concepts import choose_concepts
from invert_core.labelling.label_files import label_files

MARKS = np.eye(6, 5, dtype=int)
CONCEPTS = ConceptSet.from_arrays(
    MARKS,
    id=["n1", "n2", "rms.lt.1", "rms.ge.1", "a[0]"],
    name=["crane", "Crane", "rms < 1", "rms >= 1", "a[0]"],
    sample_id=list("uvwxyz"),
)


@pytest.mark.parametrize(
    ("include", "exclude", "ids"),
    [
        (["n1"], None, ["n1"]),
        (["crane"], None, ["n1"]),
        (["?rane"], None, ["n1", "n2"]),
        (["rms.*", "n2"], None, ["n2", "rms.lt.1", "rms.ge.1"]),
        (["rms >= *"], None, ["rms.ge.1"]),
        (None, ["rms*"], ["n1", "n2", "a[0]"]),
        (["n?"], ["Crane"], ["n1"]),
        (["a[0]"], None, ["a[0]"]),
        (["*"], ["n*", "a[?]"], ["rms.lt.1", "rms.ge.1"]),
    ],
)
def test_concepts_are_chosen_by_id_name_and_pattern_in_their_order(include, exclude, ids):
    assert list(choose_concepts(CONCEPTS, include, exclude).id) == ids


@given(st.lists(st.text("ab*?", min_size=1), min_size=1), st.lists(st.text("ab"), max_size=6))
def test_patterns_choose_what_fnmatch_chooses(patterns, others):
    ids = list(dict.fromkeys(["a", "b", *filter(None, others)]))
    concepts = ConceptSet.from_arrays(np.ones((2, len(ids)), int), id=ids)
    wanted = [id for id in ids if any(fnmatch.fnmatchcase(id, each) for each in patterns)]
    every = all(any(fnmatch.fnmatchcase(id, each) for id in ids) for each in patterns)
    if every:
        assert list(choose_concepts(concepts, patterns, None).id) == wanted
    else:
        with pytest.raises(UnknownNameError):
            choose_concepts(concepts, patterns, None)


def test_a_hostile_pattern_takes_no_time():
    concepts = ConceptSet.from_arrays([[1], [0]], id=["a" * 20_000])
    begun = time.process_time()
    with pytest.raises(UnknownNameError):
        choose_concepts(concepts, ["*a" * 200 + "*c"], None)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("chosen", [{"include": ["carne"]}, {"exclude": ["n1", "carne*"]}])
def test_a_pattern_that_fits_nothing_is_refused_with_the_nearest_names(chosen):
    with pytest.raises(UnknownNameError, match=r"'carne\*?'. Did you mean 'crane'.*concepts show"):
        choose_concepts(CONCEPTS, chosen.get("include"), chosen.get("exclude"))


def test_a_concept_that_was_merged_is_told_by_the_one_that_stands_for_it():
    merged = ConceptSet(**{**vars(CONCEPTS), "aliases": (Alias("n9", "wader", 0),)})
    for pattern in ("n9", "wad*"):
        with pytest.raises(UnknownNameError, match="'n9' was merged into 'n1'"):
            choose_concepts(merged, [pattern], None)


def test_leaving_out_all_that_is_included_is_refused():
    with pytest.raises(SettingError, match=r"are left out by 'n\*'"):
        choose_concepts(CONCEPTS, ["n1"], ["n*"])


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    marks = rng.random((40, 3)) < 0.4
    np.savez(tmp_path / "acts.npz", fc=rng.random((40, 2)))
    np.savez(tmp_path / "concepts.npz", labels=marks, id=["a", "b", "c"])
    return tmp_path


def test_concepts_left_out_do_not_count_as_searched(files):
    rows = label(files / "acts.npz", files / "concepts.npz", exclude=["c"])
    with np.load(files / "concepts.npz") as stored:
        alone = dict(zip("ab", stored["labels"].T, strict=False))
    same = label(files / "acts.npz", alone)
    assert [vars(row) for row in rows] == [vars(row) for row in same]
    of_units = label_units(files / "acts.npz", files / "concepts.npz", include="[ab]")
    with pytest.raises(UnknownNameError):
        next(of_units)


def test_missing_labels_of_a_concept_that_is_left_out_are_no_error(files):
    labels = np.array([[0, 1, -1], [1, 0, 0]] * 20)
    np.savez(files / "gaps.npz", labels=labels, id=["a", "b", "c"])
    rows = label(files / "acts.npz", files / "gaps.npz", exclude=["c"])
    assert {row.n_samples for row in rows} == {40}


def test_the_choice_is_recorded_and_another_choice_does_not_go_on(files):
    run = files / "run"

    def stop(*_):
        raise KeyboardInterrupt

    def labelled(**chosen):
        return label_files(files / "acts.npz", files / "concepts.npz", run, **chosen)

    with pytest.raises(KeyboardInterrupt):
        labelled(include="?", exclude=["b"], each=stop)
    with pytest.raises(StaleFileError, match="exclude"):
        labelled(include=["?"], exclude=["c"])
    labelled(include=["?"], exclude=["b"])
    arguments = json.loads((run / "run.json").read_text())["arguments"]
    assert (arguments["include"], arguments["exclude"]) == (["?"], ["b"])
    assert "b" not in (run / "labels.csv").read_text().split("\n", 1)[1]
