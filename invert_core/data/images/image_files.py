"""Where encoded images come from: the interface of all such places, and folders of images."""

import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from invert_core.data.folders import find_files, log_left_out, with_links_named
from invert_core.errors import ChangedFileError, DataError
from invert_core.files.unchanged import stamp_of

SUFFIXES = {
    *(".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
}

MOST_BYTES = 2**28
"""The most bytes of an image file: the largest image that Pillow opens has as many raw bytes."""

Read = Callable[[str], bytes]


class ImageFiles(ABC):
    """Encoded images in a fixed order.

    Attributes
    ----------
    where : str
        The place that holds the images, for messages, such as ``the folder 'images'``.
    sizes : dict of sample id to int
        The size of every image in bytes, in order; 0 if an image cannot be reached.
    columns : mapping of str to str
        What `DataSource.origin` says of a table of paths; {} without one.
    """

    where: str
    sizes: dict[str, int]
    columns: Mapping[str, str] = MappingProxyType({})

    @abstractmethod
    def opened(self) -> AbstractContextManager[Read]:
        """Open the images for reading.

        Returns
        -------
        context manager of a function
            The function returns the bytes of the image with a given id. Reading in order is
            fastest. If an image cannot be read, it raises OSError or ValueError with the reason.
        """

    def identity(self, name: str) -> list[Any]:
        """What identifies an image without reading it, as JSON."""
        return [name, self.sizes[name]]


class FolderFiles(ImageFiles):
    """All images below a folder, in the order of their paths, which are the sample ids.

    Hidden files and folders are skipped. Files without an image suffix are ignored, which is
    logged, and so are links to folders and to files outside the folder, unless `follow_links`.
    """

    def __init__(self, folder: Path, *, follow_links: bool = False):
        self.folder = folder
        self.where = f"the folder {str(folder)!r}"
        self.sizes = _find_images(folder, self.where, follow_links=follow_links)
        self._stamps = Stamps(folder / name for name in self.sizes)

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Open the images for reading; see `ImageFiles.opened`."""
        yield lambda name: self._stamps.checked(self.folder / name, read_file)


class Stamps:
    """The stamps of many files when they were listed, each as one number to save memory."""

    def __init__(self, paths: Iterable[Path]):
        self._stamps = {str(path): hash(stamp_of(path)) for path in paths}

    def checked(self, path: Path, read: Callable[[Path], bytes]) -> bytes:
        """Read a file, and refuse it if it is no longer the one that was listed."""
        before = hash(stamp_of(path))
        content = read(path)
        if not before == hash(stamp_of(path)) == self._stamps[str(path)]:
            raise ChangedFileError(
                f"The image {str(path)!r} has changed since the images were listed.",
                "Wait until nothing writes it any more, then start again.",
            )
        return content


def read_file(path: Path) -> bytes:
    """Read one image file; pipes, devices, folders and files above `MOST_BYTES` are refused."""
    if path.is_symlink() and not path.exists():
        raise ValueError(f"it is a link to {os.readlink(path)!r}, which does not exist")
    if path.exists() and not path.is_file():
        raise ValueError("it is not a file")
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        return file.read()


def digest_of(identity: list[Any]) -> bytes:
    """Return the SHA-256 of the identity of an image, whose first 8 bytes are its sample mark."""
    return hashlib.sha256(json.dumps(identity).encode()).digest()


def no_images(where: str) -> DataError:
    """Return the error for a place without images."""
    return DataError(
        f"{where[0].upper()}{where[1:]} has no images.",
        f"Images end in {', '.join(sorted(SUFFIXES))}.",
    )


def _find_images(folder: Path, where: str, *, follow_links: bool) -> dict[str, int]:
    """Return the size in bytes of every image by relative path, in order."""
    found = find_files(folder, SUFFIXES, follow_links=follow_links)
    if not found.names:
        raise with_links_named(no_images(where), where, found)
    log_left_out("images", where, found)
    return {name: _size(folder / name) for name in found.names}


def _size(path: Path) -> int:
    """Return the size in bytes, or 0 if the file cannot be reached, which reading will report."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
