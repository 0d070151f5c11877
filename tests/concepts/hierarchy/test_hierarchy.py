import pytest

from invert_core.concepts.hierarchy.hierarchy import Hierarchy
from invert_core.errors import DataError


def test_the_closure_is_a_concept_and_all_above_it():
    found = Hierarchy("it", {"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": (), "e": ()})
    assert found.closure("a") == {"a", "b", "c", "d"}
    assert found.closure("e") == {"e"}


def test_a_circle_is_shown():
    with pytest.raises(DataError, match="it leads in a circle: 'a' -> 'c' -> 'a'") as caught:
        Hierarchy("it", {"b": ("a",), "a": ("c",), "c": ("b2", "a"), "b2": ()})
    assert caught.value.hint


def test_what_is_its_own_parent_is_a_circle():
    with pytest.raises(DataError, match="circle: 'a' -> 'a'"):
        Hierarchy("it", {"a": ("a",)})


def test_of_a_long_circle_the_middle_is_counted():
    parents = {str(row): (str((row + 1) % 100),) for row in range(100)}
    with pytest.raises(DataError) as caught:
        Hierarchy("it", parents)
    assert "'0' -> '1' -> '2' -> '3' -> '4' -> '5' -> (94 more) -> '0'" in str(caught.value)
