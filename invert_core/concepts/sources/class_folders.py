"""Reads concepts from a folder of images in which every class has its own folder."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.data.folders import find_files, log_ignored
from invert_core.data.images.image_files import SUFFIXES
from invert_core.errors import DataError
from invert_core.kernels.bits import pack_columns
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")


def read_class_folders(folder: Path) -> ConceptSet:
    """Read the class of every image from the folder that it is in.

    Samples are the images below the folder, with the same ids and in the same order as in an
    extraction. Every folder directly below it is a class, and has all images below, however deep;
    classes are in the order of their names. No class is defined for images beside these folders.
    The images are not opened.
    """
    found = find_files(folder, SUFFIXES)
    where = f"the folder {str(folder)!r}"
    log_ignored("images", where, found.ignored)
    class_of = [name.partition("/")[0] if "/" in name else None for name in found.names]
    classes = sorted({each for each in class_of if each is not None})
    if not classes:
        raise DataError(
            f"The folder {str(folder)!r} has no folder with images in it.",
            f"Put the images of each class ({', '.join(sorted(SUFFIXES))}) into a folder of its "
            "own. A folder of Pascal VOC has .xml files in it or in Annotations/.",
        )
    _log_unused(folder, set(classes))
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


def _log_unused(folder: Path, classes: set[str]) -> None:
    """Log which folders are not classes, because they have no images or are links."""
    others = [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir() and path.name not in classes and not path.name.startswith(".")
    ]
    links = [path.name for path in others if path.is_symlink()]
    empty = [path.name for path in others if not path.is_symlink()]
    for names, why in ((empty, "no images"), (links, "links are not followed")):
        if names:
            _log.info(
                "%s of %r left out (%s): %s.",
                counted(len(names), "folder"),
                str(folder),
                why,
                first_few(names),
            )
