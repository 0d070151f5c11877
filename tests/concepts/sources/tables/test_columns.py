import logging

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from invert_core.concepts import Reading, build_concepts
from invert_core.errors import DataError, SettingError, UnknownNameError
from tests.concepts.contents import contents
from tests.needs import need
from tests.tables.written import SUFFIXES, saved, write

pandas = need("pandas")


def build(*paths, missing="exclude", **reading):
    return build_concepts(list(paths), reading=Reading(**reading), missing=missing)


def labels_of(found, id):
    """1, 0, or None where the concept is not defined."""
    return [
        int(true) if defined else None
        for true, defined in zip(found.extent(id), found.defined_on(id), strict=True)
    ]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_value_of_a_cell_of_tags_is_a_concept(tmp_path, suffix):
    rows = [["x", "red big"], ["y", ""], ["z", " red  red "]]
    found = build(write(tmp_path, suffix, ["s", "tags"], rows), tags=("tags",))
    assert found.id == found.name == ("big", "red")
    assert found.dense().tolist() == [[True, True], [False, False], [False, True]]


def test_a_separator_divides_tags_and_long_tables(tmp_path):
    rows = [["x", "red; dark blue ;"], ["y", ";;"], ["z", "dark blue"]]
    for title, tags in (("tags", ("tags",)), ("concepts", ())):
        found = build(write(tmp_path, ".csv", ["s", title], rows), tags=tags, separator=";")
        assert found.id == ("dark blue", "red")
        assert found.dense().tolist() == [[True, True], [False, False], [True, False]]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_lists_are_tags_that_may_hold_blanks_and_null_is_not_defined(tmp_path, suffix):
    rows = [["x", ["dark blue", "red"]], ["y", []], ["z", None]]
    found = build(write(tmp_path, suffix, ["s", "tags"], rows), tags=("tags",))
    assert found.id == ("dark blue", "red")
    assert labels_of(found, "red") == labels_of(found, "dark blue") == [1, 0, None]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_value_of_a_column_of_classes_is_a_concept(tmp_path, suffix):
    rows = [["x", "tom cat"], ["y", "dog"], ["z", None], ["u", " dog"]]
    found = build(write(tmp_path, suffix, ["s", "kind"], rows), classes=("kind",))
    assert found.id == ("kind.dog", "kind.tom cat")
    assert found.name == ("kind = dog", "kind = tom cat")
    assert labels_of(found, "kind.dog") == [0, 1, None, 1]
    assert labels_of(found, "kind.tom cat") == [1, 0, None, 0]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("cells", "ids"),
    [([3, 12, None], ("k.12", "k.3")), ([True, False, None], ("k.False", "k.True"))],
)
def test_classes_may_be_numbers_or_truth_values(tmp_path, suffix, cells, ids):
    path = write(tmp_path, suffix, ["s", "k"], list(zip("xyz", cells, strict=True)))
    assert build(path, classes=("k",)).id == ids


def test_equal_numbers_of_different_types_are_different_classes(tmp_path):
    path = saved(
        tmp_path,
        "".join(
            f'{{"s": "{s}", "k": {k}}}\n' for s, k in zip("abc", ("1", "1.0", "true"), strict=True)
        ),
        "t.jsonl",
    )
    assert build(path, classes=("k",)).id == ("k.1", "k.1.0", "k.True")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_threshold_is_true_from_the_number_on(tmp_path, suffix):
    rows = [["a", 17.9], ["b", 18.0], ["c", None], ["d", -3.0]]
    path = write(tmp_path, suffix, ["s", "age"], rows)
    found = build(path, thresholds=(("age", 18.0), ("age", -0.5)))
    assert found.id == ("age.ge.18", "age.ge.-0.5")
    assert found.name == ("age >= 18", "age >= -0.5")
    assert labels_of(found, "age.ge.18") == [0, 1, None, 0]
    assert labels_of(found, "age.ge.-0.5") == [1, 1, None, 0]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_options_combine_with_each_other_and_with_concepts(tmp_path, suffix, caplog):
    caplog.set_level(logging.INFO, "invert")
    titles = ["sample_id", "concepts", "tags", "kind", "age", "note"]
    rows = [["x", "a", "t", "dog", 4, "-"], ["y", "b a", "", "cat", 1, "-"]]
    found = build(
        write(tmp_path, suffix, titles, rows),
        missing="error",
        tags=("tags", "tags"),
        classes=("kind",),
        bins=(("age", 2),),
        thresholds=(("age", 2.0),),
    )
    assert found.id == (
        *("a", "b", "t", "kind.cat", "kind.dog", "age.lt.4", "age.ge.4", "age.ge.2"),
    )
    assert found.dense().astype(int).tolist() == [
        [1, 0, 1, 0, 1, 0, 1, 1],
        [1, 1, 0, 1, 0, 1, 0, 0],
    ]
    assert caplog.messages == [f"table{suffix}: ignored the column 'note'."]


