"""Follows the free blocks in an HDF5 file's heaps of names, before the HDF5 library does.

The names of a group lie in a local heap, whose free blocks are a linked list. The library follows
it when it looks at the group, and never comes back from a list that leads in a circle. Groups are
found here as the library finds them, from the superblock on. Whatever else is not as it should be
is passed over: the library says so itself.
"""

import mmap
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from invert_core.errors import FileFormatError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCKS = (0, *(512 << power for power in range(20)))
"""Where a superblock may lie."""
_ROOTS = {b"\0": 64, b"\1": 68}
"""Where superblocks of these versions state the address of the root group; others have no heaps."""
_LINK, _CONTINUATION, _SYMBOL_TABLE = 6, 16, 17
_END_OF_LIST = 1

_Links = Iterator[tuple[str, int, int]]
"""What a block leads to: the kinds, addresses and sizes of other blocks."""


def check_name_heaps(path: Path) -> None:
    """Refuse an HDF5 file with a heap of names whose free blocks do not lead to an end.

    Parameters
    ----------
    path : Path
        The file, which need not be an HDF5 file.
    """
    if not path.stat().st_size:
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as held:
        base = next((at for at in _SUPERBLOCKS if held[at : at + 8] == _SIGNATURE), None)
        if base is None or held[base + 8 : base + 9] not in _ROOTS:
            return
        root = base + _ROOTS[held[base + 8 : base + 9]]
        if not all(_leads_to_end(held, base, heap) for heap in _heaps(held, base, root)):
            raise FileFormatError(
                f"{str(path)!r} is broken (a heap of names does not lead to its end).",
                "Make it again.",
            )


def _leads_to_end(held: mmap.mmap, base: int, heap: int) -> bool:
    """Return whether the free blocks lead to the end of their list, or out of the heap or file."""
    signature, size, block, start = _numbers("<4s4xQQQ", held, heap)
    if signature != b"HEAP":
        return True
    for _ in range(min(size, len(held)) // 16 + 1):
        place = base + start + block
        if block == _END_OF_LIST or block >= size or place >= len(held):
            return True
        (block,) = _numbers("<Q", held, place)
    return False


def _heaps(held: mmap.mmap, base: int, root: int) -> Iterator[int]:
    """Yield the places of all heaps of names that groups lead to."""
    left = [("object", base + _numbers("<Q", held, root)[0], 0)]
    seen = set(left)
    while left:
        kind, place, size = left.pop()
        if kind == "heap":
            yield place
            continue
        for kind_of_next, address, n_bytes in _FOLLOW[kind](held, place, size):
            following = kind_of_next, base + address, n_bytes
            if following not in seen:
                seen.add(following)
                left.append(following)


def _of_object(held: mmap.mmap, place: int, _: int) -> _Links:
    """Yield what the header of an object leads to; groups that keep an order have version 2."""
    version, n_bytes = _numbers("<B7xI", held, place)
    if version == 1:
        yield from _of_messages(held, place + 16, n_bytes)
    elif held[place : place + 4] == b"OHDR":
        (flags,) = _numbers("<5xB", held, place)
        has_order, has_limits, has_times = flags >> 2 & 1, flags >> 4 & 1, flags >> 5 & 1
        place += 6 + 16 * has_times + 4 * has_limits
        size = 1 << (flags & 3)
        n_bytes = int.from_bytes(held[place : place + size], "little")
        of_messages = _of_ordered_messages if has_order else _of_unordered_messages
        yield from of_messages(held, place + size - 4, n_bytes + 4)


def _of_messages(
    held: mmap.mmap, place: int, n_bytes: int, header: str = "<HH4x", more: str = "messages"
) -> _Links:
    """Yield what the messages of an object lead to; `more` is the kind of those elsewhere."""
    end = min(place + n_bytes, len(held))
    while place < end:
        kind, size = _numbers(header, held, place)
        place += struct.calcsize(header)
        first, second = _numbers("<QQ", held, place)
        if kind == _SYMBOL_TABLE:
            yield "tree", first, 0
            yield "heap", second, 0
        elif kind == _CONTINUATION:
            yield more, first, second
        elif kind == _LINK:
            yield from _of_link(held, place)
        place += size


def _of_unordered_messages(held: mmap.mmap, place: int, n_bytes: int) -> _Links:
    """Yield what messages of version 2 lead to, which follow a signature."""
    return _of_messages(held, place + 4, n_bytes - 4, "<BHx", "unordered messages")


def _of_ordered_messages(held: mmap.mmap, place: int, n_bytes: int) -> _Links:
    return _of_messages(held, place + 4, n_bytes - 4, "<BHx2x", "ordered messages")


def _of_link(held: mmap.mmap, place: int) -> _Links:
    """Yield the object of a hard link; the fields before its address differ in size."""
    _, flags, kind = _numbers("<BBB", held, place)
    has_kind, has_order, has_character_set = flags >> 3 & 1, flags >> 2 & 1, flags >> 4 & 1
    if has_kind and kind:
        return
    place += 2 + has_kind + 8 * has_order + has_character_set
    size = 1 << (flags & 3)
    length = int.from_bytes(held[place : place + size], "little")
    yield "object", *_numbers("<Q", held, place + size + length), 0


def _of_tree(held: mmap.mmap, place: int, _: int) -> _Links:
    """Yield the children of a node, which are nodes or tables of symbols."""
    signature, level, count = _numbers("<4sxBH", held, place)
    if signature == b"TREE":
        for number in range(count):
            yield "tree" if level else "symbols", *_numbers("<Q", held, place + 32 + 16 * number), 0


def _of_symbols(held: mmap.mmap, place: int, _: int) -> _Links:
    signature, count = _numbers("<4s2xH", held, place)
    if signature == b"SNOD":
        for number in range(count):
            yield "object", *_numbers("<Q", held, place + 16 + 40 * number), 0


_FOLLOW: dict[str, Callable[[mmap.mmap, int, int], _Links]] = {
    "object": _of_object,
    "messages": _of_messages,
    "unordered messages": _of_unordered_messages,
    "ordered messages": _of_ordered_messages,
    "tree": _of_tree,
    "symbols": _of_symbols,
}


def _numbers(form: str, held: mmap.mmap, place: int) -> tuple:
    """Unpack what lies at a place; zeros beyond the end of the file."""
    size = struct.calcsize(form)
    return struct.unpack(form, held[place : place + size].ljust(size, b"\0"))
