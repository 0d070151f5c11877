"""Labels of a sentence encoder's neurons, on texts that no search has seen."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.truth import peak
from bench.truth.agreement import Neuron, first_rows, headlines, share_at_top
from invert_core import ConceptSet, Formula, Settings, label, open_activations, read_concepts
from invert_core.activations import Activations
from invert_core.results.columns import Explanation
from invert_core.results.labels import Labels

HIGHEST = 50
"""The number of unseen samples, those of the highest activations, that a label is tested on."""
LENGTHS = (1, 3)


@dataclass(frozen=True)
class Half:
    """Activations and concepts of one half of the texts."""

    activations: Activations
    concepts: ConceptSet

    def values(self, neuron: Neuron) -> np.ndarray:
        """Return the activations of a neuron, [N]."""
        layer, unit = neuron
        (values,) = self.activations.layers[layer].read(unit, unit + 1)
        return values


@dataclass(frozen=True)
class Unseen:
    """What a label is worth on texts that no search has seen.

    `precision` is the share of the highest samples inside the label, `fraction` that of all.
    """

    precision: float
    fraction: float

    @property
    def lift(self) -> float:
        """How many times as often the label holds among the highest; 0 if it holds nowhere."""
        return self.precision / self.fraction if self.fraction else 0.0


def compare(
    folder: Path, n_units: int, quantile: float = 0.01, seed: int = 0
) -> Iterator[tuple[str, list[Unseen]]]:
    """Yield what labels of each kind are worth, for neurons that the seed draws from all layers.

    `quantile` is the share of the samples that count as the highest in the search for peak labels.
    `folder` is what ``examples/sentence_encoder/label_encoder.py`` wrote. The labels come from its
    ``search.h5`` and ``search.csv``, the test from ``held_out.h5`` and ``held_out.csv``.
    """
    with (
        open_activations(folder / "search.h5") as search,
        open_activations(folder / "held_out.h5") as held_out,
    ):
        searched = Half(search, read_concepts(folder / "search.csv"))
        unseen = Half(held_out, read_concepts(folder / "held_out.csv"))
        neurons = drawn(search, n_units, seed)
        for name, formulas in _kinds(searched, neurons, quantile):
            yield name, [tested(formulas[of], unseen, of) for of in neurons]


def drawn(activations: Activations, n_units: int, seed: int) -> list[Neuron]:
    """Draw neurons, each as likely as any other, in order."""
    every = [
        (name, unit) for name, layer in activations.layers.items() for unit in range(layer.n_units)
    ]
    chosen = np.random.default_rng(seed).choice(len(every), n_units, replace=False)
    return [every[number] for number in sorted(chosen.tolist())]


def tested(formula: str, half: Half, neuron: Neuron) -> Unseen:
    """Test a formula on the samples of a half."""
    extent = Formula.parse(formula).evaluate(half.concepts)
    at_top = share_at_top(half.values(neuron), extent, HIGHEST)
    return Unseen(at_top, float(np.mean(extent)))


def _kinds(
    searched: Half, neurons: list[Neuron], quantile: float
) -> Iterator[tuple[str, dict[Neuron, str]]]:
    """Yield the formula of each neuron, for each kind of label."""
    for length in LENGTHS:
        labels = list(_labels(searched, neurons, length))
        yield f"AUC, rank 1, L = {length}", _formulas(map(first_rows, labels))
        if length > 1:
            yield f"AUC, headline, L = {length}", _formulas(map(headlines, labels))
        yield from _peaks(searched, neurons, length, quantile)


def _labels(searched: Half, neurons: list[Neuron], length: int) -> Iterator[Labels]:
    """Label the neurons of each layer."""
    settings = Settings(length=length, permutations=0)
    for layer in dict.fromkeys(layer for layer, _ in neurons):
        units = [unit for of, unit in neurons if of == layer]
        yield label(
            searched.activations, searched.concepts, layers=[layer], units=units, settings=settings
        )


def _formulas(of_layers: Iterable[Mapping[Neuron, Explanation]]) -> dict[Neuron, str]:
    return {of: found.formula for layer in of_layers for of, found in layer.items()}


def _peaks(
    searched: Half, neurons: list[Neuron], length: int, quantile: float
) -> Iterator[tuple[str, dict[Neuron, str]]]:
    """Yield the formula that the strongest responses of each neuron share."""
    n_concepts = len(searched.concepts.id)
    search = peak.PeakSearch(searched.concepts.dense(), searched.concepts.id, length)
    tops = {of: peak.highest(searched.values(of), quantile) for of in neurons}
    found = {of: search.by_length(top) for of, top in tops.items()}
    yield f"peak, rank 1, L = {length}", {of: peak.best(found[of]).formula for of in neurons}
    if length > 1:
        yield (
            f"peak, headline, L = {length}",
            {of: peak.headline(found[of], tops[of], n_concepts).formula for of in neurons},
        )
