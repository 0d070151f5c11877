"""Layers named by patterns."""

import pytest

from invert_core.errors import SettingError, UnknownNameError
from invert_core.models.axes import Axes
from invert_core.models.backend import Layer, Reading
from invert_core.models.layer_names import described, layer_aliases, select_layers


def layer(name, module="", pool="mean"):
    return Layer(name, module, "op", None, None, pool)


def selected(model, wanted):
    readings = select_layers(model, wanted)
    assert {(each.pool, each.channel_axis, each.batch_axis) for each in readings} == {
        ("auto", None, None)
    }
    return [each.layer for each in readings]


def paths(layers):
    return {each.name: each.module for each in layers}


class Listed:
    """A model of which only the layers are known."""

    def __init__(self, *layers):
        self._layers = list(layers)

    def layers(self):
        return self._layers

    def names(self):
        return paths(self._layers)


MODEL = Listed(
    layer("t1", "block.0.conv"),
    layer("t2", "block.0.relu"),
    layer("t3", "block.1.conv", pool=""),
    layer("attention[0]"),
    layer("head", "head"),
)


def test_names_without_wildcards_are_left_as_they_are():
    assert selected(MODEL, ["nothing", "attention[0]"]) == ["nothing", "attention[0]"]


def test_a_pattern_gives_module_paths_in_the_order_of_the_model():
    assert selected(MODEL, ["block.*"]) == ["block.0.conv", "block.0.relu"]


def test_a_layer_without_a_module_is_given_by_its_name():
    assert selected(MODEL, ["a*"]) == ["attention[0]"]
    assert selected(MODEL, ["t?"]) == ["t1", "t2"]


def test_brackets_are_no_wildcards():
    assert selected(MODEL, ["attention[0*"]) == ["attention[0]"]


def test_no_layer_is_taken_twice():
    assert selected(MODEL, ["head", "t2", "*"]) == [
        "head",
        "t2",
        "block.0.conv",
        "attention[0]",
    ]
    assert selected(MODEL, ["head", "h*"]) == ["head"]
    assert selected(MODEL, ["h*", "head"]) == ["head"]
    assert selected(MODEL, ["t*", "t2"]) == ["t1", "t2"]


def test_a_pattern_without_a_layer_is_an_error_that_lists_the_nearest():
    with pytest.raises(UnknownNameError, match=r"fits 'block\.3\*'") as caught:
        select_layers(MODEL, ["block.3*"])
    assert "block." in caught.value.hint
    assert "--supported" in caught.value.hint


def test_a_pattern_does_not_choose_what_cannot_be_extracted():
    with pytest.raises(UnknownNameError, match=r"No layer that fits 'block.1.\*' can be extracted"):
        select_layers(MODEL, ["block.1.*"])


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("o*", "'odd' has the shape .* nothing tells which axis counts the channels"),
        ("o*:axis=9", "'odd' has 3 axes, and the channel axis cannot be 9"),
        ("f*:pool=first", "'flat:0' has 2 axes, and only a layer of 3 axes has a first token"),
        ("w*:axis=1", "'whole' holds int64"),
    ],
)
def test_a_pattern_of_which_nothing_can_be_read_says_why(address, words):
    with pytest.raises(UnknownNameError, match=words):
        select_layers(READABLE, [address])


def test_a_pool_that_does_not_exist_is_refused_in_an_address():
    with pytest.raises(SettingError, match=r"The pool cannot be 'man'\. Did you mean 'mean'"):
        select_layers(READABLE, ["*:pool=man"])


def test_the_alias_of_a_layer_is_its_module_or_its_own_name():
    found = layer_aliases(MODEL.names(), ["t1", "block.0.relu", "attention[0]", "head"])
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
    assert layer_aliases(paths(others), ["r#1"]) == {}


UNKNOWN = Axes(0, None, "nothing tells which axis counts the channels")
READABLE = Listed(
    Layer("conv", "", "Conv", (None, 8, 5), 8, "mean", axes=Axes(0, 1, "followed")),
    Layer("odd", "", "Odd", (None, 7, 5), None, "", axes=UNKNOWN),
    Layer("flat:0", "", "Gemm", (None, 3), 3, "none", axes=Axes(0, 1)),
    Layer("whole", "", "Shape", (4,), None, "", problem="holds int64"),
)