def test_columns_that_are_not_named_are_ignored_even_if_they_hold_labels(tmp_path, caplog):
    caplog.set_level(logging.INFO, "invert")
    path = write(tmp_path, ".csv", ["sample_id", "box", "kind"], [["x", 1, "dog"], ["y", 0, "cat"]])
    assert build(path, classes=("kind",)).id == ("kind.cat", "kind.dog")
    assert caplog.messages == ["table.csv: ignored the column 'box'."]


def test_an_option_is_for_the_tables_that_have_its_column(tmp_path):
    one = saved(tmp_path, "s,kind\nx,dog\ny,cat\n", "one.csv")
    two = saved(tmp_path, "s,box\nx,1\ny,0\n", "two.csv")
    np.savez(tmp_path / "three.npz", labels=np.eye(2), id=["p", "q"], sample_id=["x", "y"])
    found = build(one, two, tmp_path / "three.npz", classes=("kind",))
    assert found.id == ("kind.cat", "kind.dog", "box", "p", "q")


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ({"id_column": "sample"}, "'sample', which --id-column names"),
        ({"tags": ("tag",)}, "'tag', which --tags names. Did you mean 'tags'"),
        ({"classes": ("tags", "kin")}, "'kin', which --classes names. Did you mean 'kind'"),
        ({"bins": (("ag", 4),)}, "'ag', which --bin names. Did you mean 'age'"),
        ({"thresholds": (("aged", 4.0),)}, "'aged', which --threshold names. Did you mean 'age'"),
    ],
)
def test_a_column_that_no_source_has_is_answered_with_the_nearest(tmp_path, reading, words):
    one = saved(tmp_path, "s,age,kind\nx,1,dog\n", "one.csv")
    two = saved(tmp_path, '{"s": "x", "tags": "a"}\n', "two.jsonl")
    with pytest.raises(UnknownNameError, match=f"No source has a column {words}") as caught:
        build(one, two, **reading)
    assert "The columns are 's', 'age', 'kind', 'tags'." in caught.value.hint


@pytest.mark.parametrize(
    ("reading", "error", "words"),
    [
        ({"tags": ("empty",)}, DataError, "no concept: the column 'empty' is empty"),
        ({"classes": ("empty",)}, DataError, "'empty' holds no value"),
        ({"bins": (("empty", 2),)}, DataError, "'empty' holds no number"),
        ({"thresholds": (("kind", 2.0),)}, DataError, "line 2, column 'kind': 'dog' is not a num"),
        ({"bins": (("big", 2),)}, DataError, "line 3, column 'big': .* reaches 2"),
        ({"bins": (("age", 1),)}, SettingError, "cannot be cut into 1 group"),
        ({"thresholds": (("age", float("nan")),)}, SettingError, "threshold of 'age' is nan"),
        ({"tags": ("kind",), "separator": ""}, SettingError, "separator is empty"),
        ({"separator": ","}, SettingError, "No source has a column whose cells --separator"),
        ({"tags": ("kind", "same")}, DataError, "concept 'dog' is in several columns"),
    ],
)
def test_options_that_do_not_fit_the_table_are_refused(tmp_path, reading, error, words):
    path = saved(tmp_path, f"s,age,kind,same,empty,big\nx,1,dog,dog,,1\ny,2,cat,dog,,{2**53 + 1}\n")
    with pytest.raises(error, match=words) as caught:
        build(path, **reading)
    assert caught.value.hint


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_lists_are_no_classes(tmp_path, suffix):
    path = write(tmp_path, suffix, ["s", "tags"], [["x", ["a"]]])
    with pytest.raises(DataError, match=r"'tags'.* is not one value.*--tags"):
        build(path, classes=("tags",))


