"""The same labels in every form and format, and what is said of broken tables."""

import logging
import random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from invert_core.concepts import Reading, build_concepts
from invert_core.concepts.building import read_concepts
from invert_core.concepts.sources.tables import member_columns
from invert_core.concepts.sources.tables.cell_lists import looks_divided
from invert_core.errors import DataError, FileFormatError, InvertError, MissingFileError
from tests.concepts.contents import contents
from tests.tables.written import SUFFIXES, saved, write

FOUR = (".csv", ".tsv", ".jsonl", ".parquet")
characters = st.characters(codec="utf-8", exclude_characters="\0")
sample_ids = st.lists(
    st.text(characters, min_size=1, max_size=5), min_size=1, max_size=70, unique=True
)
concept_ids = st.lists(
    st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=4).map(
        "c".__add__
    ),
    min_size=1,
    max_size=4,
    unique=True,
).map(sorted)


@st.composite
def labelled(draw, undefined=True):
    """Sample ids, concept ids, and labels 0, 1 or None of each sample."""
    samples, concepts = draw(sample_ids), draw(concept_ids)
    random = draw(st.randoms(use_true_random=False))
    label = (0, 1, None) if undefined else (0, 1)
    return samples, concepts, [[random.choice(label) for _ in concepts] for _ in samples]


def check(found, samples, concepts, labels):
    assert found.sample_id == tuple(samples)
    assert found.id == found.name == tuple(concepts)
    assert found.dense().tolist() == [[label == 1 for label in row] for row in labels]
    for concept, column in zip(concepts, zip(*labels, strict=True), strict=True):
        assert found.defined_on(concept).tolist() == [label is not None for label in column]


SPELLED = {
    ".csv": [
        {0: "0", 1: "1", None: ""},
        {0: "False", 1: "True", None: "nan"},
        {0: "0.0", 1: "1.0"},
    ],
    ".jsonl": [{0: False, 1: True}, {0: 0, 1: 1, None: -1}, {0: 0.0, 1: "1", None: "n/a"}],
    ".parquet": [{0: False, 1: True}, {0: 0, 1: 1, None: -1}, {0: "0", 1: "true"}],
}
SPELLED[".tsv"] = SPELLED[".csv"]


@settings(max_examples=40)
@given(labelled(), st.randoms(use_true_random=False))
def test_any_wide_table_is_the_same_in_every_format(tmp_path_factory, table, random):
    samples, concepts, labels = table
    folder = tmp_path_factory.mktemp("wide")
    for suffix in FOUR:
        spelled = [random.choice(SPELLED[suffix]) for _ in concepts]
        rows = [
            [id, *(spell.get(label) for spell, label in zip(spelled, row, strict=True))]
            for id, row in zip(samples, labels, strict=True)
        ]
        path = write(folder, suffix, ["sample_id", *concepts], rows)
        check(read_concepts(path, missing="exclude"), samples, concepts, labels)


@settings(max_examples=40)
@given(labelled(undefined=False), st.randoms(use_true_random=False))
def test_any_long_table_is_the_same_in_every_format(tmp_path_factory, table, random):
    samples, concepts, labels = table
    # Texts whose ids seem to hold another separator are refused.
    assume(not looks_divided(" ".join(concepts)))
    folder = tmp_path_factory.mktemp("long")
    members = []
    for row in labels:
        carried = [id for id, label in zip(concepts, row, strict=True) if label]
        random.shuffle(carried)
        members.append(carried + carried[:1])
    carried = sorted(set().union(*members))
    expected = [[int(id in of_sample) for id in carried] for of_sample in members]
    for suffix in FOUR:
        lists = suffix in (".jsonl", ".parquet") and random.random() < 0.5
        cells = [of_sample if lists else " ".join(of_sample) for of_sample in members]
        path = write(
            folder, suffix, ["concepts", "sample_id"], list(zip(cells, samples, strict=True))
        )
        if not carried:
            with pytest.raises(DataError, match="no concept"):
                read_concepts(path)
        else:
            check(read_concepts(path), samples, carried, expected)


