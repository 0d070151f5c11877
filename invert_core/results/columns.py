"""The columns of results, each declared once: as a field with what it means.

What a dead unit has, what files of earlier versions may lack, which values a file may hold, the
types in Parquet files and the table of docs/file-formats.md all follow from these fields.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Self, TypeVar

Row = TypeVar("Row", bound="Explanation")

_REQUIRED = object()
_TEXT_OF_TYPE: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    float | None: "number or nothing",
}


def column(
    what: str,
    *,
    dead: object = _REQUIRED,
    default: Any = MISSING,
    at_least: float = -math.inf,
    at_most: float = math.inf,
) -> Any:
    """A field that is a column.

    Parameters
    ----------
    what : str
        What it means, as whole sentences.
    dead : optional
        What a dead unit has; left out where that depends on the unit.
    default : optional
        What rows have that were written before there was this column.
    at_least, at_most : float
        What numbers in files are refused beyond.
    """
    return field(
        default=default,
        metadata={"what": what, "dead": dead, "at_least": at_least, "at_most": at_most},
    )


def columns(kind: type) -> dict[str, Field[Any]]:
    """The fields of a kind of row that are columns, by name."""
    return {one.name: one for one in fields(kind) if "what" in one.metadata}


def described(kind: type[Row]) -> type[Row]:
    """Add the meaning of the columns to the docstring of a kind of row."""
    lines = [f"    {name}\n        {one.metadata['what']}" for name, one in columns(kind).items()]
    kind.__doc__ = (
        f"{kind.__doc__}\n\n    Attributes\n    ----------\n" + "\n".join(lines) + "\n    "
    )
    return kind


def markdown_table(kind: type, order: tuple[str, ...]) -> str:
    """The columns as a table of Markdown."""
    found = columns(kind)
    lines = ["| column | type | meaning |", "| --- | --- | --- |"]
    lines += [
        f"| `{name}` | {_TEXT_OF_TYPE[found[name].type]} | {found[name].metadata['what']} |"
        for name in order
    ]
    return "\n".join(lines) + "\n"


@described
@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A formula and how one unit separates its extent."""

    formula: str = column("The formula in concept ids; empty for a dead unit.", dead="")
    label: str = column("The formula in names; empty for a dead unit.", dead="")
    length: int = column("Number of literals of the formula.", dead=0)
    auc: float = column(
        "Probability that a sample inside the extent has a higher activation than one outside, "
        "ties counting one half.",
        dead=0.5,
    )
    u: float = column(
        "Mann-Whitney U of the samples inside the extent, ties counting one half.", dead=0.0
    )
    z: float = column("Standard score of U, corrected for ties and continuity.", dead=0.0)
    p_value: float = column("Two-sided p-value of U.", dead=1.0)
    log10_p: float = column(
        "Decimal logarithm of `p_value`, also where that underflows to 0.", dead=0.0, at_most=0.0
    )
    n_positive: int = column("Samples on which the formula is true.", dead=0)
    n_samples: int = column(
        "Samples on which all concepts of the formula are defined, which are all unless labels "
        "are missing; nothing else was compared."
    )
    concept_fraction: float = column("Share of `n_positive` in `n_samples`.", dead=0.0)


@described
@dataclass(frozen=True, kw_only=True)
class UnitExplanation(Explanation):
    """A unit, a formula, and what the test of one on the other is worth."""

    layer: str = column("Layer of the unit.")
    unit: int = column("Number of the unit in its layer, from 0; its address is `layer:unit`.")
    unit_name: str = column(
        "Name of the unit where units have names, as those of a flattened layer (`channel@y,x`) "
        "have; else empty. It may stand in an address in place of the number.",
        default="",
    )
    rank: int = column("Place of the row, from 1; best first.", dead=1)
    method: str = column(
        "Distribution that p comes from: `normal`, or `none` for a unit that is dead or constant.",
        dead="none",
    )
    status: str = column(
        "`ok`; `dead` for a constant unit, which has no formula; `constant` for a formula on whose "
        "`n_samples` the unit is constant, though it is not on all samples; or `untrusted` where "
        "the corrected p is below 0.05 by the normal tail alone, and not when the skew of U is "
        "taken into account.",
        dead="dead",
    )

    @property
    def address(self) -> str:
        """The unit as ``layer:unit``."""
        return f"{self.layer}:{self.unit}"

    @property
    def named_address(self) -> str:
        """The unit as ``layer:name``."""
        return f"{self.layer}:{self.unit_name}"


