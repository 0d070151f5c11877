"""The inputs of a labelling as the caller gives them; opening them yields a `Workload`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from invert_core.activations.reading import open_activations
from invert_core.activations.sparse import SupportsCsc
from invert_core.activations.values import Activations
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import Missing, decided, resolve_missing
from invert_core.concepts.sets.packing import as_marks
from invert_core.errors import DataError
from invert_core.labelling.choosing import UnitChoice, choose_units
from invert_core.labelling.choosing_concepts import choose_concepts
from invert_core.labelling.grouping import (
    GroupSource,
    groups_of,
    held_out_groups,
    refuse_shared,
    say_what_stays_empty,
)
from invert_core.labelling.holding_out import (
    check_holdout,
    hold_out,
    ids_of_both,
    noting_held_out,
    set_apart,
    warn_of_extraction,
)
from invert_core.labelling.join import join as join_samples
from invert_core.labelling.workload import Workload
from invert_core.values import as_rows, check_text, has_own_index

ActivationSource = Activations | str | Path | npt.ArrayLike | SupportsCsc
ConceptSource = ConceptSet | str | Path | Mapping[str, npt.ArrayLike]


@dataclass(frozen=True, eq=False)
class Inputs:
    """Activations and concepts, which part of them to use, and how to join them.

    Parameters
    ----------
    activations, concepts, layers, units, names, join, missing, match, include, exclude, groups
        As for `label`.
    holdout, held_out
        As for `label`; at most one of them.
    takes_groups : bool
        Whether the caller can give groups, if the samples look as if they were in groups.
    """

    activations: ActivationSource
    concepts: ConceptSource
    layers: Sequence[str] | None = None
    units: UnitChoice | None = None
    names: Path | None = None
    join: str = "strict"
    missing: str = "error"
    match: str = "exact"
    include: Sequence[str] | None = None
    exclude: Sequence[str] | None = None
    groups: GroupSource | None = None
    holdout: float = 0.0
    held_out: ActivationSource | None = None
    takes_groups: bool = True

    def __post_init__(self) -> None:
        check_holdout(self.holdout, self.held_out)

    @contextmanager
    def open(self, seed: int = 0) -> Iterator[Workload]:
        """Read the concepts, join them to the activations, and choose layers and units.

        The workload reads the activations later, block by block, while the context is open. If
        samples are held out, `seed` decides which; the workload has the others.
        """
        # If one index names samples, 0, 1, 2, … of the other are names, not positions.
        numbered = has_own_index(self.activations) or has_own_index(self.concepts)
        with ExitStack() as stack:
            opened = stack.enter_context(open_source(self.activations, numbered=numbered))
            chosen = choose_concepts(self._concept_set(numbered), self.include, self.exclude)
            ids, n_samples, held = opened.sample_id, opened.n_samples, None
            if self.held_out is not None:
                with noting_held_out():
                    held = stack.enter_context(open_source(self.held_out, numbered=True))
                ids = ids_of_both(opened, held, chosen, self.match)
                n_samples = len(ids)
            kept, joined = join_samples(ids, n_samples, chosen, how=self.join, match=self.match)
            concepts = resolve_missing(joined, self.missing)
            units = choose_units(opened.layers, self.layers, self.units)
            work = Workload(concepts, units, kept)
            if held is not None:
                work = set_apart(work, opened.n_samples, held)
                warn_of_extraction(opened, held, (layer.name for layer, _ in units))
            groups = groups_of(
                *(self.groups, opened, work.concepts, work.kept, self.match),
                can_be_given=self.takes_groups,
            )
            if held is not None and work.held_out is not None and groups is not None:
                known = held, work.held_out.concepts, work.held_out.kept
                of_held = held_out_groups(self.groups, *known, self.match, opened.sample_id)
                if of_held is None:
                    say_what_stays_empty()
                else:
                    refuse_shared(groups.names, of_held)
                work = replace(work, held_out=replace(work.held_out, groups=of_held))
            work = hold_out(replace(work, groups=groups), self.holdout, seed)
            yield replace(work, source=_source_of(opened), sample_mark=opened.sample_mark)

    def _concept_set(self, numbered: bool) -> ConceptSet:
        if isinstance(self.concepts, ConceptSet):
            return self.concepts
        missing = Missing.parse(self.missing)
        if isinstance(self.concepts, str | Path):
            # Whoever has arrays needs no readers.
            from invert_core.concepts.building import read_concepts

            return read_concepts(
                Path(self.concepts), self.names, self.missing if missing.given else "exclude"
            )
        if isinstance(self.concepts, Mapping):
            return _from_arrays(self.concepts, numbered, missing)
        if hasattr(self.concepts, "iloc") and self.concepts.ndim == 2:
            check_text("concept id", list(self.concepts.columns), unique=True)
            return _from_arrays(dict(self.concepts.items()), numbered, missing)
        raise DataError(
            f"Concepts cannot be a {type(self.concepts).__name__}.",
            "Give a path, a ConceptSet, or a mapping of each id to a bool array [n_samples], such "
            "as a pandas DataFrame.",
        )


def open_source(
    source: ActivationSource, *, numbered: bool = False
) -> AbstractContextManager[Activations]:
    """Open activations from any source; leaving the context does not close open `Activations`.

    `numbered` says whether the index 0, 1, 2, … of a pandas object holds sample ids.
    """
    if isinstance(source, Activations):
        return nullcontext(source)
    if isinstance(source, str | Path):
        return open_activations(Path(source))
    return Activations.from_array(source, numbered=numbered)


def _source_of(activations: Activations) -> dict[str, str]:
    """Return where the samples can be found again, and how to know them; {} if nobody knows."""
    if not activations.source:
        return {}
    manifest = activations.extraction.get("data")
    known = {"manifest": manifest} if isinstance(manifest, str) else {}
    return {**activations.source, **known, "n_samples": str(activations.n_samples)}


def _from_arrays(
    arrays: Mapping[str, npt.ArrayLike], numbered: bool, missing: Missing
) -> ConceptSet:
    read, sample_id = as_rows(
        arrays, "the labels of the concept {!r}".format, read=as_marks, numbered=numbered
    )
    marks = [decided(labels, missing, f"Concept {id!r}") for id, labels in read.items()]
    missing.log_counts()
    if any(array.ndim != 1 for array in marks):
        raise DataError(
            "The labels of a concept are not one-dimensional.",
            "Give each concept one label per sample, as a bool array [n_samples].",
        )
    if not marks or any(array.shape != marks[0].shape for array in marks):
        raise DataError(
            "The labels of the concepts have different lengths, or there are none.",
            "Give each concept one label per sample.",
        )
    return ConceptSet.from_arrays(np.stack(marks, axis=1), tuple(arrays), sample_id=sample_id)