@pytest.mark.parametrize(
    ("address", "reading"),
    [
        ("conv", Reading("conv")),
        ("conv:axis=2", Reading("conv", channel_axis=2)),
        ("conv:axis=-1,pool=max,batch=1", Reading("conv", "max", -1, 1)),
        ("flat:0", Reading("flat:0")),
        ("flat:0:pool=none", Reading("flat:0", "none")),
        ("conv: axis = 1", Reading("conv", channel_axis=1)),
    ],
)
def test_options_follow_the_last_colon_of_an_address(address, reading):
    assert select_layers(READABLE, [address]) == [reading]


def test_what_is_not_said_in_an_address_holds_for_all():
    usual = Reading("", "max", 1)
    assert select_layers(READABLE, ["conv:axis=2", "flat:0"], usual) == [
        Reading("conv", "max", 2),
        Reading("flat:0", "max", 1),
    ]


def test_the_name_of_a_layer_is_not_taken_apart():
    model = Listed(layer("a:axis=1"))
    assert select_layers(model, ["a:axis=1"]) == [Reading("a:axis=1")]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("conv:axes=1", "option of a layer"),
        ("conv:axis=one", "axis=one, which is not the number of an axis"),
        ("conv:axis=", "axis=, which is not the number of an axis"),
        ("conv:axis=1,axis=2", "says axis twice"),
        ("conv:axis=1,", "has an option without a key"),
        ("conv:axis1", "no option of the form key=value behind its colon"),
        ("conv:", "no option of the form key=value behind its colon"),
    ],
)
def test_options_that_make_no_sense_are_refused(address, reason):
    with pytest.raises(SettingError, match=reason):
        select_layers(READABLE, [address])


def test_a_pattern_says_which_layers_need_an_axis_and_takes_them_with_one(caplog):
    assert [each.layer for each in select_layers(READABLE, ["*"])] == ["conv", "flat:0"]
    assert "Left out of '*'" in caplog.text
    assert "'odd'" in caplog.text
    assert "whole" not in caplog.text
    caplog.clear()
    assert select_layers(READABLE, ["o*:axis=1"]) == [Reading("odd", channel_axis=1)]
    assert not caplog.records


def test_a_pattern_says_which_layers_cannot_be_read_as_asked(caplog):
    assert select_layers(READABLE, ["*:axis=2"]) == [
        Reading("conv", channel_axis=2),
        Reading("odd", channel_axis=2),
    ]
    assert caplog.messages == [
        "Left out of '*', because they cannot be read as asked: 'flat:0' has 2 axes, and the "
        "channel axis cannot be 2."
    ]


def test_layers_that_are_listed_say_what_cannot_be_read_as_asked(caplog):
    found = described(READABLE.layers(), ["*:axis=7"], Reading(""))
    assert [each.problem for each in found[:3]] == [
        f"has {rank} axes, and the channel axis cannot be 7" for rank in (3, 3, 2)
    ]
    assert caplog.messages == [
        "Cannot be read as asked: 'conv', 'odd', 'flat:0'; for example, 'conv' has 3 axes, and the "
        "channel axis cannot be 7."
    ]


def test_without_addresses_or_layers_nothing_is_listed_and_nothing_said(caplog):
    caplog.set_level("INFO", "invert")
    assert described(READABLE.layers(), [], Reading("")) == []
    assert described([], ["*"], Reading("")) == []
    assert not caplog.records


def test_a_layer_that_lacks_an_axis_is_listed_alike_with_another_pool(caplog):
    asked = described(READABLE.layers(), ["odd:pool=max"], Reading(""))
    assert asked == [READABLE.layers()[1]]
    assert not caplog.records


def test_an_axis_of_the_samples_that_counts_the_units_is_refused_in_a_sentence():
    (conv,) = described(READABLE.layers(), ["conv:batch=1"], Reading(""))
    assert conv.problem == (
        "has the shape [?, 8, 5], and axis 1 counts the units, not the samples (followed)"
    )
