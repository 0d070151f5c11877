"""Chooses the images among the members of an archive, and gives them ids."""

import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Generic, TypeVar

from invert_core.data.folders import log_ignored
from invert_core.data.images.image_files import MOST_BYTES, SUFFIXES, no_images
from invert_core.errors import DataError, FileFormatError
from invert_core.wording import counted, first_few

Place = TypeVar("Place")

_ANCHORED = re.compile(r"[/\\]|[A-Za-z]:[/\\]")


class ArchiveMembers(Generic[Place]):
    """Collects the images of an archive, in the order of the archive.

    Hidden members and members of ``__MACOSX`` are skipped. Links and members without an image
    suffix are ignored, which `finish` logs. Unsafe paths, oversized images and repeated names are
    refused.

    Parameters
    ----------
    path : Path
        The archive.

    Attributes
    ----------
    sizes : dict of sample id to int
        The size in bytes that the archive states for each image.
    places : dict of sample id to Place
        Where each image is, as given to `add`.
    """

    def __init__(self, path: Path):
        self.where = f"the archive {str(path)!r}"
        self.sizes: dict[str, int] = {}
        self.places: dict[str, Place] = {}
        self._ignored: Counter[str] = Counter()
        self._repeated: list[str] = []

    def add(self, name: str, size: int, place: Place, *, special: str = "") -> None:
        """Add one member that is not a folder.

        Parameters
        ----------
        name : str
            Its name in the archive.
        size : int
            Its size in bytes, as the archive states it.
        place : object
            Where its content is.
        special : str
            What it is if it is not a plain file, such as "link".
        """
        parts = re.split(r"[/\\]", name)
        path = PurePosixPath(name)
        if path.suffix.lower() in SUFFIXES and (_ANCHORED.match(name) or ".." in parts):
            raise FileFormatError(
                f"The image {name!r} in {self.where} has a path that leads out of it.",
                "Pack the images again with paths below one folder.",
            )
        if any(part == "__MACOSX" or part.startswith(".") for part in path.parts):
            return
        if special or path.suffix.lower() not in SUFFIXES:
            self._ignored[special or path.suffix or path.name] += 1
            return
        if size > MOST_BYTES:
            raise FileFormatError(
                f"The image {name!r} in {self.where} says that it has {size:,} bytes, more than "
                f"{MOST_BYTES:,}.",
                "Pack the images again without it.",
            )
        sample_id = path.as_posix()
        if sample_id in self.sizes:
            self._repeated.append(sample_id)
        self.sizes[sample_id] = size
        self.places[sample_id] = place

    def finish(self) -> None:
        """Log what was ignored, and refuse an archive without images or with repeated names."""
        log_ignored("images", self.where, self._ignored)
        if not self.sizes:
            raise no_images(self.where)
        if self._repeated:
            names = sorted(set(self._repeated))
            raise DataError(
                f"{counted(len(names), 'name')} {'appears' if len(names) == 1 else 'appear'} more "
                f"than once in {self.where}: {first_few(names)}.",
                "Pack the images again, each of them once.",
            )
