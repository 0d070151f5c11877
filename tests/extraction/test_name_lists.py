"""How names of units may be written, and what is refused."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invert_core.errors import DataError, FileFormatError, SettingError
from invert_core.extraction.name_lists import as_names, read_name_file, read_name_text

CATS = ("cat", "two words", "it's", 'say "a, b"', "ж\u2028x", "", "cat")


def names_of(found):
    return found.spread("fc", "unit", len(found.names))


@pytest.mark.parametrize("write", [json.dumps, repr])
def test_a_list_and_a_mapping_are_read_in_json_and_as_python_prints_them(write):
    numbered = dict(enumerate(CATS))
    shuffled = {number: numbered[number] for number in (3, 0, 6, 1, 5, 2, 4)}
    for written in (write([*CATS]), f"  {write(shuffled)}\n"):
        assert names_of(read_name_text(written, "it")) == CATS
    reverse = {name: number for number, name in enumerate(CATS[:6])}
    assert names_of(read_name_text(write(reverse), "it")) == CATS[:6]


def test_a_line_is_a_name_and_only_line_feeds_end_it():
    assert names_of(read_name_text("\n".join(CATS), "it")) == CATS
    assert names_of(read_name_text("a\r\nb\r\n", "it")) == ("a", "b")
    assert names_of(read_name_text("a\n\n\n", "it")) == ("a", "", "")
    assert names_of(read_name_text("'\n[\n{", "it")) == ("'", "[", "{")
    assert names_of(read_name_text("", "it")) == ()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
@example(["'", '"', "\\", "\n"])
def test_what_python_prints_is_read_back(names):
    expected = tuple(names)
    assert names_of(read_name_text(repr(names), "it")) == expected
    assert names_of(read_name_text(repr(dict(enumerate(names))), "it")) == expected
    assert names_of(read_name_text(json.dumps(names), "it")) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "name 0 is 1, not a text"),
        ('["a", ["b"]]', "name 1 is ['b'], not a text"),
        ("['a' 'b']", "neither JSON nor a plain Python literal"),
        ("['a', __import__('os')]", "neither JSON nor a plain Python literal"),
        ("[f'{1}']", "neither"),
        ("[" * 100_000 + "]" * 100_000, "neither"),
        ("{0: 'a', 0: 'b'}", "neither"),
        ('{"0": "a", "0": "b"}', "the key '0' repeats"),
        ("{0: 'a', 2: 'b'}", "holds 2 names, but none for unit 1"),
        ("{1: 'a', 2: 'b'}", "none for unit 0"),
        ("{'a': 'b'}", "maps 'a' and 'b', not a number and a name"),
        ("{'a': 0, 'b': 0}", "names unit 0 twice"),
        ('{"0": ["n1", "cat"]}', "maps '0' and ['n1', 'cat']"),
        ('{"a": true}', "maps True and 'a'"),
        ("{'a': -1}", "neither"),
        (r"['\ud800']", "half a surrogate pair"),
        (r'["a\u0000"]', "NUL"),
        (r"['\x']", "neither"),
    ],
)
def test_what_is_no_list_of_names_is_refused(text, words):
    with pytest.raises((DataError, FileFormatError)) as caught:
        read_name_text(text, "it")
    assert words in str(caught.value)
    assert "it" in str(caught.value)


def test_a_json_file_may_be_the_configuration_of_a_model(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"hidden_size": 4, "id2label": {"0": "NEG", "1": "POS"}}')
    assert names_of(read_name_file(path)[""]) == ("NEG", "POS")
    path.write_text("cat\ndog\n")
    with pytest.raises(FileFormatError, match="neither JSON"):
        read_name_file(path)
    path.write_text('"cat"')
    with pytest.raises(FileFormatError, match="'cat', which holds no names"):
        read_name_file(path)


def test_a_table_says_which_unit_each_name_is_for(tmp_path, caplog):
    caplog.set_level("INFO", "invert")
    path = tmp_path / "names.csv"
    path.write_text('name,unit,source\ndog,3,x\n"cat, big",0,y\n')
    found = read_name_file(path)[""]
    assert found.spread("fc", "unit", 5) == ("cat, big", "", "", "dog", "")
    assert "2 of 5 units of layer 'fc' have names" in caplog.text
    assert "ignored 1 other column" in caplog.text
    with pytest.raises(DataError, match="names unit 3, and layer 'fc' has 3 units"):
        found.spread("fc", "unit", 3)
    with pytest.raises(SettingError, match="says which unit each name is for"):
        found.beginning(1)


def test_a_table_may_name_the_units_of_several_layers(tmp_path):
    path = tmp_path / "names.jsonl"
    rows = [("a", 0, "x"), ("b", 1, "y"), ("a", 2, None)]
    path.write_text(
        "".join(
            json.dumps(dict(zip(("layer", "unit", "name"), row, strict=True))) + "\n"
            for row in rows
        )
    )
    found = read_name_file(path)
    assert {layer: dict(each.names) for layer, each in found.items()} == {
        "a": {0: "x", 2: ""},
        "b": {1: "y"},
    }


def test_a_table_without_numbers_needs_a_name_for_each_unit(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("name\ncat\ndog\n")
    assert names_of(read_name_file(path)[""]) == ("cat", "dog")
    with pytest.raises(DataError, match="holds 2 names, and layer 'fc' has 3 units"):
        read_name_file(path)[""].spread("fc", "unit", 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("unit,title\n0,a\n", "no column 'name'"),
        ("unit,name\n0,a\n0,b\n", "line 3: unit 0 repeats"),
        ("unit,name\n-1,a\n", "line 2: the unit is '-1'"),
        ("unit,name\n1.0,a\n", "the unit is '1.0'"),
        ("unit,name\n99999999,a\n", "Write its number, 0 to 16,777,215"),
        ("layer,unit,name\n,0,a\n", "line 2: the layer is ''"),
        ("layer,name\na,b\0\n", "NUL"),
    ],
)
def test_a_broken_table_of_names_is_refused(tmp_path, text, words):
    path = tmp_path / "names.csv"
    path.write_text(text)
    with pytest.raises((DataError, FileFormatError)) as caught:
        read_name_file(path)
    assert words in str(caught.value)


def test_a_wrong_count_is_never_shifted_and_both_counts_are_said():
    names = as_names(["a", "b"], "The list")
    with pytest.raises(DataError) as caught:
        names.spread("softmax", "unit", 4)
    assert "The list holds 2 names, and layer 'softmax' has 4 units." in str(caught.value)
    assert ":first=1" in caught.value.hint
    assert names.beginning(1).spread("softmax", "unit", 4) == ("", "a", "b", "")
    with pytest.raises(DataError, match="names unit 4, and layer 'softmax' has 4 units"):
        names.beginning(3).spread("softmax", "unit", 4)
