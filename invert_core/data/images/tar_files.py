"""Images in a tar archive, compressed or not."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from invert_core.data.images.archive_members import ArchiveMembers
from invert_core.data.images.image_files import ImageFiles, Read
from invert_core.errors import FileFormatError
from invert_core.files.input_file import check_file
from invert_core.files.unchanged import Watched

_OPENERS: dict[str, Callable[..., Any]] = {
    ".tar": open,
    ".tar.gz": gzip.open,
    ".tgz": gzip.open,
    ".tar.bz2": bz2.open,
    ".tar.xz": lzma.open,
}

_BLOCK = 512
_MOST_OF_A_HEADER = 2**20
_MOST_GROWTH = 1100
_READ_AT_ONCE = 2**20
_BROKEN = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OverflowError, RecursionError)
"""The exceptions besides OSError and ValueError that reading archives raises."""


class TarFiles(ImageFiles):
    """All images of a tar archive, in its order; their paths in the archive are the sample ids.

    The archive is scanned once now. Whenever images are read, it is unpacked again, from its
    beginning to the last image that is needed. Links, devices and sparse files are ignored;
    `ArchiveMembers` says what else is ignored or refused.
    """

    def __init__(self, path: Path):
        check_file(path)
        self.path = path
        self._watched = Watched(path)
        self._open = next(
            opener for suffix, opener in _OPENERS.items() if path.name.lower().endswith(suffix)
        )
        members: ArchiveMembers[int] = ArchiveMembers(path)
        for member in self._members():
            members.add(member.name, member.size, member.offset_data, special=_special(member))
        members.finish()
        self.where, self.sizes, self._offsets = members.where, members.sizes, members.places

    def _members(self) -> Iterator[tarfile.TarInfo]:
        try:
            with self._open(self.path, "rb") as stream:
                yield from _members(stream, _MOST_GROWTH * self.path.stat().st_size + 2**20)
        except (OSError, ValueError, *_BROKEN) as error:
            raise FileFormatError(
                f"{str(self.path)!r} is not a whole tar archive ({error}).",
                "Copy or pack it again.",
            ) from error

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Open the images for reading; see `ImageFiles.opened`."""
        check_file(self.path)
        with self._open(self.path, "rb") as stream:

            def read(name: str) -> bytes:
                try:
                    stream.seek(self._offsets[name])
                    content = stream.read(self.sizes[name])
                except (OSError, ValueError, *_BROKEN) as error:
                    self._watched.check()
                    raise ValueError(str(error)) from error
                self._watched.check()
                if len(content) < self.sizes[name]:
                    raise ValueError("the archive ends within it")
                return content

            yield read


class _Headers:
    """A stream for tarfile that limits how many bytes the headers of one member can have."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell
        self.n_bytes_left = _MOST_OF_A_HEADER

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self.n_bytes_left:
            raise ValueError(f"a header has more than {_MOST_OF_A_HEADER:,} bytes")
        self.n_bytes_left -= size
        content = self._stream.read(size)
        if size and not content:
            raise EOFError("it ends too early")
        return content


def _members(stream: IO[bytes], most_bytes: int) -> Iterator[tarfile.TarInfo]:
    """Yield every member that is not a folder, and refuse a broken or malicious archive.

    `tarfile` alone would follow negative sizes, read headers of any size, and take a broken
    header for the end of the archive.
    """
    headers: Any = _Headers(stream)
    archive: Any = tarfile.TarFile(fileobj=headers)
    before = 0
    while (member := archive.next()) is not None:
        if archive.offset <= before:
            raise ValueError(f"the size of {member.name!r} leads backwards")
        if archive.offset > most_bytes:
            raise ValueError(f"it unpacks to more than {_MOST_GROWTH:,} times its size")
        before = archive.offset
        archive.members.clear()  # tarfile would keep all members in memory
        headers.n_bytes_left = _MOST_OF_A_HEADER
        if not member.isdir():
            yield member
    stream.seek(archive.offset)
    if stream.read(_BLOCK) != bytes(_BLOCK):
        raise ValueError("its end is missing")
    _refuse_more(stream, most_bytes - archive.offset)


def _refuse_more(stream: IO[bytes], most_bytes: int) -> None:
    """Refuse anything but zeros behind the end: a damaged header can look like an end.

    Reading on also makes a compressed stream test its checksum.
    """
    while block := stream.read(_READ_AT_ONCE):
        most_bytes -= len(block)
        if most_bytes < 0:
            raise ValueError(f"it unpacks to more than {_MOST_GROWTH:,} times its size")
        if block.count(0) < len(block):
            raise ValueError("more follows behind its end")


def _special(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return "link"
    if not member.isreg():
        return "device"
    return "sparse file" if member.issparse() else ""
