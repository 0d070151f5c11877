import bz2
import contextlib
import gzip
import io
import logging
import lzma
import struct
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from invert_core.data import Preprocess, open_data
from invert_core.data.images import archive_members
from invert_core.data.images.image_files import FolderFiles
from invert_core.data.images.image_source import ImageSource
from invert_core.data.images.tar_files import TarFiles
from invert_core.data.images.zip_files import ZipFiles
from invert_core.errors import DataError, FileFormatError, InvertError, MissingFileError
from invert_core.models.backend import ModelInput

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
COMPRESSED = {".tar.gz": gzip, ".tgz": gzip, ".tar.bz2": bz2, ".tar.xz": lzma}


def image(value, kind="png", size=(6, 4)):
    file = io.BytesIO()
    Image.new("RGB", size, (value, 2 * value, 255 - value)).save(file, kind)
    return file.getvalue()


def tar_member(name, content=b"", **attributes):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    return member, io.BytesIO(content)


def tar_bytes(members, **options):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", **options) as archive:
        for member, content in members:
            archive.addfile(member, content)
    return file.getvalue()


def pack(folder, members, suffix):
    """Pack the contents of `members`, a mapping of names or a list of pairs, into an archive."""
    path = folder / f"images{suffix}"
    pairs = list(members.items()) if isinstance(members, dict) else members
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in pairs:
                archive.writestr(name, content)
        return path
    content = tar_bytes([tar_member(name, content) for name, content in pairs])
    module = COMPRESSED.get(suffix)
    path.write_bytes(content if module is None else module.compress(content))
    return path


def files_of(path):
    return ZipFiles(path) if path.suffix == ".zip" else TarFiles(path)


def source_of(files, **options):
    return ImageSource(files, "x", Preprocess(scale=1), **options)


def all_rows(source, start=0, batch_size=2):
    return np.concatenate([batch.inputs["x"] for batch in source.batches(start, batch_size)])


IMAGES = {f"{'ab'[i % 2]}/{i}.{'png' if i % 3 else 'bmp'}": image(i) for i in range(7)}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("workers", [0, 1])
def test_an_archive_gives_what_the_folder_of_its_images_gives(tmp_path, suffix, workers):
    images = dict(sorted(IMAGES.items()))
    for name, content in images.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    there = source_of(FolderFiles(tmp_path / "folder"))
    here = source_of(files_of(pack(tmp_path, images, suffix)), workers=workers)
    assert here.sample_id == there.sample_id == tuple(images)
    assert here.manifest == there.manifest
    assert all_rows(here).tobytes() == all_rows(there).tobytes()
    assert all_rows(here, 5).tobytes() == all_rows(there)[4:].tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_images_come_in_the_order_of_the_archive(tmp_path, suffix):
    images = dict(reversed(IMAGES.items()))
    source = source_of(files_of(pack(tmp_path, images, suffix)))
    assert source.sample_id == tuple(images)
    assert all_rows(source)[:, 0, 0, 0].tolist() == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_archives_are_known_by_their_suffix_in_any_case(tmp_path, suffix):
    path = pack(tmp_path, IMAGES, suffix)
    path = path.rename(tmp_path / f"OTHER{suffix.upper()}")
    assert open_data(path, (ModelInput("x"),)).sample_id == tuple(IMAGES)


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_paths_are_the_same_however_they_are_written(tmp_path, suffix):
    path = pack(tmp_path, {"./a.png": image(0), "b//./c.png": image(1)}, suffix)
    assert tuple(files_of(path).sizes) == ("a.png", "b/c.png")


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_hidden_and_other_members_are_left_out_and_others_counted(tmp_path, suffix, caplog):
    others = {
        ".a.png": b"",
        "b/.c/d.png": b"",
        "__MACOSX/a.png": b"",
        "labels.csv": b"",
        "README": b"",
    }
    path = pack(tmp_path, {**others, "a.png": image(0)}, suffix)
    with caplog.at_level(logging.INFO, "invert"):
        assert tuple(files_of(path).sizes) == ("a.png",)
    assert "2 files" in caplog.text
    assert "1 .csv, 1 README" in caplog.text


