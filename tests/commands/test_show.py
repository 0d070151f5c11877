"""`invert show`: one unit of a run."""

import csv
import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from invert_core.commands import main
from invert_core.commands.label_cells import interval, on_held_out
from invert_core.commands.signs import width_of
from invert_core.results.columns import Label
from invert_core.results.labels import Labels
from invert_core.results.run_directory import read_run
from tests.command_line import invert, refused
from tests.commands.screen import Screen
from tests.results.changed_files import seal_run

GOLDEN = Path(__file__).parents[1] / "golden" / "run_v1"


def label(*more):
    """Label by AUC alone."""
    given = ("-o", "run", "--objective", "auc", "--permutations", 0, "--overwrite")
    invert("label", "activations.npz", "concepts.csv", *given, *more)


def parts(unit):
    """Return the lines of each part of what is shown of a unit."""
    shown = invert("show", "run", unit).stdout
    return [part.splitlines() for part in shown.rstrip("\n").split("\n\n")]


def test_formulas_are_listed_by_each_objective_with_the_best_of_each_length(run):
    *_, by_auc, by_phi = parts("fc:0")
    for (title, head, *rows), objective in ((by_auc, "auc"), (by_phi, "phi")):
        assert title.startswith(f"By {objective}, what the ")
        assert head.split()[:3] == ["rank", "label", objective]
        rows_of = [row for row in json_of("fc:0") if row["objective"] == objective]
        formulas = [row["label"] for row in rows_of]
        formulas += [one["label"] for one in rows_of[0]["by_length"]]
        assert [label_of(row) for row in rows] == list(dict.fromkeys(formulas))
        ranks = [row.split()[0] for row in rows]
        assert ranks[: len(rows_of)] == [str(row["rank"]) for row in rows_of]
        assert set(ranks[len(rows_of) :]) <= {"-"}


def json_of(unit):
    return json.loads(invert("show", "run", unit, "--format", "json").stdout)


def label_of(row):
    """Return the formula in a line of the table of formulas."""
    return re.match(r"\s*\S+\s+(?:\*\s+)?(\S.*?)  ", row)[1]


def test_the_headline_is_marked_among_the_formulas(run):
    *_, by_auc, _ = parts("fc:0")
    marked = [label_of(row) for row in by_auc[2:] if re.match(r"\s*\d+\s+\*", row)]
    assert marked == ["apple & ~brown"]


def test_a_headline_that_is_not_among_the_best_rows_comes_after_them(inputs):
    label("--beam", 1)
    *_, (_, _, first, second, *_) = parts("fc:3")
    assert re.match(r"\s*1\s+[~\w]", first)
    assert re.match(r"\s*2\s+\*", second)


def test_each_direction_is_shown_by_itself(inputs):
    label("--direction", "both")
    shown = invert("show", "run", "fc:0").stdout
    _, positive, negative = re.split(r"Direction (?:positive|negative):\n", shown)
    assert "Label: a & ~b (holds: true on 10 of the 10 highest samples)\n" in positive
    assert " of the 10 lowest samples)\n" in negative
    assert "lowest samples (+ true, − false: label):\n" in negative
    assert "lowest" not in positive


def test_numbers_of_label_and_peak_stand_with_their_hits_and_with_what_chance_gives(two_answers):
    numbers = parts("fc:0")[1]
    head, *rows = [re.split(r"\s{2,}", line.strip()) for line in numbers]
    assert head == ["auc", "p search", "q", "positive", "top 1", "top 10", "top 100"]
    first, by_chance, peak, _ = rows
    (wide,), (narrow,) = (
        [row for row in json_of("fc:0") if row["headline"] and row["objective"] == objective]
        for objective in ("auc", "phi")
    )
    assert first[:2] == ["label", f"{wide['auc']:.4f}"]
    assert peak[:2] == ["peak", f"{narrow['auc']:.4f}"]
    for row, found in ((first, wide), (peak, narrow)):
        assert row[4] == str(found["n_positive"])
        assert row[6] == f"{10 * found['precision_at_10']:g}"
        assert row[7] == f"{100 * found['precision_at_100']:g}"
    fraction = wide["concept_fraction"]
    assert by_chance[0] == "by chance"
    expected = [fraction, 10 * fraction, 100 * fraction]
    assert [float(cell) for cell in by_chance[1:]] == pytest.approx(expected, rel=0.1)


