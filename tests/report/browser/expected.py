"""What a page must show of a run, from labels.csv and from the activations."""

import csv
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.formula.formula import Formula
from invert_core.formula.syntax import tokens
from tests.naive.evidence import Ranked
from tests.report.browser.runs import Made

Row = dict[str, str]
WORDS = {"&": " and ", "|": " or ", "~": "not "}
NOTHING = "–"


def rows_of(made: Made) -> list[Row]:
    """Return the rows of labels.csv."""
    with (made.path / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def answer(rows: list[Row], unit: int, objective: str, direction: str = "positive") -> Row | None:
    """Return the row that is the label of a unit, or that says that it is dead."""
    found = [row for row in rows if int(row["unit"]) == unit and row["headline"] == "1"]
    dead = [row for row in found if row["status"] == "dead"]
    sought = {"objective": objective, "direction": direction}
    of_search = [row for row in found if sought.items() <= row.items()]
    return (of_search or dead or [None])[0]


def fixed(number: str, digits: int = 4) -> str:
    """Return a number of labels.csv with so many decimals."""
    return f"{float(number):.{digits}f}" if number else NOTHING


def in_words(formula: str, concepts: ConceptSet) -> str:
    """Return a formula in ids as the page says it, in names."""
    names = dict(zip(concepts.id, concepts.name, strict=True))
    return "".join(
        names[text] if kind == "id" else WORDS.get(text, text) for kind, text, _ in tokens(formula)
    )


def assert_is_rounded(text: str, number: str) -> None:
    """Compare a number as it is shown with that of labels.csv, to the last digit shown."""
    shown = Decimal(text)
    exponent = shown.as_tuple().exponent
    assert abs(shown - Decimal(number)) <= Decimal("0.5000001").scaleb(exponent), (text, number)


def assert_is_power(text: str, exponent: str) -> None:
    """Compare a number that may be below all floats with its logarithm in labels.csv."""
    assert_is_rounded(text, str(Decimal(10) ** Decimal(exponent)))


@dataclass(frozen=True)
class Found:
    """What the activations say of a formula, all samples of one kind, searched or unseen."""

    values: np.ndarray
    extent: np.ndarray
    domain: np.ndarray
    sign: int

    @classmethod
    def of(cls, made: Made, row: Row, *, unseen: bool = False) -> "Found":
        """Evaluate the formula of a row again."""
        n = len(made.values[row["layer"]])
        part = slice(n, None) if unseen else slice(n)
        source: Any = made.unseen if unseen else made.values
        formula = Formula.parse(row["formula"])
        return cls(
            source[row["layer"]][:, int(row["unit"])],
            formula.evaluate(made.concepts)[part],
            formula.defined_on(made.concepts)[part],
            -1 if row["direction"] == "negative" else 1,
        )

    def everywhere(self) -> "Found":
        """Return the same where the formula is taken to be defined on all samples."""
        return replace(self, domain=np.ones_like(self.domain))

    @property
    def ranked(self) -> Ranked:
        """The samples in order."""
        return Ranked(self.values, self.extent, self.domain, self.sign)

    def hits(self, n: int) -> float:
        """Return how many of the first n samples are inside, ties by expectation."""
        return float(self.ranked.hits(n))

    def auc(self) -> float:
        """Return the AUC by comparing all pairs."""
        inside = self.values[self.extent & self.domain][:, None].astype(np.float64)
        outside = self.values[~self.extent & self.domain].astype(np.float64)
        return float(((inside > outside) + 0.5 * (inside == outside)).mean())
