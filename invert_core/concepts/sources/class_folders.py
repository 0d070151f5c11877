"""Reads concepts from a folder of images in which every class has its own folder."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.data.folders import find_files, log_left_out, with_links_named
from invert_core.data.images.image_files import SUFFIXES
from invert_core.errors import DataError
from invert_core.kernels.bits import pack_columns
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")


def read_class_folders(folder: Path, *, follow_links: bool = False) -> ConceptSet:
    """Read the class of every image from the folder that it is in.

    Samples are the images below the folder, with the same ids and in the same order as in an
    extraction. Every folder directly below it is a class, and has all images below, however deep;
    classes are in the order of their names. No class is defined for images beside these folders.
    The images are not opened. Symbolic links count as in an extraction with the same
    `follow_links`.
    """
    found = find_files(folder, SUFFIXES, follow_links=follow_links)
    where = f"the folder {str(folder)!r}"
    class_of = [name.partition("/")[0] if "/" in name else None for name in found.names]
    classes = sorted({each for each in class_of if each is not None})
    if not classes:
        error = DataError(
            f"The folder {str(folder)!r} has no folder with images in it.",
            f"Put the images of each class ({', '.join(sorted(SUFFIXES))}) into a folder of its "
            "own. A folder of Pascal VOC has .xml files in it or in Annotations/.",
        )
        raise with_links_named(error, where, found)
    log_left_out("images", where, found)
    _log_empty(folder, {*classes, *found.links})
    index_of = {each: index for index, each in enumerate(classes)}
    indices = np.array([-1 if each is None else index_of[each] for each in class_of])
    beside = np.flatnonzero(indices < 0)
    if beside.size:
        _log.info(
            "%s in %s %s in no class folder: no class is defined there.",
            counted(beside.size, "image"),
            where,
            "is" if beside.size == 1 else "are",
        )
    inside = np.flatnonzero(indices >= 0)
    concepts = ConceptSet.from_pairs(
        inside, indices[inside], len(indices), id=classes, sample_id=found.names
    )
    defined = pack_columns((indices >= 0)[:, np.newaxis])
    return replace(concepts, defined=np.tile(defined, (len(classes), 1)))


def _log_empty(folder: Path, known: set[str]) -> None:
    """Log which folders are not classes because they have no images."""
    empty = [
        path.name
        for path in sorted(folder.iterdir())
        if path.is_dir() and path.name not in known and not path.name.startswith(".")
    ]
    if empty:
        _log.info(
            "%s of %r left out (no images): %s.",
            counted(len(empty), "folder"),
            str(folder),
            first_few(empty),
        )
