"""The columns of results, each declared once as a field with its meaning.

Five things follow from these fields: the row of a dead unit, the columns that older files may lack,
the values that a file may hold, the types in Parquet files, and the table in docs/file-formats.md.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from invert_core.results.column_fields import REQUIRED, column, columns, described
from invert_core.settings import OBJECTIVES

VERDICTS = (
    "holds",
    "partly",
    "bulk",
    "fades",
    "chance",
    "steps",
    "untrusted",
    "dead",
    "none",
)


def with_name(address: str, name: str) -> str:
    """Write an address for people, with the name of the unit behind it if there is one.

    >>> with_name("fc:3", "traffic light"), with_name("fc:4", "")
    ('fc:3 (traffic light)', 'fc:4')
    """
    return f"{address} ({name})" if name else address


@described
@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A formula, and how well one unit separates its extent."""

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
    p_value: float = column(
        "Two-sided p-value of U; of formulas found by `phi`, `iou` or `f1`, the hypergeometric "
        "one.",
        dead=1.0,
    )
    log10_p: float = column(
        "Decimal logarithm of `p_value`, correct even if `p_value` underflows to 0.",
        dead=0.0,
        at_most=0.0,
    )
    n_positive: int = column("Samples on which the formula is true.", dead=0)
    n_samples: int = column(
        "Samples on which all concepts of the formula are defined. Only these are compared; they "
        "are all samples unless labels are missing."
    )
    concept_fraction: float = column("`n_positive` divided by `n_samples`.", dead=0.0)
    score: float | None = column(
        "Value of the objective; with direction `negative`, that of -1 times the activations.",
        dead=None,
        default=None,
    )


@described
@dataclass(frozen=True, kw_only=True)
class UnitExplanation(Explanation):
    """A unit, a formula, and how far the test of the formula on the unit can be trusted."""

    layer: str = column("Layer of the unit.")
    unit: int = column("Number of the unit in its layer, from 0; its address is `layer:unit`.")
    unit_name: str = column(
        "Name of the unit, such as `channel@y,x` in a flattened layer; empty if the unit has no "
        "name. An address may hold the name instead of the number.",
        default="",
    )
    rank: int = column("Rank of the row, from 1 for the best.", dead=1)
    method: str = column(
        "Where the p-value comes from, given the ties of the unit: `exact` counting, the "
        "`saddlepoint` approximation, `split` (the same, summed over how many samples of the "
        "largest tie group are inside), or the `normal` approximation, as in earlier versions; "
        "`none` for a unit that is dead or constant.",
        dead="none",
    )
    status: str = column(
        "`ok`; `dead` if the unit is constant, so that there is no formula; `constant` if the unit "
        "is constant on the `n_samples` of the formula, but not on all samples; or, in runs of "
        "earlier versions, `untrusted` if the corrected p-value is below 0.05 by the normal tail "
        "only.",
        dead="dead",
    )

    @property
    def address(self) -> str:
        """The unit as ``layer:unit``."""
        return f"{self.layer}:{self.unit}"

    @property
    def shown_address(self) -> str:
        """The address, and the name of the unit if it has one."""
        return with_name(self.address, self.unit_name)


