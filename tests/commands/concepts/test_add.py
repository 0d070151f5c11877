"""`invert concepts add`."""

import json

import pytest

from tests.command_line import invert, refused

ADD = ("concepts", "add", "concepts.h5", "marked.csv")


@pytest.fixture
def marked(inputs):
    """A concept file of 60 samples, and two new samples with a mark."""
    invert("concepts", "build", "concepts.csv", "--names", "names.csv", "-o", "concepts.h5")
    (inputs / "marked.csv").write_text("sample_id,mark\ns0-marked,1\ns1-marked,1\n")
    return inputs


def shown(path):
    printed = invert("concepts", "show", path, "--format", "json").stdout
    return {row["id"]: row for row in json.loads(printed)}


def test_samples_are_added_to_a_new_file(marked):
    result = invert(*ADD, "--new-negative", "--missing", "exclude", "-o", "both.h5")
    assert result.stdout == ""
    assert "4 concepts of 62 samples are in 'both.h5'." in result.stderr
    rows = shown("both.h5")
    assert list(rows) == ["a", "b", "c", "mark"]
    assert (rows["mark"]["n_positive"], rows["a"]["name"]) == (2, "apple")


def test_missing_labels_are_refused_with_a_hint(marked):
    error = refused(*ADD, "-o", "both.h5")
    assert "6 labels of 3 concepts ('a', 'b', 'c') that only 'concepts.h5' has" in error
    assert "60 labels of 1 concept ('mark')" in error
    assert "Give --missing negative" in error


def test_the_file_itself_is_replaced_on_request_only(marked):
    arguments = (*ADD, "--missing", "negative", "-o", "concepts.h5")
    assert "--overwrite" in refused(*arguments)
    invert(*arguments, "--overwrite")
    assert shown("concepts.h5")["mark"]["n_positive"] == 2
    # The samples are there now.
    assert "2 samples of 'marked.csv' are in 'concepts.h5', too" in refused(
        *arguments, "--overwrite"
    )


def test_sources_are_read_as_by_build(marked):
    (marked / "tags.csv").write_text("n,file,tags\n1,u,a;mark\n2,v,b\n")
    result = invert(
        *("concepts", "add", "concepts.h5", "tags.csv", "--id-column", "file", "--tags", "tags"),
        *("--separator", ";", "--missing", "negative", "-o", "both.h5"),
    )
    assert "4 concepts of 62 samples" in result.stderr
