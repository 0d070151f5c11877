"""Checks what an HDF5 file says about its strings and chunks, before the HDF5 library follows it.

Strings of variable length lie in global heap collections: blocks that begin with ``GCOL``, each a
sequence of objects that state their own sizes. The library follows these sizes. From a size that
leads nowhere it never comes back, and nothing can interrupt it. It also takes as much memory as a
string or a chunk says that it is long, and writes chunks of any size into that memory.
"""

import math
import mmap
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from invert_core.errors import FileFormatError

_SIGNATURE = b"GCOL\x01"
_HEADER_BYTES = 16
_REFERENCE_BYTES = 16
"""A string is stored as its length, the place of its collection, and its index there."""

_BROKEN = (OSError, RuntimeError, LookupError, ValueError, TypeError)
"""What h5py raises for a damaged file."""


def check_heaps(path: Path, file: h5py.File) -> None:
    """Refuse a file with a heap of strings that does not lead to its end, or with odd chunks.

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
        starts = np.array(list(_found(held, _stored_values(path, file, len(held)))), np.int64)
        if not _lead_to_ends(np.frombuffer(held, np.uint8), starts):
            raise FileFormatError(
                f"{str(path)!r} is broken (a heap of strings does not lead to its end).",
                "Make it again.",
            )


def check_lengths(dataset: h5py.Dataset) -> None:
    """Refuse strings of variable length that say that they are longer than their file."""
    if dataset.id.get_create_plist().get_nfilters():
        return  # the references are compressed
    path = Path(dataset.file.filename)
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as held:
        for start, end in _parts(dataset):
            count = (min(end, len(held)) - start) // _REFERENCE_BYTES
            shape, strides = (max(count, 0),), (_REFERENCE_BYTES,)
            lengths = np.ndarray(shape, "<u4", held, start, strides) if count > 0 else None
            if lengths is not None and lengths.max() > len(held):
                raise ValueError("a string is longer than the file")


def _parts(dataset: h5py.Dataset) -> list[tuple[int, int]]:
    """Return where the values of a dataset begin and end."""
    if not dataset.chunks:
        start = dataset.id.get_offset()
        return [] if start is None else [(start, start + dataset.id.get_storage_size())]
    found: list[tuple[int, int]] = []
    dataset.id.chunk_iter(
        lambda chunk: found.append((chunk.byte_offset, chunk.byte_offset + chunk.size))
    )
    return found


def _stored_values(path: Path, file: h5py.File, n_bytes: int) -> list[tuple[int, int]]:
    """Return where the values of datasets begin and end; nothing if the file is too broken.

    What lies beyond the end of the file is left out.
    """
    found: list[tuple[int, int]] = []
    odd: list[str] = []

    def note(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        parts = _parts(item)
        if item.chunks and not item.id.get_create_plist().get_nfilters():
            size = math.prod(item.chunks) * item.id.get_type().get_size()
            odd.extend(name for start, end in parts if end - start != size)
        found.extend(parts)

    try:
        file.visititems(note)
    except _BROKEN:
        return []
    if odd:
        raise FileFormatError(
            f"{str(path)!r} is broken (a chunk of {odd[0]!r} has another size than the others).",
            "Make it again.",
        )
    return sorted(part for part in found if part[1] <= n_bytes)


def _found(held: mmap.mmap, values: list[tuple[int, int]]) -> Iterator[int]:
    """Yield the places of all collections outside the values."""
    start = 0
    for begin, end in [*values, (len(held), len(held))]:
        at = held.find(_SIGNATURE, start, begin)
        while at >= 0:
            yield at
            size = int.from_bytes(held[at + 8 : at + _HEADER_BYTES], "little")
            at = held.find(_SIGNATURE, at + max(size, len(_SIGNATURE)), begin)
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
    for offset in np.unique(starts % 8):
        n_words = (content.size - offset) // 8
        words = content[offset : offset + n_words * 8].view("<i8")
        places = (starts[starts % 8 == offset] - offset) // 8
        n_bytes = words[places + 1]
        if (n_bytes < 0).any() or (n_bytes > (n_words - places) * 8).any():
            return False
        ends, places = places + n_bytes // 8, places + 2
        has_objects = places + 2 <= ends
        places, ends = places[has_objects], ends[has_objects]
        doubtful = _doubtful(words, places, ends)
        if not all(_leads_to_end(words, places[one], ends[one]) for one in doubtful):
            return False
    return True


def _leads_to_end(words: np.ndarray, place: int, end: int) -> bool:
    """Return whether the objects from one word of the file on lead to another."""
    while place + 2 <= end:
        index, size = int(words[place]) & 0xFFFF, int(words[place + 1])
        # Object 0 is the free space, whose size counts its header.
        need = size if index == 0 else 16 + (size + 7) // 8 * 8
        if size < 0 or need == 0 or need % 8 or place + need // 8 > end:
            return False
        place += need // 8
    return True


def _doubtful(words: np.ndarray, places: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the numbers of the collections that do not surely lead to their ends.

    All are walked at once, one object of each at a time, as if only the last were free space.
    """
    # Complex numbers are the quickest way to fetch 16 bytes, the header of an object, at once.
    headers = np.ndarray(max(len(words) - 1, 0), "<c16", words, strides=8)
    is_sure = np.zeros(len(places), bool)
    limits, lanes = ends - 1, np.arange(len(places))
    signs, lowest = np.zeros(len(places), np.int64), np.ones(len(places), np.int64)
    for _ in range(int((ends - places).max(initial=0)) // 2 + 1):
        header = headers[places].view("<i8")
        index, step = header[::2] & 0xFFFF, header[1::2]
        signs |= step
        step = step + 23
        step >>= 3
        places = places + step
        is_over = places.view("u8") >= limits.view("u8")  # or before the file
        if np.count_nonzero(is_over):
            beyond = places - ends
            is_full = (index > 0) & ((beyond == 0) | (beyond == -1))
            is_free = (index == 0) & (beyond == 2) & (header[1::2] % 8 == 0)
            is_sure[lanes[is_over & (is_full | is_free) & (signs >= 0) & (lowest > 0)]] = True
            places, limits, ends, lanes, signs, lowest, index = (
                each[~is_over] for each in (places, limits, ends, lanes, signs, lowest, index)
            )
        if not places.size:
            break
        np.minimum(lowest, index, out=lowest)
    return np.flatnonzero(~is_sure)
