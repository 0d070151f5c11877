"""Layers are chosen by name, alias or pattern, and units by number or name."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invert_core.activations.values import ActivationLayer
from invert_core.errors import SettingError, UnknownNameError
from invert_core.labelling.choosing import choose_units


def layers(*described):
    """Layers of given names and aliases, with the given unit names or four units without names."""
    made = [
        ActivationLayer(name, np.zeros((2, len(unit or range(4)))), None, unit, alias)
        for name, alias, unit in described
    ]
    return {layer.name: layer for layer in made}


MODEL = layers(
    ("t1", "block.0.conv", None),
    ("t2", "block.0.relu", None),
    ("block.1", "t3", None),
    ("attention[0]", "", None),
    ("t*", "", None),
)


def chosen(wanted):
    return [layer.name for layer, _ in choose_units(MODEL, wanted, None)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["t1"], ["t1"]),
        (["block.0.relu"], ["t2"]),
        (["t3", "t1"], ["t1", "block.1"]),
        (["block.*"], ["t1", "t2", "block.1"]),
        (["attention[?]"], ["attention[0]"]),
        (["t*"], ["t*"]),
        (["t?"], ["t1", "t2", "block.1", "t*"]),
        (["*", "t1"], [*MODEL]),
        ("t1", ["t1"]),
    ],
)
def test_layers_are_found_by_name_then_by_alias_then_by_pattern(wanted, found):
    assert chosen(wanted) == found


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("block.0.con", "no layer 'block.0.con'.*'block.0.conv'"),
        ("bl?ck", "No layer fits 'bl.ck'"),
        ("attention[01]", "no layer"),
        ("", "no layer ''"),
    ],
)
def test_a_layer_that_is_not_there_gets_the_nearest_names(wanted, words):
    with pytest.raises(UnknownNameError, match=words):
        chosen([wanted])


def test_an_alias_of_two_layers_is_refused_with_their_names():
    twice = layers(("a", "same", None), ("b", "same", None), ("c", "", None))
    with pytest.raises(UnknownNameError, match=r"2 layers have the alias 'same'.*'a', 'b'"):
        choose_units(twice, ["same"], None)
    assert len(choose_units(twice, ["s*"], None)) == 2


NAMES = ("person", "traffic light", "crane", "crane", "0@0,1", "0@1,0", "a,b", "2", "", "a: b")
NAMED = layers(("fc", "", NAMES))


def units(wanted):
    ((_, found),) = choose_units(NAMED, None, wanted)
    return list(found)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("person", [0]),
        ("traffic light,person", [0, 1]),
        (" traffic light , 7-8 ", [1, 7, 8]),
        ("0@1,0,0@0,1", [4, 5]),
        ("a,b", [6]),
        ("0,1,a,b,3", [0, 1, 3, 6]),
        ("2", [2]),
        ("person,2", [0, 2]),
        ("a: b", [9]),
        (["a,b", 0], [0, 6]),
        (["2", 3], [3, 7]),
    ],
)
def test_units_are_found_by_number_or_by_name(wanted, found):
    assert units(wanted) == found


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        ("crane", UnknownNameError, "2 units of layer 'fc' are called 'crane'. Give numbers: 2, 3"),
        ("persn", UnknownNameError, "no unit 'persn' in layer 'fc'. Did you mean 'person'"),
        ("person,,1", UnknownNameError, "no unit ''"),
        ([""], UnknownNameError, "no unit ''"),
        ("person,99", UnknownNameError, "no unit 99 in layer 'fc'. Its units are 0 to 9"),
        ("person,3-1", SettingError, "counts down"),
        ("3-4-5", SettingError, "not of the form"),
        ([], SettingError, "No units"),
    ],
)
def test_units_that_are_not_there_or_not_one_are_refused(wanted, error, words):
    with pytest.raises(error) as caught:
        units(wanted)
    assert words in str(caught.value)


def test_a_layer_without_names_says_so():
    with pytest.raises(UnknownNameError, match="0 to 3 and have no names"):
        choose_units(MODEL, ["t1"], "person")


@given(st.lists(st.text(st.sampled_from("ab,0- @"), max_size=5), min_size=1, max_size=6))
@example(["0,0", "0"])
@example([",", "a"])
def test_a_sequence_of_names_is_taken_name_by_name(names):
    named = layers(("x", "", tuple(names)))
    for number, name in enumerate(names):
        if name and names.count(name) == 1:
            ((_, found),) = choose_units(named, None, [name])
            assert list(found) == [number]
