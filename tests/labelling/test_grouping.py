"""The groups of samples that a labelling is told of, asks for, or refuses."""

import json
import logging
import re
import time

import numpy as np
import pytest

from invert_core import Settings, label
from invert_core.activations.group_names import read_groups
from invert_core.activations.groups import Groups
from invert_core.activations.values import Activations
from invert_core.concepts import ConceptSet
from invert_core.errors import (
    DataError,
    MissingFileError,
    SettingError,
    StaleFileError,
    UnknownNameError,
)
from invert_core.labelling.grouping import groups_of
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label_files import label_files
from invert_core.labelling.numbered_parts import numbered_parts
from tests.needs import need

CLIPS = ["b"] * 4 + ["a"] * 3 + ["d"] * 5
IDS = tuple(f"{clip}/{row:03}.wav" for row, clip in enumerate(CLIPS))
N = len(IDS)
VALUES = np.random.default_rng(0).normal(size=(N, 2))
MARKS = np.arange(N) % 2 == 0


def concepts(ids=IDS, marks=MARKS):
    return ConceptSet.from_arrays(np.asarray(marks)[:, None], ["odd"], sample_id=ids)


def activations(ids=IDS):
    return Activations.from_array(VALUES, ids)


def opened(groups, given=None, of=None, **choices):
    given = activations() if given is None else given
    with Inputs(given, concepts() if of is None else of, groups=groups, **choices).open() as work:
        return work


def names(groups):
    return [groups.names[number] for number in groups.number]


