"""The work at hand: concepts joined to activations, and the units that were asked for."""

import itertools
import operator
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np

from invert_core.activations.sparse import SparseUnits
from invert_core.activations.values import ActivationLayer
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError, SettingError, UnknownNameError
from invert_core.formula.formula import Formula
from invert_core.parallel import read_ahead
from invert_core.search.search import Units
from invert_core.wording import counted, first_few, nearest


@dataclass(frozen=True)
class Workload:
    """Units of some layers, over samples that activations and concepts share.

    Parameters
    ----------
    concepts : ConceptSet
        In the order of the activations.
    layers : tuple of (ActivationLayer, sequence of int)
        The layers and their units, ascending.
    rows : int64 array or None
        The samples of the activations to keep; None for all.
    """

    concepts: ConceptSet
    layers: tuple[tuple[ActivationLayer, Sequence[int]], ...]
    rows: np.ndarray | None

    @property
    def n_units(self) -> int:
        """Number of units, of all layers."""
        return sum(len(units) for _, units in self.layers)

    def after(self, n_done: int) -> "Workload":
        """What is left when the first units are done."""
        left = []
        for layer, units in self.layers:
            if len(units) > n_done:
                left.append((layer, units[n_done:]))
            n_done = max(0, n_done - len(units))
        return Workload(self.concepts, tuple(left), self.rows)

    def take(self, samples: np.ndarray) -> "Workload":
        """The same units on some of the samples, int64 [M]."""
        rows = samples if self.rows is None else self.rows[samples]
        return Workload(self.concepts.take(samples), self.layers, rows)

    def where_defined(self, formula: Formula) -> "Workload":
        """The samples on which a formula is defined; if these are not all, its concepts alone.

        Raises
        ------
        DataError
            It is defined on fewer than two samples.
        """
        if self.concepts.defined is None:
            return self
        kept = np.flatnonzero(formula.defined_on(self.concepts))
        if kept.size < 2:
            raise DataError(
                f"The formula {str(formula)!r} is defined on {counted(kept.size, 'sample')}, so "
                "there is nothing to compare.",
                "Give another formula.",
            )
        return replace(self, concepts=concepts_of(formula, self.concepts)).take(kept)

    @property
    def unit_names(self) -> dict[str, tuple[str, ...]]:
        """Names of all units of each layer whose units have names."""
        return {layer.name: layer.unit for layer, _ in self.layers if layer.unit is not None}

    def addresses(self) -> Iterator[tuple[str, int]]:
        """Layer and number of each unit."""
        for layer, units in self.layers:
            for unit in units:
                yield layer.name, unit

    def blocks(self, block: int | None) -> Generator[Units]:
        """The activations of all units, read by a thread of its own.

        Each block is of one layer and has at most `block` units, or as many as suit the file.
        """
        return read_ahead(
            itertools.chain.from_iterable(
                self._read(layer, units, layer.units_at_once if block is None else block)
                for layer, units in self.layers
            )
        )

    def _read(self, layer: ActivationLayer, units: Sequence[int], block: int) -> Iterator[Units]:
        if not isinstance(block, Integral) or block < 1:
            raise SettingError(
                f"The block is {block!r} units.", "Give a whole number of 1 or more."
            )
        for _, of_block in itertools.groupby(units, lambda unit: unit // block):
            wanted = np.array(list(of_block))
            read = layer.read(int(wanted[0]), int(wanted[-1]) + 1)
            if isinstance(read, SparseUnits):
                read = read.select(wanted - wanted[0])
                read = read if self.rows is None else read.take(self.rows)
            else:
                read = read if len(read) == wanted.size else read[wanted - wanted[0]]
                read = read if self.rows is None else read.take(self.rows, axis=1)
            yield read
            del read  # not to hold two blocks while the next is read


def concepts_of(formula: Formula, concepts: ConceptSet) -> ConceptSet:
    """The concepts that a formula names, in the order of the set."""
    return concepts.select(sorted({concepts.index(id) for id in formula.ids}))


def choose_units(
    available: Mapping[str, ActivationLayer],
    layers: Sequence[str] | None,
    units: Sequence[int] | None,
) -> tuple[tuple[ActivationLayer, Sequence[int]], ...]:
    """Those of the layers and units available that are asked for; None asks for all."""
    wanted = available if layers is None else [layers] if isinstance(layers, str) else layers
    for name in wanted:
        if name not in available:
            raise UnknownNameError(
                f"There is no layer {name!r}.",
                nearest(name, available, f"The layers are {first_few(list(available))}."),
            )
    if not wanted:
        raise SettingError("No layers are named.", "Name some, or leave the choice out for all.")
    numbers = None if units is None else sorted({operator.index(unit) for unit in units})
    chosen: list[tuple[ActivationLayer, Sequence[int]]] = [
        (layer, range(layer.n_units) if numbers is None else numbers)
        for layer in available.values()
        if layer.name in wanted
    ]
    for layer, of_layer in chosen:
        for unit in (*of_layer[:1], *of_layer[-1:]):
            if not 0 <= unit < layer.n_units:
                raise UnknownNameError(
                    f"There is no unit {unit} in layer {layer.name!r}.",
                    f"Its units are 0 to {layer.n_units - 1}.",
                )
    if not any(of_layer for _, of_layer in chosen):
        raise SettingError("No units are named.", "Name some, or leave the choice out for all.")
    return tuple(chosen)
