"""Reads concepts from Pascal VOC annotation files."""

import logging
import os
from pathlib import Path, PurePosixPath
from xml.parsers import expat

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sources.annotations.categories import category_ids
from invert_core.errors import DataError, FileFormatError, InvertError
from invert_core.files.input_file import check_file, unreadable
from invert_core.files.unchanged import unchanged
from invert_core.wording import counted, first_few, first_line

MOST_BYTES = 2**24
"""The most bytes of one annotation file; 100,000 objects take less."""

_HINT = (
    "An annotation of Pascal VOC is an <annotation> with a <filename> and an <object> with a "
    "<name> for each object; a folder with .xml files in it is read as Pascal VOC."
)
_FILE_NAME = ["annotation", "filename"]
_OBJECT = ["annotation", "object"]
_OBJECT_NAME = [*_OBJECT, "name"]
_log = logging.getLogger("invert")


def is_voc(path: Path) -> bool:
    """Return whether a folder holds annotations of Pascal VOC, directly or in Annotations/."""
    return bool(_annotation_files(path))


def read_voc(path: Path) -> ConceptSet:
    """Read which objects are present in each image.

    Samples are the images of the annotation files, in the order of the names of these files; their
    ids are the texts in ``filename``. Concepts are the names of the objects, sorted; the id is the
    name with underscores instead of blanks. Objects that are difficult, truncated or occluded
    count; parts of objects do not.

    Parameters
    ----------
    path : Path
        The folder of the annotation files, or the folder with ``Annotations/`` in it.
    """
    annotations: dict[str, str] = {}
    objects: list[set[str]] = []
    for file in _annotation_files(path):
        image, found = _read_annotation(file)
        if image in annotations:
            raise DataError(
                f"{annotations[image]!r} and {file.name!r} in {str(path)!r} are both about the "
                f"image {image!r}.",
                "Keep one annotation for each image.",
            )
        annotations[image] = file.name
        objects.append(found)
    names = sorted(set().union(*objects))
    if not names:
        raise DataError(f"No annotation in {str(path)!r} has an object.", _HINT)
    _log_other_names(path, annotations)
    index_of = {name: index for index, name in enumerate(names)}
    pairs = [(sample, index_of[name]) for sample, found in enumerate(objects) for name in found]
    sample, concept = np.array(pairs).T
    return ConceptSet.from_pairs(
        sample,
        concept,
        len(objects),
        id=category_ids(path, names),
        name=names,
        sample_id=tuple(annotations),
    )


def _annotation_files(path: Path) -> list[Path]:
    return _xml_files(path / "Annotations") or _xml_files(path)


def _xml_files(folder: Path) -> list[Path]:
    """The files that end in .xml, sorted; none if the folder cannot be listed."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [
        folder / name
        for name in sorted(names)
        if name.lower().endswith(".xml") and not name.startswith(".")
    ]


def _log_other_names(path: Path, annotations: dict[str, str]) -> None:
    """Log files whose image has a different name: one of them may have been renamed."""
    other = [
        f"{file} of {image}"
        for image, file in annotations.items()
        if PurePosixPath(image).stem != PurePosixPath(file).stem
    ]
    if other:
        _log.info(
            "%s in %s %s not named like the image, whose name counts: %s.",
            counted(len(other), "file"),
            repr(str(path)),
            "is" if len(other) == 1 else "are",
            first_few(other),
        )


def _read_annotation(path: Path) -> tuple[str, set[str]]:
    """The name of the image, and the names of the objects in it."""
    check_file(path)
    try:
        with unchanged(path), path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(content) > MOST_BYTES:
        raise FileFormatError(f"{str(path)!r} has more than {MOST_BYTES:,} bytes.", _HINT)
    annotation = _Annotation(path)
    annotation.parse(content)
    if len(annotation.file_names) != 1 or not annotation.file_names[0]:
        raise DataError(
            f"{str(path)!r} does not say which image it is about.",
            "Put the name of the image into <filename>.",
        )
    return annotation.file_names[0], set(annotation.objects)


class _Annotation:
    """Gathers the names of the image and of its objects while an annotation is parsed."""

    def __init__(self, path: Path):
        self.file_names: list[str] = []
        self.objects: list[str] = []
        self._file = path
        self._within: list[str] = []
        self._names: list[str] = []
        self._text: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append

    def parse(self, content: bytes) -> None:
        """Parse a whole file."""
        try:
            self._parser.Parse(content, True)
        except InvertError:
            raise
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise self._error(f"is not XML: {first_line(error)}") from error

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._within and tag != "annotation":
            raise self._error(f"is not an <annotation> but <{tag[:40]}>")
        self._within.append(tag)
        self._text.clear()
        if self._within == _OBJECT:
            self._names.clear()

    def _end(self, tag: str) -> None:
        if self._within == _FILE_NAME:
            self.file_names.append("".join(self._text).strip())
        elif self._within == _OBJECT_NAME:
            self._names.append("".join(self._text).strip())
        elif self._within == _OBJECT:
            if len(self._names) != 1 or not self._names[0]:
                raise self._error(
                    f"has an object that ends in line {self._parser.CurrentLineNumber} and has "
                    f"{'several names' if len(self._names) > 1 else 'no name'}"
                )
            self.objects.append(self._names[0])
        self._text.clear()
        self._within.pop()

    def _refuse_doctype(self, *declaration: object) -> None:
        raise self._error("declares a document type, which annotations do not need")

    def _error(self, what: str) -> FileFormatError:
        return FileFormatError(f"{str(self._file)!r} {what}.", _HINT)
