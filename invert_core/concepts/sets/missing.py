"""Decides what happens to missing labels."""

import logging
from dataclasses import replace

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError
from invert_core.wording import choice, counted, first_few

MISSING = ("error", "negative", "exclude")

_log = logging.getLogger("invert")


def check_missing(how: str) -> None:
    """Raise a SettingError unless `how` is in `MISSING`."""
    if how not in MISSING:
        raise choice("treatment of missing labels", how, MISSING)


def resolve_missing(concepts: ConceptSet, how: str) -> ConceptSet:
    """Decide on the samples on which concepts are not defined.

    Parameters
    ----------
    concepts : ConceptSet
    how : {"error", "negative", "exclude"}
        Whether such samples are refused, taken for samples that do not carry the concept, or kept
        undefined, so that a formula is only compared where it is defined.
    """
    check_missing(how)
    if concepts.defined is None or how == "exclude":
        return concepts
    absent = concepts.n_samples - concepts.n_defined
    n_concepts = int(np.count_nonzero(absent))
    if how == "negative":
        _log.info(
            "%s of %s taken for 0.",
            counted(int(absent.sum()), "missing label"),
            counted(n_concepts, "concept"),
        )
        return replace(concepts, defined=None)
    raise DataError(
        f"{counted(int(absent.sum()), 'label')} of {counted(n_concepts, 'concept')} "
        f"{'is' if absent.sum() == 1 else 'are'} missing (blank, NaN, -1, or left open), most of "
        f"them of {_most(concepts, absent)}.",
        "Give --missing negative if they mean 0, or --missing exclude to compare each formula on "
        "the samples where it is defined.",
    )


def _most(concepts: ConceptSet, absent: np.ndarray) -> str:
    order = np.argsort(-absent, kind="stable")
    return first_few([concepts.id[index] for index in order[: int((absent > 0).sum())].tolist()])
