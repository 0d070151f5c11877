import csv
import io
import json
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts.building import read_concepts
from invert_core.concepts.sources.tables import read_csv
from invert_core.errors import DataError, FileFormatError, MissingFileError
from tests.needs import need

pyarrow = need("pyarrow")
need("pyarrow.parquet")

cell_text = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=5
)
title_text = cell_text.filter(lambda text: text == text.strip())
id_text = cell_text.filter(lambda text: text.split() == [text])


def written(folder, content, name="table.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def as_csv(rows):
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def written_as(folder, suffix, rows):
    if suffix == ".parquet":
        columns = {title: list(cells) for title, *cells in zip(*rows, strict=True)}
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / "table.parquet")
        return folder / "table.parquet"
    if suffix == ".jsonl":
        lines = [json.dumps(dict(zip(rows[0], row, strict=True))) + "\n" for row in rows[1:]]
        return written(folder, "".join(lines), "table.jsonl")
    separator = "\t" if suffix == ".tsv" else ","
    return written(folder, "".join(separator.join(row) + "\n" for row in rows), f"table{suffix}")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_labels_beside_paths_are_read_from_a_table_of_any_format(tmp_path, suffix):
    rows = [("path", "concepts"), ("b/1.jpg", "dog cat"), ("a/2.jpg", "dog"), ("3.jpg", "")]
    concepts = read_concepts(written_as(tmp_path, suffix, rows))
    assert concepts.sample_id == ("b/1.jpg", "a/2.jpg", "3.jpg")
    assert concepts.id == ("cat", "dog")
    assert concepts.extent("dog").tolist() == [True, True, False]
    assert concepts.extent("cat").tolist() == [True, False, False]


@pytest.mark.parametrize("suffix", [".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ([("path", "dog"), ("1.jpg", "1")], FileFormatError, "no column 'concepts'"),
        ([("concepts", "path"), ("dog", "1.jpg")], FileFormatError, "no column of sample ids"),
        ([("path", "concepts"), ("1.jpg", " ")], DataError, "holds no concept"),
        ([("path", "concepts"), *[("1.jpg", "a")] * 2], DataError, "stands a second time"),
    ],
)
def test_tables_of_other_formats_without_labels_are_refused(tmp_path, suffix, rows, error, words):
    with pytest.raises(error, match=words):
        read_concepts(written_as(tmp_path, suffix, rows))


WIDE = "sample,box,two words\nx,0,1\ny,True,FALSE\n"
LONG = "sample_id,text,concepts\nx,one,b a\ny,two,\nz,three,c  b b\n"


@pytest.mark.parametrize(
    "content",
    [WIDE, "\ufeff" + WIDE, WIDE.replace("\n", "\r\n"), WIDE.rstrip(), WIDE + "\n\n"],
    ids=["plain", "byte-order mark", "CRLF", "no last line end", "empty lines"],
)
def test_a_wide_table_holds_a_column_per_concept(tmp_path, content):
    concepts = read_csv(written(tmp_path, content))
    assert concepts.id == concepts.name == ("box", "two words")
    assert concepts.sample_id == ("x", "y")
    assert concepts.dense().tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    "content",
    [
        LONG,
        "\ufeff" + LONG,
        "key,concepts\nx,b a\ny,\nz,c b\n",
        'concepts,more,sample_id\na b,"1\n2",x\n,3,y\nb c,4,z\n',
    ],
    ids=["with sample_id", "byte-order mark", "first column", "any order"],
)
def test_a_long_table_holds_the_ids_of_each_samples_concepts(tmp_path, content):
    concepts = read_csv(written(tmp_path, content))
    assert concepts.id == ("a", "b", "c")
    assert concepts.sample_id == ("x", "y", "z")
    assert concepts.dense().tolist() == [
        [True, True, False],
        [False, False, False],
        [False, True, True],
    ]


def test_ignored_columns_are_named(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "invert"):
        read_csv(written(tmp_path, LONG))
    assert "table.csv: ignored the column 'text'." in caplog.text


@given(
    st.lists(title_text, min_size=1, max_size=4, unique=True),
    st.lists(cell_text, min_size=1, max_size=70, unique=True),
    st.randoms(use_true_random=False),
)
def test_any_wide_table_is_read_as_written(tmp_path_factory, concepts, samples, random):
    labels = [[random.random() < 0.5 for _ in concepts] for _ in samples]
    rows = [[sample, *row] for sample, row in zip(samples, labels, strict=True)]
    path = written(
        tmp_path_factory.mktemp("wide"),
        as_csv([["sample_id", *(f"{c}_" for c in concepts)], *rows]),
    )
    found = read_csv(path)
    assert found.sample_id == tuple(samples)
    assert found.id == tuple(f"{concept}_" for concept in concepts)
    assert found.dense().tolist() == labels


