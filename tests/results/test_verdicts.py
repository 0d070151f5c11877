"""Verdicts: each word at the edges of its thresholds."""

import numpy as np
import pytest
import scipy.stats

from invert_core.results.columns import VERDICTS
from invert_core.results.verdicts import hits_at_top, luck, verdicts

GOOD = {
    "status": "ok",
    "p_search": 0.001,
    "objective": "auc",
    "score": 0.6,
    "score_held_out": np.nan,
    "optimism": 0.0,
    "n_positive": 50,
    "concept_fraction": 0.05,
    "precision_at_10": 1.0,
    "precision_at_size": 0.5,
    "range_in_steps": 1e6,
}


def verdict(**changes):
    row = GOOD | changes
    columns = {
        name: np.array([value], object if isinstance(value, str) else float)
        for name, value in row.items()
    }
    return verdicts(columns, is_made=True)[0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "holds"),
        ({"precision_at_10": 0.6}, "holds"),
        ({"precision_at_10": 0.6 - 1e-12}, "holds"),
        ({"precision_at_10": 0.59}, "partly"),
        ({"precision_at_10": 0.2, "concept_fraction": 0.03}, "partly"),
        ({"precision_at_10": 0.19, "concept_fraction": 0.001}, "bulk"),
        ({"precision_at_10": 0.0}, "bulk"),
        ({"p_search": 0.05}, "holds"),
        ({"p_search": 0.0501}, "chance"),
        ({"optimism": 0.05}, "holds"),
        ({"optimism": 0.0501}, "fades"),
        ({"optimism": np.nan}, "holds"),
        ({"objective": "phi", "score_held_out": 0.3}, "holds"),
        ({"objective": "phi", "score_held_out": 0.299}, "fades"),
        ({"objective": "iou", "score_held_out": 0.299}, "fades"),
        ({"objective": "f1", "score_held_out": 0.0}, "fades"),
        ({"objective": "phi", "score_held_out": 0.5, "optimism": 0.1}, "holds"),
        ({"objective": "phi", "score_held_out": np.nan}, "holds"),
        ({"objective": "mad", "optimism": 0.0501}, "fades"),
        ({"range_in_steps": 16.0}, "steps"),
        ({"range_in_steps": 17.0}, "holds"),
        ({"range_in_steps": np.nan}, "holds"),
        ({"status": "dead"}, "dead"),
        ({"status": "untrusted"}, "untrusted"),
    ],
)
def test_a_verdict_turns_at_its_threshold(changes, expected):
    assert verdict(**changes) == expected


def test_the_first_reason_to_doubt_a_label_counts():
    doubts = {"status": "untrusted", "range_in_steps": 1.0, "p_search": 1.0, "optimism": 0.3}
    for name, word in (
        ("status", "untrusted"),
        ("range_in_steps", "steps"),
        ("p_search", "chance"),
        ("optimism", "fades"),
    ):
        assert verdict(**doubts, precision_at_10=0.0) == word
        del doubts[name]


def test_a_common_formula_needs_more_hits_than_luck_brings():
    # Of ten samples, nine or more are inside by chance with probability 0.011, eight with 0.055.
    assert verdict(concept_fraction=0.5, precision_at_10=0.8) == "bulk"
    assert verdict(concept_fraction=0.5, precision_at_10=0.9) == "holds"


def test_a_formula_true_on_few_samples_is_judged_by_as_many():
    few = {"n_positive": 3, "concept_fraction": 0.001, "precision_at_10": 0.2}
    assert verdict(**few, precision_at_size=2 / 3) == "holds"
    assert verdict(**few, precision_at_size=1 / 3) == "partly"
    assert verdict(**few, precision_at_size=0.0) == "bulk"


def test_a_share_of_tied_samples_is_no_whole_hit():
    # Two hits among ten have probability 0.086 by chance, one and a half count as one.
    assert verdict(concept_fraction=0.05, precision_at_10=0.2) == "bulk"
    assert verdict(concept_fraction=0.03, precision_at_10=0.2) == "partly"
    assert verdict(concept_fraction=0.03, precision_at_10=0.25) == "partly"
    columns = {name: np.array([value]) for name, value in GOOD.items()}
    hits, n_top = hits_at_top(columns | {"precision_at_10": np.array([0.25])})
    assert (hits, n_top) == (2.5, 10)
    assert luck(hits, n_top, np.array([0.03])) == luck(np.array([2.0]), n_top, np.array([0.03]))


def test_luck_is_the_upper_tail_of_the_binomial_distribution():
    for n_top in range(1, 11):
        for hits in range(n_top + 1):
            for chance in (0.002, 0.3, 0.5, 0.97):
                expected = scipy.stats.binom.sf(hits - 1, n_top, chance)
                found = luck(np.array([hits]), np.array([n_top]), np.array([chance]))
                assert found[0] == pytest.approx(expected, rel=1e-10)


def test_without_evidence_there_is_no_verdict():
    columns = {"status": np.array(["ok", "constant"], object)}
    assert verdicts(columns, is_made=False).tolist() == ["none", "none"]


def test_every_verdict_is_a_word_of_the_column():
    words = {"dead", "untrusted", "steps", "chance", "fades", "bulk", "holds", "partly", "none"}
    assert words == set(VERDICTS)
