"""`invert label`: what is printed, what is written, and what is refused before any work."""

import csv
import io
import json
import re
from dataclasses import replace
from unittest.mock import ANY

import numpy as np
import pytest

from invert_core import read_evidence
from invert_core.results.labels import COLUMNS
from invert_core.search import exhaustive_search
from tests import naive
from tests.command_line import call, invert, process, refused, tree

ARGUMENTS = ("label", "activations.npz", "concepts.csv", "-o", "run")
EXHAUSTIVE = ("--search", "exhaustive")


def test_the_table_shows_the_most_convincing_units_by_name(inputs):
    result = invert(*ARGUMENTS, "--names", "names.csv")
    lines = result.stdout.splitlines()
    assert " ".join(lines[0].split()) == (
        "unit label auc top 10 verdict peak peak verdict p search q positive"
    )
    assert {line.split()[0] for line in lines[1:3]} == {"fc:0", "fc:1"}
    shown = {line.split()[0]: line for line in lines[1:]}
    assert "apple & ~brown" in shown["fc:0"]
    assert "cat" in shown["fc:1"]
    assert "fc:2" not in shown
    assert result.stderr.splitlines()[:2] == ["Labelling: 0 of 4.", ANY]
    assert result.stderr.splitlines(keepends=True)[2:] == (
        "The labels of 4 units (2 significant, with q below 0.05; 1 dead, with a constant "
        "activation) are in 'run', marked as headlines.\n"
        "Verdicts: 2 holds, 1 chance, 1 dead; 2 holds, 1 chance (of the peaks).\n"
        "Look at all of it in a browser with: invert report run --open\n"
        "Look at one unit with: invert show run fc:0\n"
    ).splitlines(keepends=True)


def test_a_label_that_misses_the_strongest_responses_is_pointed_at(two_answers):
    files = ("activations.npz", "concepts.csv", "--join", "inner", "--length", 1)
    told = invert("label", *files, "-o", "again").stderr.splitlines()
    assert told[-1] == (
        "Look at one whose label misses its strongest responses with: invert show again fc:0"
    )


def test_units_that_were_searched_both_ways_say_in_which(two_answers):
    files = ("activations.npz", "concepts.csv", "--join", "inner", "--length", 1)
    head, *lines = invert("label", *files, "-o", "again", "--direction", "both").stdout.splitlines()
    assert head.split()[-1] == "direction"
    assert {line.split()[-1] for line in lines} == {"positive", "negative"}


def test_the_peak_stands_beside_the_label_once_if_both_are_the_same(two_answers):
    files = ("activations.npz", "concepts.csv", "--join", "inner", "--length", 1)
    told = invert("label", *files, "-o", "again")
    head, *lines = told.stdout.splitlines()
    start = head.index("verdict")
    assert head[start:].split()[:4] == ["verdict", "peak", "peak", "verdict"]
    found = {line.split()[0]: (line.split()[1], line[start:].split()[:3]) for line in lines}
    assert found == {
        "fc:0": ("wide", ["bulk", "narrow", "holds"]),
        "fc:1": ("narrow", ["holds", "(same)", "holds"]),
    }


def test_other_objectives_stand_beside_the_label_under_their_names(two_answers):
    files = ("activations.npz", "concepts.csv", "--join", "inner", "--length", 1)
    told = invert("label", *files, "-o", "again", "--objective", "phi,iou", "--no-evidence")
    head, first, *_ = told.stdout.splitlines()
    titles = "unit label phi auc by iou p search q positive status"
    assert " ".join(head.split()) == titles
    assert first.split()[4] == "(same)"
    assert "Verdicts" not in told.stderr


