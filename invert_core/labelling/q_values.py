"""The q-values of a labelling: its p-values, corrected for all living units of a layer."""

import logging
import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from invert_core.results.label_table import LabelTable
from invert_core.settings import MAX_PERMUTATIONS, SIGNIFICANT, Settings
from invert_core.statistics.corrections import (
    SHARE_OF_PERMUTATIONS,
    adjusted,
    enough_permutations,
    log10_least_p,
)
from invert_core.wording import counted

_log = logging.getLogger("invert")

_SHARES = {"permutation": SHARE_OF_PERMUTATIONS, "group permutation": 1.0, "shift": 1.0}
"""The share of the level that is spent on permutations, by the `correction` that they give."""

_SAME = 1e-9
"""Decimal logarithms of the same p differ by less."""


@dataclass(frozen=True)
class _Layer:
    """The labels of the living units of a layer, in order.

    `share` is the share of the level spent on permutations, if p is as small as these can make it;
    else 0.
    """

    row: "array[int]" = field(default_factory=lambda: array("q"))
    unit: "array[int]" = field(default_factory=lambda: array("q"))
    log10_p: "array[float]" = field(default_factory=lambda: array("d"))
    is_ok: "array[int]" = field(default_factory=lambda: array("b"))
    share: "array[float]" = field(default_factory=lambda: array("d"))


class QValues:
    """Gathers the p-values of a labelling, and corrects them when all are known.

    Corrected together are, in each layer and by each objective, the headlines of the living units:
    two of each unit with direction "both". Only a few numbers are kept of each.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings):
        self._settings = settings
        self._layers: dict[tuple[str, str], _Layer] = {}
        self._n_rows = 0

    def add(self, table: LabelTable) -> None:
        """Take the rows of the next units."""
        layers, status = table.array("layer"), table.array("status")
        objectives = table.array("objective")
        log10_p = table.array("log10_p_search")
        is_label = table.is_label() & (status != "dead")
        share = self._shares_of_least(table)
        for name, objective in dict.fromkeys(
            zip(layers.tolist(), objectives.tolist(), strict=True)
        ):
            at = np.flatnonzero(is_label & (layers == name) & (objectives == objective))
            of_layer = self._layers.setdefault((name, objective), _Layer())
            of_layer.row.extend((self._n_rows + at).tolist())
            of_layer.unit.extend(table.array("unit")[at].tolist())
            of_layer.log10_p.extend(log10_p[at].tolist())
            of_layer.is_ok.extend((status[at] == "ok").tolist())
            of_layer.share.extend(share[at].tolist())
        self._n_rows += len(table)

    def _shares_of_least(self, table: LabelTable) -> np.ndarray:
        """Return `share` of all rows: float64 [R]."""
        shares = np.zeros(len(table))
        for correction, share in _SHARES.items():
            least = log10_least_p(self._settings.permutations, share)
            is_least = np.abs(table.array("log10_p_search") - least) < _SAME
            shares[is_least & (table.array("correction") == correction)] = share
        return shares

    def of_rows(self) -> np.ndarray:
        """Return the q-value of each row so far: float64 [R], NaN for rows without one."""
        values = np.full(self._n_rows, np.nan)
        for of_layer in self._layers.values():
            values[np.asarray(of_layer.row)] = 10.0 ** self._corrected(of_layer)
        return values

    def n_significant(self) -> int:
        """Return how many units have status "ok" and a q-value below 0.05 in any direction.

        Only the first objective counts.
        """
        count = 0
        for (_, objective), of_layer in self._layers.items():
            if objective != self._settings.objectives[0]:
                continue
            stands = self._corrected(of_layer) < math.log10(SIGNIFICANT)
            stands &= np.asarray(of_layer.is_ok, np.bool_)
            count += np.unique(np.asarray(of_layer.unit)[stands]).size
        return count

    def warn_of_least_p(self) -> None:
        """Name the layers in which labels may only lack permutations to be significant."""
        for (name, objective), of_layer in self._layers.items():
            share = np.asarray(of_layer.share)
            is_least = share > 0.0
            q_value = 10.0 ** self._corrected(of_layer)[is_least].max(initial=-math.inf)
            if q_value < SIGNIFICANT:
                continue
            log10_p = np.asarray(of_layer.log10_p)
            n_up_to = np.count_nonzero(log10_p <= log10_p[is_least].max() + _SAME)
            n_enough = enough_permutations(
                log10_p.size, int(n_up_to), self._settings.adjust, share.max()
            )
            _log.warning(
                "In layer %r, the p_search of %s of %s is the smallest that %s can give, which "
                "makes q_value %.2g. For less than %s it takes %s.",
                name,
                f"{np.count_nonzero(is_least):,}",
                counted(log10_p.size, "label" if objective == "auc" else f"{objective} label"),
                counted(self._settings.permutations, "permutation"),
                q_value,
                SIGNIFICANT,
                f"at least --permutations {n_enough}"
                if n_enough <= MAX_PERMUTATIONS
                else f"more than {MAX_PERMUTATIONS:,} permutations",
            )

    def _corrected(self, of_layer: _Layer) -> np.ndarray:
        return adjusted(np.asarray(of_layer.log10_p), self._settings.adjust)


def with_q_values(tables: Iterable[LabelTable], settings: Settings) -> list[LabelTable]:
    """Return all tables of a labelling, with q-values."""
    made = list(tables)
    q_values = QValues(settings)
    for table in made:
        q_values.add(table)
    q_values.warn_of_least_p()
    of_tables = np.split(q_values.of_rows(), np.cumsum([len(table) for table in made]))
    return [
        replace(table, rows=dict(table.rows) | {"q_value": of_table})
        for table, of_table in zip(made, of_tables, strict=False)
    ]