def table(folder, ids=IDS, clips=CLIPS, title="sample_id"):
    path = folder / "clips.csv"
    lines = [f"{title},clip", *(f"{id},{clip}" for id, clip in zip(ids, clips, strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return f"{path}:clip"


SOURCES = {
    "pattern": lambda folder: "id:(.*)/.*",
    "list": lambda folder: CLIPS,
    "array": lambda folder: np.array(CLIPS),
    "table": table,
    "table in another order": lambda folder: table(folder, IDS[::-1], CLIPS[::-1]),
    "table with another title": lambda folder: table(folder, IDS[::-1], CLIPS[::-1], "file"),
    "table with more rows": lambda folder: table(folder, [*IDS, "e/9.wav"], [*CLIPS, "e"]),
}


@pytest.mark.parametrize("name", SOURCES)
def test_groups_are_found_wherever_they_stand(tmp_path, name):
    work = opened(SOURCES[name](tmp_path))
    assert names(work.groups) == CLIPS
    assert work.groups.names == ("b", "a", "d")
    assert work.groups.sizes.tolist() == [4, 3, 5]


def test_an_index_of_pandas_names_the_samples_of_groups():
    pandas = need("pandas")
    assert names(opened(pandas.Series(CLIPS[::-1], index=IDS[::-1])).groups) == CLIPS


@pytest.mark.parametrize("name", ["pattern", "list", "table"])
def test_samples_that_are_left_out_need_no_group_and_have_none(tmp_path, name):
    kept = [1, 2, 4, 8, 9, 10]
    of = concepts([IDS[row] for row in reversed(kept)], MARKS[kept])
    work = opened(SOURCES[name](tmp_path), of=of, join="inner")
    assert names(work.groups) == [CLIPS[row] for row in kept]


def test_a_table_needs_rows_only_for_the_samples_in_use(tmp_path):
    of = concepts(IDS[:6], MARKS[:6])
    groups = table(tmp_path, IDS[:6], CLIPS[:6])
    assert names(opened(groups, of=of, join="inner").groups) == CLIPS[:6]


def test_ids_of_the_concepts_name_the_samples_if_activations_have_none():
    assert names(opened("id:(.*)/.*", given=VALUES).groups) == CLIPS


def test_rows_of_a_table_are_matched_as_the_samples_are(tmp_path):
    short = [id.rpartition("/")[2] for id in IDS]
    work = opened(table(tmp_path, short), match="name")
    assert names(work.groups) == CLIPS


def test_a_table_that_names_no_sample_is_matched_by_position_with_a_warning(tmp_path, caplog):
    texts = [f"text {row}" for row in range(N)]
    with caplog.at_level(logging.WARNING, "invert"):
        assert names(opened(table(tmp_path, texts, title="text")).groups) == CLIPS
    (told,) = caplog.records
    assert "matched with the samples by position" in told.getMessage()


def test_groups_that_extraction_stored_are_used_if_asked_for():
    stored = Activations(activations().layers, IDS, Groups.of(CLIPS))
    assert names(opened("stored", given=stored).groups) == CLIPS
    of = concepts(IDS[4:], MARKS[4:])
    assert opened("stored", given=stored, of=of, join="inner").groups.names == ("a", "d")


def test_stored_names_of_groups_without_samples_are_no_groups():
    groups = Groups(Groups.of(CLIPS).number + 1, ("none", "b", "a", "d"))
    stored = Activations(activations().layers, IDS, groups)
    found = opened("stored", given=stored).groups
    assert found.names == ("b", "a", "d")
    assert names(found) == CLIPS


def test_parts_of_a_workload_keep_their_groups():
    work = opened(CLIPS)
    part = work.take(np.array([0, 1, 8, 9]))
    assert names(part.groups) == ["b", "b", "d", "d"]
    assert part.take(np.array([2, 3])).groups.names == ("d",)
    assert names(work.after(1).groups) == CLIPS


WRONG = {
    "one group": (DataError, r"All 12 samples are in one group, 'x'", lambda folder: ["x"] * N),
    "own groups": (DataError, "Each of the 12 samples is a group of its own", lambda folder: IDS),
    "nothing stored": (
        DataError,
        r"say nothing about groups\. Write .* independent, give --groups none",
        lambda folder: "stored",
    ),
    "a misspelt word": (SettingError, "Did you mean 'stored'", lambda folder: "sotred"),
    "a word in capitals": (SettingError, r"be 'NONE'\. Did you mean 'none'", lambda folder: "NONE"),
    "no word": (
        SettingError,
        r"be ''\. Write --groups TABLE\.csv:COLUMN, .* --groups stored.*--groups none",
        lambda folder: "",
    ),
    "a table alone": (SettingError, "Write --groups TABLE.csv:COLUMN", lambda _: "clips.csv"),
    "no column's name": (SettingError, "which names no column", lambda _: "clips.csv:"),
    "no match": (DataError, r"finds no group in 3 sample ids: 'a/004", lambda _: "id:([bd])/.*"),
    "half a match": (DataError, "finds no group in 12 sample ids", lambda _: "id:([abd])/"),
    "no column": (
        UnknownNameError,
        "no column 'clp'. Did you mean 'clip'",
        lambda folder: table(folder)[:-2] + "p",
    ),
    "no table": (MissingFileError, "no.csv", lambda folder: f"{folder}/no.csv:clip"),
    "missing rows": (
        DataError,
        "has no row for 2 samples: 'd/010.wav', 'd/011.wav'. Add them",
        lambda folder: table(folder, IDS[:10], CLIPS[:10]),
    ),
    "ids that differ by a folder": (
        DataError,
        "12 pairs of ids differ only by a leading folder.*--match name",
        lambda folder: table(folder, [f"x/{id}" for id in IDS]),
    ),
    "too few": (DataError, "There are 11 group names for 12 samples", lambda folder: CLIPS[1:]),
    "no name": (
        DataError,
        r"1 sample has no group in the list of groups: sample 'b/001\.wav'\. Name one",
        lambda folder: ["a", None, *CLIPS[2:]],
    ),
    "an object": (DataError, "The group of row 1 is {}", lambda _: ["a", {}, *CLIPS[2:]]),
    "missing names": (
        DataError,
        r"3 samples have no group in '.*clips\.csv': sample 'b/000\.wav', .*'b/001\.wav'",
        lambda folder: table(folder, clips=["", " NA", "nan", *CLIPS[3:]]),
    ),
    "a title with a colon": (
        SettingError,
        r"The title 'clip:a:b' of a column of '.*clips\.csv' has a colon\. Rename",
        lambda folder: f"{table(folder)}:a:b",
    ),
    "for ever": (
        SettingError,
        "could take for ever. Use at most three",
        lambda folder: "id:(([a-z]+)*)/.*",
    ),
}


@pytest.mark.parametrize("missing", ["", "  ", "NaN", "n/a"])
def test_a_row_without_a_name_is_told_by_its_number_if_samples_have_no_ids(tmp_path, missing):
    clips = [*CLIPS[:5], missing, *CLIPS[6:]]
    for groups in (table(tmp_path, clips=clips), clips):
        with pytest.raises(DataError, match=r"1 sample has no group in .*: row 5"):
            read_groups(groups, None, N)


def test_samples_that_are_left_out_may_have_no_name(tmp_path):
    groups = table(tmp_path, clips=[*CLIPS[:-1], ""])
    of = concepts(IDS[:-1], MARKS[:-1])
    assert names(opened(groups, of=of, join="inner").groups) == CLIPS[:-1]


def test_blanks_at_the_ends_of_names_are_no_part_of_them(tmp_path):
    clips = [f"{clip} " if row % 2 else f"\t{clip}" for row, clip in enumerate(CLIPS)]
    for groups in (table(tmp_path, clips=clips), clips):
        assert names(opened(groups).groups) == CLIPS


def test_whole_numbers_are_names_in_every_table(tmp_path):
    numbers = ["abd".index(clip) for clip in CLIPS]
    path = tmp_path / "clips.jsonl"
    for title in ("sample_id", "file"):
        rows = zip(IDS, numbers, strict=True)
        lines = [json.dumps({title: id, "clip": number}) for id, number in rows]
        path.write_text("\n".join(lines))
        assert names(opened(f"{path}:clip").groups) == [str(number) for number in numbers]
    path.write_text(path.read_text().replace(": 1}", ": 1.5}"))
    with pytest.raises(DataError, match=r"line 1: the column 'clip' holds 1\.5, not a string"):
        opened(f"{path}:clip")


def test_a_first_column_with_gaps_does_not_shift_the_groups(tmp_path):
    path = tmp_path / "clips.jsonl"
    rows = [{"file": None, "clip": "x"}]
    rows += [{"file": id, "clip": clip} for id, clip in zip(IDS, CLIPS, strict=True)]
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(DataError, match="A sample id is empty"):
        opened(f"{path}:clip")


@pytest.mark.parametrize("name", WRONG)
def test_groups_that_cannot_be_used_are_told_with_what_to_type(tmp_path, name):
    error, words, groups = WRONG[name]
    with pytest.raises(error) as caught:
        opened(groups(tmp_path))
    assert caught.value.hint
    assert re.search(words, str(caught.value)), str(caught.value)


def test_a_path_may_hold_colons(tmp_path):
    folder = tmp_path / "c:files"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("a name cannot hold a colon here")
    assert names(opened(table(folder)).groups) == CLIPS


SLOW = [
    *("(a+)+b", "(a|a)*b", "(?:(a?)?){30}b", "((a*)b?)*c", "(?P<x>(a|b)+)+c"),
    *("(?x)(a+) +b", "(a+)(?#c)+b", "(.*)(.*)(.*)(.*)(.*)(.*)(.*)b", f"({'a?' * 30}){'a' * 30}b"),
    *("(?:(?:){60000}){60000}(b)", "(?:(?=(.*)(.*)(.*)b)a){9}", "(a)(?(1)(?:a+)+|c)b"),
]


@pytest.mark.parametrize("pattern", SLOW)
def test_patterns_that_could_take_very_long_are_refused(pattern):
    begun = time.process_time()
    of = concepts(["a" * 40 + str(row) for row in range(N)])
    with pytest.raises(SettingError, match=r"could take for ever.*TABLE\.csv:COLUMN"):
        opened(f"id:{pattern}", given=VALUES, of=of)
    assert time.process_time() - begun < 1


def test_patterns_that_nobody_can_read_are_refused():
    with pytest.raises(SettingError, match="has 1,003 characters, more than 200"):
        opened(f"id:({'a' * 1000}).")


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"(.*)/.*", r"([^/|*(]+)/\d{3}\.wav", r"(\w)(?:/|#)(?:\d\d){1}\d.*", "([^/]+)/.*"),
        *(
            r"(?P<clip>[a-z]?)/.+",
            r"(.*?)/\d+.*",
            r"(?x) (.*) / .*  # the folder",
            r"(.*)/.*\.(?:wav|mp3)",
        ),
    ],
)
def test_patterns_that_people_type_are_taken(pattern):
    assert names(opened(f"id:{pattern}").groups) == CLIPS