@settings(max_examples=40)
@given(labelled(), st.randoms(use_true_random=False))
def test_any_tidy_table_is_the_same_in_every_format(tmp_path_factory, table, random):
    samples, concepts, labels = table
    folder = tmp_path_factory.mktemp("tidy")
    pairs = [
        (id, concept, label)
        for id, row in zip(samples, labels, strict=True)
        for concept, label in zip(concepts, row, strict=True)
    ]
    pairs += random.sample(pairs, len(pairs) // 3)
    rows = [(id, None, None) for id in samples] + random.sample(pairs, len(pairs))
    for suffix in FOUR:
        spelled = random.choice(SPELLED[suffix])
        cells = [(id, concept, spelled.get(label)) for id, concept, label in rows]
        path = write(folder, suffix, ["sample_id", "concept_id", "value"], cells)
        check(read_concepts(path, missing="exclude"), samples, concepts, labels)


@settings(max_examples=20)
@given(labelled(undefined=False))
def test_all_forms_of_one_table_are_the_same_set(tmp_path_factory, table):
    samples, concepts, labels = table
    labels[0] = [1] * len(concepts)
    folder = tmp_path_factory.mktemp("forms")
    carried = [[id for id, label in zip(concepts, row, strict=True) if label] for row in labels]
    wide = write(
        folder, ".csv", ["s", *concepts], [[s, *r] for s, r in zip(samples, labels, strict=True)]
    )
    long = write(folder, ".jsonl", ["s", "concepts"], list(zip(samples, carried, strict=True)))
    tidy = write(
        folder,
        ".parquet",
        ["sample_id", "concept_id"],
        [(s, c) for s, of_s in zip(samples, carried, strict=True) for c in of_s or [None]],
    )
    first, *others = (contents(read_concepts(path)) for path in (wide, long, tidy))
    assert others == [first, first]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_sample_ids_are_in_the_first_column_or_in_sample_id_or_where_it_is_said(
    tmp_path, suffix
):
    titles, row = ["a", "b"], ["1", "0"]
    assert read_concepts(write(tmp_path, suffix, titles, [row])).id == ("b",)
    path = write(tmp_path, suffix, ["a", "b", "sample_id"], [[*row, "1"]])
    assert read_concepts(path).sample_id == ("1",)
    assert read_concepts(path).id == ("a", "b")
    found = build_concepts(path, reading=Reading(id_column="b"), missing="negative")
    assert (found.sample_id, found.id) == (("0",), ("a", "sample_id"))


WIDE = "sample,box,two words\nx,0,1\ny,True,FALSE\n"
LONG = "sample_id,text,concepts\nx,one,b a\ny,two,\nz,three,c  b b\n"


@pytest.mark.parametrize(
    "content",
    [WIDE, "\ufeff" + WIDE, WIDE.replace("\n", "\r\n"), WIDE.rstrip(), WIDE + "\n\n"],
    ids=["plain", "byte-order mark", "CRLF", "no last line end", "empty lines"],
)
@pytest.mark.parametrize("name", ["table.csv", "table.TSV"])
def test_a_text_may_have_any_line_ends_and_a_mark(tmp_path, content, name):
    text = content.replace(",", "\t") if name == "table.TSV" else content
    concepts = read_concepts(saved(tmp_path, text, name))
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
        f"concepts,more,sample_id\na b,{'m' * 200_000},x\n,3,y\nb c,4,z\n",
    ],
    ids=["with sample_id", "byte-order mark", "first column", "any order", "a huge cell"],
)
def test_a_long_table_holds_the_ids_of_each_samples_concepts(tmp_path, content):
    concepts = read_concepts(saved(tmp_path, content))
    assert concepts.id == ("a", "b", "c")
    assert concepts.sample_id == ("x", "y", "z")
    assert concepts.dense().tolist() == [
        [True, True, False],
        [False, False, False],
        [False, True, True],
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_ignored_columns_are_named(tmp_path, caplog, suffix):
    caplog.set_level(logging.INFO, "invert")
    read_concepts(write(tmp_path, suffix, ["s", "text", "concepts"], [["x", "one", "a"]]))
    assert f"table{suffix}: ignored the column 'text'." in caplog.messages


def test_a_sample_may_have_any_number_of_concepts(tmp_path):
    members = [f"concept{number}" for number in range(20_000)]
    found = read_concepts(write(tmp_path, ".csv", ["s", "concepts"], [["x", " ".join(members)]]))
    assert sorted(found.id) == sorted(members)


def test_header_names_may_be_labels_where_the_first_column_has_a_title(tmp_path):
    assert read_concepts(saved(tmp_path, "sample_id,0,1\nx,0,1\ny,1,0\n")).id == ("0", "1")


def test_labels_that_nobody_knows_are_counted(tmp_path):
    path = saved(tmp_path, "sample,box,cup\nx,,1\ny,-1,0\n")
    with pytest.raises(DataError, match=r"2 labels of 1 concept are missing.*'box'"):
        read_concepts(path)


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("", FileFormatError, "no header"),
        ("\n", FileFormatError, "no header"),
        ("sample,box\n", FileFormatError, "no rows"),
        ("sample\nx\n", FileFormatError, "one column only"),
        ("sample;box\nx,1\n", FileFormatError, "one column only.*commas|2 cells under"),
        ("x,0,1\ny,1,0\n", FileFormatError, "no header: its first line holds labels"),
        ("x,0.0,FALSE,-1\ny,1,0,1\n", FileFormatError, "no header: its first line holds labels"),
        ("sample,box,box\nx,0,1\n", DataError, "several columns 'box'"),
        ("sample,box,\nx,0,1\n", FileFormatError, "line 2: column 3 has content, but no title"),
        ("sample;a, b;c\nx;1\n", FileFormatError, "title of column 2 .* the line sep=; above"),
        ("sample;a, b;c\nx;1;0\n", FileFormatError, "in doubt .*, write the line sep=; above"),
        ("sample;box\nx;1;\n", FileFormatError, "one column only.* the line sep=; above"),
        ("sample,dog\x92s\nx,1\n", FileFormatError, "invisible character.*WINDOWS-1252"),
        ("sample,,box\nx,0,1\n", FileFormatError, "title of column 2 is ''"),
        ("sample, box\nx,0\n", FileFormatError, "title of column 2 is ' box'"),
        ("sample,box\nx,0\nx,1\n", DataError, "line 3, column 'sample': the sample id 'x' repeats"),
        ("sample,box\nx,0\n,1\n", DataError, "line 3: the sample id is empty"),
        ("sample,box\nx,0,1\n", FileFormatError, "line 2: 3 cells under a header of 2"),
        ("sample,box,cup\nx,0,1\ny,0\n", FileFormatError, "line 3: 2 cells under a header of 3"),
        ("sample,box\nx,2\n", DataError, "line 2, column 'box': '2' is not a label"),
        ("sample,box\nx,0\n\ny,yes\n", DataError, "column 'box' mixes labels of several kinds"),
        ('sample,box\n"x\ny",0\nz,?\n', DataError, "line 4, column 'box': '.' is not a label"),
        ("sample,box\nx, 1\n", DataError, "line 2, column 'box': ' 1' is not a label"),
        (f"sample,box\nx,{'y' * 10**6}\n", DataError, r"'yyy.{,50}\.\.\. is not a label"),
        ('sample,box\nx,"1\n', FileFormatError, "line 2: unexpected end of data"),
        ('sample,box\n"x"y,1\n', FileFormatError, "line 2: .*expected after"),
        ("concepts\na b\n", FileFormatError, "no column of sample ids"),
        ("concepts,text\na b,c\n", FileFormatError, "no column of sample ids"),
        ("id,concepts\nx,\n", DataError, "no concept: the column 'concepts' is empty"),
        ("id,concepts\nx,a\nx,b\n", DataError, "line 3, column 'id': the sample id 'x' repeats"),
        ("id,concepts\nx,a b,c\n", FileFormatError, "line 2: 3 cells under a header of 2"),
        ("id,concepts\nx,a\0b\n", DataError, "NUL"),
        ("concept_id,name,definition\ndog,Dog,a pet\n", DataError, "'Dog' is not a label"),
        (
            b"sample,box\nx\xe4,1\n",
            FileFormatError,
            "UTF-8 .byte 0xe4.*iconv -f WINDOWS-1252 -t UTF-8",
        ),
        (
            "sample,box\nx,1\n".encode("utf-16"),
            FileFormatError,
            ", .*UTF-16.*iconv -f UTF-16",
        ),
    ],
)
def test_a_broken_table_is_refused_with_file_and_line(tmp_path, content, error, words):
    with pytest.raises(error, match=words) as caught:
        read_concepts(saved(tmp_path, content))
    assert caught.value.hint
    assert "table.csv" in str(caught.value)


