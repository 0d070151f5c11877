"""A picture of a probe: the AUC of all units, and the activations of the best ones."""

import warnings
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_core.activations.sparse import SparseUnits
from invert_core.errors import DataError, MissingDependencyError, SettingError
from invert_core.files.atomic import new_file
from invert_core.files.outputs import check_target
from invert_core.formula.formula import Formula
from invert_core.labelling.inputs import ActivationSource, open_source
from invert_core.labelling.probing import ProbedUnit, ProbeResult
from invert_core.values import locate
from invert_core.wording import counted, first_line, missing_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

KINDS = ("svg", "png")
MAX_DRAWN = 20
"""With more units, a .png would exceed its greatest height, and the layout would take minutes."""

_OPTION = "--picture"
"""The option that names the file, for messages."""

_INSIDE, _OUTSIDE = "#0072b2", "#999999"
_N_BINS = 40
_WIDTH, _HEIGHT, _HEIGHT_OF_UNIT = 10.0, 5.5, 1.8
"""Inches; the height of the picture grows with the number of units."""
_MOST_POINTS = 2000
"""An .svg draws more points than this as pixels, because it would become too large."""
_MOST_DRAWN = 1e300
"""Matplotlib cannot compute distances between larger values."""
_MOST_CHARACTERS, _FEWEST_CHARACTERS = 120, 12
"""Limits on the length of a name, however wide its characters are."""
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}
_STYLE = {
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "invert",
    "font.size": 9,
    "axes.titlesize": "medium",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
"""Untrusted names are not parsed as TeX, text stays text, and equal pictures have equal bytes."""


def check_picture(path: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Refuse, before any work is done, a path to which `write_picture` would not write."""
    path = Path(path)
    if _kind(path) not in KINDS:
        raise SettingError(
            f"The suffix of the picture {str(path)!r} is neither .svg nor .png.",
            "Choose a name with one of these.",
        )
    check_target(path, overwrite=overwrite, option=_OPTION)
    _matplotlib()


def write_picture(
    path: str | PathLike[str],
    found: ProbeResult,
    activations: ActivationSource,
    *,
    n_units: int = 3,
    overwrite: bool = False,
) -> None:
    """Draw the AUC of all units, and the activations of the best units inside and outside.

    Drawing needs the extra ``plot``. With the same version of Matplotlib, the same result gives the
    same bytes.

    Parameters
    ----------
    path : path
        The .svg or .png to write.
    found : ProbeResult
    activations : array, path, or Activations
        The activations that were probed; the units to draw are read from them again.
    n_units : int
        Number of units whose activations are drawn, 1 to 20; constant units are skipped.
    overwrite : bool
        Replace the file if it exists.
    """
    path = Path(path)
    check_picture(path, overwrite=overwrite)
    if not isinstance(n_units, Integral) or not 1 <= n_units <= MAX_DRAWN:
        raise SettingError(
            f"The number of units to draw is {n_units!r}.", f"Give 1 to {MAX_DRAWN}."
        )
    alive = [row for row in found.rows if row.is_tested][:n_units]
    values = _read(alive, found, activations)
    matplotlib = _matplotlib()
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = _draw(found, alive, values)
        with new_file(path, overwrite=overwrite, option=_OPTION) as partial:
            figure.savefig(partial, format=_kind(path), dpi=150, metadata=_METADATA[_kind(path)])


def _kind(path: Path) -> str:
    return path.suffix.lstrip(".").lower()


def _matplotlib() -> Any:
    try:
        import matplotlib.figure
    except ModuleNotFoundError as error:
        raise missing_extra("Drawing a picture", "plot", error) from error
    except (ImportError, ValueError) as error:  # ValueError: a setting of the environment
        raise MissingDependencyError(
            f"Drawing a picture needs matplotlib, which cannot be loaded ({first_line(error)}).",
            "Repair its installation or its settings, or leave out the picture.",
        ) from error
    return matplotlib


def _read(
    rows: list[ProbedUnit], found: ProbeResult, activations: ActivationSource
) -> list[np.ndarray]:
    """Return the activations of some units on the result's samples: float64 [n_samples] each."""
    ids = found.concepts.sample_id
    values = []
    with open_source(activations) as opened:
        if ids is None or opened.sample_id is None:
            place = np.arange(opened.n_samples)
        else:
            place = locate(ids, opened.sample_id)
        if place.size != found.concepts.n_samples or (place < 0).any():
            raise DataError(
                "The activations do not have the samples that were probed.",
                "Give the same activations.",
            )
        for row in rows:
            layer = opened.layers.get(row.layer)
            if layer is None or row.unit >= layer.n_units:
                raise DataError(
                    f"The activations have no unit {row.address!r}, which was probed.",
                    "Give the same activations.",
                )
            values.append(_dense(layer.read(row.unit, row.unit + 1))[place])
    return values


def _dense(unit: np.ndarray | SparseUnits) -> np.ndarray:
    if not isinstance(unit, SparseUnits):
        return unit[0].astype(np.float64)
    values = np.zeros(unit.n_samples)
    samples, stored = unit[0]
    values[samples] = stored
    return values


def _draw(found: ProbeResult, rows: list[ProbedUnit], values: list[np.ndarray]) -> "Figure":
    from matplotlib.figure import Figure

    formula = Formula.parse(found.rows[0].formula)
    inside = formula.evaluate(found.concepts)
    outside = formula.defined_on(found.concepts) & ~inside
    height = max(_HEIGHT, _HEIGHT_OF_UNIT * len(rows))
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    _write(figure.suptitle(""), found.rows[0].label, share=0.95)
    grid = figure.add_gridspec(max(1, len(rows)), 2)
    _draw_auc(figure.add_subplot(grid[:, 0]), found)
    for place, (row, of_unit) in enumerate(zip(rows, values, strict=True)):
        axes = figure.add_subplot(grid[place, 1])
        _draw_unit(axes, row, of_unit[inside], of_unit[outside])
        if place == 0:
            axes.legend(frameon=False)
    return figure


def _draw_auc(axes: "Axes", found: ProbeResult) -> None:
    from matplotlib.ticker import MaxNLocator

    auc = np.array([row.auc for row in found])
    significant = np.array([row.is_significant for row in found])
    order = np.argsort(-auc, kind="stable")
    place = np.arange(1, auc.size + 1)
    axes.axhline(0.5, color="black", linewidth=0.6)
    for chosen, colour, what in (
        (~significant, _OUTSIDE, "not significant"),
        (significant, _INSIDE, "significant"),
    ):
        if chosen.any():
            axes.plot(
                place[chosen[order]],
                auc[order][chosen[order]],
                linestyle="none",
                marker="o",
                markersize=4,
                color=colour,
                label=f"{what} ({chosen.sum():,})",
                rasterized=bool(auc.size > _MOST_POINTS),
            )
    axes.set_ylim(-0.02, 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(f"{counted(auc.size, 'unit')}, by AUC")
    axes.set_ylabel("AUC")
    axes.legend(frameon=False, loc="upper right")


def _draw_unit(axes: "Axes", row: ProbedUnit, inside: np.ndarray, outside: np.ndarray) -> None:
    """Draw the shares of the samples inside and of those outside, in the same bins."""
    verdict = "significant" if row.is_significant else "not significant"
    name = row.shown_address
    title = axes.set_title("", loc="left")
    _write(title, name, f", AUC {row.auc:.4f}, {verdict}", share=0.42)
    groups = [group[np.abs(group) <= _MOST_DRAWN] for group in (inside, outside)]
    n_left_out = inside.size + outside.size - sum(group.size for group in groups)
    left_out = f" ({counted(n_left_out, 'infinite or huge value')} not drawn)" if n_left_out else ""
    axes.set_xlabel(f"activation{left_out}")
    axes.set_ylabel("share of samples")
    edges = _bins(np.concatenate(groups))
    for group, all_of_it, colour, what in zip(
        groups, (inside, outside), (_INSIDE, _OUTSIDE), ("inside", "outside"), strict=True
    ):
        axes.stairs(
            np.histogram(group, edges)[0] / all_of_it.size,
            edges,
            fill=True,
            alpha=0.6,
            color=colour,
            label=f"{what} ({all_of_it.size:,})",
        )


def _bins(values: np.ndarray) -> np.ndarray:
    """Return the edges of equal bins; there are fewer if the values are too close for floats."""
    low, high = (values.min(), values.max()) if values.size else (0.0, 0.0)
    if low == high:
        margin = max(0.5, abs(low) * 0.05)
        return np.array([low - margin, low + margin])
    return np.unique(np.linspace(low, high, _N_BINS + 1))


def _write(text: "Text", name: str, rest: str = "", *, share: float) -> None:
    """Write a name and the rest, and cut the name until both fit a share of the picture's width."""
    figure = text.get_figure()
    assert figure is not None
    width, name = share * figure.bbox.width, _plain(name)
    longest = min(len(name), _MOST_CHARACTERS)
    for most in range(longest, min(longest, _FEWEST_CHARACTERS) - 1, -1):
        text.set_text(f"{_cut(name, most)}{rest}")
        if text.get_window_extent().width <= width:
            return


def _plain(name: str) -> str:
    """Return a name with escapes for characters that XML does not allow."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _cut(name: str, most: int) -> str:
    """Return a name of at most so many characters; its middle goes, as a unit number ends it.

    >>> _cut("encoder.layer.11.output:31", 13)
    'encode…put:31'
    """
    if len(name) <= most:
        return name
    half = most // 2
    return f"{name[:half]}…{name[len(name) - (most - half - 1) :]}"
