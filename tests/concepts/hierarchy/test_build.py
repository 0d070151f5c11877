"""A hierarchy in `build_concepts` and in `invert concepts build`."""

import logging

import pytest

from invert_core.concepts import build_concepts, read_concepts, write_concepts
from invert_core.errors import DataError, MissingFileError, SettingError
from invert_core.formula.formula import Formula
from tests.command_line import invert, refused
from tests.concepts.hierarchy.plain import aliases_of, labels_of, parents_of
from tests.concepts.hierarchy.synsets import ENTITY, EVEREST, PHYSICAL, write

TABLE = "child,parent\npug,dog\nhusky,dog\ndog,pet\ncat,pet\npet,animal\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kinds.csv").write_text(TABLE)
    (tmp_path / "labels.csv").write_text("s,pug,husky,cat\nw,1,0,0\nx,0,1,0\ny,0,0,1\nz,0,0,0\n")
    return tmp_path


def test_all_steps_follow_each_other(here, caplog):
    with caplog.at_level(logging.INFO, "invert"):
        found = build_concepts("labels.csv", hierarchy="kinds.csv", min_count=2)
    assert found.id == ("dog", "pet")
    assert aliases_of(found) == {"animal": "pet"}
    assert parents_of(found) == {("dog", "pet")}
    assert labels_of(found)["pet"] == [True, True, True, False]
    told = [record.message.split()[0] for record in caplog.records]
    assert told == ["labels.csv:", "3", "3", "1"]


def test_the_table_of_names_comes_last_and_names_aliases(here, caplog):
    (here / "names.csv").write_text(
        "concept_id,name,definition\nanimal,Animal,lives\ndog,Dog,barks\ngone,Gone,\n"
    )
    with caplog.at_level(logging.INFO, "invert"):
        found = build_concepts("labels.csv", "names.csv", hierarchy="kinds.csv")
    assert found.id[0] == "dog"
    assert found.name[0] == "Dog"
    assert [alias.name for alias in found.aliases] == ["Animal"]
    assert "1 concept of names.csv is on no sample" in caplog.text


def test_names_of_wordnet_are_kept_where_a_table_says_nothing(here):
    write(here, ENTITY, PHYSICAL, EVEREST)
    (here / "peaks.csv").write_text("s,n00002000,n00001740\nx,1,0\ny,0,0\nz,0,1\n")
    (here / "names.csv").write_text("concept_id,name\nn00001740,the top\n")
    found = build_concepts("peaks.csv", "names.csv", hierarchy=here)
    assert found.id == ("n00001740", "n00002000")
    assert found.name == ("the top", "Everest")
    assert found.definition == (
        "that which is perceived",
        'a peak (as in the expression "the top")',
    )
    assert aliases_of(found) == {"n00001930": "n00002000"}
    assert Formula.parse("n00001740 & ~n00001930").describe(found) == "the top & ~physical entity"


def test_equal_concepts_are_kept_on_request(here):
    found = build_concepts("labels.csv", hierarchy="kinds.csv", keep_equal=True)
    assert found.id[3:] == ("dog", "pet", "animal")
    assert not found.aliases


def test_missing_labels_are_settled_before_they_go_up(here):
    (here / "labels.csv").write_text("s,pug,cat\nw,1,\nx,,0\ny,0,0\n")
    with pytest.raises(DataError, match="2 labels of 2 concepts are missing"):
        build_concepts("labels.csv", hierarchy="kinds.csv")
    for missing, pet in (("exclude", [True, None, False]), ("negative", [True, False, False])):
        found = build_concepts(
            "labels.csv", hierarchy="kinds.csv", missing=missing, keep_equal=True
        )
        assert labels_of(found)["pet"] == pet


def test_what_was_built_and_saved_can_be_built_again(here):
    first = build_concepts("labels.csv", hierarchy="kinds.csv")
    write_concepts(here / "first.h5", first)
    again = build_concepts("first.h5", hierarchy="kinds.csv")
    assert again.id == first.id
    assert labels_of(again) == labels_of(first)
    assert aliases_of(again) == aliases_of(first)
    assert parents_of(again) == parents_of(first)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"min_chains": 2}, "no hierarchy for --min-chains"),
        ({"keep_equal": True}, "no hierarchy for --keep-equal"),
        ({"min_count": -1}, "least count is -1"),
        ({"hierarchy": "kinds.csv", "min_chains": 0}, "number of chains is 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(here, settings, words):
    with pytest.raises(SettingError, match=words) as caught:
        build_concepts("labels.csv", **settings)
    assert caught.value.hint


def test_a_hierarchy_is_opened_before_sources_are_read(here):
    with pytest.raises(MissingFileError, match="nowhere"):
        build_concepts("labels.none", hierarchy="nowhere")


def test_the_command_builds_and_says_what_was_done(here):
    done = invert(
        *("concepts", "build", "labels.csv", "--hierarchy", "kinds.csv"),
        *("--min-chains", "2", "--min-count", "1", "-o", "c.h5"),
    )
    assert "3 ancestors added from 'kinds.csv'" in done.stderr
    assert "1 concept has the labels of a child and is merged into it." in done.stderr
    found = read_concepts("c.h5")
    assert found.id == ("pug", "husky", "cat", "dog", "pet")
    assert found.index("animal") == found.index("pet")
    again = ("concepts", "build", "labels.csv", "--overwrite", "-o", "c.h5")
    invert(*again, "--hierarchy", "kinds.csv", "--keep-equal")
    assert "animal" in read_concepts("c.h5").id
    invert(*again, "--min-count", "0")
    assert read_concepts("c.h5").id == ("pug", "husky", "cat")


def test_the_command_explains_what_is_wrong(here):
    build = ("concepts", "build", "labels.csv", "-o", "c.h5")
    (here / "circle.csv").write_text("child,parent\npug,dog\ndog,pug\n")
    (here / "other.csv").write_text("child,parent\nn1,n2\n")
    assert "'pug' -> 'dog' -> 'pug'" in refused(*build, "--hierarchy", "circle.csv")
    error = refused(*build, "--hierarchy", "other.csv")
    assert "ids like 'pug', 'husky', 'cat', the hierarchy has ids like 'n1', 'n2'" in error
    assert "no hierarchy for --min-chains" in refused(*build, "--min-chains", "2", code=2)
    assert "--min-count" in refused(*build, "--min-count", "-1", code=2)
    assert not (here / "c.h5").exists()
