"""CelebA's list of attributes as its authors publish it."""

import pytest

from invert_core.concepts import read_concepts
from invert_core.errors import InvertError

LIST = """3
5_o_Clock_Shadow Arched_Eyebrows Bald
000001.jpg -1  1 -1
000002.jpg -1 -1 -1
000003.jpg  1  1 -1
"""


def saved(tmp_path, content):
    path = tmp_path / "list_attr_celeba.txt"
    path.write_bytes(content.encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_minus_one_means_that_the_attribute_is_not_there(tmp_path, end):
    found = read_concepts(saved(tmp_path, LIST.replace("\n", end)))
    assert found.id == ("5_o_Clock_Shadow", "Arched_Eyebrows", "Bald")
    assert found.sample_id == ("000001.jpg", "000002.jpg", "000003.jpg")
    assert found.dense().astype(int).tolist() == [[0, 1, 0], [0, 0, 0], [1, 1, 0]]
    assert found.defined is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "does not begin like"),
        ("3\n", "does not begin like"),
        ("some text\nof any kind\n", "does not begin like"),
        ("000001.jpg 2880\n000002.jpg 2937\n", "does not begin like"),
        ("9" * 30 + "\nBald\n", "does not begin like"),
        (LIST[:-20], "lists 2 images, but its first line says 3"),
        (LIST + "000004.jpg 1 1 1\n", "lists 4 images, but its first line says 3"),
        (LIST + "000004.jpg 1 1\n", "line 6: 2 values of 3 attributes"),
        (LIST.replace(" -1\n", " 69\n"), "line 3: '69' is neither 1 nor -1"),
        (LIST.replace("000002", "000001"), "line 4: the sample id '000001.jpg' repeats"),
        (LIST.replace("Bald", "Arched_Eyebrows"), "repeats"),
        ("0\nBald\n", "no rows"),
        ("2\nBa\0ld\nx 1\ny -1\n", "NUL"),
    ],
)
def test_other_lists_are_refused(tmp_path, content, words):
    with pytest.raises(InvertError, match=words) as caught:
        read_concepts(saved(tmp_path, content))
    assert caught.value.hint


def test_the_form_of_kaggle_is_a_table_in_which_missing_labels_mean_no(tmp_path):
    path = tmp_path / "list_attr_celeba.csv"
    path.write_text("image_id,5_o_Clock_Shadow,Bald\n000001.jpg,-1,1\n000002.jpg,1,-1\n")
    with pytest.raises(InvertError, match="2 labels of 2 concepts are missing") as caught:
        read_concepts(path)
    assert "--missing negative if they mean 0" in caught.value.hint
    assert read_concepts(path, missing="negative").dense().tolist() == [
        [False, True],
        [True, False],
    ]
