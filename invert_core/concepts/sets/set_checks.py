"""Checks what must hold for a concept set."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_core.errors import DataError
from invert_core.kernels.bits import whole_set
from invert_core.values import SAMPLE_LIMIT, check_text

if TYPE_CHECKING:
    from invert_core.concepts.sets.concept_set import ConceptSet


def check_set(concepts: "ConceptSet") -> dict[str, Any]:
    """Check a concept set; return its arrays in the form that all other code relies on."""
    if not concepts.id or concepts.n_samples < 1:
        raise DataError(
            f"A concept set needs at least one concept and one sample, "
            f"but there are {len(concepts.id)} and {concepts.n_samples}.",
            "Check that the labels are not empty.",
        )
    check_text("concept id", concepts.id, unique=True)
    check_count("concept name", concepts.name, len(concepts.id))
    check_text("concept name", concepts.name)
    check_count("concept definition", concepts.definition, len(concepts.id))
    check_text("concept definition", concepts.definition, may_be_empty=True)
    if concepts.sample_id is not None:
        check_count("sample id", concepts.sample_id, concepts.n_samples)
        check_text("sample id", concepts.sample_id, unique=True)
    if concepts.n_samples > SAMPLE_LIMIT:
        raise DataError(
            f"There are {concepts.n_samples:,} samples, more than {SAMPLE_LIMIT:,}.",
            "Give fewer samples.",
        )
    _check_aliases(concepts)
    bits = _checked_bits("bits", concepts.bits, concepts)
    return {
        "bits": bits,
        "defined": _checked_defined(bits, concepts),
        "parents": _checked_parents(concepts),
    }


def check_count(what: str, values: Sequence[str], count: int) -> None:
    """Refuse, with a DataError, a number of names or ids other than `count`."""
    if len(values) != count:
        raise DataError(
            f"There are {len(values)} {what}s, but {count} are needed.",
            f"Give one {what} for each.",
        )


def _check_aliases(concepts: "ConceptSet") -> None:
    if not concepts.aliases:
        return
    check_text("concept name", [alias.name for alias in concepts.aliases])
    check_text("concept id", [*concepts.id, *(alias.id for alias in concepts.aliases)], unique=True)
    for alias in concepts.aliases:
        if not 0 <= alias.concept < len(concepts.id):
            raise DataError(
                f"The alias {alias.id!r} stands for concept number {alias.concept}.",
                f"The concepts are numbered from 0 to {len(concepts.id) - 1}.",
            )


def _checked_bits(what: str, bits: np.ndarray, concepts: "ConceptSet") -> np.ndarray:
    n_samples = concepts.n_samples
    shape = (len(concepts.id), (n_samples + 63) // 64)
    if bits.shape != shape or bits.dtype != np.uint64:
        raise DataError(
            f"The {what} have shape {bits.shape} and type {bits.dtype}.",
            f"{shape[0]} concepts on {n_samples} samples are uint64 of shape {shape}.",
        )
    used = n_samples % 64
    if used and (bits[:, -1] >> np.uint64(used)).any():
        raise DataError(
            f"Some {what} are set after the last of {n_samples} samples.",
            "Check the number of samples.",
        )
    return np.ascontiguousarray(bits)


def _checked_defined(bits: np.ndarray, concepts: "ConceptSet") -> np.ndarray | None:
    if concepts.defined is None:
        return None
    defined = _checked_bits("bits of what is defined", concepts.defined, concepts)
    wrong = (bits & ~defined).any(axis=1)
    if wrong.any():
        raise DataError(
            f"Concept {concepts.id[int(np.argmax(wrong))]!r} is true on samples on which it is not "
            "defined.",
            "A label is true, false or not defined.",
        )
    return None if (defined == whole_set(concepts.n_samples)).all() else defined


def _checked_parents(concepts: "ConceptSet") -> np.ndarray:
    parents = concepts.parents if concepts.parents.size else np.zeros((0, 2), np.int64)
    if parents.ndim != 2 or parents.shape[1] != 2 or parents.dtype.kind not in "iu":
        raise DataError(
            f"The parents have shape {parents.shape} and type {parents.dtype}.",
            "Give a pair of indices (child, parent) for each edge.",
        )
    if parents.size and (parents.min() < 0 or parents.max() >= len(concepts.id)):
        raise DataError(
            f"The parents name concepts from {parents.min()} to {parents.max()}.",
            f"The concepts are numbered from 0 to {len(concepts.id) - 1}.",
        )
    own = parents[:, 0] == parents[:, 1]
    if own.any():
        raise DataError(
            f"Concept {concepts.id[parents[own][0, 0]]!r} is named as a parent of itself.",
            "Leave this edge out.",
        )
    return np.ascontiguousarray(parents, dtype=np.int64)
