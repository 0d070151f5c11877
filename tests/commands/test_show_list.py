"""`invert show RUN`: all units of a run."""

import csv
import io
import json

import pytest

from tests.command_line import invert, refused


def listed(*words):
    """Return the units in the table, and what is said about them."""
    result = invert("show", "run", *words)
    return [line.split()[0] for line in result.stdout.splitlines()[1:]], result.stderr


def test_all_units_are_listed_with_label_and_peak_and_what_they_are_worth(two_answers):
    result = invert("show", "run")
    head, *rows = result.stdout.splitlines()
    titles = "unit label auc top 10 verdict peak peak verdict p search q positive"
    assert " ".join(head.split()) == titles
    first, second, dead = (row.split() for row in rows)
    assert (first[0], first[1], *first[3:7]) == ("fc:0", "wide", "0/10", "bulk", "narrow", "holds")
    assert (second[1], *second[3:7]) == ("narrow", "10/10", "holds", "(same)", "holds")
    assert dead == ["fc:2", "dead", "-", "0"]
    assert result.stderr == (
        "3 units. Verdicts: 1 holds, 1 bulk, 1 dead; 2 holds (of the peaks).\n"
    )


def test_units_in_both_directions_are_counted_once(inputs):
    files = ("activations.npz", "concepts.csv", "-o", "run", "--permutations", 0)
    invert("label", *files, "--direction", "both", "--no-evidence")
    units, told = listed()
    assert units == ["fc:0", "fc:0", "fc:1", "fc:1", "fc:2", "fc:3", "fc:3"]
    assert told == "4 units.\n"


@pytest.mark.parametrize(
    ("words", "units"),
    [
        (["--verdict", "bulk"], ["fc:0"]),
        (["--verdict", "bulk", "--verdict", "dead"], ["fc:0", "fc:2"]),
        (["--concept", "narrow"], ["fc:0", "fc:1"]),
        (["--concept", "wid*"], ["fc:0"]),
        (["--concept", "narrow", "--verdict", "bulk"], ["fc:0"]),
        (["--sort", "top10"], ["fc:1", "fc:0", "fc:2"]),
        (["--sort", "top10", "--reverse"], ["fc:0", "fc:1", "fc:2"]),
        (["--sort", "auc", "-n", 1], ["fc:1"]),
        (["--top", 2], ["fc:0", "fc:1"]),
    ],
)
def test_units_are_chosen_and_sorted(two_answers, words, units):
    assert listed(*words)[0] == units


@pytest.mark.parametrize("style", ["table", "json", "csv"])
def test_that_nothing_fits_is_said(two_answers, style):
    result = invert("show", "run", "--verdict", "fades", "--format", style)
    empty = {"table": "", "json": "[]\n", "csv": "layer,unit,rank,"}
    assert result.stdout[:16] == empty[style]
    assert result.stderr == ("No unit fits all that was asked for.\n" if style == "table" else "")


def test_programs_get_the_rows_of_the_answers(two_answers):
    objects = json.loads(invert("show", "run", "--format", "json", "--verdict", "bulk").stdout)
    rows = [json.loads(line) for line in (two_answers / "labels.jsonl").read_text().splitlines()]
    expected = [row for row in rows if row["headline"] and row["unit"] == 0]
    assert objects == expected
    text = invert("show", "run", "--format", "csv", "--verdict", "bulk").stdout
    found = list(csv.DictReader(io.StringIO(text)))
    assert [row["label"] for row in found] == ["wide", "narrow"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--verdict", "bulks"], 2, "cannot be 'bulks'. Did you mean 'bulk'? Choose from holds, "),
        (["--sort", "acu"], 2, "order of units cannot be 'acu'. Did you mean 'auc'?"),
        (["--concept", "narow"], 1, "a concept called 'narow'. Did you mean 'narrow'?"),
        (["fc:0", "--sort", "auc"], 2, "--sort is for the list of all units. Leave out 'fc:0'."),
        (["fc:0", "--verdict", "bulk"], 2, "--verdict is for the list of all units."),
        (["fc:0", "-n", 0], 2, "--top is for the list of all units."),
    ],
)
def test_what_cannot_be_listed_is_refused(two_answers, words, code, told):
    assert told in refused("show", "run", *words, code=code)
