import csv
import logging
import os

import pytest

from invert_core.data import Tokenize
from invert_core.data.texts.opening import open_texts
from invert_core.errors import (
    DataError,
    FileFormatError,
    MissingFileError,
    SettingError,
    UnknownNameError,
)
from tests.data.texts.small_tokenizer import (
    INPUTS,
    write_texts,
)
from tests.needs import need

need("tokenizers")


def test_every_line_of_a_file_is_a_text(tmp_path, tokenizer):
    path = write_texts(tmp_path, "\ufeffa b\r\nc\u2028d\x0be\n  größe\n")
    source = open_texts(path, INPUTS, Tokenize(tokenizer))
    assert source.texts == ("a b", "c\u2028d\x0be", "  größe")
    assert len(source) == 3
    assert source.sample_id is None


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("a\n\nb\n", DataError, r"texts\.txt', line 2 is empty"),
        ("a\n \t\nb\n", DataError, r"texts\.txt', line 2 is empty"),
        ("a\nb\0\n", FileFormatError, r"texts\.txt', line 2 holds a NUL"),
        (b"a\nb\xff\n", FileFormatError, "line 2 is not encoded in UTF-8.*0xff"),
        ("", DataError, "no texts"),
    ],
)
def test_a_line_that_is_no_text_is_named(tmp_path, tokenizer, content, error, words):
    with pytest.raises(error, match=words):
        open_texts(write_texts(tmp_path, content), INPUTS, Tokenize(tokenizer))


def folder_of(root, **files):
    for name, content in files.items():
        path = root / "texts" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root / "texts"


def test_every_file_of_a_folder_is_a_text_called_by_its_path(tmp_path, tokenizer, caplog):
    folder = folder_of(
        tmp_path,
        b_dot_txt=b"a\nb\n",
        deep__er__a_dot_TXT=b"\xef\xbb\xbfc\r\n",
        _dot_hidden__a_dot_txt=b"d",
        _dot_a_dot_txt=b"d",
        notes_dot_md=b"d",
    )
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "inner.txt").symlink_to(folder / "b.txt")
    with caplog.at_level(logging.INFO):
        source = open_texts(folder, INPUTS, Tokenize(tokenizer))
    assert source.sample_id == ("b.txt", "deep/er/a.TXT", "inner.txt")
    assert source.texts == ("a\nb", "c", "a\nb")
    assert "ignored 1 file: 1 .md" in caplog.text
    assert "1 symbolic link in the folder" in caplog.text
    assert "is not followed: 'link.txt'" in caplog.text
    followed = open_texts(folder, INPUTS, Tokenize(tokenizer), follow_links=True)
    assert followed.sample_id == ("b.txt", "deep/er/a.TXT", "inner.txt", "link.txt")
    assert followed.texts[-1] == "secret"


@pytest.mark.parametrize(
    ("files", "error", "words"),
    [
        ({"a_dot_txt": b"a", "b__c_dot_txt": b" \n"}, DataError, r"'b/c\.txt' is empty"),
        ({"a_dot_txt": b"\xff"}, FileFormatError, r"a\.txt' is not encoded in UTF-8"),
        ({"a_dot_md": b"a"}, DataError, "has no texts"),
    ],
)
def test_a_file_that_is_no_text_is_named(tmp_path, tokenizer, files, error, words):
    with pytest.raises(error, match=words):
        open_texts(folder_of(tmp_path, **files), INPUTS, Tokenize(tokenizer))


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path, tokenizer):
    folder = folder_of(tmp_path, a_dot_txt=b"a")
    os.mkfifo(folder / "b.txt")
    with pytest.raises(MissingFileError, match="pipe"):
        open_texts(folder, INPUTS, Tokenize(tokenizer))


def test_a_column_of_a_table_holds_texts_and_another_ids(tmp_path, tokenizer):
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["key", "sentence", "more"], ["x", "a", "b"], ["y", "", "c"]])
    path, text = tmp_path / "t.csv", Tokenize(tokenizer)
    source = open_texts(path, INPUTS, text, id_column="key")
    assert source.texts == ("a", "")
    assert source.sample_id == ("x", "y")
    assert open_texts(path, INPUTS, text, column="more").texts == ("b", "c")
    with pytest.raises(UnknownNameError, match="Did you mean 'more'"):
        open_texts(path, INPUTS, text, column="mor")


def test_columns_belong_to_tables(tmp_path, tokenizer):
    for path in (write_texts(tmp_path, "a\n"), folder_of(tmp_path, a_dot_txt=b"a")):
        for named in ({"column": "text"}, {"id_column": "key"}):
            with pytest.raises(SettingError, match="not a table"):
                open_texts(path, INPUTS, Tokenize(tokenizer), **named)


def test_a_file_of_another_kind_and_a_missing_one_are_refused(tmp_path, tokenizer):
    (tmp_path / "a.pdf").touch()
    with pytest.raises(FileFormatError, match="does not say that it holds texts"):
        open_texts(tmp_path / "a.pdf", INPUTS, Tokenize(tokenizer))
    with pytest.raises(MissingFileError):
        open_texts(tmp_path / "none.txt", INPUTS, Tokenize(tokenizer))
