"""`invert concepts build` and `invert concepts show`."""

import csv
import io
import json

import numpy as np
import pytest

from tests.command_line import invert, refused


def test_concepts_are_built_from_several_sources_and_shown(inputs):
    labels = np.array([[number % 2] for number in range(60)])
    np.savez(inputs / "more.npz", labels=labels, id=np.array(["odd"]))
    result = invert(
        *("concepts", "build", "concepts.csv", "more.npz", "--names", "names.csv"),
        *("-o", "concepts.h5"),
    )
    assert result.stdout == ""
    assert "4 concepts of 60 samples in 'concepts.h5'" in result.stderr
    rows = json.loads(invert("concepts", "show", "concepts.h5", "--format", "json").stdout)
    assert [row["id"] for row in rows] == ["a", "b", "c", "odd"]
    assert rows[0]["name"] == "apple"
    assert rows[0]["definition"] == "a fruit"
    assert rows[3]["n_positive"] == 30
    assert rows[3]["fraction"] == 0.5
    printed = invert("concepts", "show", "concepts.h5", "--format", "csv").stdout
    read = list(csv.DictReader(io.StringIO(printed)))
    assert [{name: str(value) for name, value in row.items()} for row in rows] == read
    table = invert("concepts", "show", "concepts.csv", "--names", "names.csv").stdout
    assert table.splitlines()[1].split()[:2] == ["a", "apple"]


def test_a_concept_file_is_replaced_on_request_only(inputs):
    arguments = ("concepts", "build", "concepts.csv", "-o", "concepts.h5")
    invert(*arguments)
    assert "--overwrite" in refused(*arguments)
    invert(*arguments, "--overwrite")


def test_the_output_needs_the_suffix_that_other_commands_know(inputs):
    error = refused("concepts", "build", "concepts.csv", "-o", "concepts", code=2)
    assert "'concepts' does not end in .h5" in error


TABLES = {
    "a label is 2": ("sample_id,a\ns0,1\ns1,2\n", "line 3, column 'a': '2' is not a label"),
    "a label is missing": ("sample_id,a\ns0,1\ns1,\n", "'' is not a label"),
    "a sample repeats": ("sample_id,a\ns0,1\ns0,0\n", "sample id 's0' stands a second time"),
    "a concept repeats": ("sample_id,a,a\ns0,1,0\ns1,0,1\n", "several columns 'a'"),
    "a row is short": ("sample_id,a,b\ns0,1\n", "line 2: 2 cells under a header of 3"),
    "no rows": ("sample_id,a\n", "no rows below its header"),
    "empty": ("", "no header"),
    "latin-1": ("sample_id,caf\xe9\ns0,1\n".encode("latin-1"), "not encoded in UTF-8"),
}


@pytest.mark.parametrize("fault", TABLES)
def test_a_bad_table_is_refused(here, fault):
    text, words = TABLES[fault]
    (here / "bad.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert words in refused("concepts", "build", "bad.csv", "-o", "c.h5")


@pytest.mark.parametrize("source", ["none.csv", "none.h5", "none.npz", ".", "names.txt"])
def test_a_source_that_is_no_file_of_concepts_is_refused(inputs, source):
    (inputs / "names.txt").write_text("a")
    refused("concepts", "build", source, "-o", "c.h5")


def test_a_concept_in_two_sources_is_refused(inputs):
    error = refused("concepts", "build", "concepts.csv", "concepts.csv", "-o", "c.h5")
    assert "3 concepts are in several sources: 'a', 'b', 'c'" in error
