"""Says what missing labels mean, and decides what happens to them."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.packing import full_sets
from invert_core.errors import DataError, SettingError
from invert_core.values import SENTINELS, UNDEFINED
from invert_core.wording import choice, counted, first_few

MISSING = ("error", "negative", "exclude")
VALUE = "value"
KINDS = (*SENTINELS, "absent")
"""What may be missing in its own way: a kind of cells, or labels that no source has."""

_EXAMPLE = "--missing blank=negative,-1=exclude"
_EXAMPLE_OF_ABSENT = "--missing blank=negative,absent=exclude"

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class Missing:
    """What happens to each kind of missing labels.

    Parameters
    ----------
    how : {"error", "negative", "exclude"}
        What happens to the kinds that are not given.
    given : mapping of a kind in `KINDS` to what happens to it
        For -1 and NA it may be "value": an ordinary number, class or tag.
    found : counter of (mark, kind)
        How many labels of each kind got a mark; readers count them with `count`.
    """

    how: str = "error"
    given: Mapping[str, str] = field(default_factory=dict)
    found: Counter[tuple[int, str]] = field(default_factory=Counter, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "exclude", "blank=negative,-1=exclude", or both as in "exclude,-1=value".

        A SettingError says what is wrong.
        """
        if not isinstance(text, str):
            raise TypeError(f"missing is text, not {type(text).__name__}")
        how, given = None, {}
        for part in map(str.strip, text.split(",")):
            kind, equals, treatment = map(str.strip, part.partition("="))
            if equals and kind not in KINDS:
                raise choice("kind of missing labels", kind, KINDS)
            known = (*MISSING, VALUE) if kind in ("-1", "NA") else MISSING
            if (treatment if equals else part) not in known:
                raise choice("treatment of missing labels", treatment if equals else part, known)
            if kind in given or (how is not None and not equals):
                raise SettingError(
                    f"Missing labels are treated twice in {text!r}.", f"Write, say, {_EXAMPLE}."
                )
            if equals:
                given[kind] = treatment
            else:
                how = part
        return cls(how or "error", given)

    def of(self, kind: str) -> str:
        """What happens to a kind; NA goes with blanks unless it is given."""
        if kind == "NA" and "NA" not in self.given:
            kind = "blank"
        return self.given.get(kind, self.how)

    def mark(self, kind: str) -> int | None:
        """The mark of a kind of cells; None if it is refused where it is read.

        If no kind is given, all stay undefined: `resolve_missing` counts them and decides.
        """
        if not self.given:
            return UNDEFINED
        return {"negative": 0, "exclude": UNDEFINED}.get(self.of(kind))

    def count(self, kind: str, n_labels: int) -> None:
        """Count labels of a kind that a source holds or lacks."""
        mark = self.mark(kind)
        if n_labels and mark is not None:
            self.found[mark, kind] += n_labels

    def count_cells(self, kinds: np.ndarray, n_concepts: int = 1) -> None:
        """Count cells, each a label of some concepts, by the places of kinds as 0 or from 1."""
        if self.given:
            for place, kind in enumerate(SENTINELS, 1):
                self.count(kind, int(np.count_nonzero(kinds == place)) * n_concepts)

    def log_counts(self) -> None:
        """Log how many labels of each kind were taken for 0 or stay undefined, if any is given."""
        if not self.given:
            return
        parts = []
        for (mark, kind), n_labels in sorted(self.found.items()):
            stay = "stays undefined" if n_labels == 1 else "stay undefined"
            told = stay if mark == UNDEFINED else "taken for 0"
            parts.append(f"{counted(n_labels, 'missing label')} ({kind}) {told}")
        if parts:
            _log.info("%s.", "; ".join(parts))

    def refusal(self, where: str, kind: str, *, valued: bool = False) -> DataError:
        """The error for a cell, or cells, whose kind has no mark.

        `valued` says that the kind could as well be a number, a class or a tag.
        """
        if self.of(kind) == VALUE:
            return DataError(
                f"{where}: {kind} is no label, and {kind}=value is for numbers, classes and tags "
                "only.",
                f"Write {kind}=negative if it means 0, or {kind}=exclude if nobody knows.",
            )
        value = f", or {kind}=value if it is a value like others" if valued else ""
        return DataError(
            f"{where}: --missing does not say what {kind} means.",
            f"Add {kind}=negative if it means 0, or {kind}=exclude if nobody knows{value}, "
            f"as in {_EXAMPLE_OF_ABSENT if kind == 'absent' else _EXAMPLE}.",
        )