@described
@dataclass(frozen=True, kw_only=True)
class Label(UnitExplanation):
    """One row of the result of a labelling."""

    direction: str = column(
        "What was sought: `positive` for the largest AUC, `negative` for the smallest; `given` "
        "where one formula was tested."
    )
    p_search: float = column(
        "`p_value` corrected (Šidák) for all formulas that the search could have returned, not "
        "only for those it scored.",
        dead=1.0,
    )
    log10_p_search: float = column("Decimal logarithm of `p_search`.", dead=0.0, at_most=0.0)
    n_scored: int = column("Formulas that the search scored.", dead=0)
    gap: float | None = column(
        "How much better, in AUC, an unknown formula can be than the best found (which "
        "`--min-gain` may leave out): 0 if the best of all is certified, more if a time limit "
        "ended the search; nothing after a beam search, which cannot know.",
        dead=None,
        default=None,
        at_least=0.0,
    )
    by_length: tuple[Explanation, ...] = ()
    """Of the row of rank 1: the best formula found of each length, whatever `min_gain` was."""

    ORDER: ClassVar[tuple[str, ...]]
    """The columns of labels.csv."""

    @classmethod
    def of_dead_unit(cls, **given: Any) -> Self:
        """The one row of a unit that is constant, given the columns that are not the same for all.

        >>> Label.of_dead_unit(layer="fc", unit=3, direction="positive", n_samples=9).status
        'dead'
        """
        values = {name: one.metadata["dead"] for name, one in columns(cls).items()}
        return cls(**{name: dead for name, dead in values.items() if dead is not _REQUIRED} | given)

    def row(self) -> dict[str, Any]:
        """The columns of labels.csv."""
        return {name: getattr(self, name) for name in self.ORDER}


_FIRST = (
    "layer",
    "unit",
    "rank",
    "formula",
    "label",
    "length",
    "direction",
    "auc",
    "u",
    "z",
    "p_value",
    "log10_p",
    "p_search",
    "log10_p_search",
    "method",
    "status",
    "n_positive",
    "n_samples",
    "concept_fraction",
    "n_scored",
    "gap",
    "unit_name",
)
"""The order that the first versions of the file have; a new column follows behind them."""

Label.ORDER = (*_FIRST, *(name for name in columns(Label) if name not in _FIRST))


def checked(kind: type[Explanation], values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row as a file has them; those that older files lack get their default.

    Raises
    ------
    ValueError
        A column is unknown or missing, or a value is not what this column can hold.
    """
    if not isinstance(values, Mapping):
        raise ValueError("it is no object")
    found = columns(kind)
    absent = {name: one.default for name, one in found.items() if one.default is not MISSING}
    values = absent | dict(values)
    if set(values) != set(found):
        raise ValueError(f"columns {sorted(set(values) ^ set(found))}")
    for name, value in values.items():
        _check(found[name], value)
    return values


def _check(one: Field[Any], value: object) -> None:
    optional = one.type == float | None
    if value is None and optional:
        return
    if type(value) is not (float if optional else one.type):
        raise ValueError(f"{one.name} is {value!r}")
    if isinstance(value, str):
        value.encode()  # half a surrogate pair could not be written again
    elif isinstance(value, int) and not 0 <= value < 2**63:
        raise ValueError(f"{one.name} is out of range")
    elif isinstance(value, float) and not (
        math.isfinite(value) and one.metadata["at_least"] <= value <= one.metadata["at_most"]
    ):
        raise ValueError(f"{one.name} is {value}")
