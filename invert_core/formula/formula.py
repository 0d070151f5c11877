"""The logical formula of concepts: reading, evaluating and printing it."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from invert_core.errors import FormulaError
from invert_core.formula.names import Spoken, shown_name
from invert_core.formula.syntax import (
    Group,
    Literal,
    canonical,
    iter_literals,
    join,
    parse_tree,
    print_tree,
    quote_id,
)

if TYPE_CHECKING:
    from invert_core.concepts.sets.concept_set import ConceptSet


@dataclass(frozen=True, repr=False)
class Formula:
    """A formula of concepts with ``&``, ``|`` and ``~``; `parse` and `from_literals` make it.

    Two formulas are equal if they print alike. Operands of one connective form a flat run, double
    negations are removed, and the order of the operands is kept. ``str`` of a formula has only the
    parentheses that it needs, and parses back to an equal formula.

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
    def parse(cls, text: str, concepts: "ConceptSet | None" = None) -> Self:
        """Read a formula of concept ids with ``&``, ``|``, ``~`` and parentheses.

        ``~`` binds tighter than ``&``, and ``&`` binds tighter than ``|``. An id that consists of
        letters ``A-Z`` and ``a-z``, digits, ``_``, ``.`` and ``-`` needs no quotes; any other id is
        written as a JSON string.

        Parameters
        ----------
        text : str
        concepts : ConceptSet, optional
            If it is given, the text may hold names of its concepts, too, so that whatever
            `describe` returns can be read. A name with ``&``, ``|``, ``~``, parentheses or quotes
            in it is written as a JSON string. An id counts before a name, and ``name (id)`` says
            which of several concepts is meant.

        Raises
        ------
        FormulaError
            The text is not a formula, has more than 1,000 literals, or nests deeper than 100. The
            message names the character, counted from 1, at which the text stops making sense.
        UnknownNameError
            No concept, or more than one, has a name in the text; only if `concepts` are given.
        """
        return cls(parse_tree(text, None if concepts is None else Spoken(concepts).id_of))

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
            The connectives, one fewer than literals.

        Raises
        ------
        FormulaError
            There is no literal, the number of connectives does not fit, a connective or an id is
            not valid, or the formula is too long or too deep.

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
        """Number of literals; repeated literals count each time."""
        return self.root.length

    @property
    def ids(self) -> tuple[str, ...]:
        """The distinct concept ids in order of appearance."""
        return tuple(dict.fromkeys(literal.id for literal in iter_literals(self.root)))

    @property
    def key(self) -> str:
        """Canonical text, with negations moved to the literals and the operands of runs sorted.

        Formulas that differ only in the order of operands have the same key, and formulas with the
        same key have the same extent.
        """
        return print_tree(canonical(self.root), quote_id)

    def evaluate(self, concepts: "ConceptSet") -> np.ndarray:
        """Return the extent of the formula: on which samples it is true.

        Returns
        -------
        bool array [n_samples]
            False on samples on which the formula is not defined; see `defined_on`.

        Raises
        ------
        UnknownNameError
            The set lacks a concept of the formula; the hint holds the nearest ids.
        """
        extent = self.combine(concepts.extent)
        return extent if concepts.defined is None else extent & self.defined_on(concepts)

    def combine(self, of_concept: Callable[[str], np.ndarray]) -> np.ndarray:
        """Return the formula over arrays of bool or of words, given that of each concept id.

        In words, the bits of a negation that stand for no sample are set.
        """
        return _combined(self.root, of_concept)

    def defined_on(self, concepts: "ConceptSet") -> np.ndarray:
        """Return on which samples all concepts of the formula are defined: bool [n_samples].

        Raises
        ------
        UnknownNameError
            The set lacks a concept of the formula; the hint holds the nearest ids.
        """
        return functools.reduce(np.logical_and, map(concepts.defined_on, self.ids))

    def describe(self, concepts: "ConceptSet") -> str:
        """Return the formula as text, with the names of its concepts instead of their ids.

        If several concepts of the set share a name, or it is the id of another one, the id follows
        it, as in ``crane (n02012849)``. A name that could be mistaken for syntax is quoted. So
        `parse` reads the text back, given the same concepts.

        Raises
        ------
        UnknownNameError
            The set lacks a concept of the formula; the hint holds the nearest ids.
        """
        return print_tree(self.root, functools.partial(shown_name, concepts))

    def __str__(self) -> str:
        return print_tree(self.root, quote_id)

    def __repr__(self) -> str:
        return f"Formula.parse({str(self)!r})"


def _combined(node: Literal | Group, of_concept: Callable[[str], np.ndarray]) -> np.ndarray:
    if isinstance(node, Literal):
        extent = of_concept(node.id)
    else:
        combine = np.bitwise_and if node.connective == "&" else np.bitwise_or
        extent = functools.reduce(
            combine, (_combined(operand, of_concept) for operand in node.operands)
        )
    return ~extent if node.negated else extent
