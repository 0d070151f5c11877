"""The definitions of the method once more, in the plainest code, however slow it is.

Samples are the numbers 0..N-1, and an extent is a set of them. Concepts are a list of extents.
Literal 2c is concept c, and literal 2c + 1 is its negation. A formula is a tuple of literals and a
tuple of the connectives between them, read from left to right.
"""

from tests.naive.arrangements import (
    exchanges_of_groups,
    orders_of_labels,
    share_as_small,
    shifts_of_samples,
)
from tests.naive.conditional import conditional_p, log10_of, rank_sum_counts
from tests.naive.corrections import log10_p_holm, log10_p_search, n_formulas
from tests.naive.exhaustive import exhaustive_search
from tests.naive.formulas import atoms, extent_of, extents, normal_form
from tests.naive.masked import MaskedScored, any_masked_literal_passes, masked_beam_search
from tests.naive.objectives import Measure, definition, highest
from tests.naive.ranks import RankTest, auc, doubled_midranks, large_ties, mann_whitney, tie_sum
from tests.naive.search import NoLiteralPassesError, Scored, Search, any_literal_passes, beam_search
from tests.naive.tails import log10_upper_tail, tail_by_fraction, tail_by_series

__all__ = [
    "MaskedScored",
    "Measure",
    "NoLiteralPassesError",
    "RankTest",
    "Scored",
    "Search",
    "any_literal_passes",
    "any_masked_literal_passes",
    "atoms",
    "auc",
    "beam_search",
    "conditional_p",
    "definition",
    "doubled_midranks",
    "exchanges_of_groups",
    "exhaustive_search",
    "extent_of",
    "extents",
    "highest",
    "large_ties",
    "log10_of",
    "log10_p_holm",
    "log10_p_search",
    "log10_upper_tail",
    "mann_whitney",
    "masked_beam_search",
    "n_formulas",
    "normal_form",
    "orders_of_labels",
    "rank_sum_counts",
    "share_as_small",
    "shifts_of_samples",
    "tail_by_fraction",
    "tail_by_series",
    "tie_sum",
]
