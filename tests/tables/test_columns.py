import contextlib
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.errors import (
    DataError,
    FileFormatError,
    MissingDependencyError,
    MissingFileError,
    UnknownNameError,
)
from invert_core.files import text_files
from invert_core.tables import columns
from invert_core.tables.columns import read_column
from invert_core.tables.formats import open_by_suffix
from tests.needs import need
from tests.tables.written import saved, write

pyarrow = need("pyarrow")
parquet = need("pyarrow.parquet")

DEFAULTS = ("text", "sentence")
ROWS = [{"n": "0", "text": "größe", "key": "007"}, {"n": "1", "text": "", "key": "b"}]
FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".CSV")
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)


def written(folder, suffix, rows):
    titles = list(rows[0])
    return write(folder, suffix, titles, [[row[title] for title in titles] for row in rows])


def as_jsonl(folder, content):
    return saved(folder, content, "table.jsonl")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_column_is_read_with_the_ids_of_its_rows(tmp_path, suffix):
    found = read_column(written(tmp_path, suffix, ROWS), None, DEFAULTS, "key")
    assert found.values == ("größe", "")
    assert found.sample_id == ("007", "b")
    assert found.column == "text"


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@settings(max_examples=30)
@given(
    rows=st.lists(
        st.fixed_dictionaries({"a": st.just("x"), "text": texts, "b": texts}),
        min_size=1,
        max_size=5,
    )
)
def test_all_formats_give_what_was_written(tmp_path_factory, suffix, rows):
    path = written(tmp_path_factory.mktemp("table"), suffix, rows)
    found = read_column(path, None, DEFAULTS, None)
    assert found.values == tuple(row["text"] for row in rows)
    assert found.sample_id is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_column_sample_id_holds_the_ids_unless_another_is_named(tmp_path, suffix):
    rows = [{"sample_id": "x", "text": "one", "other": "y"}]
    path = written(tmp_path, suffix, rows)
    assert read_column(path, None, DEFAULTS, None).sample_id == ("x",)
    assert read_column(path, None, DEFAULTS, "other").sample_id == ("y",)


def test_the_first_default_that_there_is_is_read(tmp_path):
    path = written(tmp_path, ".csv", [{"n": "0", "sentence": "one", "text": "two"}])
    assert read_column(path, None, DEFAULTS, None).column == "text"
    assert read_column(path, None, DEFAULTS[::-1], None).column == "sentence"
    assert read_column(path, "n", DEFAULTS, None).values == ("0",)


def test_one_column_may_be_the_text_and_the_id(tmp_path):
    for suffix in FORMATS:
        found = read_column(written(tmp_path, suffix, ROWS), "key", (), "key")
        assert found.values == found.sample_id == ("007", "b")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("column", "id_column", "words"),
    [
        ("txt", None, "no column 'txt'. Did you mean 'text'.* --column.*'n', 'text', 'key'"),
        (None, "kee", "no column 'kee'. Did you mean 'key'.* --id-column"),
    ],
)
def test_a_wrong_column_is_answered_with_the_nearest(tmp_path, suffix, column, id_column, words):
    with pytest.raises(UnknownNameError, match=words):
        read_column(written(tmp_path, suffix, ROWS), column, DEFAULTS, id_column)


def test_a_table_without_a_default_column_lists_its_columns(tmp_path):
    rows = [{f"column {i}": "x" for i in range(14)}]
    with pytest.raises(UnknownNameError, match=r"'text' or 'sentence'.*--column.* and 4 more"):
        read_column(written(tmp_path, ".jsonl", rows), None, DEFAULTS, None)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("ids", [("x", "x"), ("x", "")])
def test_ids_that_repeat_or_are_empty_are_refused(tmp_path, suffix, ids):
    rows = [{"text": "one", "key": key} for key in ids]
    with pytest.raises(DataError, match="sample id"):
        read_column(written(tmp_path, suffix, rows), None, DEFAULTS, "key")


