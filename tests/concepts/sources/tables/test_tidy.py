import logging
import tracemalloc

import pytest

from invert_core.concepts import Reading, build_concepts
from invert_core.concepts.building import read_concepts
from invert_core.errors import DataError, FileFormatError
from tests.tables.written import SUFFIXES, saved, write

PAIRS = [("x", "dog"), ("y", None), ("x", "big cat"), ("z", "dog")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_row_says_that_a_sample_carries_a_concept(tmp_path, suffix):
    found = read_concepts(write(tmp_path, suffix, ["sample_id", "concept_id"], PAIRS))
    assert found.sample_id == ("x", "y", "z")
    assert found.id == ("big cat", "dog")
    assert found.dense().tolist() == [[True, True], [False, False], [False, True]]
    assert found.defined is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_value_says_whether_it_does(tmp_path, suffix, caplog):
    caplog.set_level(logging.INFO, "invert")
    rows = [("x", "a", 1, "p"), ("y", "a", 0, "q"), ("z", "a", -1, "r"), ("x", "b", None, "s")]
    path = write(tmp_path, suffix, ["sample_id", "concept_id", "value", "source"], rows)
    found = read_concepts(path, missing="exclude")
    assert found.dense().tolist() == [[True, False], [False, False], [False, False]]
    assert found.defined_on("a").tolist() == [True, True, False]
    assert found.defined_on("b").tolist() == [False, True, True]
    assert caplog.messages == [
        f"table{suffix}: ignored the column 'source'.",
        f"table{suffix}: pairs of a sample and a concept without a row are taken for 0; "
        "--missing absent=exclude leaves them open.",
    ]


def test_the_column_of_the_samples_may_have_another_title(tmp_path):
    path = saved(tmp_path, "concept_id,image\ndog,x\ndog,y\ncat,x\n")
    found = build_concepts(path, reading=Reading(id_column="image"))
    assert found.dense().tolist() == [[True, True], [False, True]]
    with pytest.raises(DataError, match="'x' is not a label"):
        read_concepts(path)


@pytest.mark.parametrize(
    ("rows", "words"),
    [("", None), ("x,a,1\n", "1 row repeats"), ("y,a,0\nx,a,true\nx,a,1\n", "3 rows repeat")],
)
def test_rows_that_say_the_same_count_once_and_are_counted(tmp_path, caplog, rows, words):
    caplog.set_level(logging.INFO, "invert")
    found = read_concepts(saved(tmp_path, f"sample_id,concept_id,value\nx,a,1\ny,a,0\n{rows}"))
    assert found.dense().tolist() == [[True], [False]]
    repeated = [line for line in caplog.messages if "repeat" in line]
    assert len(repeated) == (words is not None)
    assert all(words in line for line in repeated)


@pytest.mark.parametrize(("one", "other"), [("0", "1"), ("1", ""), ("-1", "0")])
def test_rows_that_contradict_each_other_are_refused(tmp_path, one, other):
    rows = f"x,dog,{one}\ny,dog,{one}\ny,cat,1\ny,dog,{other}\n"
    with pytest.raises(DataError, match="different values for sample 'y' and concept 'dog'"):
        read_concepts(saved(tmp_path, f"sample_id,concept_id,value\n{rows}"))


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ("", FileFormatError, "no rows"),
        ("x,,\n", DataError, "holds no concept: its column 'concept_id' is empty"),
        ("x,a,1\n,a,1\n", DataError, "line 3: the sample id is empty"),
        ("x,a,1\ny,,0\n", DataError, "line 3: there is a value, but no concept id"),
        ("x,a,1\ny,a,2\n", DataError, "line 3, column 'value': '2' is not a label"),
        ("x,a,1\ny, a,1\n", DataError, "line 3: the concept id is ' a'"),
        ("x,a\0,1\n", DataError, "NUL"),
        ("x,a\n", FileFormatError, "line 2: 2 cells under a header of 3"),
    ],
)
def test_a_broken_tidy_table_is_refused(tmp_path, rows, error, words):
    with pytest.raises(error, match=words):
        read_concepts(saved(tmp_path, f"sample_id,concept_id,value\n{rows}"))


def test_labels_are_held_once_in_memory(tmp_path):
    size = 16_000
    path = write(
        tmp_path, ".csv", ["sample_id", "concept_id"], [[f"s{n}", f"c{n}"] for n in range(size)]
    )
    read_concepts(path)  # compiles
    tracemalloc.start()
    try:
        concepts = read_concepts(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert concepts.n_positive.tolist() == [1] * size
    assert peak < 1.7 * concepts.bits.nbytes