def test_histograms_of_samples_inside_and_outside_have_counts_and_zeros_apart(here):
    rng = np.random.default_rng(4)
    mark = np.arange(200) < 80
    values = np.maximum(rng.normal(size=200) + 2 * mark, 0)
    np.savez("activations.npz", fc=values[:, None])
    np.savez("c.npz", labels=mark[:, None], id=["a"])
    invert("label", "activations.npz", "c.npz", "-o", "run", "--permutations", 0)
    (scale, inside, outside, *_) = parts("fc:0")[3]
    assert scale.split() == ["0", f"{values.astype(np.float32).max():.4g}", *ENDS]
    counts = np.histogram(values[mark & (values != 0)], 40, (0, values.max()))[0]
    bars = inside.removeprefix("both true   ")[:40]
    assert [bar != " " for bar in bars] == (counts > 0).tolist()
    assert bars[counts.argmax()] == "█"
    zeros = [int((values[of] == 0).sum()) for of in (mark, ~mark)]
    assert inside.split()[-2:] == ["80", str(zeros[0])]
    assert outside.split()[-2:] == ["120", str(zeros[1])]


ENDS = ("samples", "of", "these", "0")


def test_the_highest_samples_have_a_sign_for_each_answer(two_answers):
    title, *lines = parts("fc:0")[2]
    assert title.endswith(" highest samples (+ true, − false: label, peak):")
    signed = [tuple(one.split()) for line in lines for one in re.split(r"\s{2,}", line)]
    assert int(title.split()[1]) == len(signed) >= 12
    values = np.load("activations.npz")["fc"][:, 0]
    table = np.loadtxt("concepts.csv", delimiter=",", skiprows=1)
    order = np.argsort(-values)[: len(signed)]
    expected = []
    for row in order:
        marks = "".join("+" if table[row, column] else "−" for column in (1, 2))
        expected.append((marks, str(row), f"{values[row]:.4g}"))
    assert signed == expected


def test_what_the_highest_samples_share_is_told_with_what_the_label_lacks(two_answers):
    told = parts("fc:0")[0][2]
    table = np.loadtxt("concepts.csv", delimiter=",", skiprows=1)
    by_chance = 24 * table[:, 2].mean()
    assert told == (
        f"The highest 24 share (by chance; + not in the label): + narrow 24 ({by_chance:.2g})"
    )
    assert "(by chance; + not in the label and peak): narrow 24 " in "\n".join(parts("fc:1")[0])


def test_samples_that_are_tied_are_told_as_such(here):
    values = np.maximum(np.arange(200.0) - 100, 0)
    np.savez("a.npz", fc=values[:, None], sample_id=[f"s{row}" for row in range(200)])
    np.savez(
        "c.npz",
        labels=(np.arange(200) % 3 == 0)[:, None] | (values[:, None] > 50),
        id=["a"],
        sample_id=[f"s{row}" for row in range(200)],
    )
    given = ("-o", "run", "--permutations", 0, "--direction", "both")
    invert("label", "a.npz", "c.npz", *given)
    positive, negative = invert("show", "run", "fc:0").stdout.split("Direction negative:")
    assert re.search(r"^The \d+ highest samples \(", positive, re.MULTILINE)
    assert re.search(r"^\+ s199 99", positive, re.MULTILINE)
    tied = r"^The first \d+ of the lowest samples, whose activations are equal \("
    assert re.search(tied, negative, re.MULTILINE)


