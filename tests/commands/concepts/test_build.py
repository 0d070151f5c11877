"""`invert concepts build`."""

import json
from dataclasses import fields

import numpy as np
import pytest

from invert_core.commands.concepts.build import build
from invert_core.concepts import Reading
from invert_core.concepts.sources.formats import OPTIONS
from tests.command_line import call, invert, refused


def test_concepts_are_built_from_several_sources_and_shown(inputs):
    labels = np.array([[number % 2] for number in range(60)])
    np.savez(inputs / "more.npz", labels=labels, id=np.array(["odd"]))
    result = invert(
        *("concepts", "build", "concepts.csv", "more.npz", "--names", "names.csv"),
        *("-o", "concepts.h5"),
    )
    assert result.stdout == ""
    assert "4 concepts of 60 samples are in 'concepts.h5'." in result.stderr
    rows = json.loads(invert("concepts", "show", "concepts.h5", "--format", "json").stdout)
    assert [row["id"] for row in rows] == ["a", "b", "c", "odd"]
    assert rows[0]["name"] == "apple"
    assert rows[3]["n_positive"] == 30


def test_every_field_of_a_reading_is_an_option_and_messages_call_it_so():
    flags = {parameter.name: parameter.opts[0] for parameter in build.params}
    assert {field.name: flags.get(field.name) for field in fields(Reading)} == OPTIONS


def test_a_reading_without_options_is_the_default():
    given = build.make_context("build", ["wide.csv", "-o", "wide.h5"]).params
    assert Reading(**{name: given[name] for name in OPTIONS}) == Reading()


ODD = "sample_id,a,b,c,d,e,f,g\ns0,1,1,0,1,1,{0},{0}\ns1,0,0,0,1,0,0,{0}\ns2,0,0,0,1,0,1,{0}\n"


@pytest.mark.parametrize("dry", [True, False])
def test_a_build_ends_with_a_quick_check(here, dry):
    (here / "odd.csv").write_text(ODD.format(0))
    told = invert("concepts", "build", "odd.csv", "-o", "c.h5", *["--dry-run"] * dry).stderr
    assert told.splitlines() == [
        f"7 concepts of 3 samples {'would be' if dry else 'are'} in 'c.h5'.",
        "33.3 % of the labels are true.",
        "2 concepts are true on no sample: 'c', 'g'.",
        "1 concept is true on every sample: 'd'.",
        "1 group of concepts is true on the same samples: 'a', 'b', 'e'.",
    ]
    assert (here / "c.h5").exists() != dry


@pytest.mark.parametrize(("dry", "verb"), [(True, "would be"), (False, "is")])
def test_a_single_concept_is_spoken_of_in_the_singular(here, dry, verb):
    (here / "one.csv").write_text("sample_id,a\ns0,1\ns1,0\n")
    told = invert("concepts", "build", "one.csv", "-o", "c.h5", *["--dry-run"] * dry).stderr
    assert told.startswith(f"1 concept of 2 samples {verb} in 'c.h5'.\n")


def test_the_check_counts_missing_labels_apart(here):
    (here / "odd.csv").write_text(ODD.format(""))
    arguments = ("concepts", "build", "odd.csv", "-o", "c.h5")
    assert "--missing negative" in refused(*arguments)
    told = invert(*arguments, "--missing", "exclude").stderr.splitlines()
    assert told[1:5] == [
        "4 labels are missing; 41.2 % of the others are true.",
        "1 concept is true on no sample: 'c'.",
        "1 concept is true wherever defined: 'd'.",
        "1 concept is defined on no sample: 'g'.",
    ]


