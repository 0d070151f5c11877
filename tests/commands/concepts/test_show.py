"""`invert concepts show`."""

import csv
import io
import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from invert_core.commands import main
from invert_core.concepts import Alias, ConceptSet, write_concepts
from tests.command_line import invert, refused

KINDS = replace(
    ConceptSet.from_arrays(
        [[1, 1, 1, 0], [0, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 1]],
        id=["n1", "n 2", "n3", "n4"],
        name=["tench", "fish", "crane", "crane"],
        definition=["freshwater fish", "a vertebrate", "", "lifts, loads"],
        parents=[[0, 1], [0, 3]],
    ),
    aliases=(Alias("n9", "wader", 2), Alias("n 8", "big bird", 2)),
)
PARTLY = ConceptSet.from_arrays([[1, -1], [0, 1], [1, -1]], id=["a", "b"])
COLUMNS = ["id", "name", "n_positive", "n_defined", "fraction", "parents", "aliases"]
COLUMNS += ["overlaps", "jaccard", "definition"]


@pytest.fixture
def kinds(here):
    write_concepts(here / "kinds.h5", KINDS)
    write_concepts(here / "partly.h5", PARTLY)
    return here


def shown(*arguments):
    return invert("concepts", "show", *arguments).stdout


def listed(*arguments):
    return json.loads(shown(*arguments, "--format", "json"))


def cells(*arguments):
    return list(csv.reader(io.StringIO(shown(*arguments, "--format", "csv"))))


def test_a_table_names_parents_and_aliases_of_each_concept(kinds):
    assert shown("kinds.h5") == (
        "id   name   n positive  fraction  parents           aliases\n"
        "n1   tench           1      0.25  fish, crane (n4)\n"
        "n 2  fish            3      0.75\n"
        "n3   crane           3      0.75                    wader, big bird\n"
        "n4   crane           2       0.5\n"
    )


def test_a_table_has_definitions_and_overlaps_on_request(kinds):
    assert shown("kinds.h5", "--definitions", "--overlaps", 1, "--top", 2) == (
        "id   name   n positive  fraction  parents           overlaps         definition\n"
        "n1   tench           1      0.25  fish, crane (n4)  fish 0.33        freshwater fish\n"
        "n 2  fish            3      0.75                    crane (n3) 1.00  a vertebrate\n"
    )


def test_a_table_tells_on_how_many_samples_concepts_are_defined_where_that_differs(kinds):
    assert "n defined" not in shown("kinds.h5")
    assert [line.split() for line in shown("partly.h5").splitlines()] == [
        ["id", "name", "n", "positive", "n", "defined", "fraction"],
        ["a", "a", "2", "3", "0.6667"],
        ["b", "b", "1", "1", "1"],
    ]


def test_json_has_ids_and_everything_that_is_known(kinds):
    tench, *_ = listed("kinds.h5", "--overlaps", 2)
    assert tench == {
        "id": "n1",
        "name": "tench",
        "n_positive": 1,
        "n_defined": 4,
        "fraction": 0.25,
        "parents": ["n 2", "n4"],
        "aliases": [],
        "overlaps": [
            {"id": "n 2", "n_common": 1, "jaccard": 1 / 3},
            {"id": "n3", "n_common": 1, "jaccard": 1 / 3},
        ],
        "definition": "freshwater fish",
    }
    crane = listed("kinds.h5")[2]
    assert crane["aliases"] == [{"id": "n9", "name": "wader"}, {"id": "n 8", "name": "big bird"}]
    assert crane["overlaps"] is None


