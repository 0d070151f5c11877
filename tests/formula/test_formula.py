import itertools
import string
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts import Alias, ConceptSet
from invert_core.errors import FormulaError, UnknownNameError
from invert_core.formula.formula import Formula

IDS = ("a", "b", "c", "d")
TRUTH_TABLE = ConceptSet.from_arrays(
    [[row >> column & 1 for column in range(len(IDS))] for row in range(2 ** len(IDS))], id=IDS
)

any_id = st.text(st.characters(codec="utf-8"), min_size=1) | st.text(
    string.ascii_letters + string.digits + "_.-", min_size=1
)


def trees(ids):
    """Formulas as nested tuples ("~", x), ("&", x, y), ("|", x, y) over strings."""
    return st.recursive(
        ids,
        lambda inner: (
            st.tuples(st.just("~"), inner) | st.tuples(st.sampled_from("&|"), inner, inner)
        ),
        max_leaves=12,
    )


def spelled(tree):
    """Text with every parenthesis that is possible; ids are JSON strings without escapes."""
    match tree:
        case ("~", inner):
            return f"~({spelled(inner)})"
        case (connective, left, right):
            return f"(({spelled(left)}) {connective} ({spelled(right)}))"
    return f'"{tree}"'


def members(tree, concepts):
    """The extent as a set of samples, from Python's own set operations."""
    match tree:
        case ("~", inner):
            return set(range(concepts.n_samples)) - members(inner, concepts)
        case ("&", left, right):
            return members(left, concepts) & members(right, concepts)
        case ("|", left, right):
            return members(left, concepts) | members(right, concepts)
    return set(np.flatnonzero(concepts.extent(tree)).tolist())


def shuffled(tree, random):
    """The same formula with the two sides of connectives swapped at random."""
    match tree:
        case ("~", inner):
            return ("~", shuffled(inner, random))
        case (connective, left, right):
            sides = [shuffled(left, random), shuffled(right, random)]
            random.shuffle(sides)
            return (connective, *sides)
    return tree


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a", "a"),
        ("~a", "~a"),
        ("~~a", "a"),
        ("~ ~ ~a", "~a"),
        ("((a))", "a"),
        ("a&b|c&d", "a & b | c & d"),
        ("(a & b) | (c & d)", "a & b | c & d"),
        ("a & (b | c)", "a & (b | c)"),
        ("((a|b)&c)", "(a | b) & c"),
        ("a & (b & (c & d))", "a & b & c & d"),
        ("a | (b | c) | d", "a | b | c | d"),
        ("~(a | b) & ~(c)", "~(a | b) & ~c"),
        ("~(~(a & b)) & c", "a & b & c"),
        ("~a & b", "~a & b"),
        ("~(a & b) | c", "~(a & b) | c"),
        ("n02012849&x.y-z_0", "n02012849 & x.y-z_0"),
        ('"two words"|"plain"', '"two words" | plain'),
        (r'"say \"a\\b\" \u00e4"', r'"say \"a\\b\" ä"'),
        ('"&" & "(" & "~"', '"&" & "(" & "~"'),
        (" \t\r\na\n&\nb ", "a & b"),
    ],
)
def test_a_formula_prints_only_the_parentheses_and_quotes_that_it_needs(text, printed):
    assert str(Formula.parse(text)) == printed


@given(trees(st.sampled_from(IDS)))
def test_parsing_what_was_printed_gives_the_same_formula(tree):
    formula = Formula.parse(spelled(tree))
    assert Formula.parse(str(formula)) == formula
    assert hash(Formula.parse(str(formula))) == hash(formula)


@given(st.lists(st.tuples(any_id, st.booleans()), min_size=1, max_size=8), st.randoms())
def test_any_text_can_be_a_concept_id(literals, random):
    formula = Formula.from_literals(literals, random.choices("&|", k=len(literals) - 1))
    assert Formula.parse(str(formula)) == formula
    assert set(formula.ids) == {id for id, _ in literals}
    assert not any(ord(character) < 32 or ord(character) == 127 for character in str(formula))


@given(trees(st.sampled_from(IDS)))
def test_no_pair_of_printed_parentheses_can_be_left_out(tree):
    formula = Formula.parse(spelled(tree))
    text = str(formula)
    opened = []
    for place, character in enumerate(text):
        if character == "(":
            opened.append(place)
        elif character == ")":
            start = opened.pop()
            without = text[:start] + text[start + 1 : place] + text[place + 1 :]
            assert Formula.parse(without) != formula


@given(trees(st.sampled_from(IDS)))
def test_evaluation_equals_the_operations_on_sets(tree):
    extent = Formula.parse(spelled(tree)).evaluate(TRUTH_TABLE)
    assert extent.dtype == np.bool_
    assert set(np.flatnonzero(extent).tolist()) == members(tree, TRUTH_TABLE)


