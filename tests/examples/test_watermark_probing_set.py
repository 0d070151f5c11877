"""The photographs with characters on them in `examples/watermark/`."""

import csv
import importlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from invert_core import build_concepts, read_concepts
from invert_core.data import open_data
from invert_core.errors import FileFormatError, MissingFileError

EXAMPLE = Path(__file__).parents[2] / "examples" / "watermark"
LETTERS = "ABCDEFGH"


@pytest.fixture(scope="module")
def example():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        yield importlib.import_module("probing_set"), importlib.import_module("photographs")


@pytest.fixture
def font():
    return ImageFont.load_default(24)


def photograph(width=260, height=240, seed=0):
    pixels = np.random.default_rng(seed).integers(60, 200, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def write(example, folder, font, n_photographs=4, seed=0):
    images = [(f"photo-{number}", photograph(seed=number)) for number in range(n_photographs)]
    assert example[0].write_probing_set(folder, images, font, seed) == n_photographs
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.*")}


def test_a_copy_differs_from_its_original_only_where_characters_were_drawn(example, font):
    probing_set, _ = example
    rng = np.random.default_rng(0)
    image = photograph(224, 224)
    corners = set()
    for _ in range(20):
        before = np.asarray(image)
        copy, mark = probing_set.draw_watermark(image, LETTERS, font, rng)
        differs = (np.asarray(copy) != before).any(axis=2)
        rows, columns = np.nonzero(differs)
        left, upper, right, lower = mark.box
        assert 0 <= left <= columns.min() <= columns.max() < right <= image.width
        assert 0 <= upper <= rows.min() <= rows.max() < lower <= image.height
        assert (np.asarray(copy) == mark.colour).all(axis=2).any()
        corners.add((left, upper))
    assert len(corners) == 20


def test_marks_are_white_as_often_as_black_and_of_the_characters_given(example, font):
    probing_set, _ = example
    rng = np.random.default_rng(0)
    marks = [probing_set.draw_watermark(photograph(), LETTERS, font, rng)[1] for _ in range(60)]
    white = sum(mark.colour == (255, 255, 255) for mark in marks)
    assert 15 < white < 45
    assert {letter for mark in marks for letter in mark.text} == set(LETTERS)


def test_the_class_folders_give_the_concept_and_the_ids_of_an_extraction(example, font, tmp_path):
    write(example, tmp_path, font)
    concepts = build_concepts(tmp_path / "images")
    assert set(concepts.id) == {"original", "marked", "letters"}
    of_concept = np.flatnonzero(concepts.extent("marked"))
    assert [concepts.sample_id[row] for row in of_concept] == [
        f"marked/photo-{number}.png" for number in range(4)
    ]
    image = importlib.import_module("invert_core.models.backend").ModelInput(
        "image", (None, 3, 224, 224), np.dtype(np.float32)
    )
    assert tuple(open_data(tmp_path / "images", [image]).sample_id) == concepts.sample_id


def ids_where(concepts, id, which="extent"):
    return [concepts.sample_id[row] for row in np.flatnonzero(getattr(concepts, which)(id))]


def test_the_table_compares_each_concept_with_what_it_is_to_be_told_from(example, font, tmp_path):
    probing_set, _ = example
    write(example, tmp_path, font)
    concepts = read_concepts(tmp_path / "concepts.csv", missing="exclude")
    assert set(concepts.sample_id) == set(build_concepts(tmp_path / "images").sample_id)
    kind = np.array([id.partition("/")[0] for id in concepts.sample_id])
    for id, inside, outside in (("marked", "marked", "original"), ("chinese", "marked", "letters")):
        assert set(kind[concepts.extent(id)]) == {inside}
        assert set(kind[concepts.defined_on(id) & ~concepts.extent(id)]) == {outside}
        assert concepts.defined_on(id).sum() == 8
    first_half = {path.partition("/")[2] for path in ids_where(concepts, "half_0")}
    assert {path.partition("/") for path in ids_where(concepts, "apart")} == {
        ("marked", "/", name) for name in first_half
    }
    asked = {path.partition("/")[2] for path in ids_where(concepts, "apart", "defined_on")}
    assert len(asked) == concepts.defined_on("apart").sum() == 4
    for half in probing_set.HALVES:
        assert set(kind[concepts.defined_on(half)]) == {"original"}
        assert concepts.extent(half).sum() == 2
    assert len({tuple(concepts.extent(half)) for half in probing_set.HALVES}) > 1


def test_the_images_depend_on_the_seed_alone(example, font, tmp_path):
    first = {name: path.read_bytes() for name, path in write(example, tmp_path, font).items()}
    again = write(example, tmp_path / "again", font)
    assert {name: path.read_bytes() for name, path in again.items()} == first
    other = write(example, tmp_path / "other", font, seed=1)
    changed = {name for name, path in other.items() if path.read_bytes() != first[name]}
    assert {name.split("/")[1] for name in changed if name.endswith(".png")} == {
        "marked",
        "letters",
    }


def test_without_the_font_the_package_that_brings_it_is_named(example, tmp_path):
    with pytest.raises(MissingFileError, match=r"apt-get install .* fonts-wqy-microhei"):
        example[0].open_font(tmp_path / "font.ttc")


def test_the_font_has_chinese_characters(example):
    probing_set, _ = example
    if not probing_set.FONT.is_file():
        pytest.skip("the font of fonts-wqy-microhei is not installed")
    font = probing_set.open_font()
    absent = bytes(font.getmask("\U0010ffff"))
    drawn = {bytes(font.getmask(character)) for character in probing_set.SCRIPTS["marked"][::50]}
    assert len(drawn) == len(probing_set.SCRIPTS["marked"][::50])
    assert absent not in drawn


def encoded(image):
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=True)
    return file.getvalue()


