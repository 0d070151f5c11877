"""CSV of which little is text: long lines, long cells, NUL characters."""

import logging

import pytest

from invert_core.errors import FileFormatError
from invert_core.tables import csv_table
from invert_core.tables.csv_table import open_table
from tests.tables.written import saved


def read(path):
    with open_table(path) as (_, rows):
        return list(rows)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_that_is_too_long_is_not_read_whole(tmp_path, monkeypatch, end):
    monkeypatch.setattr(csv_table, "_LONGEST", 20)
    whole = saved(tmp_path, f"id,a\n{'x' * 16},1{end}")
    assert read(whole) == [(2, ["x" * 16, "1"])]
    path = saved(tmp_path, f"id,a\n{'x' * 19},1{end}")
    with pytest.raises(FileFormatError, match=r"table\.csv', line 2 has more than 20 characters"):
        read(path)


def test_a_cell_of_many_lines_that_is_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_table, "_LONGEST", 20)
    path = saved(tmp_path, 'id,a\n"' + "xxxxxxxxx\n" * 3 + '",1\n')
    with pytest.raises(FileFormatError, match=r"field larger than field limit \(20\)"):
        read(path)


@pytest.mark.parametrize("content", ["id,a\nx,1\n".encode("utf-16-le"), b"\0" * 50])
def test_what_is_no_text_is_refused_as_such(tmp_path, content):
    with pytest.raises(FileFormatError, match="holds NUL characters: it is not text, or not"):
        read(saved(tmp_path, content))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_named(tmp_path, encoding):
    with pytest.raises(FileFormatError) as caught:
        read(saved(tmp_path, "id,a\nx,1\n".encode(encoding)))
    assert (
        f"iconv -f {encoding.upper().replace('-LE', 'LE').replace('-BE', 'BE')} "
        in caught.value.hint
    )


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs")])
@pytest.mark.parametrize("quote", ["", '"'])
def test_other_separators_are_read_with_a_word(tmp_path, caplog, separator, word, quote):
    rows = [["id", "a"], ["x", "1"], ["y", "2"]]
    lines = [separator.join(f"{quote}{cell}{quote}" for cell in row) for row in rows]
    assert [row for _, row in read(saved(tmp_path, "\n".join(lines)))] == rows[1:]
    assert f"table.csv: read with {word} between the columns" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        'id,"a;b"\nx,1\n',
        'id,"a;b;c"\nx,"1;2;3"\n',
        'id,tags\nx,"a;b;c"\n',
        "id,tags\nx,a;b;c\n",
        "id,a;b;c\nx,1\n",
        "id,a;b\nx,1;2\n",
        "id,p,q;r;s\nx,1,2;3;4\n",
        "text; raw\na\n",
        '"text;\nraw"\na\n',
        "a;b\tc\nx;y\tz\n",
    ],
)
def test_a_table_whose_separator_is_in_doubt_is_read_as_its_suffix_says(tmp_path, content, caplog):
    with open_table(saved(tmp_path, content)) as (header, rows):
        assert len(header) == content.partition("\n")[0].count(",") + 1
        list(rows)
    assert not caplog.text


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_separators_that_outnumber_commas_are_asked_for(tmp_path, separator, word):
    content = "image;striped;note,extra\na.jpg;1;190,1\n".replace(";", separator)
    with pytest.raises(FileFormatError, match=f"more {word} than commas in line 1") as caught:
        read(saved(tmp_path, content))
    assert {";": "the line sep=; above", "\t": ".tsv"}[separator] in caught.value.hint
    assert "the line sep=, above" in caught.value.hint
    assert read(saved(tmp_path, f"sep={separator}\n{content}"))[0][1] == ["a.jpg", "1", "190,1"]
    assert read(saved(tmp_path, f"sep=,\n{content}"))[0][1] == [
        f"a.jpg{separator}1{separator}190",
        "1",
    ]


def test_the_line_of_excel_that_names_the_separator_is_followed(tmp_path, caplog):
    with open_table(saved(tmp_path, "sep=;\r\nid;a\r\nx;1,5\r\n")) as (header, rows):
        assert (header, list(rows)) == (["id", "a"], [(3, ["x", "1,5"])])
    assert not caplog.text


def test_empty_columns_and_rows_at_the_end_are_left_out_and_named(tmp_path, caplog):
    path = saved(tmp_path, "id,a, ,\nx,1,,\ny,2\n,,,\n,,,\n")
    with caplog.at_level(logging.INFO, "invert"), open_table(path) as (header, rows):
        assert (header, list(rows)) == (["id", "a"], [(2, ["x", "1"]), (3, ["y", "2"])])
    told = "table.csv: left out 2 empty columns and 2 empty rows (line 4 to 5) at the end."
    assert told in caplog.text


def test_empty_cells_beyond_the_titles_are_left_out_and_named(tmp_path, caplog):
    path = saved(tmp_path, "id,a\nx,1,\ny,2, ,\nz,3\n")
    with caplog.at_level(logging.INFO, "invert"), open_table(path) as (_, rows):
        assert list(rows) == [(2, ["x", "1"]), (3, ["y", "2"]), (4, ["z", "3"])]
    assert "table.csv: left out 2 empty columns at the end." in caplog.text
    with pytest.raises(FileFormatError, match="line 2: 3 cells under a header of 2"):
        read(saved(tmp_path, "id,a\nx,1,7\n"))


def test_an_empty_row_between_others_is_kept_for_the_reader_to_refuse(tmp_path):
    assert read(saved(tmp_path, "id,a\nx,1\n,\ny,1\n"))[1] == (3, ["", ""])


def test_an_empty_text_in_a_table_of_one_column_is_a_row(tmp_path):
    assert read(saved(tmp_path, 'text\na\n""\n')) == [(2, ["a"]), (3, [""])]
