import errno
import logging
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from invert_core.data import Preprocess, folders
from invert_core.data.images.decoding import decode
from invert_core.data.images.image_files import FolderFiles
from invert_core.data.images.image_source import ImageSource
from invert_core.errors import DataError, MissingFileError


def save(folder, name, value=0, size=(6, 4), **options):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path, **options)


def folder_of(path, *, follow_links=False, **options):
    files = FolderFiles(path, follow_links=follow_links)
    return ImageSource(files, "pixels", Preprocess(scale=1), **options)


def all_rows(source, start=0, batch_size=2):
    return np.concatenate([batch.inputs["pixels"] for batch in source.batches(start, batch_size)])


@pytest.fixture
def ten(tmp_path):
    for i in range(10):
        save(tmp_path, f"{i}.png", value=i)
    return tmp_path


def test_images_come_in_the_order_of_their_paths_which_are_the_ids(tmp_path):
    for name in ("b.png", "a/z.JPG", "a/y/c.bmp", "a.webp", "B.tif", "c.tiff", "d.jpeg"):
        save(tmp_path, name)
    source = folder_of(tmp_path)
    ids = ("B.tif", "a.webp", "a/y/c.bmp", "a/z.JPG", "b.png", "c.tiff", "d.jpeg")
    assert source.sample_id == ids
    assert len(source) == 7


def test_hidden_and_other_files_are_left_out_and_others_counted(tmp_path, caplog):
    for name in ("a.png", ".hidden.png", ".cache/b.png"):
        save(tmp_path, name)
    for name in ("labels.csv", "more.csv", "README"):
        (tmp_path / name).touch()
    with caplog.at_level(logging.INFO, "invert"):
        assert folder_of(tmp_path).sample_id == ("a.png",)
    assert "3 files" in caplog.text
    assert "2 .csv, 1 README" in caplog.text


def test_batches_start_where_they_are_told_to(ten):
    source = folder_of(ten)
    assert [len(batch.inputs["pixels"]) for batch in source.batches(4, 4)] == [4, 2]
    assert all_rows(source, 4)[:, 0, 0, 0].tolist() == [4, 5, 6, 7, 8, 9]
    assert all_rows(source).shape == (10, 3, 4, 6)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match="no images"):
        folder_of(tmp_path)


def test_a_missing_folder_is_missing(tmp_path):
    with pytest.raises(MissingFileError, match="no folder"):
        folder_of(tmp_path / "no")


def raw_png(width, height, depth, content):
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0),
        b"IDAT": zlib.compress(content),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )


def broken(folder, kind):
    path = folder / "5.png"
    content = path.read_bytes()
    if kind == "truncated":
        save(folder, "5.png", size=(500, 500))
        path.write_bytes(path.read_bytes()[:600])
    elif kind == "flipped":
        path.write_bytes(content[:40] + b"\xff\xff\xff\xff" + content[44:])
    elif kind == "16 bits":
        Image.new("I;16", (6, 4)).save(path)
    elif kind == "16 bits of colour":
        path.write_bytes(raw_png(6, 4, 16, (b"\0" + bytes(36)) * 4))
    elif kind == "bomb":
        path.write_bytes(raw_png(20_000, 20_000, 8, bytes(1000)))
    elif kind == "large file":
        path.write_bytes(content)
        os.truncate(path, 2**28 + 1)
    elif kind == "pipe":
        path.unlink()
        os.mkfifo(path)
    else:
        path.write_bytes(
            {"empty": b"", "text": b"not an image", "gif": b"GIF89a" + bytes(50)}[kind]
        )


KINDS = ["empty", "text", "gif", "truncated", "flipped", "16 bits", "16 bits of colour", "pipe"]
KINDS += ["bomb", "large file"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_unreadable_image_is_named(ten, kind):
    broken(ten, kind)
    source = folder_of(ten)
    batches = source.batches(0, 4)
    next(batches)
    with pytest.raises(DataError, match="--skip-bad") as caught:
        next(batches)
    assert "'5.png'" in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_unreadable_images_are_left_out_named_and_counted_on_request(ten, kind, caplog):
    broken(ten, kind)
    seen = []
    source = folder_of(ten, skip_bad=True, progress=lambda *counts: seen.append(counts))
    assert "1 of 10 images cannot be read and are left out: '5.png'" in caplog.text
    assert seen[-1] == (10, 10)
    assert source.sample_id == tuple(f"{i}.png" for i in range(10) if i != 5)
    assert all_rows(source)[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9]


def test_an_image_is_what_it_holds_whatever_its_suffix(ten):
    Image.new("RGB", (6, 4), (5, 5, 5)).save(ten / "5.png", "JPEG")
    assert all_rows(folder_of(ten))[:, 0, 0, 0].tolist() == list(range(10))


def test_what_holds_no_image_is_told_which_formats_there_are(ten):
    broken(ten, "gif")
    with pytest.raises(DataError, match=r"it is none of JPEG, PNG, BMP, WEBP, TIFF, PPM"):
        all_rows(folder_of(ten))


def test_leaving_out_is_the_same_as_removing(ten):
    broken(ten, "text")
    skipped = folder_of(ten, skip_bad=True).manifest
    (ten / "5.png").unlink()
    assert folder_of(ten).manifest == skipped


def test_only_unreadable_images_are_refused(tmp_path):
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(DataError, match="None of the images"):
        folder_of(tmp_path, skip_bad=True)


@pytest.mark.parametrize("factor", [1.5, 3])
def test_a_decompression_bomb_is_refused(ten, monkeypatch, factor):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(24 / factor))
    with pytest.raises(DataError, match=r"0\.png.*decompression bomb"):
        next(folder_of(ten).batches(0, 4))