@pytest.mark.parametrize(
    ("suffix", "where"), [(".jsonl", "line 2"), (".parquet", "row 1")], ids=["JSONL", "Parquet"]
)
@pytest.mark.parametrize("title", ["text", "key"])
def test_a_cell_without_a_value_is_named_by_its_row(tmp_path, suffix, where, title):
    path = written(tmp_path, suffix, [ROWS[0], ROWS[1] | {title: None}])
    with pytest.raises(DataError, match=f"{where}: the column '{title}' has no value"):
        read_column(path, None, DEFAULTS, "key")


@pytest.mark.parametrize("title", ["text", "key"])
@pytest.mark.parametrize("value", [7, 1.5, True])
def test_numbers_are_neither_texts_nor_ids(tmp_path, title, value):
    rows = [row | {title: value} for row in ROWS]
    for suffix, where in ((".jsonl", "line 1"), (".parquet", "row 0")):
        with pytest.raises(DataError, match=f"{where}: .* holds {value}, not a string"):
            read_column(written(tmp_path, suffix, rows), None, DEFAULTS, "key")


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        (b'{"text": {"a": 1}}', DataError, "line 2: the column 'text' holds an object"),
        (b'{"text": ["a"]}', DataError, "line 2: the column 'text' holds a list"),
        (b'{"text": "\\ud800"}', DataError, "line 2: .*half a surrogate"),
        (b'{"text": "\\u0000"}', DataError, "line 2: .*NUL"),
        (b'{"other": "a"}', DataError, "line 2: the column 'text' has no value"),
        (b'["text"]', FileFormatError, "line 2 is not a JSON object"),
        (b"null", FileFormatError, "line 2 is not a JSON object"),
        (b'{"text": "a"', FileFormatError, "line 2 is not JSON"),
        (b'{"text": "a"} {"text": "b"}', FileFormatError, "line 2 is not JSON"),
        (b"[" * 100_000, FileFormatError, "line 2 is not JSON"),
        (b'{"text": ' + b"9" * 5000 + b"}", FileFormatError, "line 2 is not JSON"),
        (b'{"text": "\xff"}', FileFormatError, "line 2 is not encoded in UTF-8.*0xff"),
    ],
)
def test_a_line_that_is_no_object_with_the_text_is_named(tmp_path, line, error, words):
    with pytest.raises(error, match=words):
        read_column(as_jsonl(tmp_path, b'{"text": "a"}\n' + line + b"\n"), None, DEFAULTS, None)


def test_a_byte_order_mark_empty_lines_and_crlf_are_no_part_of_jsonl(tmp_path):
    path = as_jsonl(tmp_path, '\ufeff{"text": "a"}\r\n\r\n{"text": "b"}\n\n')
    assert read_column(path, None, DEFAULTS, None).values == ("a", "b")


def test_a_json_line_without_end_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "LONGEST", 20)
    path = as_jsonl(tmp_path, '{"text": "a"}\n{"text": "' + "a" * 20)
    with pytest.raises(FileFormatError, match="line 2 has more than 20 bytes"):
        read_column(path, None, DEFAULTS, None)


def test_more_rows_than_can_be_ranked_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "SAMPLE_LIMIT", 1)
    for suffix in FORMATS:
        with pytest.raises(DataError, match="more than 1 rows"):
            read_column(written(tmp_path, suffix, ROWS), None, DEFAULTS, None)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_without_rows_is_refused(tmp_path, suffix):
    path = saved(tmp_path, "text\n" if suffix == ".csv" else "", f"table{suffix}")
    if suffix == ".parquet":
        parquet.write_table(pyarrow.table({"text": pyarrow.array([], pyarrow.string())}), path)
    with pytest.raises(FileFormatError, match="no rows"):
        read_column(path, None, DEFAULTS, None)