def test_a_unit_with_a_name_is_shown_with_it(monkeypatch, run):
    shown = invert("show", "run", "fc:0").stdout
    assert not shown.startswith("fc:0")
    named = [replace(row, unit_name="traffic light") for row in read_run("run").labels]
    monkeypatch.setattr(
        "invert_core.results.run_directory.read_run",
        lambda path: replace(read_run(path), labels=Labels(named)),
    )
    assert invert("show", "run", "fc:0").stdout == f"fc:0 (traffic light)\n{shown}"


def test_samples_without_ids_are_named_by_their_rows(here):
    np.savez("a.npz", fc=np.arange(100.0)[:, None])
    np.savez("c.npz", labels=(np.arange(100) > 60)[:, None], id=["a"])
    invert("label", "a.npz", "c.npz", "-o", "run", "--permutations", 0)
    assert "\n+ row 99 99 " in invert("show", "run", "fc:0").stdout


def test_units_alike_are_named(here):
    rng = np.random.default_rng(2)
    one = rng.normal(size=100)
    np.savez("a.npz", fc=np.stack([one, -one, rng.normal(size=100)], axis=1))
    np.savez("c.npz", labels=(rng.random((100, 1)) < 0.4), id=["a"])
    invert("label", "a.npz", "c.npz", "-o", "run", "--permutations", 0)
    assert (
        "Units alike (rank correlation): fc:1 -1.00, fc:2 " in invert("show", "run", "fc:0").stdout
    )


def test_texts_of_samples_are_shown_where_the_run_has_them(two_answers, monkeypatch):
    from invert_core.results import evidence_file

    read = evidence_file.RunEvidence.of_file.__func__

    def with_texts(cls, file):
        found = read(cls, file)
        return replace(found, shown_text=tuple(f"text\x1b {row}" for row in found.shown))

    monkeypatch.setattr(evidence_file.RunEvidence, "of_file", classmethod(with_texts))
    title, *lines = parts("fc:0")[2]
    assert title.startswith("The 8 highest samples")
    assert len(lines) == 8
    for line in lines:
        _, id, _, text, row = line.split()
        assert (text, row) == (r"text\x1b", id)


def test_a_run_without_evidence_says_what_is_missing(inputs):
    label("--no-evidence")
    shown = invert("show", "run", "fc:0")
    assert shown.stderr.startswith("The run holds no evidence, so that hits, histograms and ")
    assert "top 10" not in shown.stdout
    headline, numbers, formulas = shown.stdout.split("\n\n")
    assert headline == "Label: a & ~b"
    assert numbers.split()[0] == "auc"
    assert formulas.startswith("By auc, what the whole activation separates:\n")


def test_where_labels_are_missing_an_unknown_sample_has_a_sign(inputs):
    table = (inputs / "concepts.csv").read_text().splitlines()
    blank = [",".join([*line.split(",")[:1], "", *line.split(",")[2:]]) for line in table[1:21]]
    (inputs / "blanks.csv").write_text("\n".join([table[0], *blank, *table[21:]]) + "\n")
    files = ("activations.npz", "blanks.csv", "--missing", "exclude")
    invert("label", *files, "-o", "run", "--permutations", 0, "--max-fraction", 0.9)
    shown = invert("show", "run", "fc:0").stdout
    assert re.search(r"^\? s\d+ ", shown, re.MULTILINE)
    assert "label others" in shown
    assert "label false" not in shown


@pytest.mark.parametrize("given", [(), ("-q",)])
def test_a_dead_unit_is_shown_as_such(run, given):
    shown = invert("show", "run", "fc:2", *given)
    told = "fc:2 is dead: its activation is constant, 1, so no formula fits.\n"
    assert (shown.stdout, shown.stderr) == (told, "")


def test_a_dead_unit_without_evidence_is_shown_as_such(inputs):
    label("--no-evidence", "--direction", "both")
    told = "fc:2 is dead: its activation is constant, so no formula fits.\n"
    assert invert("show", "run", "fc:2").stdout == told


