import numpy as np
import pytest

from invert_core.activations import Activations, open_activations
from invert_core.errors import DataError
from invert_core.labelling.label import label
from tests.labelling.small_case import concept_set, small


def test_samples_are_matched_by_id_and_the_common_ones_can_be_used():
    activations, labels = small(n_samples=100)
    ids = tuple(f"s{i}" for i in range(100))
    source = Activations.from_array(activations, sample_id=ids)
    order = np.random.default_rng(1).permutation(100)
    shuffled = concept_set(labels[order], sample_id=tuple(ids[i] for i in order))
    expected = label(source, concept_set(labels, sample_id=ids))
    assert label(source, shuffled).rows == expected.rows
    fewer = concept_set(labels[order[:60]], sample_id=tuple(ids[i] for i in order[:60]))
    with pytest.raises(DataError, match="--join inner"):
        label(source, fewer)
    kept = np.sort(order[:60])
    inner = label(source, fewer, join="inner")
    assert inner.rows == label(activations[kept], concept_set(labels[kept])).rows


def test_concepts_may_be_a_mapping_of_names_to_labels():
    activations, labels = small()
    mapping = {f"c{i}": column for i, column in enumerate(labels.T)}
    assert label(activations, mapping).rows == label(activations, concept_set(labels)).rows
    with pytest.raises(DataError, match="different lengths"):
        label(activations, {"a": labels[:, 0], "b": labels[1:, 0]})
    with pytest.raises(DataError, match="there are none"):
        label(activations, {})


def test_a_layer_that_was_opened_by_the_caller_stays_open(tmp_path):
    activations, labels = small()
    np.save(tmp_path / "layer.npy", activations)
    with open_activations(tmp_path / "layer.npy") as opened:
        assert label(opened, concept_set(labels)).rows == label(opened, concept_set(labels)).rows
    assert label(tmp_path / "layer.npy", concept_set(labels)).rows[0].layer == "layer"


@pytest.mark.parametrize("wrong", [[[1, 0], [0, 1]], {"a": [[1], [0]]}])
def test_concepts_of_another_shape_are_refused(wrong):
    with pytest.raises(DataError) as caught:
        label(np.arange(2.0), wrong)
    assert "bool array" in caught.value.hint
