"""The text of labels.csv and labels.jsonl, written column by column: every number once."""

import csv
import functools
import io
import itertools
import json
from collections.abc import Callable, Sequence

import numpy as np

from invert_core.results.column_fields import columns
from invert_core.results.columns import Label
from invert_core.results.label_table import EXPLAINED, Column, LabelTable

HEADER = ",".join(Label.ORDER) + "\n"
"""The first line of labels.csv."""

_TYPES = {name: one.type for name, one in columns(Label).items()}
_quoted = json.JSONEncoder(ensure_ascii=False).encode


def _objects(names: Sequence[str], more: str = "") -> str:
    return "{" + ", ".join(f'"{name}": %s' for name in names) + more + "}"


_EXPLANATION = _objects(EXPLAINED)
_ROW = _objects(Label.ORDER, ', "by_length": [%s]') + "\n"


class LabelText:
    """The rows of a table as text; both kinds share what is written for the numbers."""

    def __init__(self, table: LabelTable):
        self._table = table
        self._numbers: dict[str, list[str]] = {}

    def csv(self) -> str:
        """Return the lines of labels.csv."""
        table = self._table
        text = io.StringIO()
        cells = [
            table.values(name) if _TYPES[name] is str else self._of_rows(name, "")
            for name in Label.ORDER
        ]
        csv.writer(text, lineterminator="\n").writerows(zip(*cells, strict=True))
        return text.getvalue()

    def jsonl(self) -> str:
        """Return the lines of labels.jsonl: an object for each row, with `by_length`."""
        table = self._table
        texts = functools.cache(_quoted)
        explained = {name: self._of_formulas(name, texts) for name in EXPLAINED}
        formula = table.formula.tolist()
        cells = [
            [explained[name][one] for one in formula]
            if name in explained
            else list(map(texts, table.values(name)))
            if _TYPES[name] is str
            else self._of_rows(name, "null")
            for name in Label.ORDER
        ]
        of_length = table.by_length.tolist()
        picked = ([explained[name][one] for one in of_length] for name in EXPLAINED)
        objects = [_EXPLANATION % values for values in zip(*picked, strict=True)]
        by_length = [
            ", ".join(objects[start:stop])
            for start, stop in itertools.pairwise([0, *table.ends.tolist()])
        ]
        return "".join([_ROW % values for values in zip(*cells, by_length, strict=True)])

    def _of_formulas(self, name: str, texts: Callable[[str], str]) -> list[str]:
        if _TYPES[name] is str:
            return list(map(texts, self._table.explained[name].tolist()))
        written = self._written(name, self._table.explained[name])
        return ["null" if one == "nan" else one for one in written]

    def _of_rows(self, name: str, nothing: str) -> list[str]:
        if name in EXPLAINED:
            of_formulas = self._written(name, self._table.explained[name])
            written = [of_formulas[one] for one in self._table.formula.tolist()]
        else:
            written = self._written(name, self._table.rows[name])
        return [nothing if one == "nan" else one for one in written]

    def _written(self, name: str, column: Column) -> list[str]:
        if name not in self._numbers:
            values = np.asarray(column)
            if np.isinf(values).any() or (_TYPES[name] is float and np.isnan(values).any()):
                raise ValueError(f"The column {name!r} holds NaN or an infinity.")
            texts = list(map(repr, values.tolist()))
            if _TYPES[name] == int | None:
                texts = [text.removesuffix(".0") for text in texts]
            self._numbers[name] = texts
        return self._numbers[name]
