"""Concepts by name in formulas: how names are written, and which concept a name stands for."""

import functools
import logging
import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING

from invert_core.errors import UnknownNameError
from invert_core.formula.syntax import quote, quote_id
from invert_core.wording import counted, first_few, nearest

if TYPE_CHECKING:
    from invert_core.concepts.sets.concept_set import ConceptSet

_MISLEADING_IN_NAME = re.compile(r'[&|~()"]|^\s|\s$')

_log = logging.getLogger("invert")


def ambiguous_names(named: Iterable[tuple[str, str]], ids: Container[str]) -> frozenset[str]:
    """Return the names that several concepts have, or that are the id of another one.

    Parameters
    ----------
    named : iterable of (str, str)
        The id and the name of each concept and alias.
    ids : container of str
        The ids of all concepts.

    Examples
    --------
    >>> sorted(ambiguous_names([("a", "cat"), ("b", "cat"), ("c", "a")], {"a", "b", "c"}))
    ['a', 'cat']
    """
    pairs = list(named)
    count = Counter(name for _, name in pairs)
    return frozenset(name for id, name in pairs if count[name] > 1 or (name != id and name in ids))


def shown_name(concepts: "ConceptSet", id: str) -> str:
    """Return the name of a concept as formulas write it, with its id if it needs that."""
    name = concepts.name_of(id)
    return _with_id(name, id) if name in concepts.ambiguous_names else _quoted(name)


def _with_id(name: str, id: str) -> str:
    return f"{_quoted(name)} ({quote_id(id)})"


def _quoted(name: str) -> str:
    misleading = _MISLEADING_IN_NAME.search(name) or not name.isprintable()
    return quote(name) if misleading else name


class Spoken:
    """The concepts of a set by the ids and names that people write in a formula."""

    def __init__(self, concepts: "ConceptSet"):
        self._concepts = concepts

    @functools.cached_property
    def _names(self) -> dict[str, str]:
        """The name of each concept and alias, by its id."""
        concepts = self._concepts
        of_aliases = {alias.id: alias.name for alias in concepts.aliases}
        return dict(zip(concepts.id, concepts.name, strict=True)) | of_aliases

    @functools.cached_property
    def _ids(self) -> dict[str, list[str]]:
        """The ids of all concepts and aliases that have a name."""
        found: dict[str, list[str]] = {}
        for id, name in self._names.items():
            found.setdefault(name, []).append(id)
        return found

    def id_of(self, text: str, id: str | None, position: int) -> str:
        """Return the id of the concept that a text stands for: its id, or its name.

        Parameters
        ----------
        text : str
        id : str or None
            An id that follows in parentheses; its concept must have the text for a name.
        position : int
            The place of the text in the formula, counted from 1.
        """
        if id is not None:
            return self._checked(text, id, position)
        named = self._ids.get(text, [])
        if text in self._names:
            others = [other for other in named if other != text]
            if others:
                _log.warning(
                    "In the formula, %r is the concept with this id. For another one with this "
                    "name, write: %s",
                    text,
                    first_few([_with_id(text, other) for other in others], called=str),
                )
            return text
        if len(named) > 1:
            raise UnknownNameError(
                f"{text!r} at character {position} of the formula is the name of "
                f"{counted(len(named), 'concept')}.",
                f"Say which: {first_few([_with_id(text, one) for one in named], called=str)}.",
            )
        if not named:
            raise UnknownNameError(
                f"There is no concept with the id or name {text!r}.",
                nearest(
                    text,
                    {**self._names, **self._ids},
                    "List all concepts with: invert concepts show CONCEPTS",
                ),
            )
        return named[0]

    def _checked(self, name: str, id: str, position: int) -> str:
        whole = f"{name} ({id})"
        if whole in self._ids and name not in self._ids:
            raise UnknownNameError(
                f"The name {whole!r} at character {position} of the formula holds parentheses.",
                f"Put it in double quotes: {quote(whole)}.",
            )
        if self._concepts.name_of(id) != name:
            raise UnknownNameError(
                f"The concept {id!r} at character {position} of the formula is called "
                f"{self._concepts.name_of(id)!r}, not {name!r}.",
                f"Write {shown_name(self._concepts, id)}.",
            )
        return id


class LiteralNames:
    """A printer of formulas that are given by concept indices; it prints like `Formula`.

    Literal 2c stands for concept c, and 2c + 1 for its negation. All names are formatted only once,
    when the first formula is printed, because a layer has thousands of formulas.
    """

    def __init__(self, concepts: "ConceptSet"):
        self._concepts = concepts

    @functools.cached_property
    def _ids(self) -> list[str]:
        return [text for id in self._concepts.id for text in _with_negation(quote_id(id))]

    @functools.cached_property
    def _names(self) -> list[str]:
        concepts = self._concepts
        return [text for id in concepts.id for text in _with_negation(shown_name(concepts, id))]

    def formula(self, literals: Sequence[int], connectives: Sequence[str]) -> str:
        """Return ``str`` of the formula that `Formula.from_literals` would make."""
        return _joined(literals, connectives, self._ids)

    def label(self, literals: Sequence[int], connectives: Sequence[str]) -> str:
        """Return what `Formula.describe` would return."""
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
