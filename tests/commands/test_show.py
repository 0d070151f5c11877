"""`invert show`: one unit of a run."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from invert_core.commands.label_table import on_held_out
from invert_core.results.columns import Label
from tests.command_line import invert, refused

GOLDEN = Path(__file__).parents[1] / "golden" / "run_v1"


def test_a_unit_is_shown_with_its_rows_and_the_best_of_each_length(run):
    text = invert("show", "run", "fc:0").stdout
    for asked in (
        "auc, what the whole activation separates",
        "phi, what the strongest responses share",
    ):
        _, _, of_objective = text.partition(f"\nBy {asked}:\n")
        rows, lengths, *_ = of_objective.split("\n\n")
        assert rows.splitlines()[1].split()[:5] == ["1", "*", "apple", "&", "~brown"]
        title, *lines = lengths.splitlines()
        assert title == f"Best found of each length by {asked[:3]}, positive:"
        assert [line.split()[0] for line in lines][:3] == ["length", "1", "2"]
    assert "a & ~b" not in text


def test_formulas_are_shown_once_in_names_that_can_be_given_again(run):
    _, _, _, head, first, *_ = invert("show", "run", "fc:0").stdout.splitlines()
    assert "formula" not in head
    (row, *_) = json.loads(invert("show", "run", "fc:0", "--format", "json").stdout)
    assert (row["label"], row["formula"]) == ("apple & ~brown", "a & ~b")
    assert f"  {row['label']}  " in first


def test_a_dead_unit_is_shown_as_such(run):
    assert "dead" in invert("show", "run", "fc:2").stdout


def test_json_has_what_labels_jsonl_has(run):
    rows = json.loads(invert("show", "run", "fc:0", "--format", "json").stdout)
    lines = map(json.loads, (run / "labels.jsonl").read_text().splitlines())
    assert rows == [row for row in lines if row["unit"] == 0]


def test_csv_has_what_labels_csv_has(run):
    found = invert("show", "run", "fc:0", "--format", "csv").stdout
    rows = list(csv.reader(io.StringIO((run / "labels.csv").read_text())))
    assert list(csv.reader(io.StringIO(found))) == [
        row for number, row in enumerate(rows) if number == 0 or row[1] == "0"
    ]


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("fc:9", "There is no unit 'fc:9'. The units of layer 'fc' go from 0 to 3."),
        ("fd:0", "Did you mean 'fc'? Give LAYER:UNIT, as in fc:0; the layers are 'fc'."),
        ("fc", "Give LAYER:UNIT"),
        ("", "Give LAYER:UNIT"),
    ],
)
def test_an_unknown_unit_is_refused(run, unit, words):
    assert words in refused("show", "run", unit)


def test_the_q_value_stands_beside_p_of_the_headline(run):
    _, head, *lines = invert("show", "run", "fc:0").stdout.split("\n\n")[1].splitlines()
    rows = [json.loads(line) for line in (run / "labels.jsonl").read_text().splitlines()]
    (first, *others) = (row for row in rows if (row["unit"], row["objective"]) == (0, "auc"))
    start = head.index(" q ") + 1
    shown = [line[start:].split("  ")[0].strip() for line in lines]
    assert float(shown[0]) == pytest.approx(first["q_value"], abs=0.006)
    assert shown[1:] == [""] * len(others)
    assert {row["q_value"] for row in others} == {None}


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({}, "-"),
        ({"auc_held_out": 0.8127}, "0.813"),
        (
            {"auc_held_out": 0.8127, "auc_held_out_low": 0.7, "auc_held_out_high": 0.9},
            "0.813 (0.70-0.90)",
        ),
        ({"objective": "phi", "auc_held_out": 0.8127, "auc_held_out_low": 0.7}, "-"),
        ({"objective": "phi", "auc_held_out": 0.8127, "score_held_out": 0.3126}, "0.313"),
    ],
)
def test_what_was_searched_for_is_shown_on_held_out_samples_an_auc_with_its_interval(values, shown):
    row = Label.of_dead_unit(layer="fc", unit=0, direction="positive", n_samples=9, **values)
    assert on_held_out(row) == shown


def test_the_golden_run_of_version_1_is_shown():
    text = invert("show", GOLDEN, "layer4.1.relu:1").stdout
    assert " q " not in text.splitlines()[0]
    assert "box & ~a tin" in text
    assert "Best found of each length, positive:" in text
    (row,) = json.loads(invert("show", GOLDEN, "fc:0", "--format", "json").stdout)
    assert row["status"] == "dead"


def shown_tables(unit, *more):
    """Label, show a unit, and return the lines above the rows, the rows and the best by length."""
    files = ("activations.npz", "concepts.csv")
    given = ("-o", "run", "--objective", "auc", "--permutations", 0, "--overwrite")
    invert("label", *files, *given, *more)
    rows, *lengths = invert("show", "run", unit).stdout.split("\nBest found of each length, ")
    told = [line for line in rows.splitlines() if line.startswith("Headline")]
    return told, rows.splitlines()[len(told) :], [part.splitlines()[1:] for part in lengths]


def marked(lines):
    """Return the labels of the lines with a mark in the column of headlines."""
    at = lines[0].index("headline")
    return [line[at + 10 :].split("  ")[0] for line in lines[1:] if line[at] == "*"]


def test_the_headline_is_said_and_marked_in_both_tables(inputs):
    told, rows, (lengths,) = shown_tables("fc:0")
    assert told == ["Headline: a & ~b (holds: true on 10 of the 10 highest samples)"]
    assert marked(rows) == marked(lengths) == ["a & ~b"]
    assert "direction" not in rows[0]


def test_label_and_peak_are_said_once_where_they_say_the_same(run):
    told, *_ = invert("show", "run", "fc:0").stdout.splitlines()
    assert told.startswith("Headline and peak: apple & ~brown (holds: true on 10 of ")


def test_a_headline_that_is_worth_nothing_says_so(inputs):
    invert("label", "activations.npz", "concepts.csv", "-o", "run")
    for line in invert("show", "run", "fc:3").stdout.splitlines()[:2]:
        assert re.match(
            r"(Headline|Peak|Headline and peak): .* \(chance: true on \d+ of the 10 ", line
        )


def test_the_lowest_samples_are_the_top_of_the_other_direction(inputs):
    told, *_ = shown_tables("fc:0", "--direction", "negative")
    assert told[0].endswith(" of the 10 lowest samples)")


def test_label_and_peak_are_told_apart_where_they_differ(two_answers):
    told = invert("show", "run", "fc:0").stdout.splitlines()[:3]
    assert told == [
        "Headline: wide (bulk: true on 0 of the 10 highest samples)",
        "Peak: narrow (holds: true on 10 of the 10 highest samples)",
        "",
    ]


@pytest.mark.parametrize(
    ("objectives", "told"),
    [
        ("phi", ["Peak: narrow"]),
        ("correlation", ["Headline by correlation: wide"]),
        ("auc,correlation,phi", ["Headline and headline by correlation: wide", "Peak: narrow"]),
    ],
)
def test_a_headline_says_by_which_objective_it_is(two_answers, objectives, told):
    files = ("activations.npz", "concepts.csv")
    given = ("-o", "run", "--overwrite", "--length", 1, "--permutations", 0)
    invert("label", *files, *given, "--objective", objectives)
    lines = invert("show", "run", "fc:0").stdout.splitlines()
    assert [line.partition(" (")[0] for line in lines[: len(told)]] == told


def test_hits_among_the_ten_highest_are_shown_where_evidence_was_made(two_answers):
    by_auc, by_phi = invert("show", "run", "fc:1").stdout.split("\nBy ")[1:]
    for told in (by_auc, by_phi):
        assert "  top 10  " in told
        assert "  10/10  " in told
    files = ("activations.npz", "concepts.csv")
    invert("label", *files, "-o", "run", "--overwrite", "--length", 1, "--no-evidence")
    shown = invert("show", "run", "fc:0").stdout
    assert "top 10" not in shown
    assert "verdict" not in shown
    assert "status" in shown


def test_a_headline_that_is_not_among_the_best_rows_comes_after_them(inputs):
    (told,), rows, (lengths,) = shown_tables("fc:3", "--beam", 1)
    assert [line.split()[0] for line in rows] == ["rank", "1", "2"]
    (headline,) = marked(rows)
    assert marked(rows[:2]) == []
    assert marked(lengths) == [headline]
    assert told.startswith(f"Headline: {headline} (")


def test_each_direction_has_a_headline(inputs):
    told, rows, lengths = shown_tables("fc:0", "--direction", "both")
    assert [line.split(":")[0] for line in told] == ["Headline, positive", "Headline, negative"]
    assert rows[0].split()[-1] == "direction"
    assert len(marked(rows)) == len(lengths) == 2


def test_a_unit_without_a_headline_has_no_column_for_it(run):
    for shown in (("run", "fc:2"), (GOLDEN, "layer4.1.relu:1")):
        assert "headline" not in invert("show", *shown).stdout.lower()
