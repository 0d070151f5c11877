"""Reads concepts from tables with one row per pair of a sample and a concept."""

import itertools
import logging
from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import Missing, resolve_absent
from invert_core.concepts.sets.packing import full_sets, pack_pairs_of
from invert_core.concepts.sources.source import log_ignored
from invert_core.concepts.sources.tables.cell_lists import looks_like_list
from invert_core.concepts.sources.tables.rows import (
    add_sample,
    as_concept_set,
    check_rows,
    check_size,
)
from invert_core.errors import DataError
from invert_core.kernels.bits import popcounts, unpack
from invert_core.tables.cells import (
    LABELS,
    CellMarks,
    OneKind,
    excerpt,
    is_missing,
    sentinel,
    sentinel_mark,
    sentinels_in,
)
from invert_core.tables.table import Table
from invert_core.values import UNDEFINED
from invert_core.wording import counted

CONCEPT_COLUMN = "concept_id"
VALUE_COLUMN = "value"

_log = logging.getLogger("invert")


def read_tidy(path: Path, table: Table, key: str, missing: Missing) -> ConceptSet:
    """Read a table in tidy form: the columns `key`, ``concept_id`` and perhaps ``value``.

    The mark of a pair is its ``value``: 0, 1, or undefined. Without that column it is 1. A pair
    without a row is taken for 0, unless `missing` says what is absent. A row with an empty
    ``concept_id`` only says that the sample exists. Samples are in the order of their first rows,
    and concepts in the order of their ids.
    """
    valued = VALUE_COLUMN in table.titles
    columns = (key, CONCEPT_COLUMN, *((VALUE_COLUMN,) if valued else ()))
    log_ignored(path, "column", set(table.titles) - set(columns))
    samples: dict[str, int] = {}
    concepts: dict[str, int] = {}
    sample, concept, mark = _read_pairs(table, columns, samples, concepts, missing)
    check_rows(path, samples)
    check_size(CONCEPT_COLUMN, len(samples), len(concepts))
    if not concepts:
        raise DataError(
            f"{str(path)!r} holds no concept: its column {CONCEPT_COLUMN!r} is empty.",
            "Write a row for each concept of a sample.",
        )
    ids = sorted(concepts)
    rank = np.argsort([concepts[id] for id in ids])
    extents = {
        value: pack_pairs_of(
            sample[mark == value], rank[concept[mark == value]], len(samples), len(ids)
        )
        for value in np.unique(mark).tolist()
    }
    _check_agreement(path, list(extents.values()), tuple(samples), ids)
    n_pairs = sum(int(popcounts(bits).sum()) for bits in extents.values())
    n_repeated = mark.size - n_pairs
    if n_repeated:
        _log.info(
            "%s: %s another row and %s only once.",
            path.name,
            counted(n_repeated, "row") + (" repeats" if n_repeated == 1 else " repeat"),
            "counts" if n_repeated == 1 else "count",
        )
    found = as_concept_set(
        samples,
        extents[1] if 1 in extents else pack_pairs_of([], [], len(samples), len(ids)),
        full_sets(len(ids), len(samples)) & ~extents[UNDEFINED] if UNDEFINED in extents else None,
        ids,
    )
    if "absent" in missing.given:
        return _with_absent(found, np.bitwise_or.reduce(list(extents.values())), missing)
    if valued and n_pairs < len(samples) * len(ids):
        _log.warning(
            "%s: pairs of a sample and a concept without a row are taken for 0; "
            "--missing absent=exclude leaves them open.",
            path.name,
        )
    return found


def _with_absent(found: ConceptSet, stated: np.ndarray, missing: Missing) -> ConceptSet:
    """The set in which the pairs without a row are what `missing` says."""
    known = stated if found.defined is None else found.defined & stated
    return resolve_absent(replace(found, defined=known), replace(found, defined=stated), missing)


def _read_pairs(
    table: Table,
    columns: Sequence[str],
    samples: dict[str, int],
    concepts: dict[str, int],
    missing: Missing,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sample, concept and mark of each row, as indices; the ids are added to the dicts."""
    sample_of, concept_of, codes = array("i"), array("i"), bytearray()
    code_of = CellMarks(missing.mark).__getitem__
    valued = VALUE_COLUMN in columns
    for number, (id, concept, *value) in table.rows(columns):
        sample = samples.get(id) if isinstance(id, str) else None
        if sample is None:
            sample = add_sample(table, number, id, samples)
        try:
            code = code_of(value[0]) if valued else 1
        except (ValueError, TypeError):
            kind = sentinel_mark(value[0])
            if kind is not None:
                if _is_absent(concept):
                    continue
                where = f"{table.where(number)}, column {VALUE_COLUMN!r}"
                raise missing.refusal(where, kind) from None
            raise DataError(
                f"{table.where(number)}, column {VALUE_COLUMN!r}: {excerpt(value[0])} is not a "
                "label.",
                f"{LABELS}; blank and -1 mean that nobody knows.",
            ) from None
        place = concepts.get(concept) if isinstance(concept, str) else None
        if place is None:
            if _is_absent(concept) and not (valued and sentinel(value[0]) is None):
                continue
            place = _add_concept(table.where(number), concept, concepts)
        sample_of.append(sample)
        concept_of.append(place)
        codes.append(code)
    code_of_row = np.frombuffer(codes, np.uint8)
    mark = OneKind([VALUE_COLUMN]).marks(code_of_row[:, None])[:, 0]
    _count_missing(np.array(sample_of), np.array(concept_of), sentinels_in(code_of_row), missing)
    return np.array(sample_of), np.array(concept_of), mark


def _count_missing(
    sample: np.ndarray, concept: np.ndarray, kinds: np.ndarray, missing: Missing
) -> None:
    """Count the labels of each kind, of several equal rows only one."""
    here = kinds > 0
    rows = np.stack([sample[here], concept[here], kinds[here]])
    missing.count_cells(np.unique(rows, axis=1)[2])


def _is_absent(concept: object) -> bool:
    return not concept if isinstance(concept, str) else is_missing(concept)


def _add_concept(where: str, concept: object, concepts: dict[str, int]) -> int:
    if _is_absent(concept):
        raise DataError(f"{where}: there is a value, but no concept id.", "Fill it in.")
    if not isinstance(concept, str):
        raise DataError(
            f"{where}: the concept id is {excerpt(concept)}, not a string.",
            "Write concept ids as strings.",
        )
    if concept != concept.strip():
        raise DataError(
            f"{where}: the concept id is {excerpt(concept)}.",
            "Write concept ids without blanks around them.",
        )
    if looks_like_list(concept):
        raise DataError(
            f"{where}: the concept id {excerpt(concept)} is a list.",
            "Write a row for each concept, or name the column with --tags and --separator list in "
            "a table with one row per sample.",
        )
    return concepts.setdefault(concept, len(concepts))


def _check_agreement(
    path: Path, extents: Sequence[np.ndarray], samples: Sequence[str], ids: Sequence[str]
) -> None:
    """Refuse pairs with several marks; each of `extents` holds the pairs with one mark."""
    for one, other in itertools.combinations(extents, 2):
        for id, these, those in zip(ids, one, other, strict=True):
            both = these & those
            if both.any():
                first = int(np.argmax(unpack(both[None], len(samples))))
                raise DataError(
                    f"{str(path)!r} has several rows with different values for sample "
                    f"{samples[first]!r} and concept {id!r}.",
                    "Keep one of them.",
                )