def test_links_and_devices_in_a_tar_are_ignored_and_counted(tmp_path, caplog):
    special = {
        "link.png": {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        "hard.png": {"type": tarfile.LNKTYPE, "linkname": "../a.png"},
        "pipe.png": {"type": tarfile.FIFOTYPE},
        "device.png": {"type": tarfile.CHRTYPE},
        "sparse.png": {"pax_headers": {"GNU.sparse.map": "0,1", "GNU.sparse.size": "1"}},
        "folder.png": {"type": tarfile.DIRTYPE},
    }
    members = [tar_member(name, **attributes) for name, attributes in special.items()]
    path = tmp_path / "a.tar"
    path.write_bytes(tar_bytes([*members, tar_member("a.png", image(0))]))
    with caplog.at_level(logging.INFO, "invert"):
        assert tuple(TarFiles(path).sizes) == ("a.png",)
    for counted in ("2 link", "2 device", "1 sparse file"):
        assert counted in caplog.text


def test_links_in_a_zip_are_ignored_and_counted(tmp_path, caplog):
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    path = pack(tmp_path, [(link, "/etc/passwd"), ("a.png", image(0))], ".zip")
    with caplog.at_level(logging.INFO, "invert"):
        assert tuple(ZipFiles(path).sizes) == ("a.png",)
    assert "1 link" in caplog.text


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
@pytest.mark.parametrize("name", ["/a.png", "../a.png", "b/../../a.png", "..\\a.png", "C:\\a.png"])
def test_images_whose_paths_lead_out_of_the_archive_are_refused(tmp_path, suffix, name):
    with pytest.raises(FileFormatError, match="leads out of it"):
        files_of(pack(tmp_path, {"b.png": image(0), name: image(1)}, suffix))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_names_that_stand_twice_are_counted_and_named(tmp_path, suffix):
    twice = [(name, image(0)) for name in ("a.png", "b.png", "c.png", "./a.png", "b.png", "b.png")]
    with pytest.raises(DataError, match=r"2 names appear more than once .*'a\.png', 'b\.png'"):
        files_of(pack(tmp_path, twice, suffix))


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_archives_without_images_are_refused(tmp_path, suffix):
    with pytest.raises(DataError, match="has no images"):
        files_of(pack(tmp_path, {"a.txt": b"x"}, suffix))


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_an_image_that_says_to_be_huge_is_refused(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(archive_members, "MOST_BYTES", 1000)
    with pytest.raises(FileFormatError, match=r"'b\.png' .* has 1,001 bytes, more than 1,000"):
        files_of(pack(tmp_path, {"a.png": image(0), "b.png": bytes(1001)}, suffix))


def test_encrypted_images_are_refused(tmp_path):
    path = pack(tmp_path, {"a.png": image(0)}, ".zip")
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"'a\.png' .* encrypted.*password"):
        ZipFiles(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"x", b"PK\3\4", b"\x1f\x8b", bytes(100)])
def test_what_is_no_archive_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="not a whole"):
        files_of(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_an_archive_that_was_cut_is_refused(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 256, (12, 30, 30, 3), np.uint8)
    images = {}
    for i, pixels in enumerate(noise):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "png")
        images[f"{i}.png"] = file.getvalue()
    path = pack(tmp_path, images, suffix)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FileFormatError, match="not a whole"):
        files_of(path)


def test_a_tar_that_was_cut_between_two_images_is_refused(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(
        pack(tmp_path, {"a.png": image(0), "b.png": image(1)}, ".tar").read_bytes()[:1024]
    )
    with pytest.raises(FileFormatError, match="ends"):
        TarFiles(path)


def test_a_tar_with_a_broken_header_in_the_middle_is_refused_and_not_cut(tmp_path):
    path = pack(tmp_path, {"a.png": image(0), "b.png": image(1)}, ".tar")
    content = bytearray(path.read_bytes())
    content[1024 + 10] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="its end is missing"):
        TarFiles(path)


def with_size(content, size):
    """Make a tar whose first member states a size of `size` bytes, in base 256."""
    header = bytearray(content[:512])
    header[124:136] = (
        size.to_bytes(12, "big", signed=True) if size < 0 else b"\x80" + size.to_bytes(11, "big")
    )
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content[512:]


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
@pytest.mark.parametrize("size", [-512, -2048, 2**40])
def test_sizes_in_a_tar_that_lead_nowhere_are_refused(tmp_path, kind, size):
    content = tar_bytes([tar_member("a.txt", b"x", type=kind), tar_member("a.png", image(0))])
    path = tmp_path / "a.tar"
    path.write_bytes(with_size(content, size))
    with pytest.raises(FileFormatError, match="not a whole tar"):
        TarFiles(path)


