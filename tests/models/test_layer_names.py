"""Layers named by patterns."""

import pytest

from invert_core.errors import UnknownNameError
from invert_core.models.backend import Layer
from invert_core.models.layer_names import layer_aliases, matching, select_layers


def layer(name, module="", pool="mean"):
    return Layer(name, module, "op", None, None, pool)


class Listed:
    """A model of which only the layers are known."""

    def __init__(self, *layers):
        self._layers = list(layers)

    def layers(self):
        return self._layers


MODEL = Listed(
    layer("t1", "block.0.conv"),
    layer("t2", "block.0.relu"),
    layer("t3", "block.1.conv", pool=""),
    layer("attention[0]"),
    layer("head", "head"),
)


def test_names_without_wildcards_are_left_as_they_are():
    assert select_layers(MODEL, ["nothing", "attention[0]"]) == ["nothing", "attention[0]"]


def test_a_pattern_gives_module_paths_in_the_order_of_the_model():
    assert select_layers(MODEL, ["block.*"]) == ["block.0.conv", "block.0.relu"]


def test_a_layer_without_a_module_is_given_by_its_name():
    assert select_layers(MODEL, ["a*"]) == ["attention[0]"]
    assert select_layers(MODEL, ["t?"]) == ["t1", "t2"]


def test_brackets_are_no_wildcards():
    assert select_layers(MODEL, ["attention[0*"]) == ["attention[0]"]


def test_no_layer_is_taken_twice():
    assert select_layers(MODEL, ["head", "t2", "*"]) == [
        "head",
        "t2",
        "block.0.conv",
        "attention[0]",
    ]
    assert select_layers(MODEL, ["head", "h*"]) == ["head"]
    assert select_layers(MODEL, ["h*", "head"]) == ["head"]
    assert select_layers(MODEL, ["t*", "t2"]) == ["t1", "t2"]


def test_a_pattern_without_a_layer_is_an_error_that_lists_the_nearest():
    with pytest.raises(UnknownNameError, match=r"fits 'block\.3\*'") as caught:
        select_layers(MODEL, ["block.3*"])
    assert "block." in caught.value.hint
    assert "--supported" in caught.value.hint


def test_a_pattern_does_not_choose_what_cannot_be_extracted():
    with pytest.raises(UnknownNameError):
        select_layers(MODEL, ["block.1.*"])


def test_matching_keeps_what_cannot_be_extracted():
    assert [each.name for each in matching(MODEL.layers(), ["block.1.*", "t1"])] == ["t1", "t3"]


def test_the_alias_of_a_layer_is_its_module_or_its_own_name():
    found = layer_aliases(MODEL.layers(), ["t1", "block.0.relu", "attention[0]", "head"])
    assert found == {"t1": "block.0.conv", "block.0.relu": "t2"}


@pytest.mark.parametrize(
    "others",
    [
        [layer("r#1", "r"), layer("r#2", "r")],
        [layer("r#1", "r"), layer("r", "s")],
        [layer("r#1", "r"), layer("s", "r#1")],
    ],
)
def test_what_stands_for_several_layers_is_no_alias(others):
    assert layer_aliases(others, ["r#1"]) == {}