def test_a_sample_may_have_any_number_of_concepts(tmp_path):
    members = [f"concept{number}" for number in range(20_000)]
    found = read_csv(written(tmp_path, as_csv([["s", "concepts"], ["x", " ".join(members)]])))
    assert sorted(found.id) == sorted(members)


@given(
    st.dictionaries(cell_text, st.lists(id_text, max_size=4), min_size=1, max_size=70),
)
def test_any_long_table_is_read_as_written(tmp_path_factory, members):
    rows = [[sample, " ".join(carried)] for sample, carried in members.items()]
    path = written(tmp_path_factory.mktemp("long"), as_csv([["sample_id", "concepts"], *rows]))
    if not any(members.values()):
        with pytest.raises(DataError, match="holds no concept"):
            read_csv(path)
        return
    found = read_csv(path)
    assert found.id == tuple(sorted(set().union(*members.values())))
    for row, carried in zip(found.dense(), members.values(), strict=True):
        assert {found.id[concept] for concept in np.flatnonzero(row)} == set(carried)


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("", FileFormatError, "no header"),
        ("\n", FileFormatError, "no header"),
        ("sample,box\n", FileFormatError, "no rows"),
        ("sample\nx\n", FileFormatError, "one column only"),
        ("sample;box\nx;1\n", FileFormatError, "one column only.*commas"),
        ("x,0,1\ny,1,0\n", FileFormatError, "no header: its first line holds labels"),
        ("x,0,0,1\ny,1,0,1\n", FileFormatError, "no header: its first line holds labels"),
        ("sample,box,box\nx,0,1\n", DataError, "several columns 'box'"),
        ("sample,box,\nx,0,1\n", FileFormatError, "title of column 3 is ''"),
        ("sample, box\nx,0\n", FileFormatError, "title of column 2 is ' box'"),
        ("sample,box\nx,0\nx,1\n", DataError, "line 3: sample id 'x' stands a second time"),
        ("sample,box\nx,0\n,1\n", DataError, "line 3: the sample id is empty"),
        ("sample,box\nx,0,1\n", FileFormatError, "line 2: 3 cells under a header of 2"),
        ("sample,box,cup\nx,0,1\ny,0\n", FileFormatError, "line 3: 2 cells under a header of 3"),
        ("sample,box\nx,2\n", DataError, "line 2, column 'box': '2' is not a label"),
        ("sample,box\nx,0\n\ny,yes\n", DataError, "line 4, column 'box': 'yes' is not a label"),
        ("sample,box\nx,\n", DataError, "line 2, column 'box': '' is not a label"),
        ("sample,box\nx, 1\n", DataError, "line 2, column 'box': ' 1' is not a label"),
        ("sample,box\nx,1.0\n", DataError, "line 2, column 'box': '1.0' is not a label"),
        ('sample,box\nx,"1\n', FileFormatError, "line 2: unexpected end of data"),
        ('sample,box\n"x"y,1\n', FileFormatError, "line 2: .*expected after"),
        ("concepts\na b\n", FileFormatError, "no column of sample ids"),
        ("concepts,text\na b,c\n", FileFormatError, "no column of sample ids"),
        ("id,concepts\nx,\n", DataError, "holds no concept"),
        ("id,concepts\nx,a\nx,b\n", DataError, "line 3: sample id 'x' stands a second time"),
        ("id,concepts\nx,a b,c\n", FileFormatError, "line 2: 3 cells under a header of 2"),
        ("id,concepts\nx,a\0b\n", DataError, "NUL"),
        (b"sample,box\nx\xe4,1\n", FileFormatError, "not encoded in UTF-8 .byte 0xe4"),
        ("sample,box\nx,1\n".encode("utf-16"), FileFormatError, "UTF-16"),
    ],
)
def test_a_broken_table_is_refused_with_file_and_line(tmp_path, content, error, words):
    with pytest.raises(error, match=words) as caught:
        read_csv(written(tmp_path, content))
    assert caught.value.hint
    assert "table.csv" in str(caught.value) or "NUL" in str(caught.value)


def test_a_late_byte_of_another_encoding_is_refused(tmp_path):
    rows = b"".join(b"s%d,1\n" % row for row in range(5000))
    with pytest.raises(FileFormatError, match="byte 0xff in or after line"):
        read_csv(written(tmp_path, b"sample,box\n" + rows + b"\xff,1\n"))


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"no\.csv"):
        read_csv(tmp_path / "no.csv")


def test_header_names_may_be_labels_where_the_first_column_has_a_title(tmp_path):
    assert read_csv(written(tmp_path, "sample_id,0,1\nx,0,1\ny,1,0\n")).id == ("0", "1")
