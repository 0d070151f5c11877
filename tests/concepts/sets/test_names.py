import logging
from dataclasses import replace

import numpy as np
import pytest

from invert_core.concepts import Alias, ConceptSet
from invert_core.concepts.sets.names import apply_names, read_names
from invert_core.errors import DataError, FileFormatError


def written(folder, text):
    path = folder / "names.csv"
    path.write_text(text, encoding="utf-8")
    return path


CONCEPTS = ConceptSet.from_arrays(
    np.eye(3), id=["a", "b", "c"], definition=["", "", "old"], parents=[[0, 1]]
)


def test_a_table_gives_names_definitions_and_order(tmp_path, caplog):
    table = written(
        tmp_path, 'concept_id,name,definition\nd,nothing,\nb,two words,"long, and ""odd"""\na,ä,\n'
    )
    with caplog.at_level(logging.INFO, "invert"):
        named = apply_names(CONCEPTS, read_names(table))
    assert named.id == ("b", "a", "c")
    assert named.name == ("two words", "ä", "c")
    assert named.definition == ('long, and "odd"', "", "old")
    assert named.parents.tolist() == [[1, 0]]
    np.testing.assert_array_equal(named.extent("b"), CONCEPTS.extent("b"))
    assert "1 concept is not in" in caplog.text
    assert "and is shown by its id." in caplog.text
    assert "1 concept of" in caplog.text


def test_a_table_of_two_columns_is_enough(tmp_path):
    names = read_names(written(tmp_path, "name,concept_id\nbox,a\nbox,b\n"))
    assert names.name == {"a": "box", "b": "box"}
    assert names.definition == {"a": "", "b": ""}


def test_a_blank_definition_leaves_the_one_that_is_known(tmp_path):
    table = written(tmp_path, "concept_id,name,definition\nc,cup,\nb,box,new\n")
    named = apply_names(CONCEPTS, read_names(table))
    assert dict(zip(named.name, named.definition, strict=True)) == {
        "cup": "old",
        "box": "new",
        "a": "",
    }


def test_the_name_of_an_alias_is_used(tmp_path, caplog):
    concepts = replace(CONCEPTS, aliases=(Alias("d", "d", 1), Alias("e", "kept", 2)))
    table = written(tmp_path, "concept_id,name\nc,cup\nd,dish\n")
    with caplog.at_level(logging.INFO, "invert"):
        named = apply_names(concepts, read_names(table))
    assert named.id == ("c", "a", "b")
    assert named.aliases == (Alias("d", "dish", 2), Alias("e", "kept", 0))
    assert "on no sample" not in caplog.text


def test_other_columns_are_ignored_and_named(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "invert"):
        read_names(written(tmp_path, "concept_id,name,ancestors\na,box,b\n"))
    assert "names.csv: ignored the column 'ancestors'." in caplog.text


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", FileFormatError, "no header"),
        ("id,name\na,box\n", FileFormatError, "no column 'concept_id'"),
        ("concept_id,title\na,box\n", FileFormatError, "no column 'name'"),
        ("concept_id,name\n", FileFormatError, "no rows"),
        ("concept_id,name\na,box\na,cup\n", DataError, "line 3: the concept id 'a' repeats"),
        ("concept_id,name\na,\n", DataError, "line 2: the concept id or the name is empty"),
        ("concept_id,name\n,box\n", DataError, "line 2: the concept id or the name is empty"),
        ("concept_id,name\na,box,cup\n", FileFormatError, "line 2: 3 cells"),
    ],
)
def test_a_broken_table_of_names_is_refused(tmp_path, text, error, words):
    with pytest.raises(error, match=words) as caught:
        read_names(written(tmp_path, text))
    assert caught.value.hint
    assert "names.csv" in str(caught.value)
