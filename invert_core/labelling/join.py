"""Joins activations and concepts on the samples that they share."""

import logging
from dataclasses import replace

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.matching import MATCHES, likeness, named_alike
from invert_core.errors import DataError
from invert_core.values import locate
from invert_core.wording import choice, counted, first_few

JOINS = ("strict", "inner")

_log = logging.getLogger("invert")


def join(
    sample_id: tuple[str, ...] | None,
    n_samples: int,
    concepts: ConceptSet,
    how: str = "strict",
    match: str = "exact",
) -> tuple[np.ndarray | None, ConceptSet]:
    """Join concepts to the samples of activations.

    Parameters
    ----------
    sample_id : tuple of str, or None
        Sample ids of the activations. If the activations or the concepts have none, samples are
        matched by position.
    n_samples : int
        Number of samples of the activations.
    concepts : ConceptSet
    how : {"strict", "inner"}
        Whether to refuse ("strict") or to leave out ("inner") samples that only one side has.
    match : {"exact", "name", "stem"}
        What of two sample ids must be equal; see `key_of`.

    Returns
    -------
    kept : int64 array, or None
        Positions of the kept samples among the activations, ascending; None if all are kept.
    concepts : ConceptSet
        The concepts on the kept samples, in the same order and with the ids of the activations.
    """
    if how not in JOINS:
        raise choice("join", how, JOINS)
    if match not in MATCHES:
        raise choice("match", match, MATCHES)
    if sample_id is None or concepts.sample_id is None:
        kept, joined = None, _by_position(sample_id, n_samples, concepts)
    else:
        sides = ("the concepts", "the activations")
        given = named_alike(concepts.sample_id, sample_id, match, sides)
        kept, joined = _by_id(sample_id, given, concepts, how)
    if joined.n_samples < 2:
        raise DataError(
            "Only 1 sample is left to compare.", "Give activations of at least two samples."
        )
    return kept, joined


def _by_position(
    sample_id: tuple[str, ...] | None, n_samples: int, concepts: ConceptSet
) -> ConceptSet:
    without = {(True, True): "Activations and concepts", (True, False): "The activations"}
    side = without.get((sample_id is None, concepts.sample_id is None), "The concepts") + " have"
    if n_samples != concepts.n_samples:
        raise DataError(
            f"{side} no sample ids to join on, and the counts differ: {n_samples:,} samples "
            f"with activations, {concepts.n_samples:,} with concepts.",
            "Give both sides sample ids (in a .npz, an array 'sample_id' of strings), or the same "
            "samples in the same order.",
        )
    # With ids on one side alone, nothing shows that the order is the same.
    level = logging.INFO if sample_id is concepts.sample_id is None else logging.WARNING
    _log.log(level, "%s no sample ids: samples are matched by position.", side)
    return concepts


def _by_id(
    wanted: tuple[str, ...], given: tuple[str, ...], concepts: ConceptSet, how: str
) -> tuple[np.ndarray | None, ConceptSet]:
    if wanted == given == concepts.sample_id:
        return None, concepts
    if len(set(wanted)) != len(wanted):
        raise DataError(
            "Sample ids of the activations repeat.", "Extract them again with unique sample ids."
        )
    place = locate(wanted, given)
    found = place >= 0
    kept = np.flatnonzero(found)
    alike = likeness(wanted, given) if kept.size < min(len(wanted), len(given)) else None
    told = "" if alike is None else f" {alike.told}"
    if kept.size == 0:
        raise DataError(
            f"Activations and concepts have no sample id in common: {first_few(wanted)} against "
            f"{first_few(given)}.{told}",
            "Name the samples alike on both sides." if alike is None else alike.hint,
        )
    if how == "strict" and (kept.size < len(wanted) or kept.size < len(given)):
        raise DataError(
            _difference(wanted, given) + told,
            "Keep the common ones with: --join inner" if alike is None else alike.hint,
        )
    if alike is not None:
        _log.warning("Among the samples left out,%s %s", told, alike.hint)
    if kept.size < max(len(wanted), len(given)):
        _log.info(
            "%s %s in both (activations: %s, concepts: %s).",
            counted(kept.size, "sample"),
            "is" if kept.size == 1 else "are",
            f"{len(wanted):,}",
            f"{len(given):,}",
        )
    if given is not concepts.sample_id:
        concepts = replace(concepts, sample_id=given)
    return (None if found.all() else kept), concepts.take(place[found])


def _difference(wanted: tuple[str, ...], given: tuple[str, ...]) -> str:
    sides = []
    for these, others, lack in (
        (wanted, set(given), "samples with activations have no concepts"),
        (given, set(wanted), "samples with concepts have no activations"),
    ):
        alone = [id for id in these if id not in others]
        if alone:
            sides.append(f"{len(alone):,} of {len(these):,} {lack} ({first_few(alone)})")
    return f"{'; '.join(sides)}."
