"""Definitions as samples, and hypernyms as their concepts."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from invert_core.concepts.hierarchy.hierarchy import Hierarchy
from invert_core.errors import SettingError

PARTS = ("search", "held_out")


def write_tables(
    folder: Path, nouns: Hierarchy, *, n_samples: int | None, min_count: int, seed: int
) -> dict[str, Path]:
    """Write `search.csv`, `held_out.csv` and `names.csv`.

    The seed draws two halves of the definitions. Each becomes a table ``sample_id,text,concepts``:
    the text is a definition, and its concepts are the noun that it defines and all hypernyms of it.
    A concept is kept if both halves have at least `min_count` samples of it.

    Parameters
    ----------
    folder : Path
    nouns : Hierarchy
        The nouns, with definitions and names.
    n_samples : int or None
        Number of definitions in both halves together; None takes all.
    min_count : int
    seed : int

    Returns
    -------
    dict of str to Path
        The files, by their names without the suffix.
    """
    ids = list(nouns.parents)
    if n_samples is None:
        n_samples = len(ids)
    if not 2 <= n_samples <= len(ids):
        raise SettingError(
            f"There are {len(ids):,} definitions, and {n_samples:,} were asked for.",
            f"Ask for 2 to {len(ids):,}.",
        )
    parts = split(ids, n_samples, seed)
    kinds = {id: nouns.closure(id) for part in parts for id in part}
    kept = common_concepts([[kinds[id] for id in part] for part in parts], min_count)
    if not kept:
        raise SettingError(
            f"No concept has {min_count:,} samples in both halves.", "Ask for fewer, or more texts."
        )
    paths = {name: folder / f"{name}.csv" for name in (*PARTS, "names")}
    for name, part in zip(PARTS, parts, strict=True):
        rows = ((id, nouns.definition[id], " ".join(sorted(kinds[id] & kept))) for id in part)
        _write(paths[name], ("sample_id", "text", "concepts"), rows)
    names = ((id, nouns.name[id], nouns.definition[id]) for id in ids if id in kept)
    _write(paths["names"], ("concept_id", "name", "definition"), names)
    return paths


def split(ids: Sequence[str], n_samples: int, seed: int) -> tuple[list[str], list[str]]:
    """Draw samples and halve them; each half is in the order of `ids`."""
    drawn = np.random.default_rng(seed).permutation(len(ids))[:n_samples]
    half = n_samples // 2
    searched, held_out = ([ids[row] for row in sorted(rows)] for rows in np.split(drawn, [half]))
    return searched, held_out


def common_concepts(parts: Iterable[Iterable[Iterable[str]]], min_count: int) -> set[str]:
    """Return the concepts that at least `min_count` samples of every part have."""
    counts = [Counter(concept for sample in part for concept in sample) for part in parts]
    return {
        concept for concept in counts[0] if all(count[concept] >= min_count for count in counts)
    }


def _write(path: Path, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
