"""Walks the heaps in which an HDF5 file keeps strings, before the HDF5 library does.

Strings of variable length lie in global heap collections: blocks that begin with ``GCOL``, each a
sequence of objects that state their own sizes. The library follows these sizes. From a size that
leads nowhere it never comes back, and nothing can interrupt it.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from invert_core.errors import FileFormatError

_SIGNATURE = b"GCOL\x01"
_HEADER_BYTES = 16
_OBJECT = np.dtype([("index", "<u2"), ("references", "<u2"), ("", "<u4"), ("size", "<u8")])

_BROKEN = (OSError, RuntimeError, LookupError, ValueError, TypeError)
"""What h5py raises for a damaged file."""


def check_heaps(path: Path, file: h5py.File) -> None:
    """Refuse a file with a heap of strings that does not lead to its end.

    The heaps are found by their signature in all of the file but the values of its datasets, so
    those of attributes are walked, too. The time grows with the heaps, not with the values.

    Parameters
    ----------
    path : Path
        The file.
    file : h5py.File
        The same file, open, none of whose strings was read.
    """
    if not path.stat().st_size:
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as held:
        starts = np.array(list(_found(held, _stored_values(file, len(held)))), np.int64)
        if not _lead_to_ends(np.frombuffer(held, np.uint8), starts):
            raise FileFormatError(
                f"{str(path)!r} is broken (a heap of strings does not lead to its end).",
                "Make it again.",
            )


def _stored_values(file: h5py.File, n_bytes: int) -> list[tuple[int, int]]:
    """Return where the values of datasets begin and end; nothing if the file is too broken.

    What lies beyond the end of the file is left out.
    """
    found: list[tuple[int, int]] = []

    def note(_name: str, item: h5py.Dataset | h5py.Group) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        if item.chunks:
            item.id.chunk_iter(
                lambda chunk: found.append((chunk.byte_offset, chunk.byte_offset + chunk.size))
            )
        elif (start := item.id.get_offset()) is not None:
            found.append((start, start + item.id.get_storage_size()))

    try:
        file.visititems(note)
    except _BROKEN:
        return []
    return sorted(part for part in found if part[1] <= n_bytes)


def _found(held: mmap.mmap, values: list[tuple[int, int]]) -> Iterator[int]:
    """Yield the places of all signatures outside the values."""
    start = 0
    for begin, end in [*values, (len(held), len(held))]:
        at = held.find(_SIGNATURE, start, begin)
        while at >= 0:
            yield at
            at = held.find(_SIGNATURE, at + 1, begin)
        start = max(start, end)


def _lead_to_ends(content: np.ndarray, starts: np.ndarray) -> bool:
    """Return whether the objects of each collection add up to its size.

    Parameters
    ----------
    content : uint8 array [n_bytes]
        The file.
    starts : int64 array [n_collections]
        Where the collections begin.
    """
    if starts.size and starts.max() + _HEADER_BYTES > content.size:
        return False
    sizes = _bytes_at(content, starts + 8, 8).view("<u8")[:, 0]
    if (sizes > (content.size - starts).astype(np.uint64)).any():
        return False
    ends = starts + sizes.astype(np.int64)
    places = starts + _HEADER_BYTES
    # All collections are walked at once, one object of each at a time.
    while True:
        is_open = places + _OBJECT.itemsize <= ends
        places, ends = places[is_open], ends[is_open]
        if not places.size:
            return True
        objects = _bytes_at(content, places, _OBJECT.itemsize).view(_OBJECT)[:, 0]
        size = objects["size"]
        if (size > (ends - places).astype(np.uint64)).any():
            return False
        size = size.astype(np.int64)
        # Object 0 is the free space, whose size counts its header.
        need = np.where(objects["index"] == 0, size, _OBJECT.itemsize + (size + 7) // 8 * 8)
        if (need <= 0).any() or (need > ends - places).any():
            return False
        places = places + need


def _bytes_at(content: np.ndarray, places: np.ndarray, n_bytes: int) -> np.ndarray:
    return content[places[:, None] + np.arange(n_bytes)]