STATES = np.array(list(itertools.product((0, 1, -1), repeat=len(IDS))))
PARTLY_DEFINED = ConceptSet.from_arrays(STATES, id=IDS)


def named_in(tree):
    """The concepts of a formula."""
    return {tree} if isinstance(tree, str) else set().union(*map(named_in, tree[1:]))


@given(trees(st.sampled_from(IDS)))
def test_a_formula_is_defined_where_all_its_concepts_are_and_false_elsewhere(tree):
    formula = Formula.parse(spelled(tree))
    columns = [IDS.index(id) for id in named_in(tree)]
    known = (STATES[:, columns] >= 0).all(axis=1)
    np.testing.assert_array_equal(formula.defined_on(PARTLY_DEFINED), known)
    true = members(tree, PARTLY_DEFINED) & set(np.flatnonzero(known).tolist())
    assert set(np.flatnonzero(formula.evaluate(PARTLY_DEFINED)).tolist()) == true


def test_a_formula_is_defined_everywhere_where_all_labels_are():
    assert Formula.parse("a & ~b").defined_on(TRUTH_TABLE).all()


def test_an_alias_in_a_formula_stands_for_the_concept_it_was_merged_into():
    concepts = replace(PARTLY_DEFINED, aliases=(Alias("old", "an old one", 1),))
    of_alias = Formula.parse("a & ~old")
    for evaluate in (Formula.evaluate, Formula.defined_on):
        assert np.array_equal(
            evaluate(of_alias, concepts), evaluate(Formula.parse("a & ~b"), concepts)
        )
    assert of_alias.describe(concepts) == "a & ~an old one"


def test_an_alias_with_the_name_of_a_concept_is_shown_with_its_id():
    concepts = replace(PARTLY_DEFINED, aliases=(Alias("old", "a", 1),))
    assert Formula.parse("a & ~old").describe(concepts) == "a (a) & ~a (old)"


def test_where_an_unknown_concept_is_defined_cannot_be_told():
    with pytest.raises(UnknownNameError, match="no concept with the id 'e'"):
        Formula.parse("a & e").defined_on(PARTLY_DEFINED)


@given(trees(st.sampled_from(IDS)), st.randoms())
def test_the_key_does_not_depend_on_the_order_of_operands(tree, random):
    other = shuffled(tree, random)
    assert Formula.parse(spelled(other)).key == Formula.parse(spelled(tree)).key


@given(trees(st.sampled_from(IDS)))
def test_the_key_is_a_formula_with_the_same_extent_and_itself_as_key(tree):
    formula = Formula.parse(spelled(tree))
    canonical = Formula.parse(formula.key)
    assert canonical.key == formula.key
    assert canonical.length == formula.length
    np.testing.assert_array_equal(canonical.evaluate(TRUTH_TABLE), formula.evaluate(TRUTH_TABLE))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("b & a & c", "c & (a & b)"),
        ("~(a & b)", "~b | ~a"),
        ("~(a | ~b) & c", "c & b & ~a"),
        ("(c | b) & (a | d)", "(d | a) & (b | c)"),
        ('"x y" | a', 'a | "x y"'),
    ],
)
def test_formulas_that_differ_by_order_or_de_morgan_have_one_key(one, other):
    assert Formula.parse(one).key == Formula.parse(other).key
    assert Formula.parse(one) != Formula.parse(other)


@pytest.mark.parametrize(
    ("one", "other"), [("a & b | c", "a & (b | c)"), ("a", "~a"), ("a & b", "a | b"), ("a", "a&a")]
)
def test_different_formulas_have_different_keys(one, other):
    assert Formula.parse(one).key != Formula.parse(other).key


def test_literals_are_joined_from_left_to_right():
    literals = [("a", False), ("b", True), ("c", False), ("d", False)]
    assert str(Formula.from_literals(literals, ["|", "&", "|"])) == "(a | ~b) & c | d"
    assert str(Formula.from_literals(literals, ["&", "|", "&"])) == "(a & ~b | c) & d"
    assert str(Formula.from_literals([(np.str_("a"), np.True_)], [])) == "~a"


def test_length_counts_literals_and_ids_name_each_concept_once():
    formula = Formula.parse("b & (a | ~b) & c")
    assert formula.length == 4
    assert formula.ids == ("b", "a", "c")


def test_a_long_alternating_formula_of_the_search_round_trips():
    literals = [(f"c{place}", place % 3 == 0) for place in range(101)]
    formula = Formula.from_literals(literals, ["&|"[place % 2] for place in range(100)])
    assert Formula.parse(str(formula)) == formula
    assert formula.length == 101


