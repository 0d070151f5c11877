import pytest

from invert_core.errors import FileFormatError, MissingFileError
from invert_core.files import text_files
from invert_core.files.text_files import not_utf8, open_text, read_lines, read_whole


def lines(path):
    return [line for _, line in read_lines(path)]


READERS = pytest.mark.parametrize("read", [lines, read_whole])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some text.csv"


def test_lines_are_counted_from_1_and_lose_their_ends_only(path):
    path.write_bytes(b"\xef\xbb\xbfa\r\n\n \xef\xbb\xbfb\rc")
    assert list(read_lines(path)) == [(1, "a"), (2, ""), (3, " \ufeffb\rc")]


def test_a_whole_file_loses_its_byte_order_mark_only(path):
    path.write_bytes(b"\xef\xbb\xbf\xef\xbb\xbfa\r\n")
    assert read_whole(path) == "\ufeffa\r\n"


def test_a_file_that_is_read_in_parts_has_no_byte_order_mark_and_keeps_its_line_ends(path):
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\n")
    with open_text(path) as file:
        assert file.read() == "a\r\nb\n"


@READERS
def test_what_is_too_long_is_refused(path, read, monkeypatch):
    monkeypatch.setattr(text_files, "LONGEST", 4)
    path.write_bytes(b"abcd")
    assert "".join(read(path)) == "abcd"
    path.write_bytes(b"abcde")
    with pytest.raises(FileFormatError, match="more than 4 bytes") as caught:
        read(path)
    assert caught.value.hint


@READERS
@pytest.mark.parametrize(
    ("content", "found", "encoding"),
    [
        ("é".encode("latin-1"), "byte 0xe9", "WINDOWS-1252"),
        ("dog\u2019s".encode("cp1252"), "byte 0x92", "WINDOWS-1252"),
        ("a".encode("utf-16"), "UTF-16", "UTF-16"),
        ("a".encode("utf-32"), "UTF-32", "UTF-32"),
    ],
)
def test_another_encoding_is_answered_with_how_to_convert_it(path, read, content, found, encoding):
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=found) as caught:
        read(path)
    assert f"iconv -f {encoding} -t UTF-8 '{path}' > utf8.csv" in caught.value.hint


@READERS
def test_a_nul_is_refused(path, read):
    path.write_bytes(b"a\0")
    with pytest.raises(FileFormatError, match=r"holds a NUL.*UTF-8"):
        read(path)


@pytest.mark.parametrize("content", [b"\xff", b"\0", b"abcde"])
@pytest.mark.parametrize("read", [lambda *given: list(read_lines(*given)), read_whole])
def test_a_reader_may_say_what_to_do_instead(path, read, content, monkeypatch):
    monkeypatch.setattr(text_files, "LONGEST", 4)
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        read(path, "Give another file.")
    assert caught.value.hint == "Give another file."


def in_parts(path):
    with open_text(path) as file:
        return file.read()


@pytest.mark.parametrize("read", [lines, read_whole, in_parts])
def test_a_missing_file_and_a_folder_are_refused(tmp_path, read):
    with pytest.raises(MissingFileError, match="no file"):
        read(tmp_path / "none")
    with pytest.raises(MissingFileError, match="is a folder"):
        read(tmp_path)


def test_the_place_in_a_file_follows_its_name(path):
    error = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    assert "some text.csv', line 3 is not" in not_utf8(path, error, ", line 3").message
