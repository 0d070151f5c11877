import csv

import pytest

from invert_core.concepts.hierarchy.wordnet import _parse, read_wordnet
from invert_core.errors import DataError, FileFormatError, MissingFileError
from invert_core.files import text_files
from tests.concepts.hierarchy.real_data import needs_nouns
from tests.concepts.hierarchy.synsets import ENTITY, EVEREST, LICENCE, PHYSICAL, write
from tests.wordnet import WORDNET, needs_wordnet


def test_a_synset_has_a_name_its_hypernyms_and_a_definition_without_examples(tmp_path):
    nouns = read_wordnet(write(tmp_path, LICENCE, ENTITY, PHYSICAL, EVEREST))
    entity, physical, everest = nouns.parents
    assert nouns.parents == {
        "n00001740": (),
        "n00001930": ("n00001740",),
        "n00002000": ("n00001930",),
    }
    assert nouns.name == {entity: "entity", physical: "physical entity", everest: "Everest"}
    assert nouns.definition == {
        entity: "that which is perceived",
        physical: "an entity; that exists",
        everest: 'a peak (as in the expression "the top")',
    }


@pytest.mark.parametrize("change", [str.encode, lambda text: b"\xef\xbb\xbf" + text.encode()])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark_change_nothing(tmp_path, change, end):
    plain = read_wordnet(write(tmp_path, LICENCE, ENTITY, PHYSICAL, EVEREST))
    text = (LICENCE + ENTITY + PHYSICAL + EVEREST).replace("\n", end)
    (tmp_path / "data.noun").write_bytes(change(text))
    assert read_wordnet(tmp_path) == plain


def test_the_number_of_words_is_hexadecimal():
    words = " ".join(f"word_{number} 0" for number in range(16))
    _, word, _, above, _ = _parse(f"00000001 03 n 10 {words} 001 @ 00000002 n 0000 | many words")
    assert word == "word 0"
    assert above == ["n00000002"]


def test_a_hypernym_that_is_named_twice_counts_once(tmp_path):
    twice = PHYSICAL.replace("+ 00000007 v 0101", "@ 00001740 n 0000")
    assert read_wordnet(write(tmp_path, ENTITY, twice, EVEREST)).parents["n00001930"] == (
        "n00001740",
    )


def test_without_the_folder_the_package_that_brings_it_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"no folder.*apt-get install.*wordnet-base"):
        read_wordnet(tmp_path / "none")


def test_a_folder_without_nouns_is_refused(tmp_path):
    (tmp_path / "data.verb").write_text("")
    with pytest.raises(MissingFileError, match=r"no file data\.noun in .*wordnet-base"):
        read_wordnet(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "\n",
        "sample_id,text,concepts\n",
        ENTITY[:25] + "\n",
        ENTITY.replace(" n ", " v ", 1),
        ENTITY.replace(" 000 ", " 001 "),
        ENTITY.replace("n 01", "n 00"),
        ENTITY.replace("n 01", "n xx"),
        ENTITY.replace("00001740 03", "1740 03"),
    ],
)
def test_a_line_that_is_no_synset_is_named(tmp_path, line):
    with pytest.raises(FileFormatError, match="line 3, is not a synset") as caught:
        read_wordnet(write(tmp_path, LICENCE, ENTITY.replace("1740", "1741"), line))
    assert caught.value.hint


@pytest.mark.parametrize("cut", [1, 2])
def test_a_file_that_is_cut_off_between_lines_is_noticed(tmp_path, cut):
    lines = [ENTITY, PHYSICAL, EVEREST]
    assert len(read_wordnet(write(tmp_path, *lines)).parents) == 3
    del lines[cut]
    with pytest.raises(FileFormatError, match=r"points to n0000\d+, which is missing.*cut off"):
        read_wordnet(write(tmp_path, *lines))


@pytest.mark.parametrize(
    ("lines", "error", "words"),
    [
        ([LICENCE], FileFormatError, "holds no synset"),
        ([], FileFormatError, "holds no synset"),
        ([ENTITY, ENTITY], FileFormatError, "line 2: the synset n00001740 repeats"),
        ([LICENCE, ENTITY.replace("that", "caf\udce9")], FileFormatError, "line 2 is not encoded"),
        ([LICENCE, "\0"], FileFormatError, "NUL"),
        (
            [
                ENTITY.replace("000 |", "001 @ 00002000 n 0000 |"),
                PHYSICAL,
                EVEREST,
            ],
            DataError,
            "circle: 'n00001740' -> 'n00002000' -> 'n00001930' -> 'n00001740'",
        ),
    ],
)
def test_a_file_that_was_changed_is_refused(tmp_path, lines, error, words):
    with pytest.raises(error, match=words) as caught:
        read_wordnet(write(tmp_path, *lines))
    assert "data.noun" in str(caught.value)
    assert caught.value.hint


def test_a_line_that_is_far_too_long_is_not_read_whole(tmp_path, monkeypatch):
    folder = write(tmp_path, ENTITY)
    size = (folder / "data.noun").stat().st_size
    monkeypatch.setattr(text_files, "LONGEST", size)
    assert len(read_wordnet(folder).parents) == 1
    monkeypatch.setattr(text_files, "LONGEST", size - 1)
    with pytest.raises(FileFormatError, match=f"line 1 has more than {size - 1} bytes"):
        read_wordnet(folder)


@needs_nouns
@needs_wordnet
def test_the_real_nouns_have_the_hypernyms_that_are_known_of_them():
    nouns = read_wordnet()
    assert len(nouns.parents) == 82_115
    with (WORDNET / "concepts.csv").open(newline="", encoding="utf-8") as file:
        names = {row["concept_id"]: row["name"].replace("_", " ") for row in csv.DictReader(file)}
    assert {id: nouns.name[id] for id in names} == names
    with (WORDNET / "samples.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            assert sorted(nouns.closure(row["sample_id"]) & set(names)) == row["concepts"].split()
