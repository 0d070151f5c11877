"""`invert check`: what is printed about a run, and what is refused."""

import csv
import io
import json

import numpy as np
import pytest

from invert_core.results.labels import COLUMNS
from tests.command_line import call, invert, refused
from tests.results.changed_files import seal_run


@pytest.fixture
def unseen(run):
    """60 other samples, on which the first two units detect what they detect in the run."""
    random = np.random.default_rng(6)
    labels = random.random((60, 3)) < (0.5, 0.3, 0.2)
    a, b, c = labels.T
    values = random.normal(size=(60, 4))
    values[:, 0] += 20 * (a & ~b)
    values[:, 1] += 20 * c
    ids = np.array([f"u{number}" for number in range(60)])
    np.savez("unseen.npz", fc=values.astype(np.float32), sample_id=ids)
    rows = zip(ids, labels.astype(int), strict=True)
    text = "\n".join(["sample_id,a,b,c", *(",".join([i, *map(str, row)]) for i, row in rows)])
    (run.parent / "unseen.csv").write_text(text + "\n")
    return run


HELD = ("held", "out")
HELD_OUT = ("check", "run", "--held-out", "unseen.npz", "unseen.csv")


def test_a_run_that_is_the_same_is_said_to_be(run):
    lines = invert("check", "run").stdout.splitlines()
    assert lines[0].startswith("All numbers in ")
    assert lines[0].endswith(" of 4 units were computed again and are the same.")
    assert lines[1].startswith("Unchanged since: '")
    assert lines[1].endswith("names.csv'.")
    assert json.loads(invert("check", "run", "--format", "json").stdout) == []


def test_a_run_that_differs_fails(run):
    rows = [json.loads(line) for line in (run / "labels.jsonl").read_text().splitlines()]
    rows[0]["n_scored"] += 1
    (run / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    seal_run(run)
    result = call("check", "run", "--format", "json")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)
    assert (found["column"], found["n_rows"], found["unit"]) == ("n_scored", 1, "fc:0")
    assert found["recorded"] == found["computed"] + 1
    assert "The run 'run' differs from what its inputs give, in 1 column." in result.stderr


def test_inputs_that_moved_are_given_as_options(run):
    for name in ("activations.npz", "concepts.csv", "names.csv"):
        (run.parent / name).rename(run.parent / f"moved-{name}")
    assert "Say where they are with: --activations FILE" in refused("check", "run")
    moved = ("--activations", "moved-activations.npz", "--concepts", "moved-concepts.csv")
    assert "Say where they are with: --names FILE" in refused("check", "run", *moved)
    invert("check", "run", *moved, "--names", "moved-names.csv")


def test_labels_that_hold_on_other_samples(unseen):
    summary, head, *rows = invert(*HELD_OUT).stdout.splitlines()
    assert summary.startswith("By auc: 3 of 3 labels tested; ")
    assert "significant (p < 0.05); " in summary
    assert "median optimism " in summary
    tested = ["auc", *HELD, "interval", "p", *HELD, "optimism", "positive", *HELD]
    assert head.split() == ["unit", "label", *tested]
    first = next(row for row in rows if row.startswith("fc:1"))
    assert " cat " in first
    assert "  1.000  0." in first
    assert max(map(len, rows)) <= 100


def test_labels_hold_in_groups_of_other_samples(unseen):
    summary, head, *rows = invert(*HELD_OUT, "--groups", "id:(..).*").stdout.splitlines()
    assert " significant (p < 0.05); " in summary
    assert head.split()[5:9] == ["interval", "p", *HELD]
    of_groups = next(row for row in rows if row.startswith("fc:1"))
    assert "  1.000  0." in of_groups
    of_samples = next(
        row for row in invert(*HELD_OUT).stdout.splitlines() if row.startswith("fc:1")
    )
    # Ten groups say less than 60 samples.
    assert float(of_groups.split()[5]) > float(of_samples.split()[5])


def test_labels_on_samples_of_unknown_groups_are_counted_without_p(unseen):
    n_samples = len(np.load("activations.npz")["fc"])
    clips = "".join(f"{number // 4}\n" for number in range(n_samples))
    (unseen.parent / "clips.csv").write_text(f"clip\n{clips}")
    inputs = ("activations.npz", "concepts.csv", "--permutations", 0, "--length", 1)
    invert("label", *inputs, "--groups", "clips.csv:clip", "-o", "grouped")
    result = invert("check", "grouped", *HELD_OUT[2:])
    assert "stay empty, because nothing shows which held-out samples" in result.stderr
    summary, head, *_ = result.stdout.splitlines()
    assert "significant" not in summary
    assert "on the wrong side of 0.5" in summary
    assert head.split() == ["unit", "label", "auc", "held", "out", "optimism", "positive", *HELD]


