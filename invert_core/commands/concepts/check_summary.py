"""What ``invert concepts build`` says about the concepts, in a few sentences."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from invert_core.wording import counted, first_few

if TYPE_CHECKING:
    from invert_core.concepts.quick_check import ConceptCheck
    from invert_core.concepts.sets.concept_set import ConceptSet


def size_and_place(concepts: "ConceptSet", output: Path, *, dry_run: bool = False) -> str:
    """Say how many concepts and samples are in the output, or would be."""
    n_concepts = len(concepts.id)
    return (
        f"{counted(n_concepts, 'concept')} of {counted(concepts.n_samples, 'sample')} "
        f"{'would be' if dry_run else _are(n_concepts)} in {str(output)!r}."
    )


def sentences(check: "ConceptCheck", concepts: "ConceptSet") -> list[str]:
    """Say what is missing, empty, full or equal, and nothing about what does not occur."""
    share = f"{100 * check.density:.3g} %"
    told = [f"{share} of the labels are true."]
    if check.n_missing:
        told = [
            f"{counted(check.n_missing, 'label')} {_are(check.n_missing)} missing; {share} of the "
            "others are true."
        ]
    for ids, where in (
        (check.empty, "true on no sample"),
        (check.full, "true on every sample" if not check.n_missing else "true wherever defined"),
        (check.nowhere, "defined on no sample"),
    ):
        if ids:
            told.append(
                f"{counted(len(ids), 'concept')} {_are(len(ids))} {where}: {_few(ids, concepts)}."
            )
    if check.equal:
        n_groups = len(check.equal)
        told.append(
            f"{counted(n_groups, 'group')} of concepts {_are(n_groups)} true on the same samples: "
            f"{_groups(check.equal, concepts)}."
        )
    if check.n_bare_samples:
        told.append(
            f"{counted(check.n_bare_samples, 'sample')} "
            f"{'carries' if check.n_bare_samples == 1 else 'carry'} no concept."
        )
    return told


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _few(ids: Sequence[str], concepts: "ConceptSet") -> str:
    """Name the first few concepts by their ids, and by their names if these differ."""

    def called(id: str) -> str:
        name = concepts.name_of(id)
        return repr(id) if name == id else f"{id!r} ({name})"

    return first_few(ids, called=called)


def _groups(groups: Sequence[Sequence[str]], concepts: "ConceptSet", shown: int = 3) -> str:
    named = "; ".join(_few(group, concepts) for group in groups[:shown])
    return f"{named}; and {len(groups) - shown:,} more" if len(groups) > shown else named
