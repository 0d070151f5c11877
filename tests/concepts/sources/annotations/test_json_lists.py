import json
import tracemalloc
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts.sources.annotations import json_lists
from invert_core.concepts.sources.annotations.json_lists import read_lists
from invert_core.errors import DataError, FileFormatError, MissingFileError

text = st.text(st.characters(codec="utf-8"), max_size=8)
numbers = st.integers() | st.floats(allow_nan=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
    max_leaves=8,
)
documents = st.dictionaries(text, st.lists(values, max_size=6) | values)
TEXT = '{"a": [1.5e-3, {"b": "c\\u00e4\\n"}, [], null], "num": -2, "list": [{"id": 1}, true, -7]}'


def written(folder, content):
    path = folder / "file.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path, *keys):
    found = {key: [] for key in keys}
    read_lists(path, {key: entries.append for key, entries in found.items()}, "Give another.")
    return found


def lists_in(content, *keys):
    """Return the lists that the json module finds, or None if a value is not a list."""
    try:
        document = json.loads(content)
    except ValueError:
        return None
    found = {key: document.get(key) for key in keys} if isinstance(document, dict) else {"": None}
    return found if all(isinstance(entries, list) for entries in found.values()) else None


@settings(max_examples=60)
@given(
    document=documents,
    part=st.integers(1, 9),
    indent=st.none() | st.integers(0, 2),
    ascii=st.booleans(),
    mark=st.booleans(),
)
def test_lists_are_read_as_by_the_json_module_wherever_the_text_is_cut(
    tmp_path_factory, document, part, indent, ascii, mark
):
    path = tmp_path_factory.getbasetemp() / "document.json"
    path.write_text(
        json.dumps(document, indent=indent, ensure_ascii=ascii),
        encoding="utf-8-sig" if mark else "utf-8",
    )
    lists = {key: value for key, value in document.items() if isinstance(value, list)}
    with mock.patch.object(json_lists, "_PART", part):
        assert read(path, *lists) == lists


@pytest.mark.parametrize("number", ["1e-7", "-1.5E+30", "1.25", "-0.5e-3"])
def test_a_number_may_be_cut_at_any_place(tmp_path, monkeypatch, number):
    path = written(tmp_path, f'{{"a": [{number}]}}')
    for part in range(1, path.stat().st_size):
        monkeypatch.setattr(json_lists, "_PART", part)
        assert read(path, "a") == {"a": [float(number)]}


def test_what_is_not_json_is_refused_and_what_is_json_is_read(tmp_path):
    for place in range(len(TEXT) + 1):
        for changed in (
            TEXT[:place],
            TEXT[:place] + TEXT[place + 1 :],
            *(TEXT[:place] + new + TEXT[place:] for new in ']{,:"1\\'),
        ):
            path = written(tmp_path, changed)
            expected = lists_in(changed, "a", "list")
            if expected is None:
                with pytest.raises(FileFormatError):
                    read(path, "a", "list")
            else:
                assert read(path, "a", "list") == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not a JSON object"),
        ("[1]", "is not a JSON object"),
        ('{"b": []}', "has no 'a'"),
        ('{"a": {}}', "has 'a', which is not a list"),
        ('{"a": [], "a": []}', "has 'a' twice"),
        ('{"a": []} {}', "goes on after the end"),
        ('{"a": [1, 2 3]}', "Entry 1 of 'a' in .* '3' stands where ']' is needed"),
        ('{"a": [1, {"b" 2}]}', "Entry 1 of 'a' in .* not JSON: Expecting ':' delimiter"),
        ('{"a": [], 1: 2}', "a key is missing"),
        ('{"a": [], {}: 2}', "a key is missing"),
        ('{"a": [1', "the end stands where ']' is needed"),
        ('{"a": [' + "[" * 100_000, "Entry 0 of 'a' .* nested too deeply"),
        ('{"b": ' + '{"c": ' * 100_000, "nested too deeply"),
        ('{"a": [' + "1" * 5_000 + "]}", "a number with too many digits"),
        ('{"a": []}'.encode("utf-16"), "not encoded in UTF-8 .UTF-16."),
        ('{"a": ["ä"]}'.encode("latin-1"), "not encoded in UTF-8 .byte 0xe4."),
    ],
)
def test_a_broken_or_hostile_file_is_refused(tmp_path, content, words):
    with pytest.raises(FileFormatError, match=words) as caught:
        read(written(tmp_path, content), "a")
    assert "file.json" in str(caught.value)
    assert caught.value.hint


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(MissingFileError, match=path.name):
            read(path, "a")


def test_a_value_that_does_not_end_is_not_read_to_the_end_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lists, "_PART", 16)
    monkeypatch.setattr(json_lists, "LONGEST", 100)
    path = written(tmp_path, '{"a": ["' + "x" * 10_000 + '"]}')
    with pytest.raises(FileFormatError, match="more than 100 characters, or is not JSON"):
        read(path, "a")


def test_an_error_about_an_entry_says_which_it_is(tmp_path):
    def refuse(entry):
        if entry == 3:
            raise DataError("It is 3.", "Give 4.")

    with pytest.raises(DataError, match=r"It is 3\. Give 4\. \(In entry 2 of 'a' in .*file\.json"):
        read_lists(written(tmp_path, '{"a": [1, 2, 3]}'), {"a": refuse}, "")


def test_a_file_is_not_held_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lists, "_PART", 2**12)
    entry = json.dumps({"polygon": list(range(200))})
    path = written(tmp_path, '{"a": [' + ",".join([entry] * 1_000) + "]}")
    n_entries = []
    tracemalloc.start()
    try:
        read_lists(path, {"a": lambda entry: n_entries.append(len(entry))}, "")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(n_entries) == 1_000
    assert peak < path.stat().st_size / 5
