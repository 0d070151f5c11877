"""Where encoded images come from: ids with sizes, and the bytes of each. Here: a folder."""

import logging
import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from invert_core.errors import DataError, MissingFileError
from invert_core.text import counted

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}

MOST_BYTES = 2**28
"""The most bytes of one image file: what the largest image that Pillow opens has in raw colours."""

Read = Callable[[str], bytes]

_log = logging.getLogger("invert")
_LEAVES = "link to elsewhere"


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


def log_ignored(where: str, ignored: Counter[str]) -> None:
    """Say how many files of each kind are ignored, if any."""
    if ignored:
        kinds = ", ".join(f"{count} {kind}" for kind, count in ignored.most_common(5))
        _log.info(
            "%s in %s %s ignored, not being images there: %s",
            counted(ignored.total(), "file"),
            where,
            "is" if ignored.total() == 1 else "are",
            kinds,
        )


def no_images(where: str) -> DataError:
    """The error for a place without images."""
    return DataError(
        f"{where[0].upper()}{where[1:]} has no images.",
        f"Images end in {', '.join(sorted(SUFFIXES))}.",
    )


def _find_images(folder: Path, where: str) -> dict[str, int]:
    """Relative path and size in bytes of every image, in order."""
    if not folder.is_dir():
        raise MissingFileError(f"There is no folder {str(folder)!r}.", "Check the path.")
    sizes: dict[str, int] = {}
    ignored: Counter[str] = Counter()
    root = os.path.realpath(folder)
    for parent, folders, files in os.walk(folder, onerror=_refuse_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(parent, name) for name in files if not name.startswith(".")):
            if path.suffix.lower() not in SUFFIXES:
                ignored[path.suffix or path.name] += 1
            elif path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
                ignored[_LEAVES] += 1
            else:
                sizes[path.relative_to(folder).as_posix()] = _size(path)
    log_ignored(where, ignored)
    if not sizes:
        error = no_images(where)
        if _LEAVES in ignored:
            error.hint = "Links that leave the folder are not followed; copy the images into it."
        raise error
    return dict(sorted(sizes.items()))


def _refuse_folder(error: OSError) -> None:
    raise DataError(
        f"The folder {str(error.filename)!r} cannot be listed: {error.strerror}.",
        "Change its rights, or move it away if its images are not wanted.",
    ) from error


def _size(path: Path) -> int:
    """Size in bytes, 0 for what cannot be reached: reading it will say so."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