def test_the_golden_run_of_version_1_is_shown():
    text = invert("show", GOLDEN, "layer4.1.relu:1").stdout
    assert " q " not in text
    assert "box & ~a tin" in text
    (row,) = json.loads(invert("show", GOLDEN, "fc:0", "--format", "json").stdout)
    assert row["status"] == "dead"
    assert "is dead" in invert("show", GOLDEN, "fc:0").stdout


def test_the_evidence_of_other_labels_is_refused(run):
    path = run / "labels.jsonl"
    path.write_text(path.read_text().replace("apple", "pear"))
    seal_run(run)
    assert "evidence.h5' belongs to other labels" in refused("show", "run", "fc:0")


@pytest.mark.parametrize("columns", [80, 100, 140])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_all_that_is_shown_fits_the_terminal(run, monkeypatch, columns, encoding):
    monkeypatch.setenv("COLUMNS", str(columns))
    for unit in ([], ["fc:0"], ["fc:3"]):
        drawn = Screen(encoding)
        monkeypatch.setattr(sys, "stdout", drawn)
        main(["show", "run", *unit, "-q"], prog_name="invert", standalone_mode=False)
        lines = drawn.text().splitlines()
        assert lines
        # A headline is a sentence, which the terminal breaks.
        assert all(len(line) <= columns for line in lines if not re.match("Label|Peak", line))


def drawn(monkeypatch, columns, unit="fc:0", encoding="utf-8"):
    """Return the lines that a terminal of some width shows of a unit."""
    monkeypatch.setenv("COLUMNS", str(columns))
    screen = Screen(encoding)
    monkeypatch.setattr(sys, "stdout", screen)
    main(["show", "run", unit], prog_name="invert", standalone_mode=False)
    return screen.text().splitlines()


@pytest.mark.parametrize(
    ("columns", "n_bars"), [(100, 40), (72, 40), (60, 20), (44, 20), (40, 10), (36, 10)]
)
def test_a_histogram_has_fewer_bars_in_a_narrow_terminal(two_answers, monkeypatch, columns, n_bars):
    bars, numbers = bars_of_label(drawn(monkeypatch, columns), n_bars)
    of_all, all_numbers = bars_of_label(drawn(monkeypatch, 200), 40)
    assert set(bars) <= set(" ▁▂▃▄▅▆▇█")
    in_one = 40 // n_bars
    filled = [bool(of_all[at : at + in_one].strip()) for at in range(0, 40, in_one)]
    assert [one != " " for one in bars] == filled
    assert numbers == all_numbers


def bars_of_label(lines, n_bars):
    """The bars of the samples inside the label, which end below the scale, and the numbers."""
    at = next(at for at, line in enumerate(lines) if line.startswith("label true "))
    end = re.match(r"\s+\S+\s+\S+", lines[at - 1]).end()
    return lines[at][end - n_bars : end], lines[at][end:].split()


def told_as_left_out(capsys):
    told = capsys.readouterr().err.removeprefix("Left out, because the terminal is narrow: ")
    return told.rstrip().removesuffix(".").split("; ")


def test_a_histogram_without_room_for_bars_is_left_out_as_a_whole(two_answers, monkeypatch, capsys):
    lines = drawn(monkeypatch, 15)
    assert not any(re.match("label true|peak false", line) for line in lines)
    assert "histogram" in told_as_left_out(capsys)


def test_what_chance_gives_is_left_out_with_the_hits(two_answers, monkeypatch):
    assert sum("by chance" in line for line in drawn(monkeypatch, 80)) == 3
    assert [line for line in drawn(monkeypatch, 20) if line.startswith("  by chance")] == []


def test_what_is_left_out_is_said_with_its_table(two_answers, monkeypatch, capsys):
    lines = drawn(monkeypatch, 45)
    told = told_as_left_out(capsys)
    left_out = dict(re.fullmatch(r"(.+) \((.+)\)", one).groups()[::-1] for one in told)
    assert list(left_out) == ["numbers", "formulas by auc", "formulas by phi"]
    numbers = next(line for line in lines if " auc " in line)
    for name in left_out["numbers"].split(", "):
        assert name not in numbers
    assert "p search" in left_out["numbers"]
    assert "auc" not in left_out["numbers"].split(", ")
    assert "auc" in left_out["formulas by phi"].split(", ")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("name", ["e" + "\N{COMBINING ACUTE ACCENT}" * 300, "x" * 300, "猫" * 200])
