"""`invert compare`: how good the beam search was, unit by unit."""

import csv
import io
import json

import numpy as np
import pytest

from invert_core.results.comparison import COLUMNS
from tests.command_line import invert, refused
from tests.results.changed_files import seal_run

LABEL = (
    *("label", "activations.npz", "concepts.npz", "--names", "names.csv"),
    *("--length", 2, "--beam", 1, "--top", 0, "-q"),
)


@pytest.fixture
def runs(here):
    """A beam of one formula, which begins with `a` and so misses `b & c` for units 0 and 2.

    Unit 1 detects `a & b`, which it does not miss; unit 3 is dead.
    """
    a, b, c = np.zeros((3, 32), bool)
    b[:20] = True
    c[:8] = c[20:] = True
    a[:7] = a[20:23] = True
    values = np.column_stack([b & c, a & b, (b & c) * (2 - a), np.ones(32)])
    np.savez("activations.npz", fc=values.astype(np.float32))
    np.savez("concepts.npz", labels=np.column_stack([a, b, c]), id=np.array(["a", "b", "c"]))
    (here / "names.csv").write_text("concept_id,name\na,apple\nb,brown\nc,cat\n")
    invert(*LABEL, "-o", "run")
    invert(*LABEL, "-o", "certified", "--search", "exhaustive")
    return here


def test_the_summary_comes_first_and_then_the_worst(runs):
    result = invert("compare", "run", "certified")
    summary, *table = result.stdout.splitlines()
    assert summary == "optimal in 1 of 3 units; largest loss 0.04 (fc:2); 1 dead"
    assert [line.split() for line in table] == [
        ["unit", "beam", "beam", "auc", "exhaustive", "exhaustive", "auc", "loss"],
        ["fc:2", "apple", "&", "brown", "0.9600", "brown", "&", "cat", "1.0000", "0.04"],
        ["fc:0", "apple", "&", "brown", "0.9800", "brown", "&", "cat", "1.0000", "0.02"],
    ]
    assert result.stderr == ""


def test_the_runs_may_stand_in_any_order(runs):
    usual = invert("compare", "run", "certified").stdout
    assert invert("compare", "certified", "run").stdout == usual


def test_top_says_how_many_units_the_table_has(runs):
    assert len(invert("compare", "run", "certified", "--top", 1).stdout.splitlines()) == 3
    assert len(invert("compare", "run", "certified", "--top", 0).stdout.splitlines()) == 1


def test_a_beam_that_missed_nothing_has_a_summary_only(runs):
    invert(*LABEL, "-o", "one", "--units", "1,3")
    invert(*LABEL, "-o", "best", "--units", "1,3", "--search", "exhaustive")
    assert invert("compare", "one", "best").stdout == "optimal in 1 of 1 units; 1 dead\n"


def test_json_and_csv_have_every_unit(runs):
    printed = invert("compare", "run", "certified", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(printed)))
    objects = json.loads(invert("compare", "run", "certified", "--format", "json").stdout)
    assert [list(row) for row in objects] == [list(COLUMNS)] * 3
    assert [{name: str(value) for name, value in row.items()} for row in objects] == rows
    assert [(row["unit"], row["status"]) for row in rows] == [
        ("0", "not optimal"),
        ("1", "optimal"),
        ("2", "not optimal"),
    ]
    assert (rows[0]["beam_formula"], rows[0]["exhaustive_label"]) == ("a & b", "brown & cat")


def test_names_of_units_are_shown(runs):
    path = runs / "run" / "labels.jsonl"
    path.write_text(path.read_text().replace('"unit_name": ""', '"unit_name": "traffic light"'))
    seal_run(runs / "run")
    summary, _, first, *_ = invert("compare", "run", "certified").stdout.splitlines()
    assert summary.endswith("largest loss 0.04 (fc:2 (traffic light)); 1 dead")
    assert first.startswith("fc:2 (traffic light)  ")
    rows = json.loads(invert("compare", "run", "certified", "--format", "json").stdout)
    assert {row["unit_name"] for row in rows} == {"traffic light"}


def test_what_a_time_limit_left_open_is_told(runs):
    path = runs / "certified" / "labels.jsonl"
    text = path.read_text()
    path.write_text(text.replace('"gap": 0.0', '"gap": 0.125'))
    seal_run(runs / "certified")
    summary, head, first, _ = invert("compare", "run", "certified").stdout.splitlines()
    assert summary == "optimal in 0 of 3 units; 1 unknown; largest loss 0.04 (fc:2); 1 dead"
    assert head.split()[-4:] == ["loss", "loss", "at", "most"]
    assert first.split()[-2:] == ["0.04", "0.165"]


def test_both_directions_are_counted_and_named(runs):
    for search in ("beam", "exhaustive"):
        invert(*LABEL, "-o", search, "--search", search, "--direction", "both")
    summary, head, *rows = invert("compare", "beam", "exhaustive").stdout.splitlines()
    assert "of 6 searches, two for each unit" in summary
    assert head.split()[:2] == ["unit", "direction"]
    assert rows[0].split()[:2] == ["fc:2", "positive"]


def test_units_left_out_are_counted_on_stderr(runs):
    invert(*LABEL, "-o", "few", "--units", "1-2")
    result = invert("compare", "few", "certified")
    assert result.stdout.startswith("optimal in 1 of 2 units;")
    assert result.stderr == (
        "Units left out: 0 that only the beam search has, 2 that only the exhaustive one has.\n"
    )
    assert invert("compare", "few", "certified", "-q").stderr == ""


def test_runs_that_cannot_be_compared_are_refused(runs):
    assert "--search exhaustive" in refused("compare", "run", "run")
    invert(*LABEL, "-o", "other", "--min-fraction", 0.25)
    assert refused("compare", "certified", "other") == (
        "Error: The runs 'other' and 'certified' differ: min-fraction is 0.25 and 0.002. "
        "Make the first again with --min-fraction 0.002. "
        "--min-fraction is an option of 'invert label'."
    )
    assert "no run directory 'none'" in refused("compare", "run", "none")
    assert "Missing argument 'CERTIFIED_RUN'" in refused("compare", "run", code=2)
