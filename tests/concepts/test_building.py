import logging
from pathlib import Path

import numpy as np
import pytest

from invert_core.concepts import (
    ConceptSet,
    build_concepts,
    combine,
    read_concepts,
    write_concepts,
)
from invert_core.errors import DataError, FileFormatError, MissingFileError
from tests.concepts.contents import contents
from tests.wordnet import WORDNET, needs_wordnet

GOLDEN = Path(__file__).parents[1] / "golden" / "concepts_v1.h5"


@needs_wordnet
def test_the_wordnet_tables_are_read_whole():
    concepts = read_concepts(WORDNET / "samples.csv", WORDNET / "concepts.csv")
    assert concepts.n_samples == 20_000
    assert concepts.bits.shape == (648, 313)
    assert concepts.name[:3] == ("entity", "physical_entity", "abstraction")
    with (WORDNET / "samples.csv").open(encoding="utf-8") as file:
        carried = file.read().count("n00002137") - 1
    assert concepts.extent("n00002137").sum() == carried


def test_the_suffix_chooses_the_reader_in_any_case(tmp_path):
    path = tmp_path / "Labels.CSV"
    path.write_text("sample,box\nx,1\ny,0\n", encoding="utf-8")
    assert read_concepts(str(path)).id == ("box",)
    for name in ("concepts.H5", "concepts.hdf5"):
        write_concepts(tmp_path / name, read_concepts(path))
        assert read_concepts(tmp_path / name).id == ("box",)
    with pytest.raises(FileFormatError, match=r"\.csv, \.tsv, .*\.npz.*\.h5"):
        read_concepts(Path(__file__))
    with pytest.raises(MissingFileError, match=r"gone\.h5"):
        read_concepts(tmp_path / "gone.h5")
    with pytest.raises(MissingFileError, match=r"names\.csv"):
        read_concepts(path, tmp_path / "names.csv")


def test_an_error_in_the_labels_names_the_file(tmp_path):
    np.savez(tmp_path / "c.npz", labels=np.eye(2), id=["a", "a"])
    (tmp_path / "c.csv").write_text("s,a\nx,2\n", encoding="utf-8")
    for source in ("c.npz", "c.csv"):
        with pytest.raises(DataError) as caught:
            read_concepts(tmp_path / source)
        assert str(caught.value).count(source) == 1


def test_names_apply_to_every_kind_of_source(tmp_path):
    names = tmp_path / "names.csv"
    names.write_text("concept_id,name\nb,Bee\na,Ay\n", encoding="utf-8")
    np.savez(tmp_path / "c.npz", labels=np.eye(2), id=["a", "b"])
    (tmp_path / "wide.csv").write_text("s,a,b\nx,1,0\ny,0,1\n", encoding="utf-8")
    (tmp_path / "long.csv").write_text("s,concepts\nx,a\ny,b\n", encoding="utf-8")
    for source in ("c.npz", "wide.csv", "long.csv"):
        concepts = read_concepts(tmp_path / source, names)
        assert (concepts.id, concepts.name) == (("b", "a"), ("Bee", "Ay"))
        assert concepts.dense().tolist() == [[False, True], [True, False]]


def test_one_table_names_the_concepts_of_all_sources(tmp_path, caplog):
    (tmp_path / "names.csv").write_text("concept_id,name\nb,Bee\na,Ay\nd,Dee\n", encoding="utf-8")
    (tmp_path / "one.csv").write_text("sample_id,a\nx,1\ny,0\n", encoding="utf-8")
    (tmp_path / "two.csv").write_text("sample_id,b,c\ny,1,0\nx,0,1\n", encoding="utf-8")
    with caplog.at_level(logging.INFO, "invert"):
        built = build_concepts([tmp_path / "one.csv", tmp_path / "two.csv"], tmp_path / "names.csv")
    assert built.name == ("Bee", "Ay", "c")
    assert built.dense().tolist() == [[False, True, True], [True, False, False]]
    assert len(caplog.records) == 2


def concept_set(labels, id, sample_id=None, parents=None):
    return ConceptSet.from_arrays(labels, id=id, sample_id=sample_id, parents=parents)


def test_sources_are_put_side_by_side_in_the_samples_of_the_first_with_ids():
    rng = np.random.default_rng(0)
    table = rng.random((65, 6)) < 0.4
    samples = [f"s{row}" for row in range(65)]
    order = rng.permutation(65)
    found = combine(
        [
            concept_set(table[:, :1], ["a"]),
            concept_set(table[:, 1:3], ["b", "c"], samples, parents=[[0, 1]]),
            concept_set(
                table[order, 3:], ["d", "e", "f"], [samples[row] for row in order], [[2, 1], [0, 1]]
            ),
        ]
    )
    assert found.id == ("a", "b", "c", "d", "e", "f")
    assert found.sample_id == tuple(samples)
    assert found.parents.tolist() == [[1, 2], [5, 4], [3, 4]]
    np.testing.assert_array_equal(found.dense(), table)


def test_matching_a_source_without_ids_by_position_is_logged(caplog):
    with caplog.at_level(logging.INFO, "invert"):
        combine(
            [concept_set(np.eye(2), ["a", "b"]), concept_set(np.eye(2), ["c", "d"], ["x", "y"])]
        )
    assert (
        "No sample ids in source 1: its samples are matched by position with source 2"
        in caplog.text
    )


def test_one_source_stays_as_it_is():
    one = concept_set(np.eye(3), ["a", "b", "c"], ["x", "y", "z"])
    assert contents(combine([one])) == contents(one)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (concept_set(np.eye(2), ["c", "a"]), "1 concept is in several sources: 'a'"),
        (
            concept_set([[1, 0], [0, 1], [1, 1]], ["c", "d"]),
            "are 2 samples in source 1 and 3 in source 2",
        ),
        (
            concept_set(np.eye(2), ["c", "d"], ["x", "w"]),
            "1 sample of source 1 is missing in source 2: 'y'",
        ),
    ],
)
def test_sources_that_do_not_fit_are_refused(second, words):
    with pytest.raises(DataError, match=words):
        combine([concept_set(np.eye(2), ["a", "b"], ["x", "y"]), second])


def test_files_of_other_samples_are_both_named(tmp_path):
    (tmp_path / "one.csv").write_text("s,a\nx,1\ny,0\n", encoding="utf-8")
    (tmp_path / "two.csv").write_text("s,b\nv,1\nw,0\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"2 samples of '.*one\.csv' are missing in '.*two\.csv'"):
        build_concepts([tmp_path / "one.csv", tmp_path / "two.csv"])


def test_no_source_is_an_error():
    with pytest.raises(DataError, match="no concepts to combine"):
        combine([])


@pytest.mark.parametrize("name", ["c.csv", "c.npz", "c.h5"])
def test_a_folder_is_called_a_folder(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(MissingFileError, match="is a folder"):
        read_concepts(tmp_path / name)
    with pytest.raises(MissingFileError, match="is a folder"):
        read_concepts(GOLDEN, tmp_path / name)


def test_repeated_sample_ids_name_the_file_once(tmp_path):
    np.savez(tmp_path / "c.npz", labels=np.eye(2), id=["a", "b"], sample_id=["s", "s"])
    with pytest.raises(DataError, match="sample id repeats: 's'") as caught:
        read_concepts(tmp_path / "c.npz")
    assert str(caught.value).count("c.npz") == 1