def test_labels_of_peaks_are_shown_with_their_scores(unseen):
    inputs = ("activations.npz", "concepts.csv", "--permutations", 0, "--length", 1)
    invert("label", *inputs, "--objective", "phi,auc", "-o", "peaks")
    by_phi, by_auc = invert("check", "peaks", *HELD_OUT[2:]).stdout.split("\n\n")
    summary, head, *rows = by_phi.splitlines()
    assert summary.startswith("By phi: 3 of 3 labels tested; ")
    assert "; 0 below 0; median optimism " in summary
    titles = ["unit", "label", "phi", *HELD, "p", *HELD, "optimism", "positive", *HELD]
    assert head.split() == titles
    first = next(row for row in rows if row.startswith("fc:1")).split()
    score, score_held_out = map(float, first[-5:-3])
    assert float(first[-2]) == pytest.approx(score - score_held_out, abs=0.002)
    summary, head, *_ = by_auc.splitlines()
    assert summary.startswith("By auc: 3 of 3 labels tested; ")
    assert head.split()[:3] == ["unit", "label", "auc"]


def test_json_and_csv_have_all_rows_with_the_columns_of_a_run(unseen):
    objects = json.loads(invert(*HELD_OUT, "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(invert(*HELD_OUT, "--format", "csv").stdout)))
    assert [list(row) for row in objects] == [list(COLUMNS)] * len(rows)
    assert any(row["auc_held_out"] is not None for row in objects)


def test_concepts_that_do_not_cover_the_samples_are_joined_on_request(unseen):
    table = (unseen.parent / "unseen.csv").read_text().splitlines()
    (unseen.parent / "unseen.csv").write_text("\n".join(table[:-5]) + "\n")
    assert "Keep the common ones with: --join inner" in refused(*HELD_OUT)
    rows = json.loads(invert(*HELD_OUT, "--join", "inner", "--format", "json").stdout)
    assert {row["n_samples_held_out"] for row in rows} == {55, None}


def test_permuted_labels_stand_beside_the_real_ones(run):
    words = ("check", "run", "--permute-labels", 3)
    head, *rows = invert(*words).stdout.splitlines()
    assert head.split()[:2] == ["measure", "labels"]
    assert [row.split()[:2] for row in rows] == [
        [measure, which]
        for measure in ("auc", "p_value", "p_search")
        for which in ("real", "permuted")
    ]
    assert rows[2].split()[-3].endswith("%")
    assert max(map(len, [head, *rows])) <= 100
    for title in ("q05", "q95", "significant", "high"):
        end = head.index(title) + len(title)
        assert all(row[end - 1] != " " and row[end : end + 1] in " " for row in rows), title
    objects = json.loads(invert(*words, "--format", "json").stdout)
    assert objects[0]["q50"] > objects[1]["q50"]
    assert 0 <= objects[5]["low"] <= objects[5]["significant"] <= objects[5]["high"] <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--permute-labels", 2, *HELD_OUT[2:]], "one check at a time"),
        (["--groups", "id:(.).*"], "Only --held-out and --permute-labels use --groups"),
        (["--join", "inner"], "Only --held-out uses --join"),
        ([*HELD_OUT[2:], "--seed", 1], "Only --permute-labels uses --seed"),
        (
            [*HELD_OUT[2:], "--concepts", "concepts.csv"],
            "Only checks without --held-out use --concepts",
        ),
        (["--permute-labels", 0], "0 is not in the range x>=1"),
        (["--permute-labels", 2, "--seed", -5], "--seed is -5. Give 0 or more, below 2**63."),
        (["--permute-labels", 2, "--seed", 2**63], "Give 0 or more, below 2**63."),
        (["--held-out", "unseen.npz"], "requires 2 arguments"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(here, arguments, message):
    assert message in refused("check", "run", *arguments, code=2)


def test_what_is_no_run_is_refused(here):
    assert "There is no run directory 'run'." in refused("check", "run")


def test_both_held_out_files_can_be_given_by_a_config(unseen):
    config = unseen.parent / "check.toml"
    config.write_text('held-out = ["unseen.npz", "unseen.csv"]\n')
    expected = invert(*HELD_OUT, "--format", "csv").stdout
    assert invert("check", "run", "--config", "check.toml", "--format", "csv").stdout == expected
    config.write_text('held-out = "unseen.npz"\n')
    assert "Takes 2 values" in refused("check", "run", "--config", "check.toml", code=2)