def numbered(mark, suffix="", sources=("a1", "a2", "b7"), count=5):
    return [f"{one}{mark}{number:02}{suffix}" for one in sources for number in range(count)]


PARTS = {
    "frames": (numbered("/"), "(.*)/.*"),
    "frames of folders": (numbered("/", sources=("x/s1", "x/s2", "y/s1")), "(.*)/.*"),
    "crops": (numbered("#"), "(.*)#.*"),
    "chunks": (numbered("@"), "(.*)@.*"),
    "seconds": ([f"{one}:{t}.5" for one in "xyz" for t in range(6)], "(.*):.*"),
    "intervals": ([f"{one}@{t}-{t + 1}" for one in "xyz" for t in range(6)], "(.*)@.*"),
    "parts of files": (numbered("_", sources=("a.jpg", "b.jpg", "c.jpeg")), "(.*)_.*"),
    "frames as pictures": (numbered("/frame_", ".png"), "(.*)/frame_.*"),
    "sentences": (numbered("-sentence"), "(.*)-sentence.*"),
}


@pytest.mark.parametrize("name", PARTS)
def test_ids_of_numbered_parts_are_recognised_with_a_pattern_that_works(name):
    ids, pattern = PARTS[name]
    found = numbered_parts(ids, {"cat", "dog"})
    assert found.pattern == pattern
    of = concepts(ids, np.arange(len(ids)) % 2)
    values = np.random.default_rng(0).normal(size=(len(ids), 1))
    groups = opened(f"id:{pattern}", given=Activations.from_array(values, ids), of=of).groups
    assert len(groups.names) == found.n_sources == 3


