"""Labels of a sentence encoder's neurons, on texts that no search has seen."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.truth.agreement import RULES, Neuron, Rule, settings_of, share_at_top
from invert_core import ConceptSet, Formula, Settings, label, open_activations, read_concepts
from invert_core.activations import Activations
from invert_core.results.columns import VERDICTS, Label
from invert_core.results.labels import Labels

HIGHEST = 50
"""The number of unseen samples, those of the highest activations, that a label is tested on."""
_RESAMPLED = 2_000


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
    `verdict` is what the searched texts say of the label.
    """

    precision: float
    fraction: float
    verdict: str

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
        for length, rules in RULES.items():
            settings = settings_of(length, quantile=quantile)
            labels = list(_labels(searched, neurons, settings))
            for name, rule in rules.items():
                rows = _chosen(labels, rule)
                yield name, [tested(rows[of], unseen) for of in neurons]


def pairs(rules: Iterable[str]) -> list[tuple[str, str]]:
    """Return the rules by AUC, each with the same rule by phi.

    >>> pairs(["AUC, L = 1", "peak, L = 1"])
    [('AUC, L = 1', 'peak, L = 1')]
    """
    return [(rule, rule.replace("AUC", "peak")) for rule in rules if rule.startswith("AUC")]


def ratio(
    statistic: Callable[..., np.ndarray], of: np.ndarray, over: np.ndarray
) -> tuple[float, float, float]:
    """Return how many times the mean or median of neurons is another, and a 95 % interval.

    `of` and `over` are [K]: two values of each neuron. The interval comes from resampled neurons.

    >>> ratio(np.mean, np.array([2.0, 4.0]), np.array([1.0, 2.0]))
    (2.0, 2.0, 2.0)
    """
    drawn = np.random.default_rng(0).integers(of.size, size=(_RESAMPLED, of.size))
    above, below = (statistic(values[drawn], axis=1) for values in (of, over))
    resampled = np.divide(above, below, out=np.full(_RESAMPLED, np.inf), where=below > 0)
    low, high = np.quantile(resampled, (0.025, 0.975), method="nearest")
    whole = statistic(over)
    return float(statistic(of) / whole) if whole else np.inf, float(low), float(high)


def by_verdict(found: Sequence[Unseen]) -> dict[str, list[Unseen]]:
    """Return what labels are worth by their verdict on the searched texts."""
    return {
        verdict: of
        for verdict in VERDICTS
        if (of := [one for one in found if one.verdict == verdict])
    }


def drawn(activations: Activations, n_units: int, seed: int) -> list[Neuron]:
    """Draw neurons, each as likely as any other, in order."""
    every = [
        (name, unit) for name, layer in activations.layers.items() for unit in range(layer.n_units)
    ]
    chosen = np.random.default_rng(seed).choice(len(every), n_units, replace=False)
    return [every[number] for number in sorted(chosen.tolist())]


def tested(row: Label, half: Half) -> Unseen:
    """Test a label on the samples of a half."""
    extent = Formula.parse(row.formula).evaluate(half.concepts)
    at_top = share_at_top(half.values((row.layer, row.unit)), extent, HIGHEST)
    return Unseen(at_top, float(np.mean(extent)), row.verdict)


def _labels(searched: Half, neurons: list[Neuron], settings: Settings) -> Iterator[Labels]:
    """Label the neurons of each layer."""
    for layer in dict.fromkeys(layer for layer, _ in neurons):
        units = [unit for of, unit in neurons if of == layer]
        yield label(
            searched.activations, searched.concepts, layers=[layer], units=units, settings=settings
        )


def _chosen(labels: list[Labels], rule: Rule) -> dict[Neuron, Label]:
    return {of: row for of_layer in labels for of, row in rule.chosen(of_layer).items()}
