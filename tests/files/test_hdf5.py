"""Untrusted HDF5 files are checked when they are opened."""

import h5py
import numpy as np
import pytest

from invert_core.errors import FileFormatError, MissingFileError
from invert_core.files import hdf5


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["format"] = "a-format"
        file.attrs["format_version"] = 2
        file["numbers"] = np.arange(5)
        hdf5.store_strings(file, "strings", ("a", "größe", ""))
        file.create_group("group")["inside"] = 1.0
    return tmp_path / "x.h5"


@pytest.fixture
def file(path):
    with hdf5.open_checked(path, "a-format", 2) as opened:
        yield opened


def changed(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def test_strings_come_back_as_they_were(file):
    assert hdf5.stored_strings(hdf5.own_dataset(file, "strings")) == ("a", "größe", "")


def test_groups_and_datasets_are_found(file):
    assert hdf5.own_dataset(file, "numbers")[:].tolist() == [0, 1, 2, 3, 4]
    assert hdf5.own_dataset(hdf5.own_group(file, "group"), "inside")[()] == 1.0
    assert hdf5.has_item(file, "numbers")
    assert not hdf5.has_item(file, "none")


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda file: hdf5.own_dataset(file, "none"), r"x\.h5:/none is missing"),
        (lambda file: hdf5.own_dataset(file, "group"), "/group is not a dataset"),
        (lambda file: hdf5.own_group(file, "numbers"), "/numbers is not a group"),
        (lambda file: hdf5.own_groups(file), "is not a group"),
        (lambda file: hdf5.stored_strings(file["numbers"]), "not a list of strings"),
    ],
)
def test_what_is_not_as_it_should_be_is_named(file, read, words):
    with pytest.raises(FileFormatError, match=words):
        read(file)


def test_a_missing_file_and_a_folder_are_no_files(tmp_path):
    for path in (tmp_path / "none.h5", tmp_path):
        with pytest.raises(MissingFileError), hdf5.open_checked(path, "a-format"):
            pytest.fail("it was opened")


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_truncated_file_is_refused(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    with (
        pytest.raises(FileFormatError, match="is not a whole HDF5 file") as caught,
        hdf5.open_checked(path, "a-format", 2),
    ):
        pytest.fail("it was opened")
    assert caught.value.message == f"{str(path)!r} is not a whole HDF5 file."
    assert caught.value.hint.endswith(" Copy it again from where it is whole, or make it again.")


@pytest.mark.parametrize(
    ("of_hdf5", "said"),
    [
        ("inflate() failed", "x.h5:/numbers is broken."),
        ("filter returned failure during read", "x.h5:/numbers is broken."),
        *(
            (words, "x.h5:/numbers was compressed with a filter of HDF5 that is missing here.")
            for words in (
                "required filter 'zstd' is not registered",
                "can't open directory (/usr/local/hdf5/lib/plugin). Please verify its existence",
            )
        ),
    ],
)
def test_what_hdf5_says_of_damage_is_put_into_words(file, of_hdf5, said):
    with (
        pytest.raises(FileFormatError) as caught,
        hdf5.broken_file_errors(file["numbers"]),
    ):
        raise OSError(f"Can't synchronously read data ({of_hdf5})")
    assert caught.value.message == said
    assert caught.value.hint


def test_a_file_that_may_not_be_read_is_not_called_damaged(path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Unable to synchronously open file (unable to open file: name)")

    monkeypatch.setattr(h5py, "File", refuse)
    with (
        pytest.raises(FileFormatError, match=r"cannot be read: Permission denied\. Check its perm"),
        hdf5.open_file(path),
    ):
        pytest.fail("it was opened")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.attrs.pop("format"), "its format is None"),
        (lambda file: file.attrs.__setitem__("format", "other"), "its format is 'other'"),
        (lambda file: file.attrs.__setitem__("format", 3), "is not an a-format file"),
        (lambda file: file.attrs.pop("format_version"), "format version None"),
        (lambda file: file.attrs.__setitem__("format_version", 3), "reads up to 2"),
        (lambda file: file.attrs.__setitem__("format_version", "2"), "reads up to 2"),
        (lambda file: file.attrs.__setitem__("format_version", 0), "reads up to 2"),
    ],
)
def test_another_format_or_version_is_refused(path, change, words):
    changed(path, change)
    with pytest.raises(FileFormatError, match=words), hdf5.open_checked(path, "a-format", 2):
        pytest.fail("it was opened")


def outside(file):
    """Ways to make a file read another one."""
    with h5py.File(file.filename + ".other", "w") as other:
        other["secret"] = np.arange(5)
    file["external link"] = h5py.ExternalLink(file.filename + ".other", "secret")
    file["soft link"] = h5py.SoftLink("/numbers")
    file.create_dataset("raw", (5,), "i8", external=[("/etc/hostname", 0, 40)])
    layout = h5py.VirtualLayout((5,), "i8")
    layout[:] = h5py.VirtualSource(file.filename + ".other", "secret", (5,))
    file.create_virtual_dataset("virtual", layout)


@pytest.mark.parametrize("name", ["external link", "soft link", "raw", "virtual"])
def test_data_of_other_files_is_not_read(path, name):
    changed(path, outside)
    with (
        hdf5.open_checked(path, "a-format", 2) as file,
        pytest.raises(FileFormatError, match=r"is not followed|keeps its data in other files"),
    ):
        hdf5.own_dataset(file, name)


def test_huge_chunks_are_refused(path, monkeypatch):
    changed(path, lambda file: file.create_dataset("big", (2000,), "f8", chunks=(1000,)))
    monkeypatch.setattr(hdf5, "CHUNK_LIMIT_BYTES", 7999)
    with (
        hdf5.open_checked(path, "a-format", 2) as file,
        pytest.raises(FileFormatError, match="chunks of 8,000 bytes"),
    ):
        hdf5.own_dataset(file, "big")


