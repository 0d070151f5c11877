"""What is to be labelled: the samples, the concepts and the units that were asked for."""

import itertools
import operator
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

import numpy as np
import numpy.typing as npt

from invert_core.activations.reading import open_activations
from invert_core.activations.sparse import SparseUnits, SupportsCsc
from invert_core.activations.values import ActivationLayer, Activations
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import resolve_missing
from invert_core.concepts.sets.packing import unmasked
from invert_core.errors import DataError, SettingError, UnknownNameError
from invert_core.labelling.join import join as join_samples
from invert_core.parallel import read_ahead
from invert_core.search.search import Units
from invert_core.wording import first_few, nearest

ActivationSource = Activations | str | Path | npt.ArrayLike | SupportsCsc
ConceptSource = ConceptSet | str | Path | Mapping[str, npt.ArrayLike]


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


@contextmanager
def open_workload(
    activations: ActivationSource,
    concepts: ConceptSource,
    *,
    names: Path | None,
    layers: Sequence[str] | None,
    units: Sequence[int] | None,
    join: str,
    missing: str = "error",
) -> Iterator[Workload]:
    """Join activations and concepts, and choose layers and units; arguments as for `label`."""
    with open_source(activations) as opened:
        rows, joined = join_samples(
            opened.sample_id, opened.n_samples, _as_concepts(concepts, names), how=join
        )
        resolved = resolve_missing(joined, missing)
        yield Workload(resolved, _choose(opened.layers, layers, units), rows)


def open_source(source: ActivationSource) -> AbstractContextManager[Activations]:
    """Activations from wherever they are; those that are open stay open afterwards."""
    if isinstance(source, Activations):
        return nullcontext(source)
    if isinstance(source, str | Path):
        return open_activations(Path(source))
    return Activations.from_array(source)


def _as_concepts(source: ConceptSource, names: Path | None) -> ConceptSet:
    if isinstance(source, ConceptSet):
        return source
    if isinstance(source, str | Path):
        from invert_core.concepts.building import read_concepts

        return read_concepts(Path(source), names, missing="exclude")
    if not isinstance(source, Mapping):
        raise DataError(
            f"Concepts cannot be a {type(source).__name__}.",
            "Give a path, a ConceptSet, or a mapping of each id to a bool array [n_samples].",
        )
    columns = [unmasked(column) for column in source.values()]
    if any(column.ndim != 1 for column in columns):
        raise DataError(
            "The labels of a concept are not one-dimensional.",
            "Give each concept one label per sample, as a bool array [n_samples].",
        )
    if not columns or any(column.shape != columns[0].shape for column in columns):
        raise DataError(
            "The labels of the concepts have different lengths, or there are none.",
            "Give each concept one label per sample.",
        )
    return ConceptSet.from_arrays(np.stack(columns, axis=1), tuple(source))


def _choose(
    available: Mapping[str, ActivationLayer],
    layers: Sequence[str] | None,
    units: Sequence[int] | None,
) -> tuple[tuple[ActivationLayer, Sequence[int]], ...]:
    wanted = available if layers is None else [layers] if isinstance(layers, str) else layers
    for name in wanted:
        if name not in available:
            raise UnknownNameError(
                f"There is no layer {name!r}.",
                f"{nearest(name, available)} The layers are {first_few(list(available))}.".strip(),
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
