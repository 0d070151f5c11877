"""Formulas in names: whatever is printed as a label can be read back."""

import contextlib
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from invert_core.concepts import Alias, ConceptSet
from invert_core.errors import FormulaError, UnknownNameError
from invert_core.formula.formula import Formula
from invert_core.formula.names import LiteralNames

hostile = st.text("ab &|~()\"'\\\n\u2028 :,", min_size=1, max_size=5)
texts = (
    hostile
    | st.sampled_from(["a", "b", "a b", "a (b)", "~a"])
    | st.text(min_size=1).filter(lambda text: "\0" not in text)
)


@st.composite
def concept_sets(draw):
    ids = draw(st.lists(texts, min_size=1, max_size=5, unique=True))
    n_aliases = draw(st.integers(0, len(ids) - 1))
    n = len(ids) - n_aliases
    names = draw(st.lists(texts | st.sampled_from(ids), min_size=len(ids), max_size=len(ids)))
    made = ConceptSet.from_arrays(np.eye(n), id=ids[:n], name=names[:n])
    aliases = tuple(
        Alias(id, name, draw(st.integers(0, n - 1)))
        for id, name in zip(ids[n:], names[n:], strict=True)
    )
    return replace(made, aliases=aliases)


def formulas(ids):
    literals = st.sampled_from(ids).map(lambda id: Formula.from_literals([(id, False)], ""))
    return st.recursive(
        literals,
        lambda inner: st.tuples(st.sampled_from("&|~"), inner, inner).map(joined),
        max_leaves=6,
    )


def joined(parts):
    connective, one, other = parts
    if connective == "~":
        return Formula.parse(f"~({one})")
    return Formula.parse(f"({one}) {connective} ({other})")


@given(st.data())
@settings(max_examples=300)
def test_every_label_that_is_printed_reads_back_as_its_formula(data):
    concepts = data.draw(concept_sets())
    ids = [*concepts.id, *(alias.id for alias in concepts.aliases)]
    formula = data.draw(formulas(ids))
    label = formula.describe(concepts)
    assert label.isprintable(), "a terminal would not show it as it is"
    assert Formula.parse(label, concepts) == formula
    assert Formula.parse(str(formula), concepts) == formula


@given(concept_sets(), st.randoms(use_true_random=False))
def test_labels_of_a_search_are_printed_and_read_in_the_same_way(concepts, random):
    literals = [random.randrange(2 * len(concepts.id)) for _ in range(3)]
    connectives = random.choices("&|", k=2)
    names = LiteralNames(concepts)
    label = names.label(literals, connectives)
    assert str(Formula.parse(label, concepts)) == str(
        Formula.parse(names.formula(literals, connectives))
    )


CONCEPTS = replace(
    ConceptSet.from_arrays(
        np.eye(6),
        id=["n1", "n2", "n3", "n4", "crane", "own id"],
        name=["crane", "traffic light", "R&B", "box", "heron", "box"],
    ),
    aliases=(Alias("old", "bird", 4),),
)


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("traffic light & ~n1", "n2 & ~n1"),
        ("~ traffic light|(heron)", "~n2 | crane"),
        ('"R&B" & "traffic light"', "n3 & n2"),
        ('box (n4) | box ( "own id" )', 'n4 | "own id"'),
        ("own id", '"own id"'),
        ("bird", "old"),
        ("crane (n1) & ~heron (crane)", "n1 & ~crane"),
    ],
)
def test_concepts_are_named_by_id_or_by_name(text, formula):
    assert str(Formula.parse(text, CONCEPTS)) == formula


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n1 & box", "'box' at character 6 of the formula is the name of 2 concepts. "
         "Say which: box (n4), box (\"own id\")."),
        ("traffic lights", "no concept with the id or name 'traffic lights'. Did you mean "
         "'traffic light'?"),
        ("heron (n1)", "The concept 'n1' at character 1 of the formula is called 'crane', not "
         "'heron'. Write crane (n1)."),
        ("heron (n9)", "no concept with the id 'n9'"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_one_concept_is_refused(text, words):
    with pytest.raises(UnknownNameError) as caught:
        Formula.parse(text, CONCEPTS)
    assert words in str(caught.value)


def test_a_name_with_parentheses_is_refused_with_its_quoted_form():
    concepts = ConceptSet.from_arrays(np.eye(2), id=["a", "b"], name=["not (quite)", "right"])
    with pytest.raises(UnknownNameError) as caught:
        Formula.parse("not (quite) & right", concepts)
    assert caught.value.hint == 'Put it in double quotes: "not (quite)".'
    assert Formula.parse('"not (quite)" & right', concepts).ids == ("a", "b")


def test_an_id_counts_before_a_name_and_this_is_said(caplog):
    assert Formula.parse("crane", CONCEPTS).ids == ("crane",)
    assert "'crane' is the concept with this id." in caplog.text
    assert "write: crane (n1)" in caplog.text
    caplog.clear()
    Formula.parse("n1 & heron & traffic light", CONCEPTS)
    assert caplog.text == ""


def test_a_name_that_is_the_id_of_another_concept_is_shown_with_its_id():
    assert Formula.parse("n1 & ~crane").describe(CONCEPTS) == "crane (n1) & ~heron"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("heron (n1 & n2)", "'(' at character 7 where & or | is expected"),
        ("heron (crane) (crane)", "'(' at character 15 where & or |"),
        ("(heron", "parenthesis at character 1 is not closed"),
        ('heron "n1"', "'n1' at character 7 where & or |"),
        ('"heron', "quotation mark at character 1 is not closed"),
        ("heron &", "ends at character 8"),
    ],
)
def test_a_broken_formula_of_names_is_refused_with_its_place(text, words):
    with pytest.raises(FormulaError) as caught:
        Formula.parse(text, CONCEPTS)
    assert words in str(caught.value)


def parsed(text):
    """The formula that a text stands for; None if it is refused."""
    with contextlib.suppress(FormulaError, UnknownNameError):
        return Formula.parse(text, CONCEPTS)
    return None


@given(st.text('ab&|~() "\\', max_size=12))
@example("heron (")
def test_any_text_is_a_formula_of_names_or_refused(text):
    formula = parsed(text)
    if formula is not None:
        assert parsed(formula.describe(CONCEPTS)) == formula


@pytest.mark.parametrize(
    "text", ["(" * 10**6, "n1 (" * 10**5, "n1 & " * 10**5, 'n1 ("' * 10**5, "n1 (" + " " * 10**6]
)
def test_hostile_text_is_refused_at_once(text):
    start = time.perf_counter()
    with pytest.raises(FormulaError):
        Formula.parse(text, CONCEPTS)
    assert time.perf_counter() - start < 2