def test_whoever_has_a_spreadsheet_is_told_how_to_name_columns(tmp_path):
    with pytest.raises(DataError, match="'tiger' is not a label") as caught:
        read_concepts(saved(tmp_path, "image,species,age\nt1.jpg,tiger,4\n"))
    for option in ("--classes", "--tags", "--bin", "--threshold"):
        assert option in caught.value.hint


@pytest.mark.parametrize("suffix", [".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("titles", "rows", "error", "words"),
    [
        (["path"], [["x"]], FileFormatError, "one column only"),
        (["path", "dog"], [["1.jpg", "2"]], DataError, "column 'dog': '2' is not a label"),
        (["concepts", "path"], [["dog", "x"]], FileFormatError, "no column of sample ids"),
        (["path", "concepts"], [["x", " "]], DataError, "'concepts' is empty"),
        (["path", "concepts"], [["x", "a"], ["x", "a"]], DataError, "the sample id 'x' repeats"),
        (["path", "dog"], [["x", "1"], ["", "1"]], DataError, "sample id is empty"),
    ],
)
def test_other_formats_are_refused_alike(tmp_path, suffix, titles, rows, error, words):
    with pytest.raises(error, match=words) as caught:
        read_concepts(write(tmp_path, suffix, titles, rows))
    assert f"table{suffix}" in str(caught.value)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("titles", "row", "words"),
    [
        (["s", "dog"], ["x", 2], "column 'dog': 2 is not a label"),
        (["s", "dog"], ["x", 0.5], "column 'dog': 0.5 is not a label"),
        (["s", "dog"], ["x", ["a"]], r"column 'dog': \['a'\] is not a label"),
        (["s", "dog"], [7, 1], "the sample id is 7, not a string"),
        (["s", "dog"], [None, 1], "the sample id is None, not a string"),
        (["s", "concepts"], ["x", 7], "column 'concepts': 7 is neither a text nor a list"),
        (["s", "concepts"], ["x", [7]], r"column 'concepts': \(7,\) is neither a text nor a list"),
        (["sample_id", "concept_id"], ["x", 7], "the concept id is 7, not a string"),
    ],
)
def test_cells_of_another_type_are_refused(tmp_path, suffix, titles, row, words):
    with pytest.raises(DataError, match=f"(line 1|row 0).*{words}"):
        read_concepts(write(tmp_path, suffix, titles, [row]))


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ('{"s": "y", "a": {"b": 1}}', DataError, "line 2, column 'a': {'b': 1} is not a label"),
        (
            '{"s": "y", "a": 1, "b": 1}',
            FileFormatError,
            "line 2 has a key 'b', which is not in the first",
        ),
        ('{"s": "y", "a": 1, "a": 0}', FileFormatError, "line 2 .*the key 'a' repeats"),
        ('{"s": "y", "a": 1', FileFormatError, "line 2 is not JSON"),
        (b'{"s": "\xe4", "a": 1}', FileFormatError, "line 2 is not encoded in UTF-8"),
    ],
)
def test_a_broken_line_of_json_is_refused(tmp_path, line, error, words):
    first = b'{"s": "x", "a": 1}\n'
    content = first + (line if isinstance(line, bytes) else line.encode())
    with pytest.raises(error, match=words):
        read_concepts(saved(tmp_path, content, "table.jsonl"))


