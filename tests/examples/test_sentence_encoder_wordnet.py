"""The reader of WordNet in `examples/sentence_encoder/`."""

import csv
import importlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.errors import FileFormatError, MissingFileError
from tests.wordnet import WORDNET, needs_wordnet

EXAMPLE = Path(__file__).parents[2] / "examples" / "sentence_encoder"

LICENCE = "  1 This software and database is being provided to you, the LICENSEE, by  \n"
ENTITY = "00001740 03 n 01 entity 0 001 ~ 00001930 n 0000 | that which is perceived  \n"
PHYSICAL = (
    "00001930 03 n 02 physical_entity 0 thing 1 003 @ 00001740 n 0000 + 00000007 v 0101 "
    '~ 00002000 n 0000 | an entity; that exists; "it is there"; "it\'s real"  \n'
)
EVEREST = (
    "00002000 15 n 01 Everest 0 002 @i 00001930 n 0000 #p 00001740 n 0000 "
    '| a peak (as in the expression "the top"): "high"\n'
)


@pytest.fixture(scope="module")
def wordnet():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        yield importlib.import_module("wordnet")


def write(folder, *lines):
    path = folder / "data.noun"
    path.write_text("".join(lines))
    return path


def test_a_synset_has_its_words_its_hypernyms_and_a_definition_without_examples(wordnet, tmp_path):
    nouns = wordnet.read_nouns(write(tmp_path, LICENCE, ENTITY, PHYSICAL, EVEREST))
    assert list(nouns) == ["n00001740", "n00001930", "n00002000"]
    entity, physical, everest = nouns.values()
    assert entity == wordnet.Synset("n00001740", ("entity",), "that which is perceived", ())
    assert physical.words == ("physical entity", "thing")
    assert physical.definition == "an entity; that exists"
    assert physical.hypernyms == ("n00001740",)
    assert everest.definition == 'a peak (as in the expression "the top")'
    assert everest.hypernyms == ("n00001930",)


def test_the_number_of_words_is_hexadecimal(wordnet):
    words = " ".join(f"word_{number} 0" for number in range(16))
    synset = wordnet.parse(f"00000001 03 n 10 {words} 000 | many words")
    assert synset.words == tuple(f"word {number}" for number in range(16))


@given(st.lists(st.lists(st.integers(0, 6)), min_size=7, max_size=7))
def test_the_closure_is_all_that_can_be_reached_cycles_included(wordnet, hypernyms):
    nouns = {
        str(row): wordnet.Synset(str(row), ("word",), "", tuple(map(str, above)))
        for row, above in enumerate(hypernyms)
    }
    reached = np.eye(7, dtype=bool)
    for row, above in enumerate(hypernyms):
        reached[row, above] = True
    for _ in range(7):
        reached = reached @ reached
    for row in range(7):
        assert wordnet.closure(str(row), nouns) == set(map(str, np.flatnonzero(reached[row])))


def test_without_the_file_the_package_that_brings_it_is_named(wordnet, tmp_path):
    with pytest.raises(MissingFileError, match="wordnet-base"):
        wordnet.read_nouns(tmp_path / "data.noun")


@pytest.mark.parametrize(
    "line",
    [
        "\n",
        "sample_id,text,concepts\n",
        ENTITY[:40] + "\n",
        ENTITY.replace(" n ", " v ", 1),
        ENTITY.replace(" 001 ", " 002 "),
        ENTITY.replace("00001740 03", "1740 03"),
        "\udcff\n",
    ],
)
def test_a_line_that_is_no_synset_is_named(wordnet, tmp_path, line):
    path = tmp_path / "data.noun"
    path.write_bytes((LICENCE + ENTITY + line).encode(errors="surrogateescape"))
    with pytest.raises(FileFormatError, match="line 3, is no synset"):
        wordnet.read_nouns(path)


def test_a_file_that_lacks_a_hypernym_is_refused(wordnet, tmp_path):
    with pytest.raises(FileFormatError, match="n00002000 is a kind of n00001930, which is not"):
        wordnet.read_nouns(write(tmp_path, ENTITY, EVEREST))


@needs_wordnet
def test_the_real_nouns_have_the_hypernyms_that_are_known_of_them(wordnet):
    if not wordnet.NOUNS.is_file():
        pytest.skip("the package wordnet-base is not installed")
    nouns = wordnet.read_nouns()
    assert len(nouns) == 82_115
    with (WORDNET / "concepts.csv").open(newline="", encoding="utf-8") as file:
        concepts = {row["concept_id"]: row for row in csv.DictReader(file)}
    for id, concept in concepts.items():
        assert nouns[id].words[0] == concept["name"].replace("_", " ")
    with (WORDNET / "samples.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            assert sorted(wordnet.closure(row["sample_id"], nouns) & set(concepts)) == sorted(
                row["concepts"].split()
            )