def parquet_of(folder, **columns):
    path = folder / "table.parquet"
    parquet.write_table(pyarrow.table(columns), path, row_group_size=2)
    return path


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.string(),
        pyarrow.large_string(),
        pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    ],
    ids=str,
)
def test_parquet_strings_of_every_kind_are_read(tmp_path, kind):
    path = parquet_of(tmp_path, text=pyarrow.array(["a", "b", "a"]).cast(kind))
    assert read_column(path, None, DEFAULTS, None).values == ("a", "b", "a")


@pytest.mark.parametrize("kept", [0, 3, 30, -10])
def test_a_truncated_parquet_file_is_refused(tmp_path, kept):
    path = parquet_of(tmp_path, text=["a", "b", "c"])
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FileFormatError, match="not a whole Parquet file"):
        read_column(path, None, DEFAULTS, None)


def test_no_damage_to_a_parquet_file_escapes_as_a_foreign_error(tmp_path):
    path = parquet_of(tmp_path, text=["abcdefgh", "b", "cde"])
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with contextlib.suppress(DataError, FileFormatError, UnknownNameError):
            read_column(path, None, DEFAULTS, None)


def test_bytes_that_are_no_utf8_in_parquet_are_refused(tmp_path):
    broken = pyarrow.array([b"\xff\xfe"]).view(pyarrow.string())
    with pytest.raises(FileFormatError):
        read_column(parquet_of(tmp_path, text=broken), None, DEFAULTS, None)


def test_repeated_columns_of_parquet_are_refused(tmp_path):
    table = pyarrow.table([["a"], ["b"]], names=["text", "text"])
    parquet.write_table(table, tmp_path / "table.parquet")
    with pytest.raises(DataError, match="several columns 'text'"):
        read_column(tmp_path / "table.parquet", None, DEFAULTS, None)


def test_other_columns_of_parquet_are_not_read(tmp_path, monkeypatch):
    asked = []
    whole = parquet.ParquetFile.iter_batches

    def watched(self, **options):
        asked.append(options["columns"])
        return whole(self, **options)

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", watched)
    read_column(parquet_of(tmp_path, n=[1], text=["a"], key=["b"]), None, DEFAULTS, "key")
    assert asked == [["text", "key"]]


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = saved(tmp_path, "", "table.parquet")
    with pytest.raises(MissingDependencyError, match=r"invert-core\[parquet\]"):
        read_column(path, None, DEFAULTS, None)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_missing_table_is_named(tmp_path, suffix):
    with pytest.raises(MissingFileError, match="none"):
        read_column(tmp_path / f"none{suffix}", None, DEFAULTS, None)


def test_a_file_that_is_not_named_like_a_table_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"\.csv, \.tsv, \.jsonl"):
        read_column(saved(tmp_path, "", "table.xlsx"), None, DEFAULTS, None)


def test_the_columns_that_are_read_are_named(tmp_path, caplog):
    caplog.set_level("INFO", logger="invert")
    (tmp_path / "t.csv").write_text("sample_id,text,label\na,x,1\nb,y,0\n")
    read_column(tmp_path / "t.csv", None, ("text",), None)
    assert caplog.messages == ["t.csv: read the column 'text' and the ids in 'sample_id'."]


def test_a_column_of_parquet_that_is_no_text_at_all_is_refused_by_its_type(tmp_path):
    path = parquet_of(tmp_path, text=[b"a"])
    with pytest.raises(DataError, match="column 'text' has type binary, which cannot be read"):
        read_column(path, None, DEFAULTS, None)


def test_a_key_that_repeats_in_a_line_of_json_is_refused(tmp_path):
    path = as_jsonl(tmp_path, '{"text": "a", "text": "b"}')
    with pytest.raises(FileFormatError, match=r"line 1 .*the key 'text' repeats"):
        read_column(path, None, DEFAULTS, None)


def test_an_error_of_the_reader_is_not_taken_for_a_broken_parquet_file(tmp_path):
    path = parquet_of(tmp_path, text=["a", "b"])

    def read():
        with open_by_suffix(path) as table:
            for _ in table.rows(["text"]):
                raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        read()
