"""Writes a concept set as CSV tables in one folder, and gives its marks in blocks of samples."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from invert_core.concepts.hierarchy.ancestors import marks_upward
from invert_core.concepts.hierarchy.paths import find_cycle, parents_above
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.files.atomic import new_folder
from invert_core.files.outputs import not_replaced, refuse_foreign
from invert_core.files.storage import storage_errors
from invert_core.kernels.bits import unpack
from invert_core.wording import counted, first_few

MARKER = "labels.csv"
HEADERS = {
    MARKER: "sample_id,concept_id,value",
    "names.csv": "concept_id,name,definition",
    "parents.csv": "child,parent",
    "aliases.csv": "alias_id,name,concept_id",
}

_log = logging.getLogger("invert")

_CELLS = 1 << 22
"""The approximate number of marks in a block."""


def write_tables(path: Path, concepts: ConceptSet, *, overwrite: bool = False) -> None:
    """Write a folder of CSV tables.

    ``labels.csv`` has the columns sample_id, concept_id and value. It has a line for each pair of
    a sample and a concept whose mark is 1, or -1 for undefined. All other marks are 0. A concept
    without any line gets one line with 0, and a sample without any line gets one without a concept.

    ``names.csv`` has the columns concept_id, name and definition, ``parents.csv`` child and parent,
    ``aliases.csv`` alias_id, name and concept_id; the last two exist only if they have lines.
    Samples without ids are numbered from 0. If ``parents.csv`` is read as a hierarchy, each concept
    gets the marks of its children too; a log message names the concepts that this would change.
    """
    tables: dict[str, Iterable[Sequence[str]]] = {
        "names.csv": zip(concepts.id, concepts.name, concepts.definition, strict=True)
    }
    if concepts.parents.size:
        edges = concepts.parents.tolist()
        tables["parents.csv"] = ([concepts.id[index] for index in edge] for edge in edges)
    if concepts.aliases:
        tables["aliases.csv"] = (
            (alias.id, alias.name, concepts.id[alias.concept]) for alias in concepts.aliases
        )
    if concepts.sample_id is None:
        _log.info("The samples have no ids; in %s they are numbered from 0.", MARKER)
    changed = _changed_by_parents(concepts)
    if changed:
        _log.warning(
            "Labels of %s do not follow from the concepts below: %s. They change when the tables "
            "are read with parents.csv as the hierarchy; a file .npz keeps them.",
            counted(len(changed), "concept"),
            first_few(changed),
        )
    with (
        new_folder(path, overwrite=overwrite, refuse=refuse_other) as partial,
        storage_errors(path),
    ):
        _write(partial / MARKER, _label_lines(concepts))
        for name, rows in tables.items():
            _write(partial / name, (",".join(map(_cell, row)) + "\n" for row in rows))


def refuse_other(folder: Path) -> None:
    """Refuse to replace a folder that holds anything but tables like those of `write_tables`."""
    refuse_foreign(folder, MARKER, HEADERS, "an export of concepts")
    for path in folder.iterdir():
        with path.open("rb") as file:
            header = f"{HEADERS[path.name]}\n".encode()
            if file.read(len(header)) != header:
                raise not_replaced(folder, f"its {path.name} does not begin as an export does")


def _changed_by_parents(concepts: ConceptSet) -> list[str]:
    """Ids of the concepts that would get other marks if the parents were read as a hierarchy."""
    edges = [(child, parent) for child, parent in concepts.parents.tolist()]
    if find_cycle(parents_above(edges)):
        return []  # not a hierarchy; its reader will say so
    bits, defined = marks_upward(concepts.bits, concepts.defined, concepts.n_samples, 0, edges)
    differs = (bits != concepts.bits).any(axis=1)
    if defined is not None:
        differs |= (defined != concepts.defined).any(axis=1)
    return [concepts.id[index] for index in np.flatnonzero(differs).tolist()]


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{HEADERS[path.name]}\n")
        file.writelines(lines)


def _label_lines(concepts: ConceptSet) -> Iterator[str]:
    """Yield the lines of one sample at a time."""
    ids = map(str, range(concepts.n_samples)) if concepts.sample_id is None else concepts.sample_id
    samples = map(_cell, ids)
    cells = [_cell(id) for id in concepts.id]
    ends = {value: [f",{cell},{value}\n" for cell in cells] for value in (1, 0, -1)}
    unseen = np.flatnonzero((concepts.n_positive == 0) & (concepts.n_defined == concepts.n_samples))
    extra = [ends[0][index] for index in unseen.tolist()]
    for marks in mark_blocks(concepts):
        sample_of, concept_of = np.nonzero(marks)
        value_of = marks[sample_of, concept_of].tolist()
        first = np.searchsorted(sample_of, np.arange(len(marks) + 1)).tolist()
        told = concept_of.tolist()
        for at in range(len(marks)):
            sample = next(samples)
            mine = extra + [
                ends[value_of[place]][told[place]] for place in range(first[at], first[at + 1])
            ]
            extra = []
            yield "".join([sample + end for end in mine or [",,\n"]])


def _cell(text: str) -> str:
    if not any(special in text for special in ',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def mark_blocks(concepts: ConceptSet) -> Iterator[np.ndarray]:
    """Yield the marks of the samples in their order.

    Yields
    ------
    int8 array [M, C]
        The marks of the next M samples: 1, 0, or -1 if the concept is not defined.
    """
    n_words = max(1, _CELLS // (64 * len(concepts.id)))
    for word in range(0, concepts.bits.shape[1], n_words):
        words = slice(word, word + n_words)
        n_samples = min(64 * n_words, concepts.n_samples - 64 * word)
        marks = _unpacked(concepts.bits, words, n_samples).astype(np.int8)
        if concepts.defined is not None:
            marks[~_unpacked(concepts.defined, words, n_samples)] = -1
        yield marks


def _unpacked(bits: np.ndarray, words: slice, n_samples: int) -> np.ndarray:
    return unpack(np.ascontiguousarray(bits[:, words]), n_samples)
