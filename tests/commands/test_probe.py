"""`invert probe`: all units ranked for one formula."""

import csv
import errno
import io
import json

import pytest

from invert_core.errors import ExistingOutputError
from invert_core.files.atomic import new_file
from invert_core.labelling.probing import COLUMNS
from tests.command_line import call, invert, refused, sentence
from tests.needs import need

ARGUMENTS = ("probe", "activations.npz", "concepts.csv", "--formula")


def test_the_unit_that_detects_the_formula_stands_first(inputs):
    result = invert(*ARGUMENTS, "a & ~b", "--names", "names.csv", "--top", 1)
    title, row = result.stdout.splitlines()
    assert title.split() == ["rank", "unit", "auc", "p", "units", "status"]
    assert row.split()[:3] == ["1", "fc:0", "1.0000"]
    assert "apple & ~brown, true on " in result.stderr
    assert "1 of 4 units is significant after correction for 3 tests" in result.stderr
    assert result.stderr.endswith("; 1 dead.\n")


def test_json_and_csv_hold_all_units(inputs):
    rows = json.loads(invert(*ARGUMENTS, "c", "--format", "json", "--top", 1).stdout)
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    assert (rows[0]["unit"], rows[-1]["status"]) == (1, "dead")
    assert tuple(rows[0]) == COLUMNS
    read = list(csv.DictReader(io.StringIO(invert(*ARGUMENTS, "c", "--format", "csv").stdout)))
    assert [{name: str(value) for name, value in row.items()} for row in rows] == read


def test_layers_units_and_direction_are_chosen(inputs):
    rows = json.loads(
        invert(
            *(*ARGUMENTS, "~c", "-l", "fc", "--units", "0-1", "--direction", "negative"),
            *("--format", "json"),
        ).stdout
    )
    assert [row["unit"] for row in rows] == [1, 0]
    assert rows[0]["auc"] == 0.0


def test_missing_labels_are_left_out_on_request(inputs):
    lines = (inputs / "concepts.csv").read_text().splitlines()
    (inputs / "concepts.csv").write_text("\n".join([*lines[:-1], "s59,,,"]) + "\n")
    assert "--missing exclude" in refused(*ARGUMENTS, "c")
    rows = json.loads(invert(*ARGUMENTS, "c", "--missing", "exclude", "--format", "json").stdout)
    assert {row["n_samples"] for row in rows} == {59}


def test_a_picture_is_drawn(inputs):
    need("matplotlib")
    result = invert(*ARGUMENTS, "c", "--picture", "c.svg")
    assert "The picture is in 'c.svg'." in result.stderr
    assert b"fc:1, AUC 1.0000, significant" in (inputs / "c.svg").read_bytes()
    error = refused(*ARGUMENTS, "c", "--picture", "c.svg")
    assert error.endswith("Choose another with --picture, or replace it with --overwrite.")
    invert(*ARGUMENTS, "c", "--picture", "c.svg", "--overwrite", "-q")
    assert "neither .svg nor .png" in refused(*ARGUMENTS, "c", "--picture", "c.pdf", code=2)


@pytest.mark.parametrize("name", ["none/c.svg", "x" * 300 + ".svg", "folder.svg"])
def test_a_place_where_no_picture_can_be_is_to_be_changed_with_its_own_option(inputs, name):
    need("matplotlib")
    (inputs / "folder.svg").mkdir()
    result = call(*ARGUMENTS, "c", "--picture", name, "--overwrite")
    error = sentence(result.exit_code, result.stderr)
    assert "with --picture." in error
    assert "-o" not in error.split()


def write_beside(partial, name):
    partial.touch()
    partial.with_name(name).touch()


def test_a_picture_that_appears_in_the_meantime_is_to_be_renamed_with_its_own_option(tmp_path):
    with (
        pytest.raises(ExistingOutputError, match="Choose another with --picture"),
        new_file(tmp_path / "c.svg", option="--picture") as partial,
    ):
        write_beside(partial, "c.svg")


def test_the_table_is_printed_though_the_picture_cannot_be_written(inputs, monkeypatch):
    need("matplotlib")

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("invert_core.files.atomic._sync_file", fail)
    result = call(*ARGUMENTS, "c", "--picture", "c.svg")
    assert result.stdout.splitlines()[1].split()[:3] == ["1", "fc:1", "1.0000"]
    assert "Error: Cannot write 'c.svg': No space left" in result.stderr
    assert "choose another output with --picture." in result.stderr
    assert "is in 'c.svg'" not in result.stderr
    assert result.exit_code == 1
    assert not list(inputs.glob("*.svg"))


def test_one_unit_is_counted_in_words_that_fit(inputs):
    said = invert(*ARGUMENTS, "c", "--units", "3").stderr
    assert ": 0 of 1 unit is significant after correction for 1 test " in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a & bb",), "There is no concept with the id or name 'bb'."),
        (("apple",), "invert concepts show"),
        (("a & & b",), "'&' at character 5"),
        (("a & ~a",), "is true nowhere"),
        (("a", "-l", "fd"), "Did you mean 'fc'?"),
        (("a", "--units", "4"), "Its units are 0 to 3."),
    ],
)
def test_what_cannot_be_probed_is_refused(inputs, arguments, words):
    assert words in refused(*ARGUMENTS, *arguments)


def test_an_unknown_direction_is_wrong_usage(inputs):
    assert call(*ARGUMENTS, "a", "--direction", "up").exit_code == 2
