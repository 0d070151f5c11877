"""What cannot be held out is refused, or told of."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from invert_core import label
from invert_core.activations import Activations
from invert_core.activations.groups import Groups
from invert_core.errors import DataError, SettingError, UnknownNameError
from invert_core.labelling.holding_out import hold_out
from tests.labelling.held_out_case import named, with_ids, workload
from tests.labelling.small_case import QUICK, concept_set, small


@pytest.mark.parametrize(
    ("share", "n_samples", "n_groups", "message"),
    [
        (0.3, 3, None, r"^--holdout 0.3 holds out 1 of 3 samples; both parts need at least 2"),
        (0.001, 100, None, r"^--holdout 0.001 holds out 0 of 100 samples"),
        (0.99, 100, None, r"^--holdout 0.99 holds out 99 of 100 samples"),
        (0.3, 100, 1, r"^--holdout 0.3 holds out 0 of 1 group; .*2 groups\. Give .*more groups"),
        (0.3, 100, 4, r"^--holdout 0.3 holds out 1 of 4 groups"),
        (0.7, 100, 4, r"^--holdout 0.7 holds out 3 of 4 groups"),
    ],
)
def test_a_part_that_is_too_small_is_refused(share, n_samples, n_groups, message):
    labels = np.arange(n_samples)[:, None] % 2 == 0
    groups = n_groups and Groups.of([str(row % n_groups) for row in range(n_samples)])
    with pytest.raises(DataError, match=message):
        hold_out(workload(labels, groups), share, 0)


def test_parts_in_which_no_concept_varies_are_refused():
    labels = np.zeros((100, 2), bool)
    labels[:2] = True
    with pytest.raises(DataError, match="No concept is true on some of the 10 held-out samples"):
        hold_out(workload(labels), 0.1, 0)


@pytest.mark.parametrize("share", [1.0, -0.1, float("nan"), "0.3"])
def test_a_share_that_is_none_is_refused(share):
    activations, labels = small()
    with pytest.raises(SettingError, match="--holdout is "):
        label(activations, concept_set(labels), holdout=share)


def test_a_share_and_a_file_are_too_much():
    activations, labels = small()
    with pytest.raises(SettingError, match="Both --holdout and --held-out"):
        label(activations, concept_set(labels), holdout=0.3, held_out=activations)


def test_samples_of_the_search_are_not_held_out():
    activations, labels = small()
    with pytest.raises(DataError, match="5 samples of the held-out file are among the searched"):
        label(with_ids(activations), named(labels), held_out=with_ids(activations[:5]))
    ids = [f"other/s{number}" for number in range(5)]
    again = Activations.from_array(activations[:5], sample_id=ids)
    with pytest.raises(DataError, match="5 samples of the held-out file are among the searched"):
        label(with_ids(activations), named(labels), held_out=again, match="name")


def test_a_held_out_file_is_joined_by_id_only():
    activations, labels = small()
    given = {
        "searched samples have": (activations[:100], named(labels), with_ids(activations, 100)),
        "held-out samples have": (with_ids(activations[:100]), named(labels), activations[100:]),
        "concepts have": (with_ids(activations), concept_set(labels), with_ids(activations, 150)),
    }
    for whose, (searched, concepts, held) in given.items():
        with pytest.raises(DataError, match=f"The {whose} no ids"):
            label(searched, concepts, held_out=held)


@pytest.mark.parametrize("join", ["strict", "inner"])
def test_a_file_whose_samples_have_no_concepts_is_named(join):
    activations, labels = small()
    few, others = with_ids(activations[:5], 500), with_ids(activations)
    for which, searched, held in (("held-out", others, few), ("searched", few, others)):
        with pytest.raises(DataError, match=f"known for 0 samples of the {which} file") as caught:
            label(searched, named(labels), held_out=held, join=join)
        assert "make one file of both" in caught.value.hint


def test_ids_of_held_out_samples_that_differ_by_a_folder_are_matched_on_request():
    activations, labels = small()
    ids = [f"folder/s{number}" for number in range(100, len(labels))]
    held = Activations.from_array(activations[100:], sample_id=ids)
    searched = with_ids(activations[:100])
    with pytest.raises(DataError, match="Match them with: --match name"):
        label(searched, named(labels), held_out=held)
    found = label(searched, named(labels), held_out=held, match="name", settings=QUICK)
    assert any(row.auc_held_out is not None for row in found)


@pytest.mark.parametrize("of", [np.asarray, scipy.sparse.csc_array], ids=["dense", "sparse"])
def test_errors_in_held_out_activations_say_so(of):
    activations, labels = small()
    ids = [f"s{number}" for number in range(len(labels))]
    broken = activations[100:].copy()
    broken[3, 2] = np.nan
    searched = with_ids(activations[:100])
    held = Activations.from_array(of(broken), sample_id=ids[100:])
    with pytest.raises(DataError, match=r"NaN for sample 's103'.*In the held-out activations"):
        label(searched, named(labels), held_out=held, settings=QUICK)
    with pytest.raises(DataError, match=r"1 sample .*In the held-out activations"):
        label(searched, named(labels), held_out=activations[:1])


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ({"block1": 0}, UnknownNameError, "has no layer 'block'.*Did you mean 'block1'"),
        ({"block": slice(0, 3)}, DataError, "'block' has 3 units in the held-out file and 5 in"),
    ],
)
def test_a_held_out_file_has_the_same_units(layers, error, message):
    activations, labels = small(n_samples=200)
    ids = [f"s{number}" for number in range(200)]
    searched = Activations.from_array({"block": activations[:150]}, sample_id=ids[:150])
    held = {name: activations[150:, units] for name, units in layers.items()}
    held = Activations.from_array(held, sample_id=ids[150:])
    with pytest.raises(error, match=message):
        label(searched, named(labels), held_out=held)


def test_held_out_activations_of_another_model_are_told(caplog):
    activations, labels = small(n_samples=60)
    made = {"model": "a", "pooling": {"activations": "mean", "other": "max"}, "batch_size": 32}
    searched, held = with_ids(activations[:40]), with_ids(activations[40:], 40)

    def told(**changed):
        caplog.clear()
        label(
            replace(searched, extraction=made),
            named(labels),
            held_out=replace(held, extraction=made | changed),
            settings=QUICK,
        )
        return [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]

    assert told(batch_size=1, pooling={"activations": "mean"}) == []
    (warning,) = told(model="b", pooling={"activations": "max"})
    assert "were extracted with another model and other pooling than the searched" in warning