def test_the_table_and_the_files_have_the_same_q_values(inputs):
    printed = invert(*ARGUMENTS, "--objective", "auc").stdout.splitlines()[1:]
    with (inputs / "run" / "labels.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["headline"] == "1" and row["formula"]]
    found = {f"fc:{row['unit']}": float(row["q_value"]) for row in rows}
    assert len(found) == 3
    for line in printed:
        unit, *_, q_value, _positive = line.split()
        assert float(q_value) == pytest.approx(found[unit], abs=0.006)


def test_labels_that_lack_permutations_are_told_even_if_quiet(inputs):
    np.savez("noise.npz", fc=np.random.default_rng(5).normal(size=(60, 30)))
    result = invert("label", "noise.npz", *ARGUMENTS[2:], "--permutations", 20, "-q")
    assert re.search(
        r"In layer 'fc', the p_search of \d of 30 labels is the smallest that 20 permutations can "
        r"give, which makes q_value 0\.\d\d\. For less than 0\.05 it takes at least "
        r"--permutations \d{3}\.\n",
        result.stderr,
    )


def test_top_says_how_many_units_the_table_has(inputs):
    assert len(invert(*ARGUMENTS, "--top", 2).stdout.splitlines()) == 3
    assert len(invert(*ARGUMENTS, "--top", 0, "--overwrite").stdout.splitlines()) == 1


def test_json_and_csv_have_all_rows_of_labels_csv(inputs):
    printed = invert(*ARGUMENTS, "--format", "csv").stdout
    assert printed == (inputs / "run" / "labels.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(printed)))
    objects = json.loads(invert(*ARGUMENTS, "--format", "json", "--overwrite").stdout)
    assert [list(row) for row in objects] == [list(COLUMNS)] * len(rows)
    assert [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in objects
    ] == rows


def test_units_layers_and_settings_reach_the_search(inputs):
    invert(
        *ARGUMENTS,
        *("-l", "fc", "--units", "0-1,3", "--length", 2, "--beam", 1, "--direction", "both"),
        *("--limit-search", 2, "--min-gain", 0.01, "--min-fraction", 0.05, "-j", 1),
    )
    rows = [json.loads(line) for line in (inputs / "run" / "labels.jsonl").read_text().splitlines()]
    searches = [(unit, direction) for unit in (0, 1, 3) for direction in ("positive", "negative")]
    for rank in ({"rank": 1}, {"headline": 1}):
        for objective in ("auc", "phi"):
            asked = rank | {"objective": objective}
            of_rank = [row for row in rows if row | asked == row]
            assert [(row["unit"], row["direction"]) for row in of_rank] == searches
    info = json.loads((inputs / "run" / "run.json").read_text())
    assert info["settings"] == {
        "objective": ["auc", "phi"],
        "quantile": 0.01,
        "length": 2,
        "beam": 1,
        "min_fraction": 0.05,
        "max_fraction": 0.5,
        "direction": "both",
        "limit_search": 2,
        "min_gain": 0.01,
        "search": "beam",
        "time_limit": None,
        "min_defined": 0.5,
        "permutations": 200,
        "seed": 0,
        "adjust": "bh",
        "evidence": True,
    }
    assert info["arguments"] == {
        "layers": ["fc"],
        "units": [0, 1, 3],
        "join": "strict",
        "match": "exact",
        "missing": "error",
        "jobs": 1,
    }


def test_a_dry_run_prints_the_plan_and_writes_nothing(inputs):
    before = tree(inputs)
    (planned,) = json.loads(invert(*ARGUMENTS, "--dry-run", "--format", "json").stdout)
    assert tree(inputs) == before
    assert planned["n_samples"] == 60
    assert planned["n_units"] == 4
    assert planned["n_concepts"] == 3
    assert planned["n_formulas"] == 6 + 6**2 * 2 + 6**3 * 4


def test_an_exhaustive_search_certifies_the_best_formula_of_each_unit(inputs):
    result = invert(*ARGUMENTS, *EXHAUSTIVE, "--time-limit", 600)
    head, *lines = result.stdout.splitlines()
    assert head.split()[-1] == "gap"
    assert [line.split()[-1] for line in lines] == ["0"] * 3
    with (inputs / "run" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["unit"]: row["gap"] for row in rows} == {
        "0": "0.0",
        "1": "0.0",
        "2": "",
        "3": "0.0",
    }
    with np.load("activations.npz") as data:
        values = data["fc"]
    labels = np.loadtxt("concepts.csv", delimiter=",", skiprows=1, usecols=(1, 2, 3))
    for unit in (0, 1, 3):
        best = naive.exhaustive_search(
            *(values[:, unit].tolist(), naive.extents(labels.astype(bool)), 60),
            **{"length": 3, "n_low": 1, "n_high": 30, "direction": "positive"},
        )
        first = next(row for row in rows if row["unit"] == str(unit))
        assert float(first["auc"]) == max(formula.auc for formula in best.values())
    settings = json.loads((inputs / "run" / "run.json").read_text())["settings"]
    assert (settings["search"], settings["time_limit"]) == ("exhaustive", 600.0)


@pytest.mark.parametrize("direction", ["positive", "negative"])
def test_a_time_limit_that_strikes_leaves_the_best_so_far_and_a_gap(inputs, monkeypatch, direction):
    search = exhaustive_search.search_exhaustively
    limits = []

    def stopped(*arguments, time_limit=None, **options):
        limits.append(time_limit)
        found = search(*arguments, **options)
        return replace(found, certified=False, bound=found.found[-1].score + 0.125)

    monkeypatch.setattr(exhaustive_search, "search_exhaustively", stopped)
    options = ("--time-limit", 7.5, "--min-gain", 0.01, "--direction", direction)
    printed = invert(*ARGUMENTS, *EXHAUSTIVE, *options).stdout
    assert set(limits) - {None} == {7.5}  # what compiles the kernels gives none
    assert [line.split()[-1] for line in printed.splitlines()] == ["gap"] + ["0.125"] * 3
    rows = [json.loads(line) for line in (inputs / "run" / "labels.jsonl").read_text().splitlines()]
    assert [row["gap"] for row in rows if row["unit"] != 2] == [
        pytest.approx(0.125) for row in rows if row["unit"] != 2
    ]


def test_a_dry_run_of_an_exhaustive_search_prints_the_same_plan(inputs):
    plans = [invert(*ARGUMENTS, "--dry-run", *more).stdout for more in ((), EXHAUSTIVE)]
    assert plans[0] == plans[1]
    assert not (inputs / "run").exists()


def test_an_existing_run_is_replaced_on_request_only(run):
    error = refused(*ARGUMENTS)
    assert "'run' exists" in error
    assert "--overwrite" in error
    invert(*ARGUMENTS, "--length", 1, "--overwrite")
    assert json.loads((run / "run.json").read_text())["settings"]["length"] == 1


def test_overwrite_spares_what_is_no_run_before_any_search(inputs, monkeypatch):
    monkeypatch.setattr(
        "invert_core.labelling.label_files.label_workload",
        lambda *_, **__: pytest.fail("it searched"),
    )
    (inputs / "run").mkdir()
    (inputs / "run" / "thesis.txt").write_text("years of work")
    assert "not a folder with a run.json" in refused(*ARGUMENTS, "--overwrite")


def test_overwrite_spares_a_run_that_holds_the_inputs(run):
    (run / "activations.npz").write_bytes((run.parent / "activations.npz").read_bytes())
    error = refused("label", "run/activations.npz", "concepts.csv", "-o", "run", "--overwrite")
    assert "holds the input 'run/activations.npz'" in error


def test_an_output_behind_a_link_is_replaced_where_it_is(run):
    (run.parent / "link").symlink_to(run, target_is_directory=True)
    invert("label", "activations.npz", "concepts.csv", "-o", "link", "--length", 1, "--overwrite")
    assert (run.parent / "link").is_symlink()
    assert json.loads((run / "run.json").read_text())["settings"]["length"] == 1
    assert not list(run.parent.glob(".*"))


def test_the_current_folder_can_be_the_output(run):
    done = process(
        "label", "../activations.npz", "../concepts.csv", "-o", ".", "--overwrite", cwd=run
    )
    assert done.returncode == 0, done.stderr
    names = {"labels.csv", "labels.jsonl", "evidence.h5", "run.json"}
    assert {path.name for path in run.iterdir()} == names


def test_a_missing_folder_for_the_output_is_named(inputs):
    error = refused(*ARGUMENTS[:-1], "results/run")
    assert "'results' for the output 'run' does not exist" in error


def test_a_folder_of_concepts_is_to_be_made_a_file_first(inputs):
    (inputs / "my photos" / "cat").mkdir(parents=True)
    (inputs / "my photos" / "cat" / "1.png").write_bytes(b"")
    said = refused("label", "activations.npz", "my photos", "-o", "run")
    assert "'my photos' is a folder" in said
    assert said.endswith("invert concepts build 'my photos' -o concepts.h5")
    invert("concepts", "build", "my photos", "-o", "concepts.h5")


@pytest.mark.parametrize("option", ["--length", "--beam", "--limit-search"])
@pytest.mark.parametrize("value", ["0", "-3"])
def test_a_count_below_one_is_wrong_usage(inputs, option, value):
    error = refused(*ARGUMENTS, option, value, code=2)
    assert error.startswith(f"Error: {option} is {value}. Give 1 ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--length", "three"], "'three' is not a valid integer"),
        (["--length", "101"], "--length is 101. Give 1 to 100"),
        (["--min-fraction", "nan"], "are not in order. Give 0 <= min-fraction"),
        (["--min-fraction", "0.6"], "--min-fraction 0.6 and --max-fraction 0.5 are not in order"),
        (["--max-fraction", "1.5"], "<= max-fraction <= 1"),
        (["--min-gain", "-1"], "--min-gain is -1.0. Give 0 or more"),
        (["--min-gain", "inf"], "--min-gain is inf"),
        (["--direction", "up"], "'positive', 'negative', 'both'"),
        (["--join", "outer"], "'strict', 'inner'"),
        (["--jobs", "0"], "0 is not in the range x>=1"),
        (["--units", "3-1"], "'3-1' counts down; write 1-3."),
        (["--units", "1-2-3"], "'1-2-3' is not of the form 0-63,70"),
        (["--units", "2-"], "'2-' is not of the form 0-63,70"),
        (["--units", "0-99999999999"], "goes beyond 16,777,215; name fewer units."),
        (["--top", "-1"], "-1 is not in the range x>=0"),
        (["--lenght", "3"], "--length"),
        (["--search", "all"], "'beam', 'exhaustive'"),
        (["--time-limit", "9"], "only with an exhaustive search. Leave out --time-limit"),
        ([*EXHAUSTIVE, "--length", "4"], "would not finish. Give --length 1 to 3, or leave out"),
        ([*EXHAUSTIVE, "--limit-search", "2"], "uses all concepts. Leave out --limit-search"),
        ([*EXHAUSTIVE, "--time-limit", "0"], "--time-limit is 0.0. Give a number of seconds"),
        ([*EXHAUSTIVE, "--time-limit", "-1"], "--time-limit is -1.0. Give a number of seconds"),
        ([*EXHAUSTIVE, "--time-limit", "nan"], "--time-limit is nan. Give a number of seconds"),
        ([*EXHAUSTIVE, "--time-limit", "inf"], "--time-limit is inf. Give a number of seconds"),
        ([*EXHAUSTIVE, "--time-limit", "1m"], "'1m' is not a valid float"),
    ],
)
def test_a_setting_out_of_range_is_wrong_usage(inputs, arguments, words):
    assert words in refused(*ARGUMENTS, *arguments, code=2)


