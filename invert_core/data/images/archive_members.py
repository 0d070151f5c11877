"""Which members of an archive are images, and by which ids."""

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
    """Collects the images of an archive in its order.

    Hidden members and those of ``__MACOSX`` are skipped; links and what is no image by its suffix
    are ignored, which `finish` logs.

    Parameters
    ----------
    path : Path
        Of the archive.

    Attributes
    ----------
    sizes : dict of sample id to int
    places : dict of sample id to whatever leads to the member
    """

    def __init__(self, path: Path):
        self.where = f"the archive {str(path)!r}"
        self.sizes: dict[str, int] = {}
        self.places: dict[str, Place] = {}
        self._ignored: Counter[str] = Counter()
        self._repeated: list[str] = []

    def add(self, name: str, size: int, place: Place, *, special: str = "") -> None:
        """Take in one member that is no folder.

        Parameters
        ----------
        name : str
            As the archive has it.
        size : int
            Bytes that it says to have.
        place : object
            What leads to its content.
        special : str
            What it is if it is no plain file, such as "link".

        Raises
        ------
        FileFormatError
            An image is absolute or leads upwards by its name, or is too large.
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
        """Log what is ignored.

        Raises
        ------
        DataError
            There are no images, or several of one name.
        """
        log_ignored("images", self.where, self._ignored)
        if not self.sizes:
            raise no_images(self.where)
        if self._repeated:
            names = sorted(set(self._repeated))
            raise DataError(
                f"{counted(len(names), 'name')} {'stands' if len(names) == 1 else 'stand'} more "
                f"than once in {self.where}: {first_few(names)}.",
                "Pack the images again, each once.",
            )
