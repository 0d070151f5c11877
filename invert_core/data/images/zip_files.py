"""Images in a zip archive."""

import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from invert_core.data.images.archive_members import ArchiveMembers
from invert_core.data.images.image_files import ImageFiles, Read
from invert_core.errors import FileFormatError
from invert_core.files.input_file import check_file
from invert_core.files.unchanged import Watched
from invert_core.files.zip_members import check_members

_ENCRYPTED = 1
_BROKEN = (BadZipFile, struct.error, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""The exceptions besides OSError and ValueError that zipfile raises for broken members."""


class ZipFiles(ImageFiles):
    """All images of a zip archive, in its order; their paths in the archive are the sample ids.

    The images may be compressed by deflate. Other compressions are refused, because a few bytes
    can unpack to any size at once. `ArchiveMembers` says what else is ignored or refused.
    """

    def __init__(self, path: Path):
        self.path = path
        self._watched = Watched(path)
        with _open(path) as archive:
            infos = archive.infolist()
            try:
                check_members(archive)
            except (OSError, BadZipFile) as error:
                raise _not_whole(path, error) from error
        members: ArchiveMembers[ZipInfo] = ArchiveMembers(path)
        for info in infos:
            # `is_dir` of some Pythons fails for a member without a name.
            if not info.filename.endswith("/"):
                members.add(info.filename, info.file_size, info, special=_special(info))
        members.finish()
        self.where, self.sizes, self._infos = members.where, members.sizes, members.places
        self._refuse_encrypted()

    def _refuse_encrypted(self) -> None:
        for name, info in self._infos.items():
            if info.flag_bits & _ENCRYPTED:
                raise FileFormatError(
                    f"The image {name!r} in {self.where} is encrypted.",
                    "Pack the images again without a password.",
                )

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Open the images for reading; see `ImageFiles.opened`."""
        with _open(self.path) as archive:

            def read(name: str) -> bytes:
                info = self._infos[name]
                if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
                    raise ValueError("it is not compressed by deflate")
                try:
                    # `archive.read` would unpack everything before it looks at the size.
                    with archive.open(info) as member:
                        content = member.read(info.file_size)
                except (OSError, ValueError, *_BROKEN) as error:
                    self._watched.check()
                    raise ValueError(str(error)) from error
                self._watched.check()
                return content

            self._watched.check()
            yield read


def _open(path: Path) -> ZipFile:
    check_file(path)
    try:
        return ZipFile(path)
    except (OSError, ValueError, *_BROKEN) as error:
        raise _not_whole(path, error) from error


def _not_whole(path: Path, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"{str(path)!r} is not a whole zip archive ({error}).", "Copy or pack it again."
    )


def _special(info: ZipInfo) -> str:
    return "link" if stat.S_ISLNK(info.external_attr >> 16) else ""
