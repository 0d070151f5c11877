import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.search.certificate import Certificate, Sought, prepare, search_exhaustively
from invert_core.search.search import UNWATCHED, Watch
from invert_core.testing import strategies
from tests import naive

SIGNS = {"positive": 1.0, "negative": -1.0}


def atoms_of(labels, merged):
    """Return concepts as sets of atoms, the sizes of the atoms, and the atom of each sample."""
    if merged:
        _, first, of_sample = np.unique(labels, axis=0, return_index=True, return_inverse=True)
        of_sample = of_sample.ravel()
    else:
        first = of_sample = np.arange(len(labels))
    packed = np.zeros((labels.shape[1], (first.size + 63) // 64), np.uint64)
    for atom, sample in enumerate(first):
        for c in np.flatnonzero(labels[sample]):
            packed[c, atom // 64] |= np.uint64(1) << np.uint64(atom % 64)
    return packed, np.bincount(of_sample).astype(np.int64), of_sample


class Looks(Watch):
    """A watch that stops a search after some checks and records the progress."""

    def __init__(self, answers=()):
        self.answers, self.n_looks, self.shares = (
            itertools.chain(answers, itertools.repeat(False)),
            0,
            [],
        )

    def note(self, share):
        self.shares.append(share)

    @property
    def is_stopped(self):
        self.n_looks += 1
        return next(self.answers)


def search(values, labels, merged=True, *, time_limit=None, watch=UNWATCHED, **sought):
    bits, sizes, of_sample = atoms_of(labels, merged)
    sums = np.zeros(sizes.size, np.int64)
    np.add.at(sums, of_sample, naive.doubled_midranks(values))
    tables = prepare(bits, sizes, len(labels))
    return search_exhaustively(sums, tables, Sought(**sought), time_limit=time_limit, watch=watch)


def plain(certificate):
    return [(f.literals, f.connectives, f.n_positive, f.score) for f in certificate.found]


@st.composite
def cases(draw, max_samples, max_concepts):
    n_samples = draw(st.sampled_from(range(2, max_samples + 1)))
    labels = draw(strategies.labels(n_samples, draw(st.sampled_from(range(1, max_concepts + 1)))))
    values = draw(strategies.activations(n_samples))[:, 0]
    if draw(st.booleans()):
        some = labels[:, draw(st.integers(0, labels.shape[1] - 1))]
        values = np.where(some, np.abs(values), -np.abs(values))
    low = min(n_samples - 1, draw(st.sampled_from((1, 2, max(1, n_samples // 5)))))
    high = draw(st.sampled_from((n_samples - 1, n_samples // 2, n_samples // 3)))
    return (
        values,
        labels,
        {
            "length": draw(st.sampled_from((3, 2))),
            "n_low": low,
            "n_high": max(low, high),
            "sign": draw(st.sampled_from((1.0, -1.0))),
        },
    )


def check_against_all_written_down(case, merged):
    values, labels, limits = case
    certificate = search(values, labels, merged, **limits)
    direction = "positive" if limits["sign"] > 0 else "negative"
    expected = naive.exhaustive_search(
        values,
        naive.extents(labels),
        len(values),
        length=limits["length"],
        n_low=limits["n_low"],
        n_high=limits["n_high"],
        direction=direction,
    )
    assert plain(certificate) == [
        (f.literals, f.connectives, f.n1, limits["sign"] * f.auc) for f in expected.values()
    ]
    ranks = naive.doubled_midranks(values)
    assert [f.rank_sum for f in certificate.found] == [
        sum(ranks[i] for i in f.extent) for f in expected.values()
    ]
    assert certificate.certified
    best = [limits["sign"] * f.auc for f in expected.values()]
    assert certificate.bound == (best[-1] if best else -np.inf)


@settings(max_examples=40)
@given(cases(max_samples=40, max_concepts=4), st.booleans())
def test_the_best_formula_of_each_length_is_that_of_writing_all_down(case, merged):
    check_against_all_written_down(case, merged)


@pytest.mark.kernels
@pytest.mark.filterwarnings("ignore:(overflow|divide by zero|invalid value):RuntimeWarning")
@settings(max_examples=5)
@given(cases(max_samples=10, max_concepts=3), st.booleans())
def test_the_best_formula_of_a_few_samples_is_that_of_writing_all_down(case, merged):
    check_against_all_written_down(case, merged)


def all_scores(ranks, labels, sizes, n_low, n_high, sign, length):
    """Return the scores of all formulas, by literals and connectives; -inf out of limits."""
    literals = np.stack([labels.T, ~labels.T], axis=1).reshape(-1, len(labels))
    extents = literals
    for _ in range(length - 1):
        extents = np.stack(
            [extents[..., None, :] & literals, extents[..., None, :] | literals], axis=-2
        )
    # now [x, y, before y, z, before z, atom]
    n = extents @ sizes
    n_samples = sizes.sum()
    within = (n >= n_low) & (n <= n_high)
    doubled_u = extents @ ranks - n * (n + 1)
    scores = np.full(n.shape, -np.inf)
    np.divide(doubled_u, 2 * n * (n_samples - n), out=scores, where=within)
    scores[within] *= sign
    return scores


def first_of_the_best(scores):
    places = np.argwhere(scores == scores.max())
    formulas = []
    for place in places.tolist():
        literals = (place[0], *place[1::2])
        connectives = tuple("&|"[k] for k in place[2::2])
        formulas.append((naive.normal_form(literals, connectives), connectives))
    return min(formulas)


def optimum(ranks, labels, sizes, n_low, n_high, sign, length):
    """Return the last formula of the oracle as (score, literals, connectives)."""
    best = -np.inf
    found = None
    for size in range(1, length + 1):
        scores = all_scores(ranks, labels, sizes, n_low, n_high, sign, size)
        if scores.max() > best:
            best = scores.max()
            found = (best, *first_of_the_best(scores))
    return found


def found_last(certificate):
    if not certificate.found:
        return None
    last = certificate.found[-1]
    return last.score, last.literals, last.connectives


@settings(max_examples=25)
@given(cases(max_samples=70, max_concepts=40))
def test_two_literals_of_many_concepts_are_those_of_brute_force(case):
    values, labels, limits = case
    limits["length"] = 2
    ranks = np.array(naive.doubled_midranks(values))
    expected = optimum(ranks, labels, np.ones(len(ranks), np.int64), **limits)
    assert found_last(search(values, labels, **limits)) == expected


@settings(max_examples=12)
@given(cases(max_samples=30, max_concepts=40))
@pytest.mark.slow
def test_three_literals_of_many_concepts_are_those_of_brute_force(case):
    values, labels, limits = case
    limits["length"] = 3
    ranks = np.array(naive.doubled_midranks(values))
    expected = optimum(ranks, labels, np.ones(len(ranks), np.int64), **limits)
    assert found_last(search(values, labels, **limits)) == expected


def hard_case(n_samples=400, n_concepts=12, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.random((n_samples, n_concepts)) < rng.uniform(0.05, 0.6, n_concepts)
    values = rng.normal(size=n_samples) + 0.3 * labels[:, 0] - 0.3 * labels[:, 1]
    limits = {"length": 3, "n_low": 10, "n_high": n_samples // 2}
    return values, labels, limits


@pytest.mark.parametrize(("sign", "n_levels"), [(1.0, 100), (-1.0, 100), (1.0, 1)])
def test_a_search_that_is_stopped_bounds_the_optimum_from_both_sides(monkeypatch, sign, n_levels):
    values, labels, limits = hard_case()
    monkeypatch.setattr("invert_core.search.certificate.STEP", 0.0)
    monkeypatch.setattr("invert_core.search.certificate.N_SEEDS", 0)
    monkeypatch.setattr("invert_core.search.certificate.N_LEVELS", n_levels)
    looks = Looks()
    whole = search(values, labels, sign=sign, **limits, watch=looks)
    assert whole.certified
    assert whole.bound == whole.found[-1].score
    gaps = []
    for n_looks in range(0, looks.n_looks, 15):
        watch = Looks([False] * n_looks + [True])
        part = search(values, labels, sign=sign, **limits, watch=watch)
        assert not part.certified
        assert part.bound >= whole.bound
        assert part.n_scored <= whole.n_scored
        if part.found:
            assert part.found[-1].score <= whole.bound
            gaps.append(part.bound - part.found[-1].score)
    assert gaps == sorted(gaps, reverse=True)
    assert 0 < gaps[-1] < gaps[0]


def test_a_time_limit_of_nothing_finds_the_best_of_two_literals_and_promises_nothing():
    values, labels, limits = hard_case()
    for sign, perfect in ((1.0, 1.0), (-1.0, 0.0)):
        certificate = search(values, labels, sign=sign, **limits, time_limit=0.0)
        assert not certificate.certified
        assert (
            certificate.found == search(values, labels, sign=sign, **limits | {"length": 2}).found
        )
        assert certificate.bound == perfect


def test_one_literal_is_searched_without_pairs():
    values, labels, limits = hard_case()
    certificate = search(values, labels, sign=1.0, **limits | {"length": 1})
    assert certificate.certified
    assert [best.literals for best in certificate.found] == [
        best.literals for best in search(values, labels, sign=1.0, **limits).found[:1]
    ]
    assert certificate.n_scored == 2 * labels.shape[1]


def test_the_result_does_not_depend_on_where_the_work_is_cut(monkeypatch):
    values, labels, limits = hard_case()
    whole = search(values, labels, sign=1.0, **limits)
    for step in (0.0, 1e9):
        monkeypatch.setattr("invert_core.search.certificate.STEP", step)
        assert search(values, labels, sign=1.0, **limits) == whole


@pytest.mark.parametrize(("name", "other"), [("N_SEEDS", 0), ("N_LEVELS", 2), ("BUCKET", 1.3)])
def test_the_optimum_does_not_depend_on_how_it_is_looked_for(monkeypatch, name, other):
    for seed in range(20):
        values, labels, limits = hard_case(n_samples=100, seed=seed)
        with monkeypatch.context() as patched:
            patched.setattr("invert_core.search.certificate.N_SEEDS", 0)
            patched.setattr(f"invert_core.search.certificate.{name}", other)
            found = search(values, labels, sign=1.0, **limits)
        usual = search(values, labels, sign=1.0, **limits)
        assert (found.found, found.bound) == (usual.found, usual.bound)


def test_equal_samples_may_be_merged_or_not():
    rng = np.random.default_rng(1)
    labels = (rng.random((30, 8)) < 0.4)[rng.integers(30, size=500)]
    values = rng.normal(size=500) + labels[:, 0]
    limits = {"length": 3, "n_low": 5, "n_high": 250, "sign": 1.0}
    merged, apart = (search(values, labels, merge, **limits) for merge in (True, False))
    assert (merged.found, merged.bound) == (apart.found, apart.bound)


def test_progress_rises_to_one():
    values, labels, limits = hard_case()
    for length in (2, 3):
        looks = Looks()
        limits["length"] = length
        search(values, labels, sign=1.0, **limits, watch=looks)
        assert looks.shares == sorted(looks.shares)
        assert looks.shares[-1] == 1.0


def test_no_formula_within_the_limits_is_no_formula():
    labels = np.arange(64)[:, None] < 32
    certificate = search(np.arange(64), labels, length=3, n_low=1, n_high=31, sign=1.0)
    assert certificate == Certificate((), True, -np.inf, certificate.n_scored)


def test_what_the_beam_misses_is_found():
    rng = np.random.default_rng(0)
    n_samples = 600
    labels = rng.random((n_samples, 9)) < 0.5
    parity = labels[:, 3] == labels[:, 4]
    labels[:, 5] = parity ^ (rng.random(n_samples) < 0.05)
    inside = (labels[:, 3] | ~labels[:, 4]) & labels[:, 5]
    values = rng.normal(size=n_samples) + 3 * inside + 0.8 * labels[:, 0] + 0.7 * labels[:, 1]
    certificate = search(values, labels, length=3, n_low=2, n_high=300, sign=1.0)
    assert certificate.found[-1].literals == (6, 9, 10)
    assert certificate.found[-1].connectives == ("|", "&")
    beam = naive.beam_search(
        values,
        naive.extents(labels),
        n_samples,
        length=3,
        beam=1,
        min_fraction=2 / n_samples,
        max_fraction=0.5,
        direction="positive",
    )
    assert max(f.auc for f in beam.by_length.values()) < certificate.found[-1].score


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_sums_beyond_32_bits_are_exact(sign):
    rng = np.random.default_rng(3)
    n_atoms = 40
    labels = rng.random((n_atoms, 10)) < 0.4
    sizes = rng.integers(1, 3000, n_atoms)
    sizes[0] = 99 * sizes[1:].sum()
    n_samples = int(sizes.sum())
    # Each atom is one tie group, which takes a run of consecutive ranks.
    order = rng.permutation(n_atoms)
    ends = np.cumsum(sizes[order])
    ranks = np.empty(n_atoms, np.int64)
    ranks[order] = (2 * ends - sizes[order] + 1) * sizes[order]
    assert ranks.sum() == n_samples * (n_samples + 1) > 2**42
    bits, _, _ = atoms_of(labels, False)
    limits = {"n_low": 1000, "n_high": n_samples // 2, "sign": sign, "length": 3}
    certificate = search_exhaustively(ranks, prepare(bits, sizes, n_samples), Sought(**limits))
    assert found_last(certificate) == optimum(ranks, labels, sizes, **limits)
