import copy
import json
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts import Reading, build_concepts, read_concepts
from invert_core.concepts.sources.annotations.coco import read_coco
from invert_core.errors import DataError, FileFormatError, InvertError, SettingError
from tests.concepts.sources.annotations.coco_files import (
    CATEGORIES,
    IMAGES,
    image,
    instances,
    objects,
    panoptic,
    save,
)


def read(folder, document, **reading):
    return read_coco(save(folder, document), Reading(**reading))


def carried(concepts):
    """The ids of the concepts that each sample carries."""
    return {
        sample: {id for id, label in zip(concepts.id, row, strict=True) if label}
        for sample, row in zip(concepts.sample_id, concepts.dense(), strict=True)
    }


def expected(found, min_area, groups):
    """What each image carries, from the objects alone; `groups` of category to supercategory."""
    labels = {each["file_name"]: set() for each in IMAGES}
    names = {each["id"]: each["name"].replace(" ", "_") for each in CATEGORIES}
    for image_id, category_id, area, _ in found:
        if area >= min_area:
            labels[f"{image_id:012d}.jpg"] |= {names[category_id], groups.get(category_id)} - {None}
    return labels


@settings(max_examples=30)
@given(found=objects, min_area=st.integers(0, 1_000), grouped=st.booleans())
def test_images_carry_the_categories_of_their_objects(tmp_path_factory, found, min_area, grouped):
    folder = tmp_path_factory.getbasetemp()
    groups = {10: "outdoor", 17: "animal", 18: "animal", 90: "indoor"} if grouped else {}
    together = sorted(found, key=lambda each: each[0])
    for document in (instances(found, IMAGES), panoptic(together, IMAGES)):
        concepts = read(folder, document, min_area=float(min_area), supercategories=grouped)
        assert carried(concepts) == expected(found, min_area, groups)


@pytest.mark.parametrize("published", [instances, panoptic])
def test_categories_are_concepts_and_images_samples_in_the_order_of_the_file(tmp_path, published):
    document = published([(7, 18, 90.5, 0), (7, 10, 2, 1), (5, 17, 4, 0)])
    document["images"] = [image(7), image(9), image(5, "../../5.jpg")]
    concepts = read(tmp_path, document)
    assert concepts.id == ("person", "traffic_light", "cat", "dog", "toothbrush")
    assert concepts.name == ("person", "traffic light", "cat", "dog", "toothbrush")
    assert carried(concepts) == {
        "000000000007.jpg": {"dog", "traffic_light"},
        "000000000009.jpg": set(),
        "../../5.jpg": {"cat"},
    }
    assert concepts.defined is None
    assert concepts.parents.size == 0
    assert set(concepts.definition) == {""}


def test_the_lists_may_come_in_any_order_and_layout(tmp_path):
    document = instances([(1, 17), (2, 1)])
    expected = read(tmp_path, document)
    turned = dict(reversed(document.items()))
    path = save(tmp_path, turned, "turned.JSON", indent=1)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert carried(read_concepts(path)) == carried(expected)


def test_supercategories_are_concepts_and_parents_of_their_categories(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "invert"):
        concepts = read(
            tmp_path, instances([(1, 17), (2, 18), (3, 1), (4, 10)]), supercategories=True
        )
    assert concepts.id[5:] == concepts.name[5:] == ("outdoor", "animal", "indoor")
    assert concepts.extent("animal").tolist() == [True, True, False, False]
    edges = {(concepts.id[child], concepts.id[parent]) for child, parent in concepts.parents}
    assert edges == {
        ("traffic_light", "outdoor"),
        ("cat", "animal"),
        ("dog", "animal"),
        ("toothbrush", "indoor"),
    }
    assert (
        "left out supercategories that are the same as their only category: 'person'."
        in caplog.text
    )


