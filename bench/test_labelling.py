"""`invert` against the two usual ways to do the same, by size of the data."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from invert_core import ConceptSet, auc, label, mann_whitney, open_activations, read_concepts
from invert_core.demo import run_demo
from invert_core.join import join
from invert_core.search import BeamSearch, Settings

SIZES = ("digits", "imagenet-2k", "imagenet-10k", "layer-20k")
SETTINGS = Settings(length=3, beam=3)


@dataclass(frozen=True)
class Data:
    """Activations [N, K], labels [N, C] and the same labels as a concept set."""

    activations: np.ndarray
    labels: np.ndarray
    concepts: ConceptSet


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """The hidden layer of the demo on the images it searches: 1,198 samples, 32 units."""
    folder = tmp_path_factory.mktemp("digits") / "run"
    run_demo(folder)
    with open_activations(folder / "activations.h5") as opened:
        _, concepts = join(
            opened.sample_id, opened.n_samples, read_concepts(folder / "concepts.h5"), "inner"
        )
        layer = opened.layers["relu3"]
        units = layer.read(0, layer.n_units)
    alive = units[np.ptp(units, axis=1) > 0]
    return Data(np.ascontiguousarray(alive.T), concepts.dense(), concepts)


def like_imagenet(n_samples):
    """1,000 classes of equal size, and 262 groups of neighbouring classes above them."""
    classes = np.arange(n_samples) % 1000
    groups = [classes // width for width in (1, 5, 20, 100, 500)]
    labels = np.concatenate([group[:, None] == np.arange(group.max() + 1) for group in groups], 1)
    return with_signal(labels, 4, np.random.default_rng(0))


def like_a_layer(n_units, n_samples=20_000):
    """649 concepts of a hierarchy, which overlap because five leaves of it fit each sample."""
    rng = np.random.default_rng(0)
    leaves = rng.integers(0, 488, (n_samples, 5))
    levels = [leaves // width for width in (1, 4, 16, 64)]
    labels = np.concatenate(
        [(level[:, :, None] == np.arange(level.max() + 1)).any(axis=1) for level in levels], axis=1
    )
    return with_signal(labels, n_units, rng)


def with_signal(labels, n_units, rng):
    """Each unit adds up three concepts and noise."""
    n_samples, n_concepts = labels.shape
    signal = labels[:, rng.integers(0, n_concepts, (3, n_units))].sum(axis=1)
    activations = (signal + rng.normal(size=(n_samples, n_units))).astype(np.float32)
    return Data(
        activations, labels, ConceptSet.from_arrays(labels, list(map(str, range(n_concepts))))
    )


@pytest.fixture
def data(size, request):
    if size == "digits":
        return request.getfixturevalue("digits")
    if size == "layer-20k":
        return like_a_layer(n_units=4)
    return like_imagenet({"imagenet-2k": 2_000, "imagenet-10k": 10_000}[size])


def auc_by_blas(activations, labels):
    """Midranks and one float64 product of ranks and labels: AUC [K, C] without p-values."""
    n_positive = labels.sum(axis=0)
    sums = stats.rankdata(activations, axis=0).T @ labels.astype(np.float64)
    return (sums - n_positive * (n_positive + 1) / 2) / (n_positive * (len(labels) - n_positive))


def auc_by_calls(activations, labels):
    """One call of scipy for every unit and concept; it would sum ranks of float32 in float32."""
    n_positive = labels.sum(axis=0)
    u = [
        [
            stats.mannwhitneyu(unit[concept], unit[~concept], method="asymptotic").statistic
            for concept in labels.T
        ]
        for unit in activations.astype(np.float64).T
    ]
    return np.array(u) / (n_positive * (len(labels) - n_positive))


def auc_by_invert(activations, labels):
    return mann_whitney(activations, labels).auc


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "way", [auc_by_invert, auc_by_blas, auc_by_calls], ids=["invert", "blas", "calls"]
)
def test_all_concepts(benchmark, data, way):
    arguments = (data.activations, data.labels)
    if way is auc_by_calls:
        found = benchmark.pedantic(way, arguments, rounds=1)
    else:
        found = benchmark.pedantic(way, arguments, rounds=5, warmup_rounds=1)
    np.testing.assert_allclose(found, auc(*arguments), rtol=0, atol=1e-12)


def search_by_invert(data):
    search = BeamSearch(data.concepts, SETTINGS, jobs=1)
    return [
        [(found.n_positive, found.auc) for found in result.beam]
        for (result,) in search.units([np.ascontiguousarray(data.activations.T)])
    ]


def search_by_blas(data):
    concepts = data.labels.T.astype(np.float64)
    all_ranks = stats.rankdata(data.activations, axis=0).T
    return [beam_by_blas(ranks, concepts) for ranks in all_ranks]


def beam_by_blas(ranks, concepts):
    """Beam search for one unit, each step as two products of the beam and all concepts."""
    pool = np.ones((1, len(ranks)))
    found = []
    for _ in range(SETTINGS.length):
        sizes, scores = candidates(pool, ranks, concepts)
        new = {}
        for index in np.argsort(-scores, axis=None, kind="stable"):
            formula, concept, way = np.unravel_index(index, scores.shape)
            extent = joined(pool[formula], concepts[concept], way)
            new[extent.tobytes()] = (scores.flat[index], int(sizes.flat[index]), extent)
            if len(new) == SETTINGS.beam:
                break
        merged = {extent.tobytes(): (score, size, extent) for score, size, extent in found} | new
        found = sorted(merged.values(), key=lambda entry: -entry[0])[: SETTINGS.beam]
        pool = np.array([extent for *_, extent in found])
    return [(size, score) for score, size, _ in found]


def joined(formula, concept, way):
    """F & c, F & ~c, F | c, F | ~c for way 0, 1, 2, 3."""
    other = 1 - concept if way % 2 else concept
    return formula * other if way < 2 else np.maximum(formula, other)


def candidates(formulas, ranks, concepts):
    """Sizes and AUC [P, C, 4] of all that `joined` makes; AUC -1 outside the fraction limits."""

    def measure(of_formulas, of_concepts, of_both, of_all):
        return np.stack(
            [
                of_both,
                of_formulas - of_both,
                of_formulas + of_concepts - of_both,
                of_all - of_concepts + of_both,
            ],
            axis=-1,
        )

    n, total = len(ranks), ranks.sum()
    weighted = formulas * ranks
    sizes = measure(
        formulas.sum(axis=1)[:, None], concepts.sum(axis=1), formulas @ concepts.T, float(n)
    )
    sums = measure(weighted.sum(axis=1)[:, None], concepts @ ranks, weighted @ concepts.T, total)
    allowed = (sizes >= SETTINGS.min_fraction * n) & (sizes <= SETTINGS.max_fraction * n)
    pairs = np.where(allowed, sizes * (n - sizes), 1.0)
    return sizes, np.where(allowed, (sums - sizes * (sizes + 1) / 2) / pairs, -1.0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", [search_by_invert, search_by_blas], ids=["invert", "blas"])
def test_beam_search(benchmark, data, way):
    found = benchmark.pedantic(way, (data,), rounds=5, warmup_rounds=1)
    assert found == search_by_invert(data)


@pytest.mark.parametrize("size", ["384-units"])
def test_whole_layer(benchmark, size):
    data = like_a_layer(n_units=384)
    found = benchmark.pedantic(
        label, (data.activations, data.concepts), {"settings": SETTINGS, "jobs": 1}, rounds=1
    )
    assert len(found.best()) == 384
