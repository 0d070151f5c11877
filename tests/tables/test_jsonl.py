"""JSONL that goes beyond what Python reads."""

import pytest

from invert_core.errors import FileFormatError
from invert_core.tables.formats import open_by_suffix
from tests.tables.written import saved


@pytest.mark.parametrize(
    ("value", "reason"),
    [("9" * 6_000, "a number has too many digits"), ("[" * 200_000, "it is nested too deeply")],
)
def test_limits_of_python_are_told_in_words_of_the_file(tmp_path, value, reason):
    path = saved(tmp_path, f'{{"id": "x", "a": {value}}}\n', "table.jsonl")
    with pytest.raises(FileFormatError, match=rf"line 1 is not JSON \({reason}\)"):
        open_by_suffix(path).__enter__()