def write_bundles(photographs, folder, content):
    for name in photographs.NAMES:
        (folder / f"{name}.rcc").write_bytes(content)
    return folder


def test_photographs_lie_one_after_the_other_among_other_things(example, tmp_path):
    _, photographs = example
    first, second = photograph(), photograph(300, 210, seed=1)
    icon, drawing = photograph(64, 64), photograph().convert("RGBA")
    drawing.putpixel((0, 0), (0, 0, 0, 0))
    content = b"qres\0".join([b"", *map(encoded, (first, icon, drawing, second)), b"RIFF"])
    found = list(photographs.photographs(write_bundles(photographs, tmp_path, content)))
    assert [name for name, _ in found[:3]] == [
        "categorization-000",
        "categorization-001",
        "erase-000",
    ]
    assert len(found) == 2 * len(photographs.NAMES)
    for (_, image), expected in zip(found[:2], (first, second), strict=True):
        assert np.array_equal(np.asarray(image), np.asarray(expected))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"qres", "holds no photograph"),
        (encoded(photograph())[:400], "byte 0 of .* is broken"),
        (b"  RIFF\x08\0\0\0WEBPVP8 ", "byte 2 of .* is broken"),
    ],
)
def test_a_bundle_without_whole_photographs_is_named(example, tmp_path, content, message):
    _, photographs = example
    write_bundles(photographs, tmp_path, content)
    with pytest.raises(FileFormatError, match=message):
        list(photographs.photographs(tmp_path))


def test_without_the_photographs_the_package_that_brings_them_is_named(example, tmp_path):
    with pytest.raises(MissingFileError, match=r"apt-get install .* gcompris-qt-data"):
        next(example[1].photographs(tmp_path))


def test_a_row_of_the_table_is_a_sample_once(example, font, tmp_path):
    write(example, tmp_path, font, n_photographs=3)
    with (tmp_path / "concepts.csv").open(newline="", encoding="utf-8") as file:
        ids = [row["sample_id"] for row in csv.DictReader(file)]
    assert len(ids) == len(set(ids)) == 9