NO_PARTS = {
    "pictures in folders of classes": numbered("/", ".png", ("cat", "dog", "emu")),
    "folders of ImageNet": [f"n{c}/n{c}_{c * 7 + i}.JPEG" for c in range(9) for i in range(30)],
    "arrays in folders of classes": numbered("/", sources=("cat", "dog", "n1")),
    "pictures named by class": numbered("_", ".jpg", ("cat", "dog", "emu")),
    "pictures of a camera": [f"IMG_{row:04}.jpg" for row in range(30)],
    "one data set": [f"val/{row:08}" for row in range(30)],
    "splits": numbered("/", sources=("train", "test")),
    "numbers of all samples": [f"{'xyz'[row % 3]}/{row}" for row in range(60)],
    "plain numbers": [str(row) for row in range(30)],
    "words": [f"word {row}" for row in range(30)],
    "names with a year": [f"{name}_2023" for name in "abcdefgh"],
    "parts of a source each": [f"clip{row}/001" for row in range(30)],
    "some others": [*numbered("/"), "and_one"],
    "versions": ["v1.0", "v1.1", "v2.0", "v2.1"],
}


@pytest.mark.parametrize("name", NO_PARTS)
def test_other_ids_are_not_taken_for_parts(name):
    assert numbered_parts(NO_PARTS[name], {"cat", "Dog", "bird"}) is None


def told(caplog, groups, given=None):
    caplog.clear()
    ids = numbered("#", count=4)
    given = Activations.from_array(VALUES, ids) if given is None else given
    with caplog.at_level(logging.WARNING, "invert"):
        groups_of(groups, given, concepts(ids), None, "exact")
    return [record.getMessage() for record in caplog.records]


def test_ids_that_look_grouped_bring_one_warning_with_what_to_type(caplog):
    (message,) = told(caplog, None)
    assert "12 samples look like parts of 3 sources ('a1#00', 'a1#01')" in message
    assert "--groups 'id:(.*)#.*', or --groups none" in message
    assert told(caplog, "none") == []
    assert told(caplog, "id:(.*)#.*") == []


def test_stored_groups_that_are_not_used_bring_one_warning(caplog):
    stored = Activations(activations().layers, IDS, Groups.of(CLIPS))
    (message,) = told(caplog, None, stored)
    assert "say which samples belong together" in message
    assert "--groups stored, or --groups none" in message
    assert told(caplog, "none", stored) == []


@pytest.fixture
def files(tmp_path):
    np.savez(tmp_path / "a.npz", x=VALUES, sample_id=np.array(IDS))
    rows = "".join(f"{id},{int(mark)}\n" for id, mark in zip(IDS, MARKS, strict=True))
    (tmp_path / "c.csv").write_text(f"sample_id,odd\n{rows}")
    return tmp_path / "a.npz", tmp_path / "c.csv", tmp_path / "run"


def test_a_run_records_its_groups_and_the_table_that_they_came_from(tmp_path, files):
    groups = table(tmp_path)
    label_files(*files, settings=Settings(permutations=0), groups=groups)
    info = json.loads((files[2] / "run.json").read_text())
    assert info["arguments"]["groups"] == groups
    assert info["inputs"]["groups"]["path"] == str(tmp_path / "clips.csv")
    assert re.fullmatch("[0-9a-f]{64}", info["inputs"]["groups"]["sha256"])


def test_an_unfinished_run_does_not_go_on_with_other_groups(tmp_path, files):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label_files(*files, settings=Settings(permutations=0), groups="id:(.*)/.*", each=stop)
    with pytest.raises(StaleFileError, match="groups"):
        label_files(*files, settings=Settings(permutations=0), groups="none")
    label_files(*files, settings=Settings(permutations=0), groups="id:(.)/.*")


def test_a_run_cannot_record_a_list_of_groups(files):
    with pytest.raises(SettingError, match="cannot record") as caught:
        label_files(*files, settings=Settings(permutations=0), groups=CLIPS)
    assert "--groups TABLE.csv:COLUMN" in caught.value.hint


@pytest.mark.parametrize("groups", ["NONE", ""])
def test_a_run_is_told_the_words_that_groups_can_be(files, groups):
    with pytest.raises(SettingError, match=r"--groups stored.*--groups none"):
        label_files(*files, groups=groups)


def test_groups_do_not_change_which_formulas_are_found():
    settings = Settings(permutations=0)
    ungrouped, grouped = (
        label(VALUES, concepts(), groups=groups, settings=settings) for groups in ("none", CLIPS)
    )
    assert [row.formula for row in grouped] == [row.formula for row in ungrouped]
    assert [row.auc for row in grouped] == [row.auc for row in ungrouped]
