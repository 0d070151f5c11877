"""Tests the checksums of what torch.save wrote, which PyTorch itself does not do."""

import logging
import zipfile
import zlib
from pathlib import Path

from invert_core.errors import FileFormatError
from invert_core.files.zip_members import check_members, check_unique

_log = logging.getLogger("invert")


def check_archive(path: Path) -> None:
    """Refuse an archive of torch.save that lost a member or holds other bytes than were saved.

    A pickle of PyTorch before 1.6 is no archive and has no checksums. Archives can be saved
    without checksums, too; then a warning says that they were not tested.

    Parameters
    ----------
    path : Path
        The file.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(archive)
            check_unique(archive)
            filled = [info for info in archive.infolist() if info.file_size]
            if filled and not any(info.CRC for info in filled):
                _log.warning(
                    "%r was saved without checksums, so damage would go unseen.", str(path)
                )
                return
            broken = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise FileFormatError(
            f"{str(path)!r} is not a whole PyTorch file ({error}).", "Get the file again."
        ) from error
    if broken is not None:
        raise FileFormatError(
            f"{str(path)!r} is damaged: the checksum of its member {broken!r} is wrong.",
            "Get the file again.",
        )