@pytest.mark.parametrize(
    ("literals", "connectives", "words"),
    [
        ([], [], "0 literals"),
        ([("a", False)], ["&"], "1 literals cannot be joined by 1"),
        ([("a", False), ("b", False)], ["^"], "'^' is not a connective"),
        ([("", False)], [], "'' is not a concept id"),
        ([(7, False)], [], "7 is not a concept id"),
        ([("a", False)] * 2000, ["&"] * 1999, "more than 1,000 literals"),
        ([("a", False)] * 500, ["&", "|"] * 249 + ["&"], "deeper than 100"),
    ],
)
def test_literals_that_make_no_formula_are_refused(literals, connectives, words):
    with pytest.raises(FormulaError, match=words.replace("^", r"\^")):
        Formula.from_literals(literals, connectives)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ends at character 1 "),
        ("   ", "ends at character 4 "),
        ("a &", "ends at character 4 "),
        ("~", "ends at character 2 "),
        ("a & & b", "'&' at character 5 where a concept"),
        ("| a", "'|' at character 1 where a concept"),
        ("()", r"'\)' at character 2 where a concept"),
        ("a)", r"'\)' at character 2 where & or | is expected"),
        ("(a", "parenthesis at character 1 is not closed"),
        ("a & (b | (c)", "parenthesis at character 5 is not closed"),
        ("two words", "'words' at character 5 where & or |"),
        ("(two words)", r"'words' at character 6 where &, | or \) is expected"),
        ("a ~b", "'~' at character 3"),
        ("a(b)", r"'\(' at character 2"),
        ("a + b", r"'\+' at character 3, which formulas cannot"),
        ("größe", "'ö' at character 3, which formulas cannot"),
        ('a & "b', "quotation mark at character 5 is not closed"),
        (r'"\q"', "quoted id at character 1 is not a JSON string"),
        ('"a\nb"', "quoted id at character 1 is not a JSON string"),
        ('""', "'' is not a concept id"),
        (r'"\ud800"', "is not a concept id"),
    ],
)
def test_broken_text_is_refused_with_its_place(text, words):
    with pytest.raises(FormulaError, match=words.replace("|", r"\|")) as caught:
        Formula.parse(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10**6,
        "~" * 10**6,
        "~(" * 10**6,
        "a&" * 10**6,
        "a&(b|" * 10**6,
        "(" * 10**6 + "a" + ")" * 10**6,
        '"' * 10**6,
        '"' + "\\" * 10**6,
        '"' + "ab" * 10**6,
        " " * 10**6,
        "a" * 10**6 + "?",
        "(" * 101 + "a" + ")" * 101,
        "a & (b | c & (" * 100 + "d" + "))" * 100,
    ],
    ids=lambda text: f"{text[:8]}...{len(text)}",
)
def test_hostile_text_is_refused_at_once(text):
    start = time.perf_counter()
    with pytest.raises(FormulaError) as caught:
        Formula.parse(text)
    assert time.perf_counter() - start < 2
    assert len(str(caught.value)) < 300


def test_a_formula_at_the_limits_is_read():
    assert Formula.parse("&".join(["a"] * 1000)).length == 1000
    assert str(Formula.parse("(" * 100 + "a" + ")" * 100)) == "a"


@given(st.text('ab&|~() "\\x'))
@settings(max_examples=500)
def test_any_text_is_a_formula_or_a_formula_error(text):
    try:
        formula = Formula.parse(text)
    except FormulaError:
        return
    assert Formula.parse(str(formula)) == formula


def test_an_unknown_concept_names_its_neighbours():
    concepts = ConceptSet.from_arrays(np.eye(2), id=["mailbox", "n01"], name=["mailbox", "crane"])
    with pytest.raises(UnknownNameError, match=r"'mailbox'.*invert concepts show"):
        Formula.parse("mailbux").evaluate(concepts)
    with pytest.raises(UnknownNameError, match="name of 'n01'"):
        Formula.parse("crane").describe(concepts)


def test_a_description_is_in_names_that_cannot_be_mistaken():
    concepts = ConceptSet.from_arrays(
        np.eye(8),
        id=["n1", "n2", "n3", "n4", "n5", "n6", "n 7", "n8"],
        name=["crane", "crane", "pencil box", "salt & pepper", " x", "two\nlines", "a|b", "a|b"],
    )
    formula = Formula.parse('(n1 | ~n3) & ~(n2 | n4) & n5 & n6 & "n 7"')
    assert formula.describe(concepts) == (
        '(crane (n1) | ~pencil box) & ~(crane (n2) | "salt & pepper") & " x" & "two\\nlines" & '
        '"a|b" ("n 7")'
    )


def test_a_formula_shows_how_it_can_be_made():
    formula = Formula.parse('~a&"b c"')
    assert repr(formula) == "Formula.parse('~a & \"b c\"')"
