"""How good a beam search was, compared with an exhaustive search that knows the best formulas."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any

from invert_core.errors import DataError, FileFormatError
from invert_core.results.columns import Explanation, Label, with_name
from invert_core.results.labels import Labels
from invert_core.results.run_directory import RUN_FILE, read_run
from invert_core.settings import SEARCHES

COLUMNS = (
    "layer",
    "unit",
    "direction",
    "status",
    "loss",
    "loss_at_most",
    "beam_auc",
    "exhaustive_auc",
    "beam_formula",
    "exhaustive_formula",
    "beam_label",
    "exhaustive_label",
    "unit_name",
)

_INPUTS = ("activations", "concepts")
_SETTINGS = ("length", "min_fraction", "max_fraction", "direction")


@dataclass(frozen=True)
class ComparedUnit:
    """What the two searches found for one unit in one direction.

    Attributes
    ----------
    layer, unit, direction : str, int, str
    unit_name : str
        Name of the unit; "" if it has none.
    beam, exhaustive : Explanation
        The best formula that each search found, among its rows and `by_length`. With `min_gain`,
        the row of rank 1 need not be the best.
    status : {"optimal", "not optimal", "unknown"}
        Whether no formula is better than the one of the beam search ("optimal"), a better one is
        known ("not optimal"), or a time limit ended the exhaustive search too early to tell
        ("unknown").
    loss : float
        How much better, in AUC, the best known formula is than the one of the beam search.
    loss_at_most : float
        How much better, in AUC, the best possible formula can be. It equals `loss` unless the time
        limit left a gap.
    """

    layer: str
    unit: int
    direction: str
    beam: Explanation
    exhaustive: Explanation
    status: str
    loss: float
    loss_at_most: float
    unit_name: str = ""

    @property
    def address(self) -> str:
        """The unit as ``layer:unit``."""
        return f"{self.layer}:{self.unit}"

    @property
    def shown_address(self) -> str:
        """The address, and the name of the unit if it has one."""
        return with_name(self.address, self.unit_name)

    def row(self) -> dict[str, Any]:
        """Return the values of `COLUMNS`, keyed by column."""
        values = vars(self) | {
            f"{search}_{name}": getattr(getattr(self, search), name)
            for search in SEARCHES
            for name in ("auc", "formula", "label")
        }
        return {name: values[name] for name in COLUMNS}


@dataclass(frozen=True)
class Comparison:
    """Two runs, compared unit by unit.

    Attributes
    ----------
    units : tuple of ComparedUnit
        The units that both runs have and that are not dead, in the order of the beam run. With
        direction "both", each unit appears twice.
    n_dead : int
        Number of units that both runs have but could not search, because they are dead.
    n_only_beam, n_only_exhaustive : int
        Number of units that only one run has.
    """

    units: tuple[ComparedUnit, ...]
    n_dead: int
    n_only_beam: int
    n_only_exhaustive: int

    @property
    def n_optimal(self) -> int:
        """Number of `units` for which no formula is better than the one of the beam search."""
        return sum(unit.status == "optimal" for unit in self.units)

    @property
    def n_unknown(self) -> int:
        """Number of `units` for which a time limit left this unknown."""
        return sum(unit.status == "unknown" for unit in self.units)

    @property
    def not_optimal(self) -> tuple[ComparedUnit, ...]:
        """The units for which a better formula is known, largest loss first."""
        found = [unit for unit in self.units if unit.status == "not optimal"]
        return tuple(sorted(found, key=lambda unit: -unit.loss))


def compare_runs(run: str | PathLike[str], certified: str | PathLike[str]) -> Comparison:
    """Find out for how many units a beam search found the best possible formula.

    Two AUCs are equal if they are equal as float64. The runs may differ in `beam`, `limit_search`,
    `min_gain`, layers and units.

    Parameters
    ----------
    run, certified : path
        The run directories of a beam search and of an exhaustive search, in any order.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        Both runs used the same search; their inputs, length, fraction limits, direction, join,
        match or missing differ; no unit is in both; or the beam search found a formula that the
        exhaustive search rules out.
    MissingFileError, FileFormatError
        A path is not a run directory, or the run is broken.
    """
    runs = [_described(path) for path in (run, certified)]
    by_search = {one.search: one for one in runs}
    if len(by_search) < len(runs):
        option = " --search exhaustive" if runs[0].search == "beam" else ""
        raise DataError(
            f"Both {runs[0].path!r} and {runs[1].path!r} are runs of the search "
            f"{runs[0].search!r}.",
            f"Make one to compare with: invert label ACTIVATIONS CONCEPTS -o RUN{option}",
        )
    beam, exhaustive = (by_search[search] for search in SEARCHES)
    _refuse_others(beam, exhaustive)
    in_beam, in_exhaustive = beam.searches(), exhaustive.searches()
    common = [key for key in in_beam if key in in_exhaustive]
    units = {key[:2] for key in common}
    if not units:
        raise DataError(
            f"No unit is in both {beam.path!r} and {exhaustive.path!r}.",
            "Label the same layers and units, with -l and --units.",
        )
    alive = [key for key in common if in_beam[key][0].status != "dead"]
    return Comparison(
        units=tuple(_compared(in_beam[key], in_exhaustive[key]) for key in alive),
        n_dead=len(common) - len(alive),
        n_only_beam=len({key[:2] for key in in_beam} - units),
        n_only_exhaustive=len({key[:2] for key in in_exhaustive} - units),
    )


@dataclass(frozen=True)
class _Described:
    """A run; `made_of` holds what two runs must share to be compared."""

    path: str
    search: str
    made_of: dict[str, Any]
    labels: Labels

    def searches(self) -> dict[tuple[str, int, str], list[Label]]:
        """Return the rows of each search by AUC, keyed by layer, unit and direction."""
        found: dict[tuple[str, int, str], list[Label]] = {}
        for row in self.labels:
            # A dead unit has one row, by the first objective.
            if row.objective == "auc" or row.status == "dead":
                found.setdefault((row.layer, row.unit, row.direction), []).append(row)
        return found


def _described(path: str | PathLike[str]) -> _Described:
    run = read_run(path)
    try:
        settings = run.info["settings"]
        made_of = {name: run.info["inputs"][name]["sha256"] for name in _INPUTS}
        made_of |= {name: settings[name] for name in _SETTINGS}
        arguments = run.info["arguments"]
        # The first versions had neither missing labels nor a choice of matching and search.
        made_of |= {"join": arguments["join"], "missing": arguments.get("missing", "error")}
        made_of["match"] = arguments.get("match", "exact")
        search = settings.get("search", "beam")
        if search not in SEARCHES:
            raise KeyError(search)
        by_auc = "auc" in settings.get("objective", ("auc",))
    except (KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"{str(Path(path) / RUN_FILE)!r} does not say how the run was made ({error}).",
            "Make it again with: invert label ACTIVATIONS CONCEPTS -o RUN",
        ) from error
    if not by_auc:
        raise DataError(
            f"The run {str(path)!r} was not searched by AUC.", "Label again with --objective auc."
        )
    return _Described(str(path), search, made_of, run.labels)


def _refuse_others(beam: _Described, exhaustive: _Described) -> None:
    """Refuse two runs that do not share what they are made of."""
    told, again = [], []
    for name, wanted in exhaustive.made_of.items():
        found = beam.made_of[name]
        if found == wanted:
            continue
        if name in _INPUTS:
            told.append(f"the {name} are {str(found)[:12]} and {str(wanted)[:12]} (SHA-256)")
            again.append(f"the same {name}")
        else:
            option = name.replace("_", "-")
            told.append(f"{option} is {found} and {wanted}")
            again.append(f"--{option} {wanted}")
    if told:
        raise DataError(
            f"The runs {beam.path!r} and {exhaustive.path!r} differ: {', '.join(told)}.",
            f"Make the first again with {', '.join(again)}.",
        )


def _compared(beam_rows: Sequence[Label], exhaustive_rows: Sequence[Label]) -> ComparedUnit:
    first, certificate = beam_rows[0], exhaustive_rows[0]
    beam, exhaustive = _best(beam_rows), _best(exhaustive_rows)
    if certificate.gap is None:
        raise FileFormatError(
            f"The exhaustive run has no gap for unit {first.address}.",
            "Make its run again with: invert label ACTIVATIONS CONCEPTS -o RUN --search exhaustive",
        )
    ahead = beam.auc - exhaustive.auc
    if first.direction == "negative":
        ahead = -ahead
    # The gap was rounded in the same way as `ahead`, so a correct run never gives less than 0.
    loss_at_most = certificate.gap - ahead
    if loss_at_most < 0:
        raise DataError(
            f"The beam search found AUC {beam.auc!r} for unit {first.address}, but the exhaustive "
            f"search rules out an AUC better than {exhaustive.auc!r} by more than "
            f"{certificate.gap!r}.",
            "Make both runs again; if they still disagree, report it: one search is wrong.",
        )
    return ComparedUnit(
        layer=first.layer,
        unit=first.unit,
        direction=first.direction,
        beam=beam,
        exhaustive=exhaustive,
        status=_status(ahead, loss_at_most),
        loss=max(0.0, -ahead),
        loss_at_most=loss_at_most,
        unit_name=first.unit_name,
    )


def _status(ahead: float, loss_at_most: float) -> str:
    if ahead < 0:
        return "not optimal"
    return "unknown" if loss_at_most > 0 else "optimal"


def _best(rows: Sequence[Label]) -> Explanation:
    sign = -1.0 if rows[0].direction == "negative" else 1.0
    found: list[Explanation] = [*rows, *rows[0].by_length]
    best = max(found, key=lambda one: (sign * one.auc, -one.length))
    return Explanation(**{field.name: getattr(best, field.name) for field in fields(Explanation)})