NOTHING_GIVEN = Missing()
"""No kind has a meaning of its own."""


def check_missing(how: str) -> None:
    """Raise a SettingError unless `Missing.parse` reads `how`."""
    Missing.parse(how)


def resolve_missing(concepts: ConceptSet, how: str, *, absent: bool = False) -> ConceptSet:
    """Decide on the samples on which concepts are not defined.

    Parameters
    ----------
    concepts : ConceptSet
    how : {"error", "negative", "exclude"}, or kinds as in "blank=negative,-1=exclude"
        Whether such samples are refused, taken for samples that do not carry the concept, or kept
        undefined, so that a formula is only compared where it is defined. If kinds are given, the
        readers have decided, and what is undefined stays so.
    absent : bool
        Whether no source has some of the labels.
    """
    missing = Missing.parse(how)
    if concepts.defined is None or missing.given or missing.how == "exclude":
        return concepts
    n_missing = concepts.n_samples - concepts.n_defined
    n_concepts = int(np.count_nonzero(n_missing))
    if missing.how == "negative":
        _log.info(
            "%s of %s taken for 0.",
            counted(int(n_missing.sum()), "missing label"),
            counted(n_concepts, "concept"),
        )
        return replace(concepts, defined=None)
    which = ": " if n_concepts == 1 else ", most of them of "
    raise DataError(
        f"{counted(int(n_missing.sum()), 'label')} of {counted(n_concepts, 'concept')} "
        f"{'is' if n_missing.sum() == 1 else 'are'} missing (blank, NaN, -1, or left open)"
        f"{which}{_most(concepts, n_missing)}.",
        "Give --missing negative if they mean 0, or --missing exclude to compare each formula on "
        "the samples where it is defined, or say it for each kind, as in "
        f"{_EXAMPLE_OF_ABSENT if absent else _EXAMPLE}; -1=value takes -1 for a number or a class.",
    )


def resolve_absent(concepts: ConceptSet, gaps: ConceptSet, missing: Missing) -> ConceptSet:
    """Decide on labels that no source has, if kinds are given.

    Parameters
    ----------
    concepts : ConceptSet
    gaps : ConceptSet
        The same concepts, undefined only where no source has a label.
    missing : Missing
    """
    if gaps.defined is None:
        return concepts
    absent = gaps.n_samples - gaps.n_defined
    missing.count("absent", int(absent.sum()))
    if not missing.given or not absent.any() or missing.of("absent") == "exclude":
        return concepts
    if missing.of("absent") == "error":
        raise missing.refusal(
            f"No source has {counted(int(absent.sum()), 'label')} of "
            f"{counted(int(np.count_nonzero(absent)), 'concept')} ({_most(gaps, absent)})",
            "absent",
        )
    assert concepts.defined is not None
    filled = full_sets(len(concepts.id), concepts.n_samples) & ~gaps.defined
    return replace(concepts, defined=concepts.defined | filled)


def decided(labels: np.ndarray, missing: Missing, called: str) -> np.ndarray:
    """Labels in which -1 and NaN are 0 if that is what they mean; `called` names them."""
    if not missing.given or labels.dtype.kind not in "if":
        return labels
    found = {"-1": labels == -1}
    if labels.dtype.kind == "f":
        found["blank"] = np.isnan(labels)
    for kind, here in found.items():
        if not here.any():
            continue
        mark = missing.mark(kind)
        if mark is None:
            raise missing.refusal(called, kind)
        missing.count(kind, int(here.sum()))
        if mark != UNDEFINED:
            labels = np.where(here, np.zeros((), labels.dtype), labels)
    return labels


def _most(concepts: ConceptSet, absent: np.ndarray) -> str:
    order = np.argsort(-absent, kind="stable")
    return first_few([concepts.id[index] for index in order[: int((absent > 0).sum())].tolist()])
