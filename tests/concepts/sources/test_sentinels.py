"""One sentinel has one meaning on every route: the matrix of docs/concepts.md, tried."""

import logging

import numpy as np
import pytest

from invert_core.concepts import Reading, build_concepts
from invert_core.concepts.adding import add_samples
from invert_core.concepts.hdf5_file import write_concepts
from invert_core.errors import DataError, SettingError
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.scoring import score
from tests.tables.written import saved, write

SAMPLES = ["s1", "s2", "s3", "s4"]
"""With a label of 1, a label of 0, a blank, and -1."""

CELLS = {
    "wide": [1, 0, None, -1],
    "threshold": [1, 0, None, -1],
    "classes": ["a", "b", None, -1],
    "tags": ["a", "b", None, "-1"],
}
READINGS = {
    "wide": Reading(),
    "threshold": Reading(thresholds=(("a", 1.0),)),
    "classes": Reading(classes=("a",)),
    "tags": Reading(tags=("a",)),
}


def of_table(suffix, form):
    def read(folder, missing):
        rows = list(zip(SAMPLES, [None if c is None else str(c) for c in CELLS[form]], strict=True))
        path = write(folder, suffix, ["sample_id", "a"], rows)
        return build_concepts(path, reading=READINGS[form], missing=missing)

    return read


def of_tidy(folder, missing):
    rows = [(id, "a", cell) for id, cell in zip(SAMPLES, ["1", "0", "", "-1"], strict=True)]
    path = write(folder, ".csv", ["sample_id", "concept_id", "value"], rows)
    return build_concepts(path, missing=missing)


def of_npz(folder, missing):
    labels = np.array([[1], [0], [np.nan], [-1]])
    np.savez(folder / "a.npz", labels=labels, id=["a"], sample_id=SAMPLES)
    return build_concepts(folder / "a.npz", missing=missing)


def of_mapping(_folder, missing):
    activations = np.arange(8.0).reshape(4, 2)
    inputs = Inputs(activations, {"a": np.array([1, 0, np.nan, -1])}, missing=missing)
    with inputs.open() as work:
        return work.concepts


ROUTES = {
    **{
        f"{form}{suffix}": of_table(suffix, form)
        for form in CELLS
        for suffix in (".csv", ".jsonl", ".parquet")
        # A blank text is an empty list of tags; only formats with null can say that none is known.
        if (form, suffix) != ("tags", ".csv")
    },
    "tidy": of_tidy,
    "npz": of_npz,
    "mapping": of_mapping,
}
routes = pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)


def labels(found):
    """The first concept on all samples: 1, 0, or None where it is not defined."""
    id = found.id[0]
    return [
        int(true) if known else None
        for true, known in zip(found.extent(id), found.defined_on(id), strict=True)
    ]


@routes
@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("negative", [1, 0, 0, 0]),
        ("exclude", [1, 0, None, None]),
        ("blank=negative,-1=exclude", [1, 0, 0, None]),
        ("-1=negative,blank=exclude", [1, 0, None, 0]),
        ("exclude,-1=negative", [1, 0, None, 0]),
        ("negative,blank=exclude", [1, 0, None, 0]),
    ],
)
def test_a_sentinel_means_the_same_on_every_route(tmp_path, route, missing, expected):
    assert labels(route(tmp_path, missing)) == expected


@routes
def test_without_a_meaning_both_are_counted_and_refused(tmp_path, route):
    with pytest.raises(DataError, match=r"missing \(blank, NaN, -1") as caught:
        route(tmp_path, "error")
    assert "--missing blank=negative,-1=exclude" in caught.value.hint


@routes
@pytest.mark.parametrize(("missing", "kind"), [("blank=negative", "-1"), ("-1=exclude", "blank")])
def test_a_kind_without_a_meaning_is_refused_by_name(tmp_path, route, missing, kind):
    with pytest.raises(DataError, match=f"--missing does not say what {kind} means") as caught:
        route(tmp_path, missing)
    assert f"{kind}=negative" in caught.value.hint