@described
@dataclass(frozen=True, kw_only=True)
class Label(UnitExplanation):
    """One row of the result of a labelling."""

    direction: str = column(
        "Direction of the search: `positive` for what is high, `negative` for what is low (the "
        "smallest AUC), or `given` if one given formula was tested."
    )
    p_search: float = column(
        "`p_value` corrected for the search among many formulas, as `correction` says.", dead=1.0
    )
    log10_p_search: float = column("Decimal logarithm of `p_search`.", dead=0.0, at_most=0.0)
    n_scored: int = column("Number of formulas that the search scored.", dead=0)
    gap: float | None = column(
        "How much better, in AUC, the best possible formula can be than the best one found (which "
        "`--min-gain` may leave out). It is 0 if the best one found is certified to be the best "
        "possible, more if a time limit ended the search, and nothing after a beam search, which "
        "certifies nothing.",
        dead=None,
        default=None,
        at_least=0.0,
    )
    correction: str = column(
        "What `p_search` comes from: `permutation`, the same search on permuted samples; `group "
        "permutation`, on samples permuted in whole groups; `shift`, on samples shifted in order; "
        "`space`, Šidák's correction for all formulas that the search could have returned, even "
        "those that it did not score (for the headline, all that are not longer, times the number "
        "of lengths); or `none` if nothing was searched.",
        dead="none",
        default="space",
        words=("permutation", "group permutation", "shift", "space", "none"),
    )
    q_value: float | None = column(
        "`p_search` of the headline, corrected for all living units of the layer: the false "
        "discovery rate if this row and all with a smaller `p_search` are called significant, or "
        "the family-wise error rate if `--adjust holm` asked for it.",
        dead=None,
        default=None,
        at_least=0.0,
        at_most=1.0,
    )
    n_groups_positive: int | None = column(
        "Groups with at least one sample on which the formula is true; nothing if the samples are "
        "not in groups.",
        dead=None,
        default=None,
    )
    auc_held_out: float | None = column(
        "AUC on the held-out samples, which the search did not see; nothing if there are none, or "
        "if the formula is true on all or none of them.",
        dead=None,
        default=None,
        at_least=0.0,
        at_most=1.0,
    )
    auc_held_out_low: float | None = column(
        "Lower end of the 95 % confidence interval of `auc_held_out`. If the samples are in "
        "groups, it comes from these; nothing if they are not known, or if fewer than two of them "
        "have samples on which the formula is true, or false.",
        dead=None,
        default=None,
        at_least=0.0,
        at_most=1.0,
    )
    auc_held_out_high: float | None = column(
        "Upper end of this interval.", dead=None, default=None, at_least=0.0, at_most=1.0
    )
    p_held_out: float | None = column(
        "One-sided p-value on the held-out samples, in the direction of the search: given the ties "
        "or, if the samples are in groups, of a t test between these; nothing where the interval "
        "is. Of formulas found by `phi`, `iou` or `f1` it is the hypergeometric one, and nothing "
        "if the samples are in groups. No search was made there, so it needs no correction for "
        "formulas.",
        dead=None,
        default=None,
        at_least=0.0,
        at_most=1.0,
    )
    log10_p_held_out: float | None = column(
        "Decimal logarithm of `p_held_out`.", dead=None, default=None, at_most=0.0
    )
    n_positive_held_out: int | None = column(
        "Held-out samples on which the formula is true.", dead=None, default=None
    )
    n_samples_held_out: int | None = column(
        "Held-out samples on which the formula is defined.", dead=None, default=None
    )
    optimism: float | None = column(
        "How much better, in the direction of the search, the AUC is on the searched samples than "
        "on the held-out ones; of formulas found by `phi`, `iou` or `f1`, `score` minus "
        "`score_held_out`.",
        dead=None,
        default=None,
    )
    headline: int = column(
        "1 for the label of the unit: of the best formulas of each length, the one with the "
        "smallest p corrected for all formulas that are not longer; a longer one that does not "
        "beat the shorter ones on held-out samples is none. A unit has one for each objective and "
        "direction; if it is not among the best rows, it comes after them, with the next rank. Its "
        "`p_search` allows for this choice. 0 for other rows, and for all rows of earlier "
        "versions, where rank 1 stands for it.",
        dead=1,
        default=0,
    )
    rank_correlation: float | None = column(
        "Correlation of the midranks of the activations with the formula (1 where it is true, 0 "
        "where it is false); unlike the AUC, it is small if the formula is true on few samples.",
        dead=None,
        default=None,
        at_least=-1.0,
        at_most=1.0,
    )
    point_biserial: float | None = column(
        "Correlation of the activations themselves with the formula; nothing if any is infinite.",
        dead=None,
        default=None,
        at_least=-1.0,
        at_most=1.0,
    )
    precision_at_10: float | None = column(
        "Share of the 10 highest samples (of the lowest, in direction `negative`) on which the "
        "formula is true. Of samples that are tied at the edge, the share that is expected counts. "
        "It is to be compared with `concept_fraction`, which is expected by chance.",
        dead=None,
        default=None,
        at_least=0.0,
        at_most=1.0,
    )
    precision_at_100: float | None = column(
        "The same share of the 100 highest samples, or of all if there are fewer.",
        dead=None,
        default=None,
        at_least=0.0,
        at_most=1.0,
    )
    precision_at_size: float | None = column(
        "The same share of the `n_positive` highest samples. It is the recall there, too.",
        dead=None,
        default=None,
        at_least=0.0,
        at_most=1.0,
    )
    average_precision: float | None = column(
        "Average precision: the mean, over the samples on which the formula is true, of the share "
        "of such samples among those that are as high or higher. By chance it is about "
        "`concept_fraction`.",
        dead=None,
        default=None,
        at_least=0.0,
        at_most=1.0,
    )
    best_f1: float | None = column(
        "The largest F1 of a threshold on the activation as a prediction of the formula.",
        dead=None,
        default=None,
        at_least=0.0,
        at_most=1.0,
    )
    n_distinct: int | None = column(
        "Number of different values of the unit on all samples.", dead=None, default=None
    )
    mode_share: float | None = column(
        "Share of the samples with the commonest value of the unit, such as 0.",
        dead=None,
        default=None,
        at_least=0.0,
        at_most=1.0,
    )
    range_in_steps: float | None = column(
        "Difference of the largest and the smallest value of the unit, in rounding steps of its "
        "number type at its largest magnitude; a unit that is constant but for rounding has few. "
        "Nothing if a value is infinite.",
        dead=None,
        default=None,
        at_least=0.0,
    )
    verdict: str = column(
        "What the label is worth: `dead` (nothing to explain); `untrusted` (see `status`); `steps` "
        "(the unit is constant but for rounding); `chance` (`p_search` is above 0.05); `fades` "
        "(`optimism` is above 0.05 or, by `phi`, `iou` or `f1`, `score_held_out` is below half of "
        "`score`); of the k highest samples, where k is 10 or `n_positive` if "
        "that is less, `holds` (the formula is true on at least 0.6 k), `partly` (on at least "
        "0.2 k), both only if so many by chance have a binomial probability of at most 0.05; or "
        "`bulk` (the formula describes the bulk of the activations, not their peak). `none` if no "
        "evidence was made.",
        dead="dead",
        default="none",
        words=VERDICTS,
    )
    objective: str = column(
        "What the search maximised, see `--objective`. Each objective has rows, ranks, a headline "
        "and q-values of its own; those of the first one come first.",
        dead=REQUIRED,
        default="auc",
        words=OBJECTIVES,
    )
    score_held_out: float | None = column(
        "Value of `phi`, `iou` or `f1` on the held-out samples, of which the same share count as "
        "the highest; nothing for other objectives, or where `auc_held_out` is nothing.",
        dead=None,
        default=None,
    )
    by_length: tuple[Explanation, ...] = ()
    """The best formula found of each length, whatever `min_gain` was; only in the row of rank 1."""

    ORDER: ClassVar[tuple[str, ...]]
    """The columns of labels.csv."""

    @classmethod
    def of_dead_unit(cls, **given: Any) -> Self:
        """Return the only row of a dead unit, given the columns that differ between dead units.

        >>> Label.of_dead_unit(layer="fc", unit=3, direction="positive", n_samples=9).status
        'dead'
        """
        values = {name: one.metadata["dead"] for name, one in columns(cls).items()}
        return cls(**{name: dead for name, dead in values.items() if dead is not REQUIRED} | given)

    def row(self) -> dict[str, Any]:
        """Return the columns of labels.csv with their values."""
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
"""The order of the columns so far; a new column comes after them."""
_LAST = ("score", "score_held_out")

Label.ORDER = (
    *_FIRST,
    *(name for name in columns(Label) if name not in (*_FIRST, *_LAST)),
    *_LAST,
)