def test_the_check_counts_samples_without_concepts_and_names_few_of_many_groups(here):
    columns = [f"{kind}{number}" for kind in "abcd" for number in range(5)]
    rows = [
        [f"s{row}", *(int(kind == row) for kind in range(4) for _ in "12345")] for row in range(5)
    ]
    text = "\n".join(",".join(map(str, row)) for row in [["sample_id", *columns], *rows])
    (here / "many.csv").write_text(text)
    told = invert("concepts", "build", "many.csv", "-o", "c.h5").stderr
    assert (
        "4 groups of concepts are true on the same samples: 'a0', 'a1', 'a2' and 2 more; "
        "'b0', 'b1', 'b2' and 2 more; 'c0', 'c1', 'c2' and 2 more; and 1 more.\n"
    ) in told
    assert "1 sample carries no concept.\n" in told


def test_a_dry_run_refuses_what_the_work_would_refuse(inputs):
    invert("concepts", "build", "concepts.csv", "-o", "c.h5")
    assert "--overwrite" in refused("concepts", "build", "concepts.csv", "-o", "c.h5", "--dry-run")
    refused("concepts", "build", "none.csv", "-o", "d.h5", "--dry-run")


def test_a_dry_run_keeps_the_file_that_it_would_replace(inputs):
    invert("concepts", "build", "concepts.csv", "-o", "c.h5")
    old = (inputs / "c.h5").stat()
    invert("concepts", "build", "concepts.csv", "-o", "c.h5", "--dry-run", "--overwrite")
    now = (inputs / "c.h5").stat()
    assert (now.st_ino, now.st_mtime_ns) == (old.st_ino, old.st_mtime_ns)


def test_a_quiet_build_says_nothing(inputs):
    assert invert("concepts", "build", "-q", "concepts.csv", "-o", "c.h5").stderr == ""


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
    "a label is missing": ("sample_id,a\ns0,1\ns1,\n", "1 label of 1 concept is missing"),
    "a sample repeats": ("sample_id,a\ns0,1\ns0,0\n", "the sample id 's0' repeats"),
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


@pytest.mark.parametrize("option", ["--bin", "--threshold"])
def test_an_underscore_in_a_number_is_wrong_usage(here, option):
    (here / "ages.csv").write_text("sample_id,age\nx,4\ny,12\n")
    error = refused("concepts", "build", "ages.csv", option, "age:1_0", "-o", "c.h5", code=2)
    assert error.endswith("'age:1_0' is not of the form age:4")


@pytest.mark.parametrize("option", ["--bin", "--threshold"])
def test_a_number_beyond_all_floats_is_wrong_usage(here, option):
    (here / "ages.csv").write_text("sample_id,age\nx,1\ny,2\n")
    number = f"age:1{'0' * 400}"
    error = refused("concepts", "build", "ages.csv", option, number, "-o", "c.h5", code=2)
    assert error.endswith("0' is not of the form age:4")


def test_an_interrupt_behind_the_writing_says_that_it_was_done(inputs, monkeypatch):
    def stop(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("invert_core.concepts.check_concepts", stop)
    monkeypatch.setattr("invert_core.concepts.quick_check.check_concepts", stop)
    (inputs / "new.csv").write_text("sample_id,a,b,c\nnew,1,0,1\n")
    for command in ("build concepts.csv", "add concepts.csv new.csv"):
        result = call("concepts", *command.split(), "-o", "c.h5", "--overwrite")
        assert result.exit_code == 130
        assert result.stderr.endswith("Interrupted. The concepts were written to 'c.h5'.\n")
        assert (inputs / "c.h5").exists()
    result = call("concepts", "build", "concepts.csv", "-o", "none.h5", "--dry-run")
    assert result.stderr.endswith("Interrupted; no output was written.\n")
    assert not (inputs / "none.h5").exists()


def test_the_check_shows_names_that_say_more_than_the_ids(here):
    (here / "labels.csv").write_text("sample_id,n1,n2,cat\ns0,1,1,0\ns1,0,0,0\n")
    (here / "names.csv").write_text("concept_id,name\nn1,living thing\nn2,organism\n")
    told = invert("concepts", "build", "labels.csv", "--names", "names.csv", "-o", "c.h5").stderr
    assert "true on no sample: 'cat'." in told
    assert "true on the same samples: 'n1' (living thing), 'n2' (organism)." in told
