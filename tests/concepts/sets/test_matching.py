"""Ids that mean the same file: what is told about them, and what joins them."""

import json
import logging
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core import build_concepts, label, label_files, probe, score
from invert_core.concepts import ConceptSet
from invert_core.concepts.sets import matching
from invert_core.concepts.sets.combining import combine
from invert_core.concepts.sets.matching import key_of, likeness, named_alike
from invert_core.errors import DataError, SettingError
from invert_core.labelling.join import join
from tests.command_line import call

NFC, NFD = "caf\u00e9.jpg", "cafe\u0301.jpg"
SIDES = ("the concepts", "the activations")


def marked(sample_id):
    return ConceptSet.from_arrays(
        [[place % 2] for place in range(len(sample_id))], id=["odd"], sample_id=sample_id
    )


@pytest.mark.parametrize(
    ("id", "other", "differ", "match"),
    [
        (NFC, NFD, "in Unicode form (NFC against NFD), as in 'caf\\xe9.jpg'", "name"),
        ("a.jpg", "photos/a.jpg", "by a leading folder, as in 'a.jpg' against 'p", "name"),
        ("a.jpg", "./a.jpg", "by parts of the path that lead nowhere, such as ./, as", "name"),
        ("x/a.jpg", "x\\a.jpg", "in / against \\, as in", "name"),
        ("a.jpg", "x\\a.jpg", "in / against \\ and by a leading folder, as in", "name"),
        ("a.jpg", " a.jpg ", "by blanks around them, as in 'a.jpg' against ' a.jpg '", "name"),
        ("a.jpg", "x/a.jpg ", "by a leading folder and by blanks around them, as in", "name"),
        ("a.jpg", "a.JPG", "in the case of the suffix, as in", "name"),
        ("a.jpg", "a", "by a suffix, as in 'a.jpg' against 'a'", "stem"),
        ("a.jpg", "x/a.png", "by a leading folder and by a suffix, as in", "stem"),
        (NFC, f"x/{NFD[:-4]}", "in Unicode form (NFC against NFD) and by a leading f", "stem"),
    ],
)
def test_it_is_said_what_differs_and_what_matches(id, other, differ, match):
    ids, others = (id, "b.jpg", "c.jpg"), ("c.jpg", other, "b.jpg")
    with pytest.raises(DataError) as caught:
        join(ids, 3, marked(others))
    assert f"1 pair of ids differs only {differ}" in str(caught.value)
    assert caught.value.hint == f"Match them with: --match {match}"
    kept, joined = join(ids, 3, marked(others), match=match)
    assert kept is None
    assert joined.sample_id == ids
    assert joined.dense()[:, 0].tolist() == [True, False, False]


def test_an_inner_join_says_that_samples_left_out_are_alike(caplog):
    with caplog.at_level(logging.WARNING, "invert"):
        join(("a.jpg", "b.jpg", NFC), 3, marked(("a.jpg", "b.jpg", NFD)), "inner")
    assert "1 pair of ids differs only in Unicode form" in caplog.text
    assert "--match name" in caplog.text


def test_an_option_that_would_be_refused_is_not_advised():
    found = likeness(("1/a.jpg", "2/a.jpg"), ("a.jpg",))
    assert found.match is None
    assert "--match" not in found.hint


def test_paths_whose_names_repeat_are_paired_by_their_folders():
    views = [f"p{patient}/study1/view{view}.jpg" for patient in range(40) for view in (1, 2)]
    whole = [f"CheXpert-v1.0/train/{view}" for view in views]
    for ids, others in ((views, whole), (whole, views)):
        found = likeness(ids, others[::-1])
        assert (found.n_pairs, found.match) == (80, None)
        assert found.differ == f"by a leading folder, as in {ids[0]!r} against {others[0]!r}"
        assert "--data" in found.hint
        assert "same leading folder on both sides" in found.hint


def test_paths_that_only_have_repeated_names_in_common_are_no_pairs():
    assert likeness(("p0/view.jpg", "p1/view.jpg"), ("p8/view.jpg", "p9/view.jpg")) is None
    assert likeness(("p0/view.jpg", "p1/view.jpg"), ("x/0/view.jpg", "p9/y.jpg")) is None


def test_suffixes_that_tell_samples_apart_are_not_left_out():
    found = likeness(("x/a.jpg", "x/a.png", "b"), ("a.jpg", "a.png", "b.jpg"))
    assert (found.match, found.n_pairs) == ("name", 2)