def test_a_supercategory_that_is_named_like_another_category_gets_an_id_of_its_own(tmp_path):
    categories = [
        {"id": 1, "name": "dining table", "supercategory": "furniture"},
        {"id": 2, "name": "bed", "supercategory": "dining table"},
        {"id": 3, "name": "furniture", "supercategory": "furniture"},
        {"id": 4, "name": "sky"},
        {"id": 5, "name": "sea", "supercategory": ""},
        {"id": 6, "name": "lake", "supercategory": None},
    ]
    document = instances([(1, 1), (2, 2), (3, 3), (4, 4)], categories=categories)
    concepts = read(tmp_path, document, supercategories=True)
    assert concepts.id[6:] == ("furniture_supercategory", "dining_table_supercategory")
    assert concepts.name[6:] == ("furniture (supercategory)", "dining table (supercategory)")
    assert concepts.extent("furniture_supercategory").tolist() == [True, False, True, False]
    assert concepts.extent("dining_table_supercategory").tolist() == [False, True, False, False]
    assert concepts.parents.tolist() == [[0, 6], [2, 6], [1, 7]]


def test_small_objects_and_bare_images_are_counted(tmp_path, caplog):
    document = instances([(1, 17, 99.9, 0), (1, 18, 100, 0), (2, 17, 100.1, 1)], IMAGES)
    with caplog.at_level(logging.INFO, "invert"):
        concepts = read(tmp_path, document, min_area=100)
    assert concepts.extent("cat").tolist() == [False, True, False, False, False]
    assert concepts.extent("dog").tolist() == [False, False, False, True, False]
    assert "1 of 3 objects left out: smaller than 100 pixels." in caplog.text
    assert "3 images without objects." in caplog.text


def test_groups_that_do_not_exist_are_logged(tmp_path, caplog):
    document = instances([(1, 1)], categories=[{"id": 1, "name": "cat"}])
    with caplog.at_level(logging.INFO, "invert"):
        assert read(tmp_path, document, supercategories=True).id == ("cat",)
    assert "instances_val2017.json: no category has a supercategory." in caplog.text


def test_a_file_is_joined_with_others_on_file_names(tmp_path):
    path = save(tmp_path, instances([(1, 17), (2, 1)]))
    table = tmp_path / "more.csv"
    table.write_text("file,night\n000000000002.jpg,1\n000000000001.jpg,0\n", encoding="utf-8")
    concepts = build_concepts([path, table], reading=Reading(supercategories=True))
    assert carried(concepts) == {
        "000000000001.jpg": {"cat", "animal"},
        "000000000002.jpg": {"person", "night"},
    }


def test_settings_of_coco_files_are_refused_where_there_is_none(tmp_path):
    table = tmp_path / "more.csv"
    table.write_text("file,night\na,1\n", encoding="utf-8")
    with pytest.raises(SettingError, match=r"--min-area.*COCO file \(\.json\)"):
        build_concepts(table, reading=Reading(min_area=4.0))


@pytest.mark.parametrize("min_area", [-1.0, float("nan"), float("inf")])
def test_a_smallest_area_that_is_none_is_refused(tmp_path, min_area):
    with pytest.raises(SettingError, match="--min-area is"):
        read(tmp_path, instances([(1, 17)]), min_area=min_area)


def changed(place, value):
    """A small file in which one thing is replaced, or removed if `value` is None."""
    document = copy.deepcopy(instances([(1, 17), (2, 18), (2, 1)]))
    *way, last = place
    inner = document
    for step in way:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return document