def test_a_tar_that_unpacks_to_very_much_is_refused_before_it_is_unpacked(tmp_path):
    content = tar_bytes([tar_member("a.txt", b"x"), tar_member("a.png", image(0))])
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(with_size(content, 2**40)))
    with pytest.raises(FileFormatError, match="1,100 times"):
        TarFiles(path)


SPARSE = {"pax_headers": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}}
ENDLESS = {
    "a name": [tar_member("x", b"x" * 2**21, type=tarfile.GNUTYPE_LONGNAME)],
    "a list": [tar_member("x.png", b"999999\n" + b"1\n" * 2**20, **SPARSE)],
    "a list that is cut": [tar_member("x.png", b"999999\n1\n", **SPARSE)],
    "nesting": [tar_member("x", b"9 path=x\n", type=tarfile.XHDTYPE) for _ in range(2000)],
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_headers_in_a_tar_that_do_not_end_are_refused(tmp_path, kind):
    path = tmp_path / "a.tar"
    path.write_bytes(tar_bytes([*ENDLESS[kind], tar_member("a.png", image(0))]))
    with pytest.raises(FileFormatError, match="not a whole tar"):
        TarFiles(path)


def test_an_image_that_is_broken_inside_a_zip_is_named(tmp_path):
    path = pack(tmp_path, {"a.png": image(0), "b.png": image(1)}, ".zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"b.png") + 40] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"'b\.png' cannot be read \(Bad CRC.*--skip-bad"):
        all_rows(source_of(ZipFiles(path)))
    assert source_of(ZipFiles(path), skip_bad=True).sample_id == ("a.png",)


def test_an_unknown_compression_in_a_zip_is_an_unreadable_image(tmp_path):
    path = pack(tmp_path, {"a.png": image(0)}, ".zip")
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, content.index(b"PK\1\2") + 10, 77)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"'a\.png' cannot be read"):
        all_rows(source_of(ZipFiles(path)))


def test_a_member_of_a_zip_without_a_name_is_no_image(tmp_path):
    path = pack(tmp_path, {"a.png": image(0), "b.png": image(1)}, ".zip")
    content = bytearray(path.read_bytes())
    content = content.replace(b"b.png", b"\0.png")  # a name ends there
    path.write_bytes(content)
    assert source_of(ZipFiles(path)).sample_id == ("a.png",)


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_an_archive_that_is_gone_when_it_is_read_is_missing(tmp_path, suffix):
    source = source_of(files_of(pack(tmp_path, IMAGES, suffix)))
    (tmp_path / f"images{suffix}").unlink()
    with pytest.raises(MissingFileError, match="no file"):
        all_rows(source)


@settings(max_examples=150)
@given(st.data(), st.sampled_from([".zip", ".tar", ".tar.gz"]))
def test_a_damaged_archive_is_read_or_refused_with_a_sentence(tmp_path_factory, data, suffix):
    folder = tmp_path_factory.mktemp("damaged")
    path = pack(folder, {"a.png": image(0), "b.bmp": image(1, "bmp")}, suffix)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(InvertError):
        all_rows(source_of(files_of(path)))


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_an_image_in_a_zip_that_unpacks_to_more_than_it_says_takes_no_memory(tmp_path, method):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.png", bytes(2**25))
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\1\2") + 24, 100)
    struct.pack_into("<I", content, content.index(b"PK\3\4") + 22, 100)
    path.write_bytes(content)
    files = ZipFiles(path)
    tracemalloc.start()
    with files.opened() as read, pytest.raises(ValueError, match=r"CRC|not compressed by deflate"):
        read("a.png")
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_header_of_zeros_in_a_tar_is_no_end(tmp_path):
    path = pack(tmp_path, IMAGES, ".tar")
    content = bytearray(path.read_bytes())
    place = content.index(b"b/1.png")
    content[place : place + 512] = bytes(512)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="more follows behind its end"):
        files_of(path)
