"""How names in a file are matched with the names of a module."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.needs import need

need("torch")

from invert_core.backends.torch.weight_names import (
    Prefixes,
    best_prefixes,
    prefixes_of,
    without_compiled,
)

parts = st.sampled_from(["a", "b", "model", "module"])
names = st.lists(parts, min_size=1, max_size=4).map(".".join)
weights = st.dictionaries(names, st.sampled_from([(1,), (2,)]), max_size=8)


def common(all_names):
    """The longest prefix that every name begins with, or ""."""
    shared = [
        each
        for each in ["", *prefixes_of(all_names)]
        if all(name.startswith(each) for name in all_names)
    ]
    return max(shared, key=len)


def naive_best(own, given_weights):
    """Try every prefix of either side alone, and what all names of each side begin with."""
    tried = {Prefixes()}
    tried |= {Prefixes(of_file=each) for each in prefixes_of(given_weights)}
    tried |= {Prefixes(of_module=each) for each in prefixes_of(own)}
    of_file, of_module = common(given_weights), common(own)
    while of_file and of_module and of_file.split(".")[-2] == of_module.split(".")[-2]:
        of_file, of_module = (each[: each[:-1].rfind(".") + 1] for each in (of_file, of_module))
    tried.add(Prefixes(of_file, of_module))
    scores = {}
    for prefixes in tried:
        renamed = prefixes.in_module(given_weights)
        fitting = [name for name in renamed if name in own]
        scores[prefixes] = (len(fitting), sum(renamed[name] == own[name] for name in fitting))
    most = max(scores.values())
    best = {each for each, score in scores.items() if score == most and score > (0, 0)}
    return {Prefixes()} if Prefixes() in best else best


@given(weights, weights)
def test_the_best_prefixes_are_those_that_trying_all_finds(own, others):
    found = best_prefixes(own, others)
    assert set(found) == naive_best(own, others)
    assert len(set(found)) == len(found)


@given(weights.filter(bool), st.lists(parts, max_size=3), st.booleans())
def test_a_prefix_of_all_names_on_either_side_makes_no_difference(own, prefix, in_file):
    before = "".join(f"{part}." for part in prefix)
    longer = {before + name: shape for name, shape in own.items()}
    of_module, of_file = (own, longer) if in_file else (longer, own)
    [prefixes] = best_prefixes(of_module, of_file)
    assert prefixes.in_module(of_file) == of_module
    for name in of_file:
        [renamed] = prefixes.in_module({name: None})
        assert prefixes.in_file(renamed) == name


@pytest.mark.parametrize(
    ("own", "given_names", "expected"),
    [
        ("a.w b.w", "module.a.w module.b.w", Prefixes("module.")),
        ("a.w b.w", "model.module.a.w model.module.b.w", Prefixes("model.module.")),
        ("net.a.w net.b.w", "a.w b.w", Prefixes("", "net.")),
        ("net.a.w net.b.w", "module.a.w module.b.w", Prefixes("module.", "net.")),
        ("a.w b.w", "a.w b.w", Prefixes()),
        ("a.w b.w", "model.a.w model.b.w loss.w", Prefixes("model.")),
        ("a.w b.w", "model.a.w other.b.w model.b.w", Prefixes("model.")),
    ],
)
def test_a_prefix_is_found(own, given_names, expected):
    shapes = [dict.fromkeys(each.split()) for each in (own, given_names)]
    assert best_prefixes(*shapes) == [expected]


def test_shapes_decide_between_prefixes_and_equal_ones_are_all_returned():
    own = {"w": (2, 3)}
    of_file = {"first.w": (4, 3), "second.w": (2, 3)}
    assert best_prefixes(own, of_file) == [Prefixes("second.")]
    both = best_prefixes(own, of_file | {"another.w": (2, 3)})
    assert both == [Prefixes("second."), Prefixes("another.")]
    assert best_prefixes(own, {"v": (2, 3)}) == []


def test_what_torch_compile_adds_is_left_out_unless_two_names_would_be_one():
    assert without_compiled({"_orig_mod.a._orig_mod.w": 1, "b.w": 2}) == {"a.w": 1, "b.w": 2}
    twice = {"_orig_mod.a": 1, "a": 2}
    assert without_compiled(twice) == twice


def test_a_hostile_file_with_very_deep_names_takes_no_time():
    deep = {"x." * 100_000 + str(number): None for number in range(20)}
    started = time.perf_counter()
    assert best_prefixes({"a.w": None}, deep) == []
    assert time.perf_counter() - started < 2
