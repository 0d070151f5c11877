"""The work of a labelling: concepts joined to activations, and the chosen units."""

import itertools
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral

import numpy as np

from invert_core.activations.groups import Groups
from invert_core.activations.sparse import SparseUnits
from invert_core.activations.values import ActivationLayer
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.formula.formula import Formula
from invert_core.parallel import read_ahead
from invert_core.search.search import Units
from invert_core.settings import OBJECTIVES, OF_VALUES
from invert_core.values import sample_name
from invert_core.wording import counted

_OF_ORDER = [name for name in OBJECTIVES if name not in OF_VALUES]


@dataclass(frozen=True)
class Workload:
    """Units of some layers, over the samples that activations and concepts share.

    Parameters
    ----------
    concepts : ConceptSet
        The concepts, with their samples in the order of the activations.
    layers : tuple of (ActivationLayer, sequence of int)
        The layers and their units, ascending.
    kept : int64 array or None
        Positions of the samples to keep among the activations; None keeps all.
    groups : Groups or None
        The group of each of the samples; None if they are independent.
    held_out : Workload or None
        The same units over held-out samples, on which the formulas that are found are tested.
    joined : ConceptSet or None
        The concepts on all samples of the activations, if some of them are held out.
    source : mapping of str to str
        Where the samples can be found again, as `Activations` say; of samples that can be, also
        `n_samples`, their number, and `manifest`, the SHA-256 that identifies them all.
    sample_mark : uint64 array or None
        That of `Activations`.
    """

    concepts: ConceptSet
    layers: tuple[tuple[ActivationLayer, Sequence[int]], ...]
    kept: np.ndarray | None
    groups: Groups | None = None
    held_out: "Workload | None" = None
    joined: ConceptSet | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    sample_mark: np.ndarray | None = None

    @property
    def all_concepts(self) -> ConceptSet:
        """The concepts on all samples of the activations, held out or not."""
        return self.concepts if self.joined is None else self.joined

    @property
    def n_units(self) -> int:
        """Number of units in all layers."""
        return sum(len(units) for _, units in self.layers)

    @property
    def dtypes(self) -> tuple[np.dtype, ...]:
        """The types of the activations as they are read, each once."""
        return tuple(dict.fromkeys(layer.dtype for layer, _ in self.layers))

    def after(self, n_done: int) -> "Workload":
        """Return the workload without its first units."""
        left, skipped = [], n_done
        for layer, units in self.layers:
            if len(units) > n_done:
                left.append((layer, units[n_done:]))
            n_done = max(0, n_done - len(units))
        held_out = None if self.held_out is None else self.held_out.after(skipped)
        return replace(self, layers=tuple(left), held_out=held_out)

    def take(self, samples: np.ndarray) -> "Workload":
        """Return the same units on some of the samples, given by positions int64 [M]."""
        kept = samples if self.kept is None else self.kept[samples]
        groups = None if self.groups is None else self.groups.take(samples)
        return Workload(self.concepts.take(samples), self.layers, kept, groups)

    def where_defined(self, formula: Formula) -> "Workload":
        """Return the workload on the samples on which a formula is defined.

        If any concept has missing marks, only the concepts of the formula are kept.
        """
        if self.concepts.defined is None:
            return self
        samples = np.flatnonzero(formula.defined_on(self.concepts))
        if samples.size < 2:
            raise DataError(
                f"The formula {str(formula)!r} is defined on {counted(samples.size, 'sample')}, so "
                "there is nothing to compare.",
                "Give another formula.",
            )
        return replace(self, concepts=concepts_of(formula, self.concepts)).take(samples)

    @property
    def unit_names(self) -> dict[str, tuple[str, ...]]:
        """The names of all units, for each layer whose units have names."""
        return {layer.name: layer.unit for layer, _ in self.layers if layer.unit is not None}

    @property
    def aliases(self) -> dict[str, str]:
        """The alias of each layer that has one."""
        return {layer.name: layer.alias for layer, _ in self.layers if layer.alias}

    def addresses(self) -> Iterator[tuple[str, int]]:
        """Yield layer and number of each unit."""
        for layer, units in self.layers:
            for unit in units:
                yield layer.name, unit

    def blocks(self, block: int | None, *, finite: bool = False) -> Generator[Units]:
        """Yield the activations of all units, which a separate thread reads ahead.

        A block holds units of one layer: at most `block`, or as many as suit the file if it is
        None. With `finite`, infinite activations are refused.
        """
        return read_ahead(
            itertools.chain.from_iterable(
                self._read(layer, units, layer.units_at_once if block is None else block, finite)
                for layer, units in self.layers
            )
        )

    def _read(
        self, layer: ActivationLayer, units: Sequence[int], block: int, finite: bool
    ) -> Iterator[Units]:
        if not isinstance(block, Integral) or block < 1:
            raise SettingError(
                f"The block size is {block!r} units.", "Give a whole number of 1 or more."
            )
        for _, of_block in itertools.groupby(units, lambda unit: unit // block):
            wanted = np.array(list(of_block))
            read = layer.read(int(wanted[0]), int(wanted[-1]) + 1)
            if isinstance(read, SparseUnits):
                read = read.select(wanted - wanted[0])
                read = read if self.kept is None else read.take(self.kept)
            else:
                read = read if len(read) == wanted.size else read[wanted - wanted[0]]
                read = read if self.kept is None else read.take(self.kept, axis=1)
            if finite:
                self._refuse_infinite(read, layer, wanted)
            yield read
            del read  # free this block before the next one is read

    def _refuse_infinite(self, read: Units, layer: ActivationLayer, units: np.ndarray) -> None:
        for number, unit in enumerate(units.tolist()):
            samples = np.arange(self.concepts.n_samples)
            values = read[number]
            if isinstance(read, SparseUnits):
                samples, values = read[number]
            infinite = samples[np.isinf(values)]
            if infinite.size:
                sample = infinite.min() if self.kept is None else self.kept[infinite.min()]
                raise DataError(
                    f"The activation of unit {layer.name}:{unit} is infinite for "
                    f"{sample_name(layer.sample_id, int(sample))}, and infinite ones have no mean.",
                    "Leave the unit out with --units, or take an objective that uses only the "
                    f"order of activations: {', '.join(_OF_ORDER)}.",
                )


def concepts_of(formula: Formula, concepts: ConceptSet) -> ConceptSet:
    """Return the concepts that a formula names, in the order of the set."""
    return concepts.select(sorted({concepts.index(id) for id in formula.ids}))