def test_a_bomb_is_refused_whatever_another_thread_does_to_warnings(ten, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = decode("0.png", (ten / "0.png").read_bytes(), Preprocess())
    assert "24 pixels, more than 20" in found.message


@pytest.mark.parametrize("size", [(1, 60), (60, 1)])
def test_a_thin_image_that_becomes_huge_is_refused_before_it_is_resized(ten, monkeypatch, size):
    save(ten, "5.png", size=size)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    arguments = (FolderFiles(ten), "pixels", Preprocess(resize=5))
    with pytest.raises(DataError, match=r"60.* becomes .*300.* more than 1,000 pixels.*'5\.png'"):
        all_rows(ImageSource(*arguments), batch_size=10)
    assert "5.png" not in ImageSource(*arguments, skip_bad=True).sample_id


def test_a_crop_that_is_too_large_is_not_blamed_on_the_image(ten):
    with pytest.raises(DataError, match=r"crop less.*'0\.png'") as caught:
        all_rows(ImageSource(FolderFiles(ten), "pixels", Preprocess(crop=(99, 99))))
    assert "--skip-bad" not in str(caught.value)


def test_a_broken_description_of_the_camera_is_not_warned_of(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 1
    content = exif.tobytes()
    save(tmp_path, "a.jpg", exif=content[:6] + content[6:].replace(b"\x12\x01", b"\xff\xff")[:12])
    assert len(all_rows(folder_of(tmp_path))) == 1


def test_images_of_different_size_are_named(ten):
    save(ten, "7.png", size=(6, 5))
    with pytest.raises(DataError, match=r"'7\.png' becomes .*3, 5, 6.*'0\.png'.*--resize"):
        all_rows(folder_of(ten))


def test_a_difference_in_size_is_seen_after_resuming_too(ten):
    save(ten, "8.png", size=(6, 5))
    save(ten, "9.png", size=(6, 5))
    with pytest.raises(DataError, match=r"8\.png"):
        next(folder_of(ten).batches(8, 2))


def test_the_orientation_of_cameras_is_followed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    save(tmp_path, "a.jpg", size=(6, 4), exif=exif)
    assert all_rows(folder_of(tmp_path)).shape == (1, 3, 6, 4)


TURNED = {
    1: lambda rows: rows,
    2: lambda rows: rows[:, ::-1],
    3: lambda rows: rows[::-1, ::-1],
    4: lambda rows: rows[::-1],
    5: lambda rows: rows.transpose(1, 0, 2),
    6: lambda rows: rows[::-1].transpose(1, 0, 2),
    7: lambda rows: rows[::-1, ::-1].transpose(1, 0, 2),
    8: lambda rows: rows[:, ::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
def test_an_image_of_every_orientation_is_upright(tmp_path, kind, orientation):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "webp" else {}
    Image.fromarray(pixels).save(tmp_path / f"a.{kind}", exif=exif, **options)
    (found,) = all_rows(folder_of(tmp_path))
    assert np.array_equal(found.transpose(1, 2, 0), TURNED[orientation](pixels))


def test_the_manifest_depends_on_names_and_sizes(ten):
    before = folder_of(ten).manifest
    assert folder_of(ten).manifest == before
    (ten / "3.png").write_bytes((ten / "3.png").read_bytes() + b"\0")
    longer = folder_of(ten).manifest
    (ten / "3.png").rename(ten / "33.png")
    assert len({before, longer, folder_of(ten).manifest}) == 3


def links_to(elsewhere, folder):
    """Make links of all kinds; return the paths of the images that they lead to."""
    save(elsewhere, "store/deep/a.png")
    save(elsewhere, "b.png")
    (folder / "class").symlink_to(elsewhere / "store")
    (folder / "sub").mkdir()
    (folder / "sub/b.png").symlink_to(elsewhere / "b.png")
    (folder / ".hidden").symlink_to(elsewhere)
    return {"class/deep/a.png", "sub/b.png"}


def test_links_are_named_and_counted_but_not_followed_unless_asked_for(
    ten, tmp_path_factory, caplog
):
    linked = links_to(tmp_path_factory.mktemp("elsewhere"), ten)
    (ten / "inside.png").symlink_to(ten / "1.png")
    inside = {*(f"{i}.png" for i in range(10)), "inside.png"}
    assert set(folder_of(ten).sample_id) == inside
    (warned,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "2 symbolic links in the folder" in warned.getMessage()
    assert "are not followed: 'class', 'sub/b.png'." in warned.getMessage()
    assert "--follow-links" in warned.getMessage()
    caplog.clear()
    source = folder_of(ten, follow_links=True)
    assert set(source.sample_id) == inside | linked
    assert len(all_rows(source)) == 13
    assert not caplog.records


def test_a_folder_of_nothing_but_links_names_them(tmp_path, tmp_path_factory):
    links_to(tmp_path_factory.mktemp("elsewhere"), tmp_path)
    with pytest.raises(DataError, match=r"no images. 2 symbolic links .*'class'.*--follow-links"):
        folder_of(tmp_path)


def test_links_that_lead_back_end_and_are_named(tmp_path, tmp_path_factory, caplog):
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    for folder in (tmp_path, first, second):
        save(folder, "a.png")
    (tmp_path / "self").symlink_to(tmp_path)
    (tmp_path / "up").symlink_to(tmp_path.parent)
    (tmp_path / "first").symlink_to(first)
    (first / "second").symlink_to(second)
    (second / "first").symlink_to(first)
    found = folder_of(tmp_path, follow_links=True).sample_id
    assert found == ("a.png", "first/a.png", "first/second/a.png")
    assert "3 symbolic links" in caplog.text
    assert (
        "lead back to a folder above and are not followed: 'first/second/first', 'self', 'up'."
        in (caplog.text)
    )


def test_one_folder_may_be_linked_to_several_times(tmp_path, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    save(store, "a.png")
    for name in ("cat", "feline"):
        (tmp_path / name).symlink_to(store)
    assert folder_of(tmp_path, follow_links=True).sample_id == ("cat/a.png", "feline/a.png")


def test_links_that_multiply_are_refused_before_they_fill_the_memory(tmp_path, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    for level in range(30):
        (store / f"{level}").mkdir()
        for name in ("a", "b"):
            (store / f"{level}/{name}").symlink_to(store / f"{level + 1}")
    (store / "30").mkdir()
    (tmp_path / "in").symlink_to(store / "0")
    with pytest.raises(DataError, match=r"in more than 1,000 ways.*--follow-links"):
        folder_of(tmp_path, follow_links=True)


def test_links_between_many_folders_are_refused_before_they_take_hours(tmp_path, monkeypatch):
    """As below /sys, where no folder is found in very many ways, but most in several."""
    monkeypatch.setattr(folders, "_MOST_REPEATS", 100)
    store = tmp_path / "store"
    for name in range(12):
        (store / f"{name}").mkdir(parents=True)
        for other in set(range(12)) - {name}:
            (store / f"{name}/{other}").symlink_to(store / f"{other}")
    with pytest.raises(DataError, match=r"more than 100 times to folders .*--follow-links"):
        folder_of(store, follow_links=True)


def test_a_link_that_leads_nowhere_is_an_unreadable_image(ten):
    (ten / "c.png").symlink_to(ten / "gone.png")
    with pytest.raises(DataError, match=r"'c\.png' cannot be read.*--skip-bad") as caught:
        all_rows(folder_of(ten))
    assert "it is a link to" in caught.value.message
    assert "gone.png', which does not exist" in caught.value.message
    assert len(folder_of(ten, skip_bad=True)) == 10


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_folder_that_cannot_be_listed_is_refused(ten, monkeypatch, skip_bad):
    save(ten, "closed/1.png")
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match="closed' cannot be listed: Permission denied"):
        folder_of(ten, skip_bad=skip_bad)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_that_is_no_longer_wanted_is_left_in_the_midst(ten, workers, monkeypatch):
    source = folder_of(ten, workers=workers)
    source.example()
    checked = []

    def check(name, image):
        checked.append(name)
        if len(checked) == 3:
            source.stop()
        return image

    with monkeypatch.context() as patched:
        patched.setattr(source, "_check", check)
        assert list(source.batches(0, 10)) == []
    assert checked == ["0.png", "1.png", "2.png"]
    assert len(all_rows(source)) == 10
