"""CSV of which little is text: long lines, long cells, NUL characters."""

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
