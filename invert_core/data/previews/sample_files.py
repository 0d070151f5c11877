"""Reads the files of single samples, wherever an untrusted activation file says they are."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from invert_core.data.images.image_files import read_file
from invert_core.data.previews.absent import MISSING, OUTSIDE, UNREADABLE, Absent
from invert_core.errors import InvertError

Read = Callable[[str], bytes]
"""Returns the file of a sample, given its id, or raises an error that `contents_of` knows."""


class OutsideError(ValueError):
    """A path leads out of the folder that it must not leave."""


def in_folder(folder: Path, paths: Mapping[str, str] | None = None) -> Read:
    """Return what reads files below a folder, whose ids are their paths unless `paths` has them.

    Neither a path nor a symbolic link may lead out of the folder.
    """
    root = os.path.realpath(folder)

    def read(id: str) -> bytes:
        if paths is not None and id not in paths:
            raise FileNotFoundError
        path = folder / (id if paths is None else paths[id])
        if not Path(os.path.realpath(path)).is_relative_to(root):
            raise OutsideError
        return read_file(path)

    return read


def contents_of(shown: Mapping[int, str], read: Read) -> Iterator[bytes | Absent]:
    """Yield the file of each sample, or why there is none."""
    for id in shown.values():
        try:
            yield read(id)
        except (FileNotFoundError, NotADirectoryError):
            yield MISSING
        except OutsideError:
            yield OUTSIDE
        except (OSError, ValueError, InvertError):
            yield UNREADABLE