def test_csv_has_ids_that_can_be_told_apart(kinds):
    header, tench, _, crane, _ = cells("kinds.h5", "--overlaps", 2)
    assert header == COLUMNS
    assert dict(zip(header, tench, strict=True)) == {
        "id": "n1",
        "name": "tench",
        "n_positive": "1",
        "n_defined": "4",
        "fraction": "0.25",
        "parents": '"n 2" n4',
        "aliases": "",
        "overlaps": '"n 2" n3',
        "jaccard": f"{1 / 3} {1 / 3}",
        "definition": "freshwater fish",
    }
    assert dict(zip(header, crane, strict=True))["aliases"] == 'n9 "n 8"'


def test_all_formats_hold_the_same_rows(kinds):
    for file in ("kinds.h5", "partly.h5"):
        rows = listed(file)
        numbers = [[str(row[title]) for title in COLUMNS[:5]] for row in rows]
        assert [row[:5] for row in cells(file)[1:]] == numbers
        assert [line.split()[0] for line in shown(file).splitlines()[1:]] == [
            row["id"].split()[0] for row in rows
        ]


def test_a_search_looks_at_names_definitions_and_aliases_in_any_case(kinds):
    assert [row["id"] for row in listed("kinds.h5", "--search", "FISH")] == ["n1", "n 2"]
    assert [row["id"] for row in listed("kinds.h5", "--search", "Bird")] == ["n3"]


def test_a_search_without_a_hit_names_what_is_near(kinds):
    error = refused("concepts", "show", "kinds.h5", "--search", "tensch")
    assert "No concept has 'tensch'" in error
    assert "Did you mean 'tench'?" in error


def test_the_most_frequent_concepts_stand_first_on_request(kinds):
    ids = [row["id"] for row in listed("kinds.h5", "--sort", "count", "--top", 3)]
    assert ids == ["n 2", "n3", "n4"]


def test_other_sources_are_shown_with_the_options_of_their_readers(here):
    (here / "people.csv").write_text("sample_id,kind\ns0,big\ns1,small\ns2,\n")
    rows = listed("people.csv", "--classes", "kind")
    assert [(row["id"], row["n_positive"], row["n_defined"]) for row in rows] == [
        ("kind.big", 1, 2),
        ("kind.small", 1, 2),
    ]


def test_names_of_a_table_are_used(inputs):
    table = shown("concepts.csv", "--names", "names.csv")
    assert table.splitlines()[1].split()[:2] == ["a", "apple"]
    assert listed("concepts.csv", "--names", "names.csv")[0]["definition"] == "a fruit"


@pytest.mark.parametrize("style", ["table", "json", "csv"])
def test_on_a_terminal_what_would_steer_it_is_escaped(here, capsys, monkeypatch, style):
    hostile = "\x9b31m"
    concepts = ConceptSet.from_arrays(
        np.ones((2, 2)),
        id=["a", "b"],
        name=[hostile] * 2,
        definition=[hostile] * 2,
        parents=[[0, 1]],
    )
    write_concepts(here / "c.h5", replace(concepts, aliases=(Alias("c", hostile, 0),)))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    arguments = ["c.h5", "--format", style, "--definitions", "--overlaps", "1"]
    main(["concepts", "show", *arguments], standalone_mode=False)
    printed = capsys.readouterr().out
    assert hostile not in printed
    assert printed.count(r"\x9b31m") == {"table": 8, "json": 5, "csv": 4}[style]


@pytest.mark.parametrize("wrong", [["--top", "-1"], ["--overlaps", "0"], ["--sort", "name"]])
def test_settings_out_of_range_are_wrong_usage(kinds, wrong):
    refused("concepts", "show", "kinds.h5", *wrong, code=2)


def test_a_table_counts_what_is_too_much_for_a_cell_and_json_has_all(here):
    aliases = tuple(Alias(f"n{row}", f"kind {row}", 0) for row in range(5))
    write_concepts("many.h5", replace(PARTLY, aliases=aliases))
    assert "kind 0, kind 1, kind 2 and 2 more" in shown("many.h5")
    assert [alias["name"] for alias in listed("many.h5")[0]["aliases"]] == [
        f"kind {row}" for row in range(5)
    ]
