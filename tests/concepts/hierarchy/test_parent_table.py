import logging

import pytest

from invert_core.concepts.hierarchy.parent_table import read_parent_table
from invert_core.errors import DataError, FileFormatError, MissingFileError


def written(folder, text, name="kinds.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kinds.csv", "child,parent\npug,dog\npug,pet\ndog,animal\n"),
        ("bom.csv", "\ufeffchild,parent\r\npug,dog\r\npug,pet\r\ndog,animal\r\n"),
        ("turned.csv", 'parent,child\ndog,pug\n"pet",pug\nanimal,dog\n'),
        ("kinds.tsv", "child\tparent\npug\tdog\npug\tpet\ndog\tanimal\n"),
        (
            "kinds.jsonl",
            '{"child": "pug", "parent": "dog"}\n{"child": "pug", "parent": "pet"}\n'
            '{"child": "dog", "parent": "animal"}\n',
        ),
    ],
)
def test_a_row_is_an_edge(tmp_path, name, text):
    found = read_parent_table(written(tmp_path, text, name))
    assert found.parents == {"pug": ("dog", "pet"), "dog": ("animal",), "pet": (), "animal": ()}
    assert name in found.source
    assert not found.name


def test_ids_may_hold_blanks_and_any_letters(tmp_path):
    found = read_parent_table(written(tmp_path, "child,parent\nguide dog,Größe\n"))
    assert found.parents == {"guide dog": ("Größe",), "Größe": ()}


def test_repeated_rows_count_once_and_other_columns_are_named(tmp_path, caplog):
    text = "child,parent,note\na,b,x\na,c,\na,b,y\na,b,z\n"
    with caplog.at_level(logging.INFO, "invert"):
        found = read_parent_table(written(tmp_path, text))
    assert found.parents["a"] == ("b", "c")
    assert "ignored the column 'note'" in caplog.text
    assert "2 rows left out, because an earlier row has the same edge" in caplog.text


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("child,parent\na,b\nb,a\n", DataError, "circle: 'a' -> 'b' -> 'a'"),
        ("child,parent\na,b\nb,c\nc,a\nc,d\n", DataError, "'a' -> 'b' -> 'c' -> 'a'"),
        ("child,parent\na,b\nc,c\n", DataError, "line 3: 'c' is its own parent"),
        ("child,parent\na,\n", DataError, "line 2: the parent is blank"),
        ("child,parent\n  ,b\n", DataError, "line 2: the child is blank"),
        ("child,parent\na, b\n", DataError, "line 2: the parent ' b' has blanks around it"),
        ("child,kind\na,b\n", FileFormatError, "no column 'parent'"),
        ("a,b\nc,d\n", FileFormatError, "no column 'child'"),
        ("child,parent\n", FileFormatError, "no rows"),
        ("child,parent\na,b,c\n", FileFormatError, "line 2: 3 cells under a header of 2"),
        ("child,parent\ncafé,b\n".encode("latin-1"), FileFormatError, "not encoded in UTF-8"),
        ("child,parent\na,b\n".encode("utf-16"), FileFormatError, "not encoded in UTF-8"),
        (b"child,parent\na\0,b\n", (DataError, FileFormatError), "NUL"),
    ],
)
def test_a_broken_table_is_refused(tmp_path, text, error, words):
    with pytest.raises(error, match=words) as caught:
        read_parent_table(written(tmp_path, text))
    assert "kinds.csv" in str(caught.value)
    assert caught.value.hint


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"kinds\.csv"):
        read_parent_table(tmp_path / "kinds.csv")