@pytest.mark.parametrize(
    ("title", "reading"),
    [("a", {"classes": ("a",)}), ("a", {"tags": ("a",)}), ("concept_id", {})],
)
def test_a_concept_for_every_sample_does_not_fill_the_memory(tmp_path, monkeypatch, title, reading):
    monkeypatch.setattr("invert_core.concepts.sources.tables.rows.LARGEST", 100)
    rows = [[f"s{row}", f"v{row}"] for row in range(40)]
    path = write(tmp_path, ".csv", ["sample_id", title], rows)
    with pytest.raises(DataError, match=f"column '{title}' gives 40 concepts of 40 samples"):
        build(path, **reading)


words = st.text("abä", min_size=1, max_size=2)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.lists(words, max_size=3), st.none() | words), min_size=1, max_size=70))
def test_tags_and_classes_are_the_dummies_of_pandas(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("dummies")
    frame = pandas.DataFrame(
        {
            "s": [f"s{row}" for row in range(len(rows))],
            "tags": ["|".join(tags) for tags, _ in rows],
            "kind": [kind for _, kind in rows],
        }
    )
    # Since pandas 3, a row without tags has an empty one.
    tags = frame["tags"].str.get_dummies("|").drop(columns="", errors="ignore")
    kinds = pandas.get_dummies(frame["kind"], prefix="kind", prefix_sep=".")
    assume(not tags.empty and not kinds.empty)
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_json(folder / "t.jsonl", orient="records", lines=True)
    frame.to_parquet(folder / "t.parquet", index=False)
    built = [
        build(folder / f"t.{suffix}", tags=("tags",), classes=("kind",), separator="|")
        for suffix in ("csv", "jsonl", "parquet")
    ]
    assert [contents(found) for found in built[1:]] == [contents(built[0])] * 2
    assert built[0].id == (*tags.columns, *kinds.columns)
    assert np.array_equal(built[0].dense(), np.hstack([tags, kinds]))
    for kind in kinds.columns:
        assert np.array_equal(built[0].defined_on(kind), frame["kind"].notna())


@settings(max_examples=20)
@given(st.lists(st.lists(st.sampled_from([0, 1, None]), min_size=3, max_size=3), min_size=1))
def test_what_pandas_writes_is_read_as_pandas_reads_it(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("pandas")
    index = pandas.Index([f"s{row}" for row in range(len(rows))], name="sample_id")
    frame = pandas.DataFrame(rows, index, ["a", "b", "c"], dtype=float)
    frame.to_csv(folder / "t.csv")
    frame.reset_index().to_json(folder / "t.jsonl", orient="records", lines=True)
    frame.to_parquet(folder / "t.parquet")
    read = pandas.read_csv(folder / "t.csv", index_col=0)
    for suffix in ("csv", "jsonl", "parquet"):
        found = build(folder / f"t.{suffix}")
        assert found.id == tuple(read.columns)
        assert found.sample_id == tuple(read.index)
        assert np.array_equal(found.dense(), read == 1)
        for id in found.id:
            assert np.array_equal(found.defined_on(id), read[id].notna())


@pytest.mark.parametrize(
    ("cell", "words", "hint"),
    [
        ("190,5", "'190,5' has a decimal comma.", "Write 190.5."),
        ("-0,25 ", "has a decimal comma.", "Write -0.25."),
        ("1,234", "'1,234' has a comma.", "Write 1.234 if it is a decimal comma, or 1234 if"),
        ("1,2,3", "is not a number.", "Write numbers"),
    ],
)
def test_a_comma_in_a_number_is_said_with_what_to_write(tmp_path, cell, words, hint):
    path = saved(tmp_path, f's,age\na,7\nb,"{cell}"\n')
    with pytest.raises(DataError) as caught:
        build(path, thresholds=(("age", 1.0),))
    assert words in caught.value.message
    assert "line 3, column 'age'" in caught.value.message
    assert hint in caught.value.hint
