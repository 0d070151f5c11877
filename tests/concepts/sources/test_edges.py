"""Groups of one table with the edges of another; an id never means two intervals."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts import ConceptSet, append_samples, build_concepts, write_concepts
from invert_core.concepts.adding import add_samples
from invert_core.concepts.hdf5_file import read_hdf5
from invert_core.concepts.sets.intervals import Interval, interval_in
from invert_core.concepts.sources.source import Reading
from invert_core.errors import DataError, FileFormatError, SettingError


def table(path, cells, title="rms", first="s"):
    rows = "".join(f"{first}{row},{cell}\n" for row, cell in enumerate(cells))
    path.write_text(f"sample_id,{title}\n{rows}")
    return path


def built(tmp_path, cells, title="rms", name="train", **reading):
    """The concept file of a table."""
    source = table(tmp_path / f"{name}.csv", cells, title)
    concepts = build_concepts(source, reading=Reading(**reading), missing="exclude")
    write_concepts(tmp_path / f"{name}.h5", concepts, overwrite=True)
    return tmp_path / f"{name}.h5"


def cut(tmp_path, edges, cells, title="rms"):
    """The concepts of another table, cut at the edges of a file."""
    source = table(tmp_path / "later.csv", cells, title, first="t")
    return build_concepts(source, reading=Reading(edges=edges), missing="exclude")


numbers = st.lists(
    # -1 may mean a missing label, and is told as such.
    (st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9).map(float)).filter(
        lambda number: number != -1.0
    ),
    min_size=2,
    max_size=30,
)


@given(numbers, numbers, st.integers(2, 5))
def test_groups_of_another_table_hold_what_their_definition_says(
    tmp_path_factory, cells, others, n_groups
):
    tmp_path = tmp_path_factory.mktemp("edges")
    edges = built(tmp_path, map(repr, cells), bins=(("rms", n_groups),))
    first = read_hdf5(edges)
    later = cut(tmp_path, edges, map(repr, cells + others))
    assert (later.id, later.name, later.definition) == (first.id, first.name, first.definition)
    # On the same numbers the groups are the same, to the last bit of every edge.
    assert np.array_equal(later.dense()[: len(cells)], first.dense())
    for index, said in enumerate(later.definition):
        of_group = [eval(said, {"rms": number}) for number in cells + others]
        assert later.dense()[:, index].tolist() == of_group


def test_edges_put_every_number_where_the_definition_says(tmp_path):
    edges = built(tmp_path, [0.1, 0.2, 0.3, 0.4], bins=(("rms", 2),), thresholds=(("rms", 0.15),))
    later = cut(tmp_path, edges, ["-1e300", "0.3", "0.29999999999999993", "inf", "-inf", "", "nan"])
    assert later.id == ("rms.lt.0.3", "rms.ge.0.3", "rms.ge.0.15")
    assert later.dense().astype(int).tolist() == [
        [1, 0, 0],
        [0, 1, 1],
        [1, 0, 1],
        [0, 1, 1],
        [1, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
    ]
    assert later.defined_on("rms.lt.0.3").tolist() == [True] * 5 + [False] * 2


def test_numbers_in_no_group_are_counted_by_a_warning(tmp_path, caplog):
    edges = built(tmp_path, [0, 0, 0, 1, 2], bins=(("rms", 2),))
    later = cut(tmp_path, edges, [-2, 0, 5, ""])
    assert later.id == ("rms.ge.0",)
    assert not caplog.text  # a threshold leaves numbers out on purpose
    edges = built(tmp_path, [0, 0, 0, 1, 2], bins=(("rms", 4),))
    later = cut(tmp_path, edges, [-2, 0, 5, ""])
    assert later.id == ("rms.ge.0.lt.1", "rms.ge.1")
    assert "1 number of the column 'rms' is in none of the groups of --edges." in caplog.text


def test_names_given_to_groups_come_with_the_edges(tmp_path):
    path = built(tmp_path, [1, 2, 3, 4], bins=(("rms", 2),))
    concepts = read_hdf5(path)
    write_concepts(path, replace(concepts, name=("quiet", "loud")), overwrite=True)
    assert cut(tmp_path, path, [2, 3]).name == ("quiet", "loud")


def test_other_edges_make_other_ids(tmp_path):
    first = read_hdf5(built(tmp_path, [1, 2, 3, 4], bins=(("rms", 2),)))
    second = read_hdf5(built(tmp_path, [1, 2, 4, 5], bins=(("rms", 2),)))
    assert not set(first.id) & set(second.id)


def test_a_threshold_at_the_edge_of_a_group_is_the_same_concept(tmp_path):
    path = built(tmp_path, [1, 2, 3, 4], bins=(("rms", 2),), thresholds=(("rms", 3.0),))
    assert read_hdf5(path).id == ("rms.lt.3", "rms.ge.3")


def test_edges_of_other_columns_are_refused(tmp_path):
    edges = built(tmp_path, [1, 2], bins=(("rms", 2),))
    with pytest.raises(DataError, match=r"train.h5' has no edges of a column of the sources"):
        cut(tmp_path, edges, [1, 2], title="loudness")


def test_a_column_cannot_have_edges_from_two_places(tmp_path):
    edges = built(tmp_path, [1, 2], bins=(("rms", 2),))
    source = table(tmp_path / "later.csv", [1, 2])
    with pytest.raises(SettingError, match="cannot come from both --bin and --edges"):
        build_concepts(source, reading=Reading(edges=edges, bins=(("rms", 3),)))


def test_a_file_that_is_no_concept_file_has_no_edges(tmp_path):
    source = table(tmp_path / "later.csv", [1, 2])
    with pytest.raises(FileFormatError, match=r"later\.csv"):
        build_concepts(source, reading=Reading(edges=source))


def test_an_id_that_two_columns_can_have_is_refused(tmp_path):
    edges = built(tmp_path, [1, 2], title="a.ge.1", bins=(("a.ge.1", 2),))
    (tmp_path / "two.csv").write_text("sample_id,a,a.ge.1\nx,1,1\ny,2,2\n")
    with pytest.raises(DataError, match=r"'a.ge.1.lt.2' .* may be about the column 'a' or"):
        build_concepts(tmp_path / "two.csv", reading=Reading(edges=edges))


@given(
    st.none() | st.floats(allow_nan=False),
    st.none() | st.floats(allow_nan=False),
    st.text(min_size=1),
)
def test_an_id_gives_its_edges_back_to_the_last_bit(low, high, title):
    if low is None and high is None:
        return
    interval = Interval(low, high)
    assert interval_in(interval.id(title), title) == interval


@pytest.mark.parametrize(
    "id", ["rms", "rms.ge.", "rms.ge.01", "rms.ge.1.0", "rms.ge.nan", "rmsx.ge.1", "rms.ge.1 "]
)
def test_an_id_that_this_program_never_gives_to_an_interval_is_none(id):
    assert interval_in(id, "rms") is None


def one(id, name, definition, sample):
    return ConceptSet.from_arrays([[1]], [id], [name], [definition], sample_id=[sample])


@pytest.mark.parametrize(
    ("id", "first", "second"),
    [
        ("loud", ("loud", "0.5 <= rms < 1"), ("loud", "0.6 <= rms < 1")),
        ("loud", ("loud", "0.5 <= rms < 1"), ("0.6 <= rms < 1", "")),
        ("loud", ("loud", "rms >= 0.5"), ("loud", "peak >= 0.5")),
        ("age.q1of2", ("age < 21", ""), ("age < 22", "")),
        ("age.q2of3", ("age 21 to 34", ""), ("age 22 to 34", "")),
        ("age.q2of3", ("age 21", ""), ("age 22", "")),
        ("age.q1of2", ("young", ""), ("age < 22", "")),
    ],
)
def test_an_id_that_means_other_numbers_in_another_set_is_refused(id, first, second):
    sets = one(id, *first, "a"), one(id, *second, "b")
    with pytest.raises(DataError, match=f"1 concept means other numbers .*'{id}'.*--edges"):
        append_samples(*sets)


@pytest.mark.parametrize(
    ("id", "first", "second"),
    [
        ("loud", ("loud", "0.5 <= rms < 1"), ("LOUD", "0.50 <= rms < 1")),
        ("age.q1of2", ("age < 21", ""), ("age < 21", "")),
        ("net", ("ResNet 18", ""), ("ResNet 50", "")),
        ("net", ("a", "any text"), ("b", "other text")),
    ],
)
def test_an_id_that_means_the_same_may_have_other_names(id, first, second):
    both = append_samples(one(id, *first, "a"), one(id, *second, "b"))
    assert both.id == (id,)


def test_adding_groups_with_other_edges_points_to_the_edges_of_the_file(tmp_path):
    edges = built(tmp_path, [1, 2, 3, 4], bins=(("rms", 2),))
    source = table(tmp_path / "later.csv", [5, 9], first="t")
    with pytest.raises(DataError, match=r"--edges '.*train\.h5' in place of --bin"):
        add_samples(edges, source, reading=Reading(bins=(("rms", 2),)))


def test_new_samples_are_added_with_the_edges_of_the_file(tmp_path):
    edges = built(tmp_path, [1, 2, 3, 4], bins=(("rms", 2),))
    source = table(tmp_path / "later.csv", [0, 9], first="t")
    both = add_samples(edges, source, reading=Reading(edges=edges))
    assert both.id == ("rms.lt.3", "rms.ge.3")
    assert both.dense().astype(int).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1], [1, 0], [0, 1]]