@pytest.mark.parametrize("how", ["negative", "exclude"])
def test_a_column_whose_minus_one_may_be_a_value_says_how_it_was_taken(tmp_path, how, caplog):
    of_table(".csv", "threshold")(tmp_path, how)
    (said,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "--missing -1=value" in said.getMessage()


@pytest.mark.parametrize("missing", ["error", "-1=negative"])
@pytest.mark.parametrize("reading", [Reading(), Reading(marks=("a",))], ids=["wide", "marks"])
def test_a_mark_with_blanks_is_no_label_and_no_option_makes_it_one(tmp_path, reading, missing):
    path = write(tmp_path, ".csv", ["sample_id", "a"], [("s1", "0"), ("s2", " -1")])
    with pytest.raises(DataError, match="' -1' is not a label"):
        build_concepts(path, reading=reading, missing=missing)


def test_the_value_of_a_pair_with_blanks_is_no_label(tmp_path):
    path = write(tmp_path, ".csv", ["sample_id", "concept_id", "value"], [("s1", "a", " -1")])
    with pytest.raises(DataError, match="' -1' is not a label"):
        build_concepts(path, missing="-1=negative")


def test_the_refusal_of_a_column_says_how_minus_one_can_be_a_value(tmp_path):
    for form, valued in (("threshold", True), ("wide", False)):
        with pytest.raises(DataError, match="what -1 means") as caught:
            of_table(".csv", form)(tmp_path, "blank=negative")
        assert ("-1=value" in caught.value.hint) == valued


def test_minus_one_is_a_number_among_negative_numbers_unless_it_is_given_a_meaning(tmp_path):
    path = saved(tmp_path, "s,t\na,-3\nb,-1\nc,2\n")
    reading = Reading(thresholds=(("t", -2.0),))
    assert labels(build_concepts(path, reading=reading)) == [0, 1, 1]
    assert labels(build_concepts(path, reading=reading, missing="-1=exclude")) == [0, None, 1]


def test_minus_one_and_na_are_values_where_that_is_asked_for(tmp_path):
    path = saved(tmp_path, "s,k,t,n\na,none,-1,-1\nb,dog,cat,5\nc,-1,NA,7\n")
    found = build_concepts(
        path,
        reading=Reading(classes=("k",), tags=("t",), thresholds=(("n", -1.5),)),
        missing="-1=value,NA=value",
    )
    assert found.defined is None
    assert found.id == ("-1", "NA", "cat", "k.-1", "k.dog", "k.none", "n.ge.-1.5")
    assert found.n_positive.tolist() == [1, 1, 1, 1, 1, 1, 3]


def test_bins_leave_out_what_is_missing(tmp_path):
    path = saved(tmp_path, "s,n\na,1\nb,\nc,2\nd,-1\n")
    reading = Reading(bins=(("n", 2),))
    found = build_concepts(path, reading=reading, missing="blank=negative,-1=exclude")
    assert found.name == ("n < 2", "n >= 2")
    assert labels(found) == [1, 0, 0, None]


def test_a_blank_list_is_empty_unless_blanks_have_a_meaning(tmp_path):
    path = saved(tmp_path, "s,tags\na,x\nb,\n")
    read = Reading(tags=("tags",))
    assert labels(build_concepts(path, reading=read)) == [1, 0]
    assert labels(build_concepts(path, reading=read, missing="blank=exclude")) == [1, None]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("error", [1, 0, 0]), ("absent=negative", [1, 0, 0]), ("absent=exclude", [1, 0, None])],
)
def test_an_absent_pair_is_0_unless_it_is_unknown_on_request(tmp_path, missing, expected, caplog):
    path = saved(tmp_path, "sample_id,concept_id,value\nx,a,1\ny,a,0\nz,b,1\n")
    assert labels(build_concepts(path, missing=missing)) == expected
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert bool(said) == (missing == "error")
    assert all("--missing absent=exclude" in line for line in said)


def test_absent_pairs_may_be_refused(tmp_path):
    path = saved(tmp_path, "sample_id,concept_id,value\nx,a,1\nz,b,1\n")
    with pytest.raises(DataError, match=r"No source has 2 labels of 2 concepts.*absent means"):
        build_concepts(path, missing="absent=error")


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("absent=negative,-1=exclude", [1, None, 0]), ("absent=exclude,-1=negative", [1, 0, None])],
)
def test_what_a_joined_source_lacks_is_absent(tmp_path, missing, expected):
    one = saved(tmp_path, "s,a\nx,1\ny,-1\n", "one.csv")
    two = saved(tmp_path, "s,b\nx,1\nz,1\n", "two.csv")
    assert labels(build_concepts([one, two], join="outer", missing=missing)) == expected
    with pytest.raises(DataError, match=r"No source has 2 labels .*--missing does not say"):
        build_concepts([one, two], join="outer", missing="-1=exclude")


@pytest.mark.parametrize(
    "missing",
    [
        "drop",
        "",
        "blank",
        "blank=",
        "blank=value",
        "gone=exclude",
        "-1=exclude,-1=negative",
        "exclude,negative",
        "NA=drop",
        "blank=negative;-1=exclude",
    ],
)
def test_what_says_nothing_clear_is_refused(tmp_path, missing):
    path = saved(tmp_path, "s,a\nx,1\n")
    with pytest.raises(SettingError) as caught:
        build_concepts(path, missing=missing)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("absent=exclude,-1=negative", [1, 0, None]), ("absent=negative,-1=exclude", [1, None, 0])],
)
def test_added_samples_lack_what_only_the_others_have(tmp_path, missing, expected):
    old = saved(tmp_path, "s,a\nx,1\ny,-1\n", "old.csv")
    new = saved(tmp_path, "s,b\nz,1\n", "new.csv")
    assert labels(add_samples(old, new, missing=missing)) == expected
    with pytest.raises(DataError, match=r"--missing does not say what absent means"):
        add_samples(old, new, missing="-1=exclude")
    found = add_samples(old, new, missing="-1=exclude,absent=exclude", new_negative=True)
    assert found.extent("b").tolist() == [False, False, True]
    assert found.defined_on("b").all()