def test_a_key_that_a_line_of_json_lacks_is_not_defined(tmp_path):
    path = saved(tmp_path, '{"s": "x", "a": 1, "b": 0}\n{"b": 1, "s": "y"}\n', "table.jsonl")
    found = read_concepts(path, missing="exclude")
    assert found.defined_on("a").tolist() == [True, False]
    assert found.extent("b").tolist() == [False, True]


def test_columns_of_parquet_that_are_no_labels_are_refused_by_their_type(tmp_path):
    path = write(tmp_path, ".parquet", ["s", "a"], [["x", b"1"]])
    with pytest.raises(DataError, match="column 'a' has type binary, which cannot be read"):
        read_concepts(path)


def test_a_late_byte_of_another_encoding_is_refused(tmp_path):
    rows = b"".join(b"s%d,1\n" % row for row in range(5000))
    with pytest.raises(FileFormatError, match=r", in or after line \d+, is not .*byte 0xff"):
        read_concepts(saved(tmp_path, b"sample,box\n" + rows + b"\xff,1\n"))


def test_sample_ids_that_are_numbers_are_answered_with_the_option_that_names_others(tmp_path):
    with pytest.raises(DataError, match="sample id is 1, not a string") as caught:
        read_concepts(saved(tmp_path, '{"n": 1, "image": "x", "a": 1}\n', "table.jsonl"))
    assert "--id-column" in caught.value.hint