@pytest.mark.parametrize("chunks", [None, (1000,)])
def test_a_size_that_the_file_does_not_hold_is_refused(path, chunks):
    changed(path, lambda file: file.create_dataset("empty", (2**40,), "f4", chunks=chunks))
    with (
        hdf5.open_checked(path, "a-format", 2) as file,
        pytest.raises(FileFormatError, match="claims 4,398,046,511,104 bytes"),
    ):
        hdf5.own_dataset(file, "empty")


def test_strings_that_the_file_does_not_hold_are_refused(path):
    changed(path, lambda file: file.create_dataset("ids", (2**27,), h5py.string_dtype()))
    with (
        hdf5.open_checked(path, "a-format", 2) as file,
        pytest.raises(FileFormatError, match="claims"),
    ):
        hdf5.own_dataset(file, "ids")


@pytest.mark.parametrize("shape", [(0,), (0, 2), (3, 0)])
def test_an_empty_dataset_is_held_by_the_file(path, shape):
    changed(path, lambda file: file.create_dataset("empty", shape, "f4"))
    with hdf5.open_checked(path, "a-format", 2) as file:
        assert hdf5.own_dataset(file, "empty").shape == shape


def test_zeros_that_compress_best_are_read(path):
    zeros = np.zeros((2**20, 4), np.float32)
    changed(
        path,
        lambda file: file.create_dataset(
            "zeros", data=zeros, compression="gzip", compression_opts=9
        ),
    )
    with hdf5.open_checked(path, "a-format", 2) as file:
        assert not hdf5.own_dataset(file, "zeros")[:].any()


@pytest.mark.parametrize(
    ("stored", "dtype"),
    [
        (["größe", "", "b"], h5py.string_dtype()),
        (["plain", "b"], h5py.string_dtype("ascii")),
        (["größe".encode(), b"", b"b"], h5py.string_dtype("utf-8", 12)),
        ([b"a\0b", b"\0", b"c"], h5py.string_dtype("ascii", 5)),
    ],
)
def test_strings_of_every_kind_are_read_as_h5py_reads_them(tmp_path, stored, dtype):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("strings", data=np.array(stored, dtype), dtype=dtype)
        assert hdf5.stored_strings(dataset) == tuple(dataset.asstr()[:])
        empty = file.create_dataset("empty", shape=(0,), dtype=dtype)
        assert hdf5.stored_strings(empty) == ()


@pytest.mark.parametrize("charset", ["ascii", "utf-8"])
@pytest.mark.parametrize("length", [None, 6])
def test_utf_8_is_read_whatever_the_charset_says(tmp_path, charset, length):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = ["ü".encode(), b"plain"]
        dtype = h5py.string_dtype(charset, length)
        dataset = file.create_dataset("strings", data=np.array(data, dtype), dtype=dtype)
        assert hdf5.stored_strings(dataset) == ("ü", "plain")


@pytest.mark.parametrize("charset", ["ascii", "utf-8"])
@pytest.mark.parametrize("length", [None, 6])
def test_latin_1_is_refused_whatever_the_charset_says(tmp_path, charset, length):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        data = ["ü".encode("latin-1"), b"plain"]
        dtype = h5py.string_dtype(charset, length)
        dataset = file.create_dataset("strings", data=np.array(data, dtype), dtype=dtype)
        with pytest.raises(FileFormatError, match=r"not UTF-8 .*0xfc.* UTF-8\."):
            hdf5.stored_strings(dataset)


def raw_strings(file, padding, data):
    """A dataset of strings of fixed length, made through HDF5's own functions."""
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(data.dtype.itemsize)
    kind.set_strpad(padding)
    space = h5py.h5s.create_simple(data.shape)
    dataset = h5py.h5d.create(file.id, b"strings", kind, space)
    # Written as it stands in memory: HDF5 pads nothing and cuts nothing.
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, data, mtype=kind)
    return h5py.Dataset(dataset)


@pytest.mark.parametrize(
    "padding", [h5py.h5t.STR_NULLPAD, h5py.h5t.STR_NULLTERM, h5py.h5t.STR_SPACEPAD]
)
@pytest.mark.parametrize("fill", [b"\0", b" "])
def test_strings_that_are_filled_up_are_cut_to_what_they_say(tmp_path, padding, fill, caplog):
    data = np.array([each.ljust(6, fill) for each in (b"a", b"b c", b"", b"whole")], "S6")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        assert hdf5.stored_strings(raw_strings(file, padding, data)) == ("a", "b c", "", "whole")
    guessed = fill == b" " and padding != h5py.h5t.STR_SPACEPAD
    assert ("x.h5:/strings are filled up with blanks" in caplog.text) == guessed


def test_blanks_at_an_end_stay_where_other_strings_show_that_they_are_meant(tmp_path, caplog):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        strings = file.create_dataset("strings", data=np.array([b"ab  ", b"ab"], "S4"))
        assert hdf5.stored_strings(strings) == ("ab  ", "ab")
        strings = file.create_dataset("variable", data=["ab  ", "abcd"])
        assert hdf5.stored_strings(strings) == ("ab  ", "abcd")
    assert not caplog.text


def test_bytes_that_are_no_text_are_told_of_at_their_place_in_the_string(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("strings", shape=(2,), dtype=h5py.string_dtype())
        dataset[0], dataset[1] = b"whole", b"bro\xffken"
        with pytest.raises(FileFormatError, match="byte 0xff in position 3"):
            hdf5.stored_strings(dataset)
