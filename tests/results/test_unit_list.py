"""The list of the units of a run: which ones fit, and in which order."""

import numpy as np
import pytest

from invert_core import Settings, label_files, read_run
from invert_core.errors import DataError, SettingError, UnknownNameError
from invert_core.results.unit_list import SORTS, concept_names, list_units

N_SAMPLES = 300


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    labels = rng.random((N_SAMPLES, 4)) < 0.3
    values = rng.normal(size=(N_SAMPLES, 6))
    values[:, :4] += labels * (3, 1, 2, 4)
    values[:, 4] = 7
    np.savez("a.npz", one=values[:, :3], two=values[:, 3:])
    np.savez(
        "c.npz",
        labels=labels,
        id=["a", "b", "c", "d"],
        name=["apple", "big dog", "say (it)", "big dog"],
    )
    return tmp_path


def labels(**settings):
    given = {"permutations": 0, "objective": ("auc", "phi")} | settings
    label_files("a.npz", "c.npz", "run", settings=Settings(**given), overwrite=True)
    return read_run("run").labels


def addresses(units):
    return [(unit[0].address, unit[0].direction) for unit in units]


@pytest.mark.parametrize("direction", ["positive", "both"])
def test_all_units_are_listed_in_their_order_with_their_answers(here, direction):
    found = labels(direction=direction)
    units = list_units(found)
    expected = {}
    for row in found:
        if row.headline:
            expected.setdefault((row.address, row.direction), []).append(row)
    assert {key: list(unit) for key, unit in zip(addresses(units), units, strict=True)} == expected
    assert [unit[0].status for unit in units].count("dead") == 1
    numbers = [(unit[0].layer, unit[0].unit) for unit in units]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("concept", "ids"),
    [
        ("a", {"a"}),
        ("apple", {"a"}),
        ("big dog", {"b", "d"}),
        ("say (it)", {"c"}),
        ("big*", {"b", "d"}),
    ],
)
def test_a_concept_is_found_by_id_name_or_pattern_in_any_answer(here, concept, ids):
    found = labels()
    expected = []
    for unit in list_units(found):
        # None of these ids is part of another one.
        if any(id in row.formula for row in unit for id in ids):
            expected.append(unit)
    assert list_units(found, concept=concept) == expected
    assert len(expected) > 0


def test_names_are_those_of_the_concept_set(here):
    named = {"a": "apple", "b": "big dog", "c": "say (it)", "d": "big dog"}
    assert concept_names(labels()).items() <= named.items()


@pytest.mark.parametrize("verdicts", [("holds",), ("dead",), ("chance", "dead"), ("fades",)])
def test_verdicts_of_any_answer_count(here, verdicts):
    found = labels()
    expected = [u for u in list_units(found) if any(row.verdict in verdicts for row in u)]
    assert list_units(found, verdicts=verdicts) == expected


def test_units_are_sorted_the_best_first_and_those_without_a_value_last(here):
    found = labels()
    values = {
        "auc": lambda row: row.auc,
        "top10": lambda row: row.precision_at_10,
        "p": lambda row: -row.log10_p_search,
        "q": lambda row: -row.q_value,
        "positive": lambda row: row.n_positive,
    }
    assert set(values) < set(SORTS)
    for sort, value in values.items():
        for reverse in (False, True):
            *living, dead = list_units(found, sort=sort, reverse=reverse)
            assert dead[0].status == "dead"
            shown = [value(first) for first, *_ in living]
            assert shown == sorted(shown, reverse=not reverse), sort


def test_units_of_equal_value_stay_in_their_order(here):
    units = list_units(labels(), sort="verdict")
    by_verdict = [(unit[0].verdict, unit[0].layer, unit[0].unit) for unit in units]
    order = list(dict.fromkeys(verdict for verdict, *_ in by_verdict))
    assert by_verdict == sorted(by_verdict, key=lambda one: (order.index(one[0]), *one[1:]))
    assert order.index("holds") < order.index("dead")


def test_without_held_out_samples_there_is_nothing_to_sort_by(here):
    found = labels()
    assert list_units(found, sort="held-out") == list_units(found)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"verdicts": ("bulks",)}, SettingError, "verdict cannot be 'bulks'. Did you mean 'bulk'?"),
        ({"sort": "acu"}, SettingError, "order of units cannot be 'acu'. Did you mean 'auc'?"),
        ({"concept": "appel"}, UnknownNameError, "called 'appel'. Did you mean 'apple'?"),
        ({"concept": "z*"}, UnknownNameError, "uses a concept called 'z*'"),
    ],
)
def test_what_is_unknown_is_refused_with_the_nearest(here, asked, error, words):
    with pytest.raises(error) as raised:
        list_units(labels(), **asked)
    assert words in str(raised.value)


def test_verdicts_of_a_run_without_evidence_are_refused(here):
    found = labels(evidence=False)
    with pytest.raises(DataError, match="no verdicts, because no evidence was made"):
        list_units(found, verdicts=("bulk",))
    assert addresses(list_units(found, verdicts=("dead",))) == [("two:1", "positive")]
