"""`--missing` and `--min-defined`."""

import json

import pytest

from tests.command_line import invert, refused

LABEL = ("label", "activations.npz", "concepts.csv", "-o", "run")
SCORE = ("score", "activations.npz", "concepts.csv", "--formula", "a & ~b", "--format", "json")
EXCLUDE = ("--missing", "exclude")


@pytest.fixture
def blanks(inputs):
    """The labels of a are missing on the first 20 of 60 samples, and of b on the last five."""
    head, *rows = [line.split(",") for line in (inputs / "concepts.csv").read_text().split()]
    for number, row in enumerate(rows):
        row[1] = "" if number < 20 else row[1]
        row[2] = "" if number >= 55 else row[2]
    (inputs / "concepts.csv").write_text("\n".join(map(",".join, [head, *rows])) + "\n")
    return inputs


def test_missing_labels_are_counted_and_refused_with_what_to_type(blanks):
    for command in (LABEL, SCORE):
        error = refused(*command)
        assert "25 labels of 2 concepts are missing" in error
        assert "--missing negative" in error
        assert "--missing exclude" in error
    assert not (blanks / "run").exists()


def test_each_formula_is_compared_where_it_is_defined(blanks):
    invert(*LABEL, *EXCLUDE, "--max-fraction", 0.7)
    lines = (blanks / "run" / "labels.jsonl").read_text().splitlines()
    best = json.loads(lines[0])
    assert (best["formula"], best["auc"], best["n_samples"]) == ("a & ~b", 1.0, 35)
    assert [found["n_samples"] for found in best["by_length"]] == [40, 35, 35]
    info = json.loads((blanks / "run" / "run.json").read_text())
    assert info["arguments"]["missing"] == "exclude"
    assert info["settings"]["min_defined"] == 0.5
    (row, *_) = json.loads(invert(*SCORE, *EXCLUDE).stdout)
    assert (row["auc"], row["n_samples"], row["n_positive"]) == (1.0, 35, best["n_positive"])


def test_tables_say_on_how_many_samples_each_formula_was_compared(blanks):
    printed = [
        invert(*LABEL, *EXCLUDE, "--max-fraction", 0.7).stdout,
        invert("show", "run", "fc:0").stdout,
        invert(*SCORE[:-2], *EXCLUDE).stdout,
    ]
    assert printed[2].splitlines()[1].split()[-2:] == ["35", "ok"]
    lines = [line.split() for text in printed for line in text.splitlines()]
    titles = [words for words in lines if words and words[0] in ("unit", "rank")]
    assert {words[0] for words in titles} == {"unit", "rank"}
    assert all(words[words.index("positive") + 1] == "samples" for words in titles)
    assert "samples" not in invert(*LABEL, "--missing", "negative", "--overwrite").stdout


def test_missing_labels_may_mean_no(blanks):
    said = invert(*LABEL, "--missing", "negative").stderr
    assert "25 missing labels of 2 concepts taken for 0." in said
    lines = (blanks / "run" / "labels.jsonl").read_text().splitlines()
    assert {json.loads(line)["n_samples"] for line in lines} == {60}


@pytest.mark.parametrize("by", ["option", "config"])
def test_each_kind_of_missing_labels_has_its_own_meaning(blanks, by):
    table = blanks / "concepts.csv"
    table.write_text(table.read_text().replace(",,", ",-1,", 5))
    (blanks / "o.toml").write_text('missing = ["blank=negative", "-1=exclude"]\n')
    given = {"option": ("--missing", "blank=negative,-1=exclude"), "config": ("--config", "o.toml")}
    (row,) = json.loads(invert(*SCORE, *given[by], "--units", 0).stdout)
    assert row["n_samples"] == 55
    invert(*LABEL, *given[by])
    info = json.loads((blanks / "run" / "run.json").read_text())
    assert info["arguments"]["missing"] == "blank=negative,-1=exclude"


def test_formulas_that_are_defined_on_too_little_are_left_out(blanks):
    said = invert(*LABEL, *EXCLUDE, "--min-defined", 0.7).stderr
    assert "1 of 3 concepts is defined on less than 0.7 of the samples" in said
    lines = (blanks / "run" / "labels.jsonl").read_text().splitlines()
    assert all("a" not in json.loads(line)["formula"] for line in lines)
    (planned,) = json.loads(invert(*LABEL, *EXCLUDE, "--dry-run", "--format", "json").stdout)
    assert planned["n_samples"] == 60


NOTHING = "No labels are left out as missing, so --min-defined changes nothing."


def test_a_least_share_of_labels_is_of_no_use_where_none_are_left_out(blanks):
    table = (blanks / "concepts.csv").read_text()
    (blanks / "whole.csv").write_text(table.replace(",,", ",0,").replace(",,", ",0,"))
    for concepts, missing in (("concepts.csv", "negative"), ("whole.csv", "exclude")):
        plain = ("label", "activations.npz", concepts, "-o", "run", "--missing", missing)
        plain = (*plain, "--overwrite")
        assert NOTHING not in invert(*plain).stderr
        assert invert(*plain, "-q", "--min-defined", 0.7).stderr.count(NOTHING) == 1
        assert invert(*plain, "--min-defined", 0.7, "--dry-run").stderr.count(NOTHING) == 1
    assert NOTHING not in invert(*LABEL, *EXCLUDE, "--min-defined", 0.7, "--overwrite").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--missing", "drop"], 2, "error, negative, exclude"),
        (["--missing", "blanks=exclude"], 2, "Did you mean 'blank'?"),
        (["--missing=-1=exclude"], 1, "column 'a': --missing does not say what blank means"),
        ([*EXCLUDE, "--min-defined", "1.5"], 2, "--min-defined is 1.5. Give 0 to 1."),
        ([*EXCLUDE, "--min-defined", "nan"], 2, "--min-defined is nan. Give 0 to 1."),
        ([*EXCLUDE, "--min-fraction", "0.49", "--max-fraction", "0.49001"], 1, "nearest fractions"),
        ([*EXCLUDE, "--search", "exhaustive"], 2, "--missing negative if they mean 0"),
    ],
)
def test_what_cannot_be_done_is_refused(blanks, arguments, code, words):
    assert words in refused(*LABEL, *arguments, code=code)
