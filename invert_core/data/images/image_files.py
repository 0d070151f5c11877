"""Where encoded images come from: ids with sizes, and the bytes of each. Here: a folder."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from invert_core.data.folders import LEAVES, find_files, log_ignored
from invert_core.errors import DataError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}

MOST_BYTES = 2**28
"""The most bytes of one image file: what the largest image that Pillow opens has in raw colours."""

Read = Callable[[str], bytes]


class ImageFiles(ABC):
    """Encoded images in a fixed order.

    Attributes
    ----------
    where : str
        What they are in, for messages, such as ``the folder 'images'``.
    sizes : dict of sample id to int
        Bytes of every image, in order; 0 for what cannot be reached.
    """

    where: str
    sizes: dict[str, int]

    @abstractmethod
    def opened(self) -> AbstractContextManager[Read]:
        """Open them for reading.

        Returns
        -------
        context manager of a function
            It gives the bytes of the image of an id. Ids in order are read fastest. It raises
            OSError or ValueError, with the reason, where one image cannot be read.
        """

    def identity(self, name: str) -> list[Any]:
        """What tells one image from others without reading it, as JSON."""
        return [name, self.sizes[name]]


class FolderFiles(ImageFiles):
    """All images below a folder, in the order of their paths, which are the sample ids.

    Hidden files and folders are skipped, links to folders are not followed, and links to files
    outside the folder and files that are not images by their suffix are ignored, which is logged.

    Raises
    ------
    MissingFileError
        There is no such folder.
    DataError
        It has no images, or a folder inside that cannot be listed.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.where = f"the folder {str(folder)!r}"
        self.sizes = _find_images(folder, self.where)

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Open them, as `ImageFiles.opened` says."""
        yield lambda name: read_file(self.folder / name)


def read_file(path: Path) -> bytes:
    """The bytes of one image file.

    Raises
    ------
    OSError, ValueError
        It cannot be read, is a pipe, device or folder, or has more than `MOST_BYTES`.
    """
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        return file.read()


def no_images(where: str) -> DataError:
    """The error for a place without images."""
    return DataError(
        f"{where[0].upper()}{where[1:]} has no images.",
        f"Images end in {', '.join(sorted(SUFFIXES))}.",
    )


def _find_images(folder: Path, where: str) -> dict[str, int]:
    """Relative path and size in bytes of every image, in order."""
    found = find_files(folder, SUFFIXES)
    log_ignored("images", where, found.ignored)
    if not found.names:
        error = no_images(where)
        if LEAVES in found.ignored:
            error.hint = "Links that leave the folder are not followed; copy the images into it."
        raise error
    return {name: _size(folder / name) for name in found.names}


def _size(path: Path) -> int:
    """Size in bytes, 0 for what cannot be reached: reading it will say so."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
