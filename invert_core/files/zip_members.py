"""Checks that a zip archive still lists all members that it holds.

`zipfile` believes the central directory: it neither counts its entries nor looks for members that
no entry names, so one flipped byte can hide a member.
"""

import struct
from collections import Counter
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

from invert_core.wording import first_few

_END = b"PK\x05\x06"
_END_SIZE = 22
_LONGEST_COMMENT = 2**16 - 1
_END_64 = b"PK\x06\x06"
_LOCATOR_64 = b"PK\x06\x07"
_LOCATOR_64_SIZE = 20
_COUNTS_64 = struct.Struct("<24xQQ")
_LOCAL = b"PK\x03\x04"
_LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
_FOLLOWED_BY_SIZES = 8
_UTF8 = 2**11
_IN_EXTRA = 2**32 - 1
_BLOCK = 2**20
_LATEST_VERSION = 63
_LAST_METHOD = 99
"""The largest numbers for the version and the compression that a header can have."""


def check_members(archive: ZipFile) -> None:
    """Raise BadZipFile unless the archive lists each member that it holds, as the member is.

    Data before the first member, as in a self-extractor, and unused bytes between members are
    accepted as long as they hold no member. Memory does not grow with the archive; time grows in
    proportion to its number of members and its unused bytes.

    Parameters
    ----------
    archive : ZipFile
        An archive that is open for reading.
    """
    file = archive.fp
    assert file is not None, "the archive is open"
    infos = archive.infolist()
    _check_count(file, len(infos))
    end = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        if info.header_offset < end:
            raise BadZipFile(f"the member {info.filename!r} overlaps the one before it")
        _refuse_member_in(file, end, info.header_offset)
        end = _check_local(file, info) + info.compress_size
    if end > archive.start_dir:
        raise BadZipFile("its last member overlaps its directory")
    _refuse_member_in(file, end, archive.start_dir)


def check_unique(archive: ZipFile) -> None:
    """Raise BadZipFile if two members have the same name."""
    repeated = [name for name, count in Counter(archive.namelist()).items() if count > 1]
    if repeated:
        raise BadZipFile(f"it has several members called {first_few(repeated)}")


def _check_count(file: IO[bytes], found: int) -> None:
    file.seek(0, 2)
    size = file.tell()
    start = max(0, size - _END_SIZE - _LONGEST_COMMENT - _LOCATOR_64_SIZE)
    file.seek(start)
    tail = file.read(size - start)
    at = len(tail) - _END_SIZE
    if not (tail.startswith(_END, at) and tail.endswith(b"\0\0")):
        at = tail.rfind(_END)
    here, whole = struct.unpack_from("<8xHH", tail, at)
    locator = at - _LOCATOR_64_SIZE
    if locator >= 0 and tail.startswith(_LOCATOR_64, locator):
        here, whole = _counts_64(file, start + locator)
    else:
        # Archives of more members without ZIP64, as older macOS writes, count modulo 2**16.
        found %= 2**16
    if here != whole or whole != found:
        raise BadZipFile(f"its directory lists {found:,} members, its end says {whole:,}")


def _counts_64(file: IO[bytes], locator: int) -> tuple[int, int]:
    """Read the counts in the ZIP64 end record, which lies directly before its locator."""
    file.seek(max(0, locator - 56))
    record = file.read(56)
    if not record.startswith(_END_64):
        raise BadZipFile("its ZIP64 end record is not where it should be")
    here, whole = _COUNTS_64.unpack_from(record)
    return here, whole


def _check_local(file: IO[bytes], info: ZipInfo) -> int:
    """Compare a member with its entry in the directory; return where its data begin."""
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL):
        raise BadZipFile(f"the member {info.filename!r} is not where its directory says")
    fields = _LOCAL_HEADER.unpack(header)
    flags, crc, packed, unpacked, n_name, n_extra = fields[2], *fields[6:]
    name, extra = file.read(n_name), file.read(n_extra)
    listed = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")
    coded_alike = name.isascii() or not (flags ^ info.flag_bits) & _UTF8
    if name != listed or not coded_alike:
        raise BadZipFile(f"its directory lists {info.filename!r}, where {name!r} is")
    if packed == _IN_EXTRA or unpacked == _IN_EXTRA:
        packed, unpacked = _sizes_64(extra, packed, unpacked)
    stated = (crc, packed, unpacked)
    later = flags & _FOLLOWED_BY_SIZES and stated[1:] in ((0, 0), (info.compress_size, 0))
    if not later and stated != (info.CRC, info.compress_size, info.file_size):
        raise BadZipFile(f"the sizes or the checksum of {info.filename!r} differ from its entry")
    return info.header_offset + _LOCAL_HEADER.size + n_name + n_extra


def _sizes_64(extra: bytes, packed: int, unpacked: int) -> tuple[int, int]:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 1 and length >= 16:
            unpacked, packed = struct.unpack_from("<4xQQ", extra)
            break
        extra = extra[4 + length :]
    return packed, unpacked


def _refuse_member_in(file: IO[bytes], start: int, end: int) -> None:
    """Refuse bytes between the listed members that hold the header of a further member."""
    if end - start < _LOCAL_HEADER.size:
        return
    file.seek(start)
    left, before = end - start, b""
    while left:
        block = file.read(min(left, _BLOCK))
        if not block:
            raise BadZipFile("it ends too early")
        left -= len(block)
        held = before + block
        at = held.find(_LOCAL)
        while at >= 0:
            if name := _name_of_member(held[at : at + _LOCAL_HEADER.size + 2**10]):
                raise BadZipFile(f"it holds {name!r}, which its directory does not list")
            at = held.find(_LOCAL, at + 1)
        before = held[-(_LOCAL_HEADER.size + 2**10) :] if left else b""


def _name_of_member(content: bytes) -> str:
    """Return the name in what may be the header of a member; "" if it cannot be one."""
    if len(content) < _LOCAL_HEADER.size:
        return ""
    version, _, method, *_, n_name, _ = _LOCAL_HEADER.unpack_from(content)[1:]
    name = content[_LOCAL_HEADER.size : _LOCAL_HEADER.size + n_name]
    possible = version & 0xFF <= _LATEST_VERSION and method <= _LAST_METHOD
    if not (possible and name and b"\0" not in name):
        return ""
    return name.decode(errors="replace")
