"""A logical formula of concepts, as a value."""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from invert_core.errors import FormulaError
from invert_core.formula.syntax import (
    Group,
    Literal,
    canonical,
    iter_literals,
    join,
    parse_tree,
    print_tree,
    quote,
    quote_id,
)

if TYPE_CHECKING:
    from invert_core.concepts.sets.concept_set import ConceptSet

_MISLEADING_IN_NAME = re.compile(r'[&|~()"\x00-\x1f\x7f-\x9f]|^\s|\s$')


@dataclass(frozen=True, repr=False)
class Formula:
    """Concepts joined by ``&``, ``|`` and ``~``; made by `parse` or `from_literals`.

    Two formulas are equal if they print alike. Runs of one connective are flat, double negations
    are gone, the order of the operands is kept. ``str`` of a formula has parentheses only where
    they are needed and parses back to an equal formula.

    Examples
    --------
    >>> formula = Formula.parse('((box & ~mailbox)) | "two words"')
    >>> print(formula)
    box & ~mailbox | "two words"
    >>> formula.length, formula.ids
    (3, ('box', 'mailbox', 'two words'))
    """

    root: Literal | Group

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a formula of ``&``, ``|``, ``~`` and parentheses over concept ids.

        ``~`` binds tighter than ``&``, and ``&`` tighter than ``|``. An id of letters ``A-Z``,
        ``a-z``, digits, ``_``, ``.`` and ``-`` stands bare; every other one is a JSON string.

        Raises
        ------
        FormulaError
            The text is not a formula (the message names the character, counted from 1), has
            more than 1,000 literals or nests deeper than 100.
        """
        return cls(parse_tree(text))

    @classmethod
    def from_literals(
        cls, literals: Sequence[tuple[str, bool]], connectives: Sequence[str]
    ) -> Self:
        """Join literals from left to right: ``((l0 o1 l1) o2 l2) ...``.

        Parameters
        ----------
        literals : sequence of (str, bool)
            Concept id, and whether it is negated.
        connectives : sequence of {"&", "|"}
            One fewer than literals.

        Raises
        ------
        FormulaError
            There is no literal, the numbers do not fit, a connective or an id is none, or the
            formula is too long or too deep.

        Examples
        --------
        >>> print(Formula.from_literals([("a", False), ("b", True), ("c", False)], "|&"))
        (a | ~b) & c
        """
        if not literals or len(connectives) != len(literals) - 1:
            raise FormulaError(
                f"{len(literals)} literals cannot be joined by {len(connectives)} connectives.",
                "Give at least one literal and one connective fewer than literals.",
            )
        unknown = sorted(set(connectives) - {"&", "|"})
        if unknown:
            raise FormulaError(f"{unknown[0]!r} is not a connective.", "Use & or |.")
        first, *others = (Literal(id, bool(negated)) for id, negated in literals)
        root: Literal | Group = first
        for connective, literal in zip(connectives, others, strict=True):
            root = join(connective, (root, literal))
        return cls(root)

    @property
    def length(self) -> int:
        """Number of literals, repeated ones included."""
        return self.root.length

    @property
    def ids(self) -> tuple[str, ...]:
        """The concept ids in order of appearance, each once."""
        return tuple(dict.fromkeys(literal.id for literal in iter_literals(self.root)))

    @property
    def key(self) -> str:
        """Canonical text: negations at the literals (De Morgan), operands of each run sorted.

        Formulas that differ only in the order of the operands within runs of one connective have
        the same key; formulas with the same key have the same extent.
        """
        return print_tree(canonical(self.root), quote_id)

    def evaluate(self, concepts: "ConceptSet") -> np.ndarray:
        """Tell on which samples the formula is true: its extent.

        Returns
        -------
        bool array [n_samples]
            False where the formula is not defined, see `defined_on`.

        Raises
        ------
        UnknownNameError
            The set lacks a concept of the formula; the hint holds the nearest ids.
        """
        extent = _evaluate(self.root, concepts)
        return extent if concepts.defined is None else extent & self.defined_on(concepts)

    def defined_on(self, concepts: "ConceptSet") -> np.ndarray:
        """Tell on which samples all concepts of the formula are defined: bool [n_samples].

        Raises
        ------
        UnknownNameError
            The set lacks a concept of the formula; the hint holds the nearest ids.
        """
        return functools.reduce(np.logical_and, map(concepts.defined_on, self.ids))

    def describe(self, concepts: "ConceptSet") -> str:
        """Print the formula in the names of its concepts.

        A name that several concepts of the set have is followed by the id, as in
        ``crane (n02012849)``. A name that could be taken for a part of the formula is quoted.

        Raises
        ------
        UnknownNameError
            The set lacks a concept of the formula; the hint holds the nearest ids.
        """
        return print_tree(self.root, functools.partial(_shown, concepts))

    def __str__(self) -> str:
        return print_tree(self.root, quote_id)

    def __repr__(self) -> str:
        return f"Formula.parse({str(self)!r})"


def _evaluate(node: Literal | Group, concepts: "ConceptSet") -> np.ndarray:
    if isinstance(node, Literal):
        extent = concepts.extent(node.id)
    else:
        combine = np.logical_and if node.connective == "&" else np.logical_or
        extent = functools.reduce(
            combine, (_evaluate(operand, concepts) for operand in node.operands)
        )
    return ~extent if node.negated else extent


def _shown(concepts: "ConceptSet", id: str) -> str:
    name = concepts.name_of(id)
    text = quote(name) if _MISLEADING_IN_NAME.search(name) else name
    return f"{text} ({quote_id(id)})" if name in concepts.repeated_names else text


class LiteralNames:
    """Prints formulas of a concept set that are given as numbers, as `Formula` prints them.

    Literal 2c is concept c, 2c + 1 its negation. All names are made once: a layer has thousands of
    formulas.
    """

    def __init__(self, concepts: "ConceptSet"):
        self._ids = [text for id in concepts.id for text in _with_negation(quote_id(id))]
        self._names = [text for id in concepts.id for text in _with_negation(_shown(concepts, id))]

    def formula(self, literals: Sequence[int], connectives: Sequence[str]) -> str:
        """``str`` of the formula that `Formula.from_literals` would make."""
        return _joined(literals, connectives, self._ids)

    def label(self, literals: Sequence[int], connectives: Sequence[str]) -> str:
        """What `Formula.describe` would print."""
        return _joined(literals, connectives, self._names)


def _with_negation(text: str) -> tuple[str, str]:
    return text, f"~{text}"


def _joined(literals: Sequence[int], connectives: Sequence[str], texts: Sequence[str]) -> str:
    text = texts[literals[0]]
    before = ""
    for connective, literal in zip(connectives, literals[1:], strict=True):
        if (before, connective) == ("|", "&"):
            text = f"({text})"
        text = f"{text} {connective} {texts[literal]}"
        before = connective
    return text
