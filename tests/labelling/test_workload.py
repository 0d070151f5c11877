from dataclasses import replace

import pytest

from invert_core.activations import Activations
from invert_core.errors import SettingError, UnknownNameError
from invert_core.labelling.label import label
from tests.labelling.small_case import concept_set, small


def test_only_the_layers_and_units_asked_for_are_labelled():
    activations, labels = small()
    layers = {"a": activations, "b": activations[:, :2] + 1}
    source = Activations.from_array(layers)
    everything = label(source, concept_set(labels))
    some = label(source, concept_set(labels), layers=["b", "a"], units=[1, 0, 1], block=1)
    expected = [row for row in everything if row.unit < 2]
    # q_value is about all units that were labelled.
    assert [replace(row, q_value=None) for row in some] == [
        replace(row, q_value=None) for row in expected
    ]
    assert {row.layer for row in label(source, concept_set(labels), layers=["b"])} == {"b"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": ["layer_a"]}, "no layer 'layer_a'.*'layer-a'"),
        ({"units": [5]}, "no unit 5 in layer 'layer-a'.*0 to 4"),
        ({"units": [-1]}, "no unit -1"),
    ],
)
def test_unknown_layers_and_units_are_named(options, message):
    activations, labels = small()
    with pytest.raises(UnknownNameError, match=message):
        label(Activations.from_array({"layer-a": activations}), concept_set(labels), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": 0}, "block size is 0"),
        ({"layers": []}, "No layers"),
        ({"units": []}, "No units"),
        ({"jobs": 0}, "--jobs is 0"),
    ],
)
def test_choices_that_leave_nothing_to_do_are_refused(options, message):
    activations, labels = small()
    with pytest.raises(SettingError, match=message):
        label(activations, concept_set(labels), **options)