@pytest.mark.parametrize("missing", ["blank=negative,-1=negative", "absent=negative"])
def test_what_a_concept_file_leaves_unknown_stays_unknown_whatever_kinds_mean(tmp_path, missing):
    path = saved(tmp_path, "s,a\nx,1\ny,-1\nz,0\n")
    write_concepts(tmp_path / "a.h5", build_concepts(path, missing="-1=exclude"))
    assert labels(build_concepts(tmp_path / "a.h5", missing=missing)) == [1, None, 0]
    assert labels(build_concepts(tmp_path / "a.h5", missing="negative")) == [1, 0, 0]


def test_an_image_beside_the_class_folders_has_no_label_in_any_source(tmp_path):
    for name in ("cat/1.jpg", "dog/2.jpg", "3.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    read = build_concepts(tmp_path / "photos", missing="absent=exclude")
    assert sorted(map(str, labels(read))) == ["0", "1", "None"]
    assert build_concepts(tmp_path / "photos", missing="absent=negative").n_defined.tolist() == [
        3,
        3,
    ]
    with pytest.raises(DataError, match=r"No source has 2 labels of 2 concepts"):
        build_concepts(tmp_path / "photos", missing="blank=exclude")


def test_a_formula_is_scored_where_its_concepts_are_defined(tmp_path):
    path = saved(tmp_path, "s,a\nx,1\ny,\nz,0\nu,-1\nv,1\n")
    scored = score(np.arange(5.0)[:, None], path, "a", missing="blank=negative,-1=exclude")
    (row,) = scored
    assert (row.n_positive, row.n_samples) == (2, 4)


@routes
def test_kinds_with_a_meaning_are_counted_once(tmp_path, route, caplog):
    n_concepts = len(route(tmp_path, "exclude").id)
    with caplog.at_level(logging.INFO, "invert"):
        route(tmp_path, "blank=negative,-1=exclude")
    labels, stay = ("label", "stays") if n_concepts == 1 else ("labels", "stay")
    told = (
        f"{n_concepts} missing {labels} (blank) taken for 0; "
        f"{n_concepts} missing {labels} (-1) {stay} undefined."
    )
    assert [record.getMessage() for record in caplog.records].count(told) == 1


@pytest.mark.parametrize(
    ("table", "reading", "told"),
    [
        ("s,a\nx,1\ny,NA\nz,\n", Reading(marks=("a",)), "1 missing label (NA) taken for 0"),
        (
            "sample_id,concept_id,value\nx,a,1\ny,a,\ny,a,\nz,b,1\n",
            Reading(),
            "3 missing labels (absent) taken for 0; 1 missing label (blank) taken for 0.",
        ),
    ],
)
def test_each_label_that_is_taken_for_0_is_counted(tmp_path, table, reading, told, caplog):
    with caplog.at_level(logging.INFO, "invert"):
        build_concepts(saved(tmp_path, table), reading=reading, missing="negative,absent=negative")
    assert told in caplog.text


def test_what_a_joined_source_lacks_is_counted(tmp_path, caplog):
    one, two = saved(tmp_path, "s,a\nx,1\n", "one.csv"), saved(tmp_path, "s,b\nz,1\n", "two.csv")
    with caplog.at_level(logging.INFO, "invert"):
        build_concepts([one, two], join="outer", missing="absent=negative")
    assert "2 missing labels (absent) taken for 0." in caplog.text


def test_where_labels_are_absent_the_advice_names_that_kind(tmp_path):
    one, two = saved(tmp_path, "s,a\nx,1\n", "one.csv"), saved(tmp_path, "s,b\nz,1\n", "two.csv")
    images = saved(
        tmp_path, "ImageID,Source,LabelName,Confidence\nx,v,/m/a,1\ny,v,/m/b,0\n", "images.csv"
    )
    for sources, join in (([one, two], "outer"), ([images], "strict")):
        with pytest.raises(DataError, match="2 labels of 2 concepts are missing") as caught:
            build_concepts(sources, join=join)
        assert "--missing blank=negative,absent=exclude" in caught.value.hint
    with pytest.raises(DataError, match="what absent means") as caught:
        build_concepts(images, missing="blank=negative")
    assert "as in --missing blank=negative,absent=exclude" in caught.value.hint
