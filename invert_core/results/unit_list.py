"""The units of a run with their answers, filtered and sorted, for lists that people read."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from invert_core.errors import DataError, UnknownNameError
from invert_core.formula.syntax import tokens
from invert_core.results.columns import VERDICTS, Label
from invert_core.results.labels import Labels, answers_of
from invert_core.values import pattern_rule
from invert_core.wording import choice, nearest

Answers = tuple[Label, ...]
"""The label of a unit and direction, and those of the other objectives; or the row of a dead unit.
"""


def _descending(number: float | None) -> float | None:
    return None if number is None else -number


_KEYS: dict[str, Callable[[Label], Any]] = {
    "unit": lambda row: 0,
    "auc": lambda row: -abs(row.auc - 0.5) if row.formula else None,
    "held-out": lambda row: None if row.auc_held_out is None else -abs(row.auc_held_out - 0.5),
    "top10": lambda row: _descending(row.precision_at_10),
    "p": lambda row: row.log10_p_search if row.formula else None,
    "q": lambda row: row.q_value,
    "positive": lambda row: -row.n_positive if row.formula else None,
    "verdict": lambda row: VERDICTS.index(row.verdict),
    "label": lambda row: row.label.casefold() or None,
}
SORTS = tuple(_KEYS)
"""What units can be sorted by: the best first, units without a value last."""


def list_units(
    labels: Labels,
    *,
    concept: str | None = None,
    verdicts: Sequence[str] = (),
    sort: str = "unit",
    reverse: bool = False,
) -> list[Answers]:
    """Return the units and directions of a run, each with its answers.

    Parameters
    ----------
    labels : Labels
    concept : str, optional
        Id or name of a concept, or a pattern of these: only units of which an answer uses it.
    verdicts : sequence of str
        Only units of which an answer has one of these verdicts; all if there are none.
    sort : str
        One of `SORTS`, of the first answer; units with equal values stay in their order.
    reverse : bool
        Put the last first, but keep units without a value at the end.

    Raises
    ------
    SettingError
        There is no such verdict, or nothing to sort by of this name.
    DataError
        Verdicts are asked for, but the run has none.
    UnknownNameError
        No answer uses the concept.
    """
    for what, word, known in [
        *(("verdict", verdict, VERDICTS) for verdict in verdicts),
        ("order of units", sort, SORTS),
    ]:
        if word not in known:
            raise choice(what, word, known)
    units = _all(labels)
    if verdicts:
        units = _judged(units, set(verdicts))
    if concept is not None:
        units = _with_concept(units, concept)
    key = _KEYS[sort]
    valued = [unit for unit in units if key(unit[0]) is not None]
    valued.sort(key=lambda unit: key(unit[0]), reverse=reverse)
    return valued + [unit for unit in units if key(unit[0]) is None]


def _all(labels: Labels) -> list[Answers]:
    found = []
    for table in labels.tables:
        first = np.flatnonzero(table.is_label() & table.is_of_first_objective())
        found += [tuple(table.take(at)) for at in answers_of(table, first)]
    return found


def _judged(units: Iterable[Answers], verdicts: set[str]) -> list[Answers]:
    units = list(units)
    given = {row.verdict for unit in units for row in unit}
    if given <= {"none", "dead"} and not verdicts & given:
        raise DataError(
            "The labels of this run have no verdicts, because no evidence was made.",
            "Label again without --no-evidence.",
        )
    return [unit for unit in units if any(row.verdict in verdicts for row in unit)]


def _with_concept(units: Iterable[Answers], concept: str) -> list[Answers]:
    units = list(units)
    fits = pattern_rule(concept).fullmatch
    names = concept_names(row for unit in units for row in unit)
    asked = {id for id, name in names.items() if fits(id) or fits(name)}
    if not asked:
        raise UnknownNameError(
            f"No label or peak of this run uses a concept called {concept!r}.",
            nearest(
                concept.strip("*?"),
                dict.fromkeys((*names, *names.values())),
                "See which concepts they use with: invert show RUN",
            ),
        )
    return [unit for unit in units if any(asked.intersection(ids_of(row)) for row in unit)]


def ids_of(row: Label) -> tuple[str, ...]:
    """Return the ids of the concepts in the formula of a row."""
    return _ids(row.formula)


def concept_names(rows: Iterable[Label]) -> dict[str, str]:
    """Return the names of the concepts in the formulas of some rows, by their ids."""
    names: dict[str, str] = {}
    for formula, label in dict.fromkeys((row.formula, row.label) for row in rows if row.formula):
        names |= dict(zip(_ids(formula), _names(label), strict=True))
    return names


@functools.lru_cache(maxsize=4096)
def _ids(formula: str) -> tuple[str, ...]:
    return tuple(token for kind, token, _ in tokens(formula) if kind == "id")


def _names(label: str) -> list[str]:
    found = tokens(label, lambda name, _id, _position: name)
    return [token for kind, token, _ in found if kind == "id"]
