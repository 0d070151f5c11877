"""The hypernyms of the ImageNet classes that the INVERT authors used."""

import csv

import numpy as np
import pytest

from invert_core.concepts import ConceptSet
from invert_core.concepts.hierarchy.ancestors import add_ancestors
from invert_core.concepts.hierarchy.leaving_out import merge_equal
from invert_core.concepts.hierarchy.wordnet import read_wordnet
from tests.concepts.hierarchy.plain import aliases_of
from tests.concepts.hierarchy.real_data import AUTHORS, needs_authors, needs_nouns


@pytest.fixture(scope="module")
def authors():
    with AUTHORS.open(newline="", encoding="utf-8") as file:
        return {row["concept_id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def found(authors):
    classes = [id for id, row in authors.items() if row["is_class"] == "1"]
    one_image_each = ConceptSet.from_arrays(np.eye(len(classes)), id=classes)
    return add_ancestors(one_image_each, read_wordnet(), min_chains=2)


@needs_authors
@needs_nouns
def test_two_chains_give_exactly_the_473_hypernyms_of_the_authors(authors, found):
    assert len(found.id) == 1_473
    assert set(found.id) == set(authors)
    names = {id: row["name"].replace("_", " ") for id, row in authors.items()}
    assert dict(zip(found.id, found.name, strict=True)) == names
    assert found.name[0] == "tench"


@needs_authors
@needs_nouns
def test_every_class_has_the_ancestors_of_the_authors(authors, found):
    labels = found.dense()
    for sample, id in enumerate(found.id[:1_000]):
        carried = {found.id[row] for row in np.flatnonzero(labels[sample])}
        assert carried == {id, *authors[id]["ancestors"].split()}


@needs_authors
@needs_nouns
def test_a_hypernym_of_one_class_with_two_chains_is_an_alias_of_that_class(found):
    contestant = found.id[found.name.index("contestant")]
    ballplayer = found.id[found.name.index("ballplayer")]
    assert found.extent(contestant).sum() == 1
    merged = merge_equal(found)
    assert aliases_of(merged)[contestant] == ballplayer
    assert len(merged.id) + len(merged.aliases) == 1_473
