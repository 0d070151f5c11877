"""Which of the formulas that a search found are worth their length."""

from collections.abc import Collection
from typing import Any


def report(beam: Collection[Any], by_length: Collection[Any], sign: float, min_gain: float) -> list:
    """Keep each formula that gains `min_gain` or more on every shorter one kept, in order.

    A formula has `literals`, `connectives` and `auc`; with sign -1.0 the smallest AUC is the best.
    """

    def order(formula: Any) -> tuple:
        length = len(formula.literals)
        return (-sign * formula.auc, length, formula.literals, formula.connectives)

    reported: list[Any] = []
    for found in sorted({*beam, *by_length}, key=lambda one: (len(one.literals), order(one))):
        shorter = [sign * one.auc for one in reported if len(one.literals) < len(found.literals)]
        if not shorter or sign * found.auc - max(shorter) >= min_gain:
            reported.append(found)
    return sorted(reported, key=order)