def test_units_out_of_range_say_which_there_are(inputs):
    error = refused(*ARGUMENTS, "--units", "2-4")
    assert error == "Error: There is no unit 4 in layer 'fc'. Its units are 0 to 3."


def test_an_unknown_layer_gets_the_nearest_name(inputs):
    error = refused(*ARGUMENTS, "-l", "fcc")
    assert "There is no layer 'fcc'. Did you mean 'fc'?" in error


def test_limits_that_no_concept_meets_come_with_the_nearest_fractions(inputs):
    error = refused(*ARGUMENTS, "--min-fraction", 0.4999, "--max-fraction", 0.49991)
    assert "the nearest fractions are 0." in error
    assert "--min-fraction" in error


def test_memory_that_is_not_there_is_an_error(inputs, monkeypatch):
    def run_out(*_, **__):
        raise MemoryError

    monkeypatch.setattr("invert_core.labelling.label_files.label_workload", run_out)
    assert "There is not enough memory" in refused(*ARGUMENTS)


def test_a_fault_of_the_program_asks_for_a_report(inputs, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("what")

    monkeypatch.setattr("invert_core.labelling.label_files.label_workload", fail)
    result = call(*ARGUMENTS)
    assert result.exit_code == 1
    assert "unexpected happened (ZeroDivisionError: what)" in result.stderr
    assert "--debug" in result.stderr


def test_concepts_are_chosen_on_the_command_line(inputs):
    arguments = (*ARGUMENTS, "--names", "names.csv", "--concepts", "*", "--without", "brown")
    planned = json.loads(invert(*arguments, "--dry-run", "--format", "json").stdout)
    every = json.loads(invert(*ARGUMENTS, "--dry-run", "--format", "json").stdout)
    assert planned[0]["n_concepts"] == every[0]["n_concepts"] - 1
    invert(*arguments)
    assert "brown" not in (inputs / "run" / "labels.csv").read_text()


def test_groups_are_counted_beside_the_samples(inputs):
    given = ("--groups", "id:(s.).*", "--length", 1, "--objective", "auc")
    result = invert(*ARGUMENTS, *given)
    titles, *rows = (line.split() for line in result.stdout.splitlines())
    assert titles[-3:] == ["q", "positive", "groups"]
    table = csv.DictReader(io.StringIO((inputs / "run" / "labels.csv").read_text()))
    counts = {(row["formula"], row["n_groups_positive"]) for row in table if row["rank"] == "1"}
    labels = list(csv.DictReader(io.StringIO((inputs / "concepts.csv").read_text())))
    groups = {
        concept: len({row["sample_id"][:2] for row in labels if row[concept] == "1"})
        for concept in "abc"
    }
    assert counts >= {("a", str(groups["a"])), ("c", str(groups["c"]))}
    assert {row[-1] for row in rows if row[1] == "c"} == {str(groups["c"])}


def test_samples_that_look_grouped_bring_a_warning_that_quiet_does_not_hide(inputs):
    stored = dict(np.load(inputs / "activations.npz"))
    title, *rows = (inputs / "concepts.csv").read_text().splitlines()
    ids = [f"clip{number % 3}#{number // 3}" for number in range(60)]
    np.savez(inputs / "activations.npz", **stored | {"sample_id": np.array(ids)})
    rows = [f"{id},{row.partition(',')[2]}" for id, row in zip(ids, rows, strict=True)]
    (inputs / "concepts.csv").write_text("\n".join([title, *rows]) + "\n")
    said = invert(*ARGUMENTS, "-q").stderr
    assert said.startswith("Warning: The 60 samples look like parts of 3 sources")
    assert "--groups 'id:(.*)#.*'" in said
    assert invert(*ARGUMENTS, "-q", "--overwrite", "--groups", "none").stderr == ""


def test_the_table_shows_the_held_out_auc_where_there_is_one(inputs):
    result = invert(*ARGUMENTS, "--holdout", 0.4, "--permutations", 0)
    assert "24 of 60 samples are held out" in result.stderr
    head, *rows = result.stdout.splitlines()
    assert head.split()[:5] == ["unit", "label", "auc", "held", "out"]
    first = next(row for row in rows if row.startswith("fc:1"))
    assert "  1.000  0." in first
    assert max(map(len, rows)) <= 110
    shown = invert("show", "run", "fc:1").stdout
    assert "  held out  " in shown
    assert "  1.000  0." in shown


def test_samples_to_hold_out_are_counted_in_a_dry_run(inputs):
    words = (*ARGUMENTS, "--holdout", 0.4, "--dry-run", "--format", "json")
    (planned,) = json.loads(invert(*words).stdout)
    assert (planned["n_samples"], planned["n_samples_held_out"]) == (36, 24)


def test_a_share_and_a_file_to_hold_out_are_refused(inputs):
    words = (*ARGUMENTS, "--holdout", 0.3, "--held-out", "activations.npz")
    assert "Both --holdout and --held-out are given" in refused(*words, code=2)
    assert "60 samples of the held-out file are among the searched" in refused(
        *ARGUMENTS, "--held-out", "activations.npz"
    )


@pytest.fixture
def texts(inputs):
    """A folder with the text of each sample."""
    (inputs / "texts").mkdir()
    for number in range(60):
        (inputs / "texts" / f"s{number}").write_text(f"text {number}\n")
    table = ["sample_id,text", *(f"s{number},text {number}" for number in range(60))]
    (inputs / "texts" / "texts.csv").write_text("\n".join(table) + "\n")
    return inputs / "texts"


def test_samples_are_copied_from_where_the_user_says(texts):
    told = invert(*ARGUMENTS, "--samples", "texts/texts.csv").stderr
    found = read_evidence("run")
    assert found.shown_text == tuple(f"text {id[1:]}" for id in found.shown.values())
    assert (
        f"The run keeps small copies of its samples ({len(found.shown)} texts); "
        "label --samples none keeps none.\n"
    ) in told


def test_what_is_missing_is_said_as_a_warning(texts):
    told = invert(*ARGUMENTS, "--samples", "texts").stderr
    assert "Warning: The samples cannot be shown: 'texts' does not tell whether" in told


def test_no_samples_are_copied_if_none_are_wanted(texts):
    told = invert(*ARGUMENTS, "--samples", "none").stderr
    assert "copies" not in told
    assert "--samples none" in read_evidence("run").shown_missing


def test_samples_that_are_nowhere_are_refused_before_any_work(inputs):
    told = refused(*ARGUMENTS, "--samples", "nowhere")
    assert "There is no file or folder 'nowhere'." in told
    assert "--samples none" in told