def test_ids_in_another_order_are_not_compared_one_by_one(monkeypatch):
    monkeypatch.setattr(matching, "key_of", None)
    assert likeness(("a.jpg", "b.jpg"), ("b.jpg", "a.jpg")) is None
    assert likeness(("a.jpg",), ("b.jpg", "a.jpg")) is None


@pytest.mark.parametrize("match", ["name", "stem"])
def test_ids_of_one_side_that_become_equal_are_named(match):
    for ids, like, side in ((["1/a.jpg", "2/a.jpg"], ["b"], 0), (["b"], ["1/a.jpg", "2/a.jpg"], 1)):
        with pytest.raises(DataError, match=f"'1/a.jpg', '2/a.jpg' of {SIDES[side]} would all be"):
            named_alike(tuple(ids), tuple(like), match, SIDES)


def test_an_unknown_way_to_match_is_an_error():
    with pytest.raises(SettingError, match="exact, name, stem"):
        named_alike(("a",), ("a",), "folder", SIDES)
    with pytest.raises(SettingError, match="exact, name, stem"):
        join(None, 3, marked("abc"), match="folder")


def slow_key(id, match):
    """What must be equal, letter by letter."""
    id = normalize("NFC", id)
    while len(id) > 1 and id[-1] in "/\\" and id.strip("/\\"):
        id = id[:-1]
    last = ""
    for letter in id:
        last = "" if letter in "/\\" and id.strip("/\\") else last + letter
    dot = last.rfind(".")
    if dot < 0 or not last[:dot].strip("."):
        return last.replace("\\", "/")
    return last[:dot] + (last[dot:].lower() if match == "name" else "")


@given(st.text("aB/\\.e\u0301\u00e9", min_size=1, max_size=8), st.sampled_from(["name", "stem"]))
def test_keys_are_those_of_the_definition(id, match):
    assert key_of(id, match) == slow_key(id, match)


def test_every_command_that_joins_knows_the_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ids = [f"{place}.jpg" for place in range(40)]
    marks = np.arange(40) % 3 == 0
    np.savez("acts.npz", activations=marks[:, None] + 0.0, sample_id=ids)
    np.savez("c.npz", labels=marks[:, None], id=["third"], sample_id=[f"x/{id}" for id in ids])
    for command in (["score"], ["probe"], ["label", "-o", "run", "--length", "1"]):
        formula = [] if command[0] == "label" else ["--formula", "third"]
        words = [command[0], "acts.npz", "c.npz", *command[1:], *formula]
        refused = call(*words)
        assert refused.exit_code == 1
        assert "--match name" in refused.stderr
        assert call(*words, "--match", "name").exit_code == 0
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["arguments"]["match"] == "name"
    assert label("acts.npz", "c.npz", match="name").rows[0].auc == 1
    assert score("acts.npz", "c.npz", "third", match="name").rows[0].auc == 1
    assert probe("acts.npz", "c.npz", "third", match="name").rows[0].auc == 1


def test_a_run_that_matched_otherwise_is_not_continued(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ids = [f"{place}.jpg" for place in range(9)]
    np.savez("acts.npz", activations=np.arange(9.0)[:, None], sample_id=ids)
    np.savez("c.npz", labels=np.arange(9)[:, None] > 5, id=["high"], sample_id=ids)

    def stop(labels):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label_files("acts.npz", "c.npz", "run", match="name", each=stop)
    stale = call("label", "acts.npz", "c.npz", "-o", "run")
    assert stale.exit_code == 1
    assert "match" in stale.stderr


def test_sources_are_joined_alike(tmp_path):
    (tmp_path / "a.csv").write_text(f"sample_id,cat\n{NFC},1\nb.jpg,0\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text(f"sample_id,dog\nx/b.jpg,1\nx/{NFD},0\n", encoding="utf-8")
    sources = [tmp_path / "a.csv", tmp_path / "b.csv"]
    with pytest.raises(DataError, match=r"differ only in Unicode form .* leading folder") as caught:
        build_concepts(sources)
    assert caught.value.hint == "Match them with: --match name"
    both = build_concepts(sources, match="name")
    assert both.sample_id == (NFC, "b.jpg")
    assert both.dense().tolist() == [[True, False], [False, True]]


def test_an_outer_join_says_that_samples_are_alike(caplog):
    with caplog.at_level(logging.WARNING, "invert"):
        other = ConceptSet.from_arrays([[1], [0]], id=["dog"], sample_id=["a.JPG", "b.jpg"])
        combine([marked(["a.jpg", "b.jpg"]), other], how="outer")
    assert "differs only in the case of the suffix" in caplog.text
