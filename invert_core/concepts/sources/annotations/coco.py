"""Reads concepts from COCO annotation files, of instances or panoptic."""

import json
import logging
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sources.annotations.categories import category_ids, supercategories
from invert_core.concepts.sources.annotations.json_lists import read_lists
from invert_core.concepts.sources.source import Reading
from invert_core.errors import DataError, FileFormatError, SettingError
from invert_core.wording import counted

_HINT = (
    "A COCO file of instances or panoptic segmentation is a JSON object in UTF-8 with lists of "
    "'images' (id, file_name), 'annotations' (image_id, and category_id or segments_info) and "
    "'categories' (id, name)."
)
_INTEGER_LIMIT = 2**63
_AREA_LIMIT = 2.0**53
_log = logging.getLogger("invert")


def read_coco(path: Path, reading: Reading) -> ConceptSet:
    """Read which categories are present in each image.

    Samples are all images in the order of the file, with ``file_name`` as their id; an image
    without objects carries no concept. Concepts are the categories in the order of the file; the id
    is the name with underscores instead of blanks. Crowds count like other objects.

    Parameters
    ----------
    path : Path
    reading : Reading
        With `supercategories`, these are concepts after the categories, and their parents. Objects
        with an ``area`` below `min_area` do not count.
    """
    if not 0 <= reading.min_area < _AREA_LIMIT:
        raise SettingError(
            f"--min-area is {reading.min_area!r}.", "Give a number of pixels of 0 or more."
        )
    file = _CocoFile(with_area=reading.min_area > 0)
    lists = {
        "images": file.add_image,
        "annotations": file.add_annotation,
        "categories": file.add_category,
    }
    read_lists(path, lists, _HINT)
    image, category = file.objects(path, reading.min_area)
    ids = category_ids(path, file.names)
    groups = supercategories(path, ids, file.groups) if reading.supercategories else []
    edges = [
        (member, index) for index, group in enumerate(groups, len(ids)) for member in group.members
    ]
    parents = np.array(edges, np.int64).reshape(-1, 2)
    group_of = np.full(len(ids), -1, np.int64)
    group_of[parents[:, 0]] = parents[:, 1]
    grouped = group_of[category] >= 0
    return ConceptSet.from_pairs(
        np.concatenate([image, image[grouped]]),
        np.concatenate([category, group_of[category[grouped]]]),
        len(file.file_names),
        id=[*ids, *(group.id for group in groups)],
        name=[*file.names, *(group.name for group in groups)],
        sample_id=tuple(file.file_names),
        parents=parents,
    )


class _CocoFile:
    """Collects the images, categories and objects of a file, whose lists come in any order."""

    def __init__(self, *, with_area: bool):
        self.file_names: dict[str, int] = {}
        self.names: list[str] = []
        self.groups: list[str | None] = []
        self._with_area = with_area
        self._images: dict[int, int] = {}
        self._categories: dict[int, int] = {}
        self._image_of = array("q")
        self._category_of = array("q")
        self._area = array("d")

    def add_image(self, entry: Any) -> None:
        """Take in one entry of 'images'."""
        _add("id", _integer(entry, "id"), self._images)
        _add("file_name", _string(entry, "file_name"), self.file_names)

    def add_category(self, entry: Any) -> None:
        """Take in one entry of 'categories'."""
        _add("id", _integer(entry, "id"), self._categories)
        self.names.append(_string(entry, "name"))
        grouped = entry.get("supercategory") not in (None, "")
        self.groups.append(_string(entry, "supercategory") if grouped else None)

    def add_annotation(self, entry: Any) -> None:
        """Take in one entry of 'annotations': an object, or all segments of an image."""
        image = _integer(entry, "image_id")
        for each in _objects(entry):
            self._image_of.append(image)
            self._category_of.append(_integer(each, "category_id"))
            if self._with_area:
                self._area.append(_area(each))

    def objects(self, path: Path, min_area: float) -> tuple[np.ndarray, np.ndarray]:
        """Indices of image and category of the objects that are not too small: int64 [E] each."""
        for what, listed in (
            ("images", self._images),
            ("objects", self._image_of),
            ("categories", self._categories),
        ):
            if not listed:
                raise DataError(f"{str(path)!r} lists no {what}.", _HINT)
        image = _indices(path, "image", self._image_of, self._images)
        category = _indices(path, "category", self._category_of, self._categories)
        bare = len(self._images) - np.unique(image).size
        if bare:
            _log.info("%s: %s without objects.", path.name, counted(bare, "image"))
        if self._with_area:
            counts = np.frombuffer(self._area) >= min_area
            image, category = image[counts], category[counts]
            _log.info(
                "%s: %s of %s left out: smaller than %g pixels.",
                path.name,
                f"{counts.size - image.size:,}",
                counted(counts.size, "object"),
                min_area,
            )
        return image, category


def _add(key: str, value: Any, taken: dict[Any, int]) -> None:
    if value in taken:
        raise DataError(f"The {key} {value!r} repeats.", f"Give each its own {key}.")
    taken[value] = len(taken)


def _indices(path: Path, what: str, ids: Sequence[int], index_of: Mapping[int, int]) -> np.ndarray:
    """The index of the image or the category of every object: int64 [E]."""
    indices = np.fromiter((index_of.get(id, -1) for id in ids), np.int64, len(ids))
    unknown = np.flatnonzero(indices < 0)
    if unknown.size:
        raise DataError(
            f"{counted(unknown.size, 'object')} of {str(path)!r} "
            f"{'names' if unknown.size == 1 else 'name'} an unknown {what}; the first names {what} "
            f"{ids[unknown[0]]}.",
            "The file must list every image and category that its annotations name.",
        )
    return indices


def _objects(entry: dict[str, Any]) -> list[Any]:
    if "segments_info" not in entry:
        return [entry]
    segments = entry["segments_info"]
    if not isinstance(segments, list):
        raise FileFormatError("The 'segments_info' is not a list.", _HINT)
    return segments


def _integer(entry: Any, key: str) -> int:
    value = _field(entry, key)
    if type(value) is not int or not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        raise FileFormatError(
            f"The {key} is {_shown(value)}.", "Ids are whole numbers of at most 64 bits."
        )
    return value


def _string(entry: Any, key: str) -> str:
    value = _field(entry, key)
    if not isinstance(value, str) or not value:
        raise FileFormatError(f"The {key} is {_shown(value)}.", "Names are strings.")
    return value


def _area(entry: Any) -> float:
    value = _field(entry, "area")
    if type(value) not in (int, float) or not 0 <= value < _AREA_LIMIT:
        raise FileFormatError(
            f"The area is {_shown(value)}.",
            "With --min-area the area of every object must be a number of pixels.",
        )
    return float(value)


def _field(entry: Any, key: str) -> Any:
    if not isinstance(entry, dict):
        raise FileFormatError(f"There is {_shown(entry)} instead of an object.", _HINT)
    if key not in entry:
        raise FileFormatError(f"There is no {key!r}.", _HINT)
    return entry[key]


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