def test_long_names_are_cut_as_they_are_written(here, monkeypatch, encoding, name):
    random = np.random.default_rng(2)
    marks = random.random((300, 2)) < 0.3
    values = random.normal(size=300) + 3 * marks[:, 0] + 3 * marks[:, 1]
    np.savez("activations.npz", **{name: np.stack([values, values**3], axis=1)})
    np.savez("c.npz", labels=marks, id=["a", "b"], name=[name, f"{name}b"])
    invert("label", "activations.npz", "c.npz", "-o", "run", "--length", 1, "--permutations", 0)
    lines = drawn(monkeypatch, 79, f"{name}:0", encoding)
    assert any(line.startswith("The highest 24 share") for line in lines)
    assert any(line.startswith("Units alike") for line in lines)
    # A headline is a sentence, which the terminal breaks.
    in_full = [line for line in lines if not re.match("Label|Peak", line)]
    assert [line for line in in_full if width_of(line) > 79] == []
    # What is cut is the name, not the numbers behind it.
    assert any(re.search(r" \d+ \([\d.]+\)$", line) for line in lines)
    assert any(re.search(r" [+-]\d\.\d\d$", line) for line in lines)


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


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({}, "-"),
        ({"auc_held_out": 0.8127}, "0.813"),
        (
            {"auc_held_out": 0.8127, "auc_held_out_low": 0.7, "auc_held_out_high": 0.9},
            "0.813 0.70-0.90",
        ),
        ({"objective": "phi", "auc_held_out": 0.8127, "auc_held_out_low": 0.7}, "-"),
        ({"objective": "phi", "auc_held_out": 0.8127, "score_held_out": 0.3126}, "0.313"),
    ],
)
def test_what_was_searched_for_is_shown_on_held_out_samples_an_auc_with_its_interval(values, shown):
    row = Label.of_dead_unit(layer="fc", unit=0, direction="positive", n_samples=9, **values)
    assert f"{on_held_out(row)} {interval(row)}".rstrip() == shown


def test_label_and_peak_are_said_once_where_they_say_the_same(run):
    told, *_ = invert("show", "run", "fc:0").stdout.splitlines()
    assert told.startswith("Label and peak: apple & ~brown (holds: true on 10 of ")


def test_a_headline_that_is_worth_nothing_says_so(inputs):
    invert("label", "activations.npz", "concepts.csv", "-o", "run")
    for line in invert("show", "run", "fc:3").stdout.splitlines()[:2]:
        assert re.match(r"(Label|Peak|Label and peak): .* \(chance: true on \d+ of the 10 ", line)


def test_the_lowest_samples_are_the_top_of_the_other_direction(inputs):
    label("--direction", "negative")
    told, *_ = invert("show", "run", "fc:0").stdout.splitlines()
    assert told.endswith(" of the 10 lowest samples)")


def test_label_and_peak_are_told_apart_where_they_differ(two_answers):
    told = invert("show", "run", "fc:0").stdout.splitlines()[:3]
    assert told[:2] == [
        "Label: wide (bulk: true on 0 of the 10 highest samples)",
        "Peak: narrow (holds: true on 10 of the 10 highest samples)",
    ]


@pytest.mark.parametrize(
    ("objectives", "told"),
    [
        ("phi", ["Peak: narrow"]),
        ("correlation", ["Label by correlation: wide"]),
        ("auc,correlation,phi", ["Label and label by correlation: wide", "Peak: narrow"]),
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


def test_a_unit_without_a_headline_has_no_column_for_it(run):
    for shown in (("run", "fc:2"), (GOLDEN, "layer4.1.relu:1")):
        assert "headline" not in invert("show", *shown).stdout.lower()