def test_titles_that_look_like_labels_are_answered_with_what_makes_them_ids(tmp_path):
    with pytest.raises(FileFormatError, match="no header") as caught:
        read_concepts(saved(tmp_path, "image,0,1\nx,0,1\n"))
    assert "call the first column sample_id" in caught.value.hint


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_table_is_named(tmp_path, suffix):
    with pytest.raises(MissingFileError, match="none"):
        read_concepts(tmp_path / f"none{suffix}")


@pytest.mark.parametrize("form", ["wide", "long"])
def test_tables_of_several_blocks_are_packed_in_order(tmp_path, monkeypatch, form):
    monkeypatch.setattr(member_columns, "_BLOCK", 64)
    monkeypatch.setattr("invert_core.concepts.sources.tables.wide._CELLS", 64 * 5)
    monkeypatch.setattr(member_columns, "_REMEMBERED", 2)
    labels = np.random.default_rng(0).random((200, 5)) < 0.4
    ids = [f"c{k}" for k in range(5)]
    for n_samples in (64, 128, 200):
        rows = [
            [f"s{i}", *map(int, row)]
            if form == "wide"
            else [f"s{i}", " ".join(id for id, label in zip(ids, row, strict=True) if label)]
            for i, row in enumerate(labels[:n_samples])
        ]
        titles = ["s", *ids] if form == "wide" else ["s", "concepts"]
        found = read_concepts(write(tmp_path, ".csv", titles, rows))
        assert np.array_equal(found.dense(), labels[:n_samples])


@pytest.mark.parametrize("suffix", FOUR)
@pytest.mark.parametrize(
    ("titles", "rows", "reading"),
    [
        (["s", "a", "b"], [["x", 1, 0], ["y", 0, 1]], Reading()),
        (["s", "concepts"], [["x", "a b"], ["y", "b"]], Reading()),
        (["sample_id", "concept_id", "value"], [["x", "a", 1], ["y", "a", 0]], Reading()),
        (
            ["s", "k", "n"],
            [["x", "d", 1.5], ["y", "e", 2]],
            Reading(classes=("k",), bins=(("n", 2),)),
        ),
    ],
    ids=["wide", "long", "tidy", "columns"],
)
def test_a_damaged_table_is_refused_or_read_but_never_breaks_the_program(
    tmp_path, suffix, titles, rows, reading
):
    path = write(tmp_path, suffix, titles, rows)
    whole = path.read_bytes()
    chance = random.Random(0)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(whole))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.choice([None, chance.randrange(len(whole))])])
        try:
            build_concepts(path, reading=reading, missing="exclude")
        except InvertError:
            continue


def test_more_samples_than_can_be_ranked_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("invert_core.concepts.sources.tables.rows.SAMPLE_LIMIT", 2)
    for content in ("s,a\nx,1\ny,0\nz,0\n", "sample_id,concept_id\nx,a\ny,a\nx,b\nz,a\n"):
        with pytest.raises(DataError, match=r"line [45]: there are more than 2 samples"):
            read_concepts(saved(tmp_path, content))


@pytest.mark.parametrize("reading", [Reading(), Reading(marks=("b",))])
def test_the_column_of_sample_ids_is_named_unless_it_is_asked_for(tmp_path, reading, caplog):
    caplog.set_level(logging.INFO, "invert")
    told = "t.csv: the sample ids are in the column"
    build_concepts(saved(tmp_path, "index,b\nx,0\ny,1\n", "t.csv"), reading=reading)
    assert f"{told} 'index'." in caplog.text
    caplog.clear()
    build_concepts(saved(tmp_path, "sample_id,b\nx,0\ny,1\n", "t.csv"), reading=reading)
    named = Reading(id_column="index", marks=reading.marks)
    build_concepts(saved(tmp_path, "b,index\n0,x\n1,y\n", "t.csv"), reading=named)
    assert told not in caplog.text


def test_a_sample_id_that_repeats_names_its_column_and_the_option(tmp_path):
    with pytest.raises(DataError, match=r"line 3, column 'index': the sample id '1' re") as caught:
        build_concepts(saved(tmp_path, "index,b\n1,0\n1,1\n"))
    assert "--id-column" in caught.value.hint