@pytest.mark.parametrize(
    ("place", "value", "error", "words"),
    [
        (["images"], None, FileFormatError, "has no 'images'"),
        (["annotations"], None, FileFormatError, "has no 'annotations'"),
        (["categories"], None, FileFormatError, "has no 'categories'"),
        (["images"], {}, FileFormatError, "has 'images', which is not a list"),
        (["images"], [], DataError, "lists no images"),
        (["annotations"], [], DataError, "lists no objects"),
        (["categories"], [], DataError, "lists no categories"),
        (["images", 1], 7, FileFormatError, "There is 7 instead of an object"),
        (["images", 1, "id"], None, FileFormatError, "no 'id'.*entry 1 of 'images'"),
        (["images", 1, "file_name"], None, FileFormatError, "no 'file_name'.*entry 1 of 'images'"),
        (["images", 1, "id"], "2", FileFormatError, 'The id is "2"'),
        (["images", 1, "id"], True, FileFormatError, "The id is true"),
        (["images", 1, "id"], 2.0, FileFormatError, r"The id is 2\.0"),
        (["images", 1, "id"], float("nan"), FileFormatError, "The id is NaN"),
        (["images", 1, "id"], 2**63, FileFormatError, "The id is 9223372036854775808"),
        (["images", 1, "id"], 10**300, FileFormatError, r"The id is 10{39}\.\.\."),
        (["images", 1, "id"], [2], FileFormatError, "The id is a list"),
        (["images", 1, "id"], 1, DataError, "The id 1 repeats.*entry 1 of 'images'"),
        (["images", 1, "file_name"], 2, FileFormatError, "The file_name is 2"),
        (["images", 1, "file_name"], "", FileFormatError, 'The file_name is ""'),
        (["images", 1, "file_name"], "\ud800", DataError, "half a surrogate pair"),
        (
            ["images", 1, "file_name"],
            "000000000001.jpg",
            DataError,
            "The file_name '000000000001.jpg' repeats",
        ),
        (["annotations", 1, "image_id"], None, FileFormatError, "no 'image_id'.*entry 1 of 'annot"),
        (["annotations", 1, "image_id"], False, FileFormatError, "The image_id is false"),
        (["annotations", 1, "image_id"], 9, DataError, "1 object of .* unknown image; .* image 9"),
        (["annotations", 1, "category_id"], None, FileFormatError, "There is no 'category_id'"),
        (["annotations", 1, "category_id"], 4, DataError, "1 object .* unknown category; .* 4"),
        (["annotations", 1, "segments_info"], {}, FileFormatError, "'segments_info' is not a list"),
        (["annotations", 1, "segments_info"], [0], FileFormatError, "There is 0 instead of an ob"),
        (["annotations", 1, "area"], None, FileFormatError, "There is no 'area'"),
        (["annotations", 1, "area"], float("nan"), FileFormatError, "The area is NaN"),
        (["annotations", 1, "area"], float("inf"), FileFormatError, "The area is Infinity"),
        (["annotations", 1, "area"], -1, FileFormatError, "The area is -1"),
        (["annotations", 1, "area"], "10", FileFormatError, 'The area is "10"'),
        (["annotations", 1, "area"], True, FileFormatError, "The area is true"),
        (["annotations", 1, "area"], 10**400, FileFormatError, "The area is 1000"),
        (["categories", 1, "id"], 1, DataError, "The id 1 repeats.*of 'categories'"),
        (["categories", 1, "name"], 5, FileFormatError, "The name is 5"),
        (["categories", 1, "name"], " \n", DataError, "the name of a category is ' .n'"),
        (["categories", 1, "name"], "cat ", DataError, "'cat ' and 'cat' have the same id, 'cat'"),
        (["categories", 1, "supercategory"], 5, FileFormatError, "The supercategory is 5"),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_place(tmp_path, place, value, error, words):
    with pytest.raises(error, match=words) as caught:
        build_concepts(save(tmp_path, changed(place, value)), reading=Reading(min_area=1.0))
    assert "instances_val2017.json" in str(caught.value)
    assert caught.value.hint


def test_objects_of_images_that_are_not_there_are_counted(tmp_path):
    document = instances([(1, 17), (8, 17), (1, 1), (6, 1), (8, 1)], images=[image(1)])
    with pytest.raises(DataError, match=r"3 objects of .* name an unknown image; .* image 8"):
        read(tmp_path, document)


def test_areas_are_not_looked_at_unless_they_matter(tmp_path):
    document = changed(["annotations", 1, "area"], "large")
    assert read(tmp_path, document).n_positive.tolist() == [1, 0, 1, 1, 0]


@pytest.mark.parametrize(
    "document",
    [
        [{"image_id": 42, "category_id": 18, "bbox": [1, 2, 3, 4], "score": 0.2}],
        {"images": [image(1)], "annotations": [{"image_id": 1, "id": 3, "caption": "A cat."}]},
        {"size": {"shortest_edge": 256}},
    ],
)
def test_json_of_other_kinds_is_refused_with_what_is_needed(tmp_path, document):
    with pytest.raises(FileFormatError, match=r"'images' .id, file_name., 'annotations'"):
        read(tmp_path, document)


def test_no_change_of_a_few_bytes_ends_in_another_error(tmp_path):
    content = json.dumps(panoptic([(1, 17, 5, 0), (2, 1, 5, 0)])).encode()
    path = tmp_path / "changed.json"
    generator = np.random.default_rng(0)
    n_refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for place in generator.integers(0, len(content), 3):
            damaged[place] = generator.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_coco(path, Reading(min_area=1.0, supercategories=True))
        except InvertError:
            n_refused += 1
    assert n_refused > 50
