"""Zip archives that lost a member are refused; whole ones of all kinds are read."""

import io
import random
import struct
import zipfile

import numpy as np
import pytest

from invert_core.errors import FileFormatError
from invert_core.files.numpy_files import read_npy, read_npz
from invert_core.files.zip_members import check_members, check_unique
from invert_core.tables.formats import open_by_suffix

MEMBERS = {f"folder/{number}.png": bytes([number]) * (50 + number) for number in range(5)}


class Pipe(io.RawIOBase):
    """A stream that cannot seek, so that sizes follow the data."""

    def __init__(self):
        self.content = bytearray()

    def writable(self):
        return True

    def write(self, part):
        self.content += part
        return len(part)


def packed(members=MEMBERS, into=None, **options):
    file = io.BytesIO() if into is None else into
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return bytes(file.content if isinstance(file, Pipe) else file.getvalue())


def refusal(content):
    with pytest.raises(zipfile.BadZipFile) as refused:
        check(content)
    return str(refused.value)


def check(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        check_members(archive)
        check_unique(archive)
        return archive.namelist()


def zip64(content):
    """Give an archive the end record of ZIP64, as writers of many members do."""
    end = content.rindex(b"PK\5\6")
    count, size, start = struct.unpack_from("<10xHII", content, end)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    last = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0)
    return content[:end] + record + locator + last


def with_large_members():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in MEMBERS.items():
            with archive.open(name, "w", force_zip64=True) as member:  # as numpy.savez does
                member.write(content)
    return file.getvalue()


def appended():
    file = io.BytesIO(packed())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("more.png", b"more")
    return file.getvalue()


def with_comment():
    file = io.BytesIO(packed())
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"a comment"
    return file.getvalue()


WHOLE = {
    "plain": packed(),
    "deflated": packed(compression=zipfile.ZIP_DEFLATED),
    "streamed": packed(into=Pipe()),
    "deflated and streamed": packed(into=Pipe(), compression=zipfile.ZIP_DEFLATED),
    "behind a program": bytes(1000) + packed(),
    "with an end of ZIP64": zip64(packed()),
    "with large members": with_large_members(),
    "appended to": appended(),
    "with a comment": with_comment(),
    "with other letters": packed({"größe.png": b"1", "日.png": b"2"}),
    "empty": packed({}),
    "in a stored archive": packed({"inner.zip": packed(), "a.png": b"1"}),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_archives_are_read(kind):
    check(WHOLE[kind])


def test_more_members_than_a_short_count_can_say_are_read():
    content = packed({f"{number}.png": b"" for number in range(2**16 + 3)})
    assert len(check(content)) == 2**16 + 3
    # Some writers count modulo 2**16 and write no end of ZIP64.
    end = content.rindex(b"PK\6\6")
    size, start = struct.unpack_from("<40xQQ", content, end)
    last = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 3, 3, size, start, 0)
    assert len(check(content[:end] + last)) == 2**16 + 3


@pytest.mark.parametrize("kind", ["plain", "streamed", "with an end of ZIP64"])
def test_no_flipped_byte_of_the_structure_changes_the_names(kind):
    whole = WHOLE[kind]
    names = check(whole)
    draw = random.Random(0)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= draw.randrange(1, 256)
        try:
            found = check(bytes(damaged))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
            continue
        assert found == names, place


def test_a_member_that_the_directory_does_not_list_is_named():
    assert "holds 'folder/0.png', which its directory does not list" in refusal(packed() + packed())


def test_a_directory_with_fewer_members_than_its_end_says_is_refused():
    content = bytearray(packed())
    # The third entry becomes the comment of the second.
    second = [place for place in range(len(content)) if content.startswith(b"PK\1\2", place)][1]
    length = 46 + len("folder/2.png")
    content[second + 32 : second + 34] = struct.pack("<H", length)
    assert refusal(bytes(content)) == "its directory lists 4 members, its end says 5"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_repeats_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", b"1")
        archive.writestr("a.npy", b"2")
    assert refusal(file.getvalue()) == "it has several members called 'a.npy'"


def test_no_flipped_byte_of_an_npz_changes_its_arrays(tmp_path):
    arrays = {"a": np.arange(12.0).reshape(6, 2), "b": np.arange(6)}
    np.savez(tmp_path / "whole.npz", **arrays)
    whole = (tmp_path / "whole.npz").read_bytes()
    path = tmp_path / "x.npz"
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        try:
            found, _ = read_npz(path)
        except FileFormatError:
            continue
        assert found.keys() == arrays.keys(), place
        assert all(np.array_equal(found[name], arrays[name]) for name in arrays), place


def test_an_array_that_is_longer_or_shorter_than_its_header_says_is_refused(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(10.0))
    whole = path.read_bytes()
    for content in (whole.replace(b"(10,)", b"(9,) "), whole + b"1"):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=r"its header tells of .* bytes, it holds"):
            read_npy(path)


def test_arrays_beyond_the_memory_are_refused_before_any_is_read(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(2**16), b=np.zeros(2**16))
    monkeypatch.setattr("invert_core.files.numpy_files.memory_bytes", lambda: 2**20)
    monkeypatch.setattr(np.lib.format, "read_array", None)
    with pytest.raises(FileFormatError, match=r"1,048,832 bytes.*1,048,576 bytes of memory"):
        read_npz(tmp_path / "x.npz")


def test_a_group_of_rows_beyond_the_memory_is_refused(tmp_path, monkeypatch):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"a": ["b" * 1000] * 10}), tmp_path / "x.parquet")
    monkeypatch.setattr("invert_core.tables.parquet_table.memory_bytes", lambda: 100)
    with (
        pytest.raises(FileFormatError, match=r"a group of rows of .* and this machine has 100"),
        open_by_suffix(tmp_path / "x.parquet"),
    ):
        pass
