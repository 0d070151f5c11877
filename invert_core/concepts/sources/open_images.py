"""Reads labels of images and boxes in the form that Open Images publishes."""

import logging
import math
import re
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.packing import pack_pairs_of
from invert_core.concepts.sources.source import Reading, log_ignored
from invert_core.concepts.sources.tables.rows import (
    add_sample,
    as_concept_set,
    check_rows,
    check_size,
)
from invert_core.errors import DataError, FileFormatError, SettingError
from invert_core.kernels.bits import popcounts
from invert_core.tables.cells import as_number, excerpt
from invert_core.tables.formats import open_by_suffix
from invert_core.tables.table import Table
from invert_core.wording import counted

COLUMNS = ("ImageID", "LabelName", "Confidence")

_HEADER = 2**10
_log = logging.getLogger("invert")


def is_open_images(path: Path) -> bool:
    """Return whether a file is named like CSV and begins like a table of Open Images."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            header = file.readline(_HEADER)
    except OSError:
        return False
    titles = re.findall(rb"\w+", header.removeprefix(b"\xef\xbb\xbf"))
    return titles[:1] == [b"ImageID"] and b"LabelName" in titles


def read_open_images(path: Path, reading: Reading) -> ConceptSet:
    """Read which labels are on each image, from labels of images or from boxes.

    Samples are the image ids in the order of their first rows, and concepts the ids of the labels,
    such as ``/m/0cmf2``, in the order of the ids. A confidence of 1 says that the label is there,
    0 that it is not; pairs of an image and a label without a row are undefined. Pairs whose rows
    contradict each other are undefined, too, and a warning counts them.

    Parameters
    ----------
    path : Path
    reading : Reading
        Other confidences come from machines. From `min_confidence` on they count as 1; lower ones
        do not count. Without it they are refused.
    """
    least = reading.min_confidence
    if least is not None and not 0 < least <= 1:
        raise SettingError(f"--min-confidence is {least!r}.", "Give a number above 0, up to 1.")
    with open_by_suffix(path) as table:
        for title in COLUMNS:
            if title not in table.titles:
                raise FileFormatError(
                    f"{str(path)!r} has no column {title!r}.",
                    f"Tables of Open Images have the columns {', '.join(COLUMNS)}.",
                )
        log_ignored(path, "column", set(table.titles) - set(COLUMNS))
        pairs = _read_pairs(table, least)
    check_rows(path, pairs.samples)
    if pairs.n_left_out:
        _log.info(
            "%s: %s left out: the confidence is below %s.",
            path.name,
            counted(pairs.n_left_out, "row"),
            least,
        )
    return pairs.concepts(path)


@dataclass
class _Pairs:
    """Images and labels, and the index of both and the mark for each row."""

    samples: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    sample: "array[int]" = field(default_factory=lambda: array("i"))
    label: "array[int]" = field(default_factory=lambda: array("i"))
    marks: bytearray = field(default_factory=bytearray)
    n_left_out: int = 0

    def concepts(self, path: Path) -> ConceptSet:
        if not self.labels:
            raise DataError(
                f"No label of {str(path)!r} is left.", "Lower the number of --min-confidence."
            )
        n_samples, ids = len(self.samples), sorted(self.labels)
        check_size("LabelName", n_samples, len(ids))
        rank = np.argsort([self.labels[id] for id in ids])
        sample, label = np.array(self.sample), rank[np.array(self.label)]
        mark = np.frombuffer(self.marks, np.uint8)
        absent, present = (
            pack_pairs_of(sample[mark == value], label[mark == value], n_samples, len(ids))
            for value in (0, 1)
        )
        n_both = int(popcounts(absent & present).sum())
        if n_both:
            _log.warning(
                "%s: the rows of %s of an image and a label contradict each other; these labels "
                "are taken as missing.",
                path.name,
                counted(n_both, "pair"),
            )
        return as_concept_set(self.samples, present & ~absent, present ^ absent, ids)


def _read_pairs(table: Table, least: float | None) -> _Pairs:
    pairs = _Pairs()
    number_of: dict[object, float] = {}
    for number, (image, label, cell) in table.rows(COLUMNS):
        sample = pairs.samples.get(image) if isinstance(image, str) else None
        if sample is None:
            sample = add_sample(table, number, image, pairs.samples)
        confidence = number_of.get(cell)
        if confidence is None:
            confidence = _confidence(table.where(number), cell, least)
            number_of[cell] = confidence
        if not isinstance(label, str) or not label.strip():
            raise DataError(f"{table.where(number)}: the label is empty.", "Fill in LabelName.")
        if 0 < confidence < (1 if least is None else least):
            pairs.n_left_out += 1
            continue
        pairs.sample.append(sample)
        pairs.label.append(pairs.labels.setdefault(label, len(pairs.labels)))
        pairs.marks.append(confidence > 0)
    return pairs


def _confidence(where: str, cell: object, least: float | None) -> float:
    try:
        confidence = as_number(cell)
    except ValueError:
        confidence = math.nan
    if not 0 <= confidence <= 1:
        raise DataError(
            f"{where}: the confidence is {excerpt(cell)}.", "It must be a number from 0 to 1."
        )
    if 0 < confidence < 1 and least is None:
        raise DataError(
            f"{where}: the confidence is {excerpt(cell)}, so a machine made the label.",
            "Say which of these labels count, for example with: --min-confidence 0.7",
        )
    return confidence
