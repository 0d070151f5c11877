"""A picture of a probe: the AUC of all units, and the activations of the best ones."""

import warnings
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_core.activations.sparse import SparseUnits
from invert_core.errors import DataError, MissingDependencyError, SettingError
from invert_core.files.atomic import check_target, new_file
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
"""More units would need a picture that is higher than a .png may be, and minutes to lay out."""

_INSIDE, _OUTSIDE, _UNTRUSTED = "#0072b2", "#999999", "#e69f00"
_N_BINS = 40
_WIDTH, _HEIGHT, _HEIGHT_OF_UNIT = 10.0, 5.5, 1.8
"""In inches; the picture is as high as its units need."""
_MOST_POINTS = 2000
"""More points than these are drawn as pixels in an .svg, which would be large otherwise."""
_MOST_DRAWN = 1e300
"""Of values beyond it Matplotlib cannot tell the distances."""
_MOST_CHARACTERS, _FEWEST_CHARACTERS = 120, 12
"""Of a name, however wide they are."""
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
"""Names of strangers are no formulas of TeX, and stay text; the same picture has the same bytes."""


def check_picture(path: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Raise before any work is done if `write_picture` would not write to `path`.

    Raises
    ------
    SettingError
        The suffix is neither .svg nor .png.
    MissingFileError, ExistingOutputError
        There is no such folder, or `path` exists and `overwrite` is false.
    MissingDependencyError
        Matplotlib is not installed, or cannot be loaded.
    """
    path = Path(path)
    if _kind(path) not in KINDS:
        raise SettingError(
            f"The suffix of the picture {str(path)!r} is neither .svg nor .png.",
            "Choose a name with one of these.",
        )
    check_target(path, overwrite=overwrite)
    _matplotlib()


def write_picture(
    path: str | PathLike[str],
    found: ProbeResult,
    activations: ActivationSource,
    *,
    n_units: int = 3,
    overwrite: bool = False,
) -> None:
    """Draw the AUC of all units, and the activations of the first few inside and outside.

    Needs the extra ``plot``. The same result gives the same bytes with the same Matplotlib.

    Parameters
    ----------
    path : path
        Of an .svg or .png.
    found : ProbeResult
    activations : array, path, or Activations
        Those that `found` came from; the units to be drawn are read again.
    n_units : int
        How many units are drawn, 1 to 20; constant ones are not.
    overwrite : bool
        Replace the file if it exists.

    Raises
    ------
    DataError
        The activations are not those of `found`.
    SettingError, MissingFileError, ExistingOutputError, MissingDependencyError
        As `check_picture`; also SettingError if `n_units` is none of these numbers.
    StorageError
        The system refuses to write.
    """
    path = Path(path)
    check_picture(path, overwrite=overwrite)
    if not isinstance(n_units, Integral) or not 1 <= n_units <= MAX_DRAWN:
        raise SettingError(f"{n_units!r} units are to be drawn.", f"Draw 1 to {MAX_DRAWN}.")
    alive = [row for row in found.rows if row.is_tested][:n_units]
    values = _read(alive, found, activations)
    matplotlib = _matplotlib()
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = _draw(found, alive, values)
        with new_file(path, overwrite=overwrite) as partial:
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
            "Mend its installation or its settings, or do without a picture.",
        ) from error
    return matplotlib


def _read(
    rows: list[ProbedUnit], found: ProbeResult, activations: ActivationSource
) -> list[np.ndarray]:
    """The activations of some units on the samples of the result: float64 [n_samples] each."""
    ids = found.concepts.sample_id
    values = []
    with open_source(activations) as opened:
        if ids is None or opened.sample_id is None:
            place = np.arange(opened.n_samples)
        else:
            place = locate(ids, opened.sample_id)
        if place.size != found.concepts.n_samples or (place < 0).any():
            raise DataError(
                "The activations have other samples than those that were probed.",
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
    untrusted = np.array([row.status == "untrusted" for row in found])
    order = np.argsort(-auc, kind="stable")
    place = np.arange(1, auc.size + 1)
    axes.axhline(0.5, color="black", linewidth=0.6)
    for chosen, colour, what in (
        (~significant & ~untrusted, _OUTSIDE, "not significant"),
        (untrusted, _UNTRUSTED, "untrusted"),
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
    """Draw the shares of the samples inside and outside in the same bins."""
    verdict = "significant" if row.is_significant else row.status
    verdict = "not significant" if verdict == "ok" else verdict
    name = f"{row.address} ({row.unit_name})" if row.unit_name else row.address
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
    """Edges of bins of equal width, or of fewer bins where floats lie too close for so many."""
    low, high = (values.min(), values.max()) if values.size else (0.0, 0.0)
    if low == high:
        margin = max(0.5, abs(low) * 0.05)
        return np.array([low - margin, low + margin])
    return np.unique(np.linspace(low, high, _N_BINS + 1))


def _write(text: "Text", name: str, rest: str = "", *, share: float) -> None:
    """Write a name and the rest, the name cut until both fit a share of the picture's width."""
    figure = text.get_figure()
    assert figure is not None
    width, name = share * figure.bbox.width, _plain(name)
    longest = min(len(name), _MOST_CHARACTERS)
    for most in range(longest, min(longest, _FEWEST_CHARACTERS) - 1, -1):
        text.set_text(f"{_cut(name, most)}{rest}")
        if text.get_window_extent().width <= width:
            return


def _plain(name: str) -> str:
    """A name without what cannot stand in XML."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _cut(name: str, most: int) -> str:
    """A name without its middle if it is longer: at its end is the number of a unit.

    >>> _cut("encoder.layer.11.output:31", 13)
    'encode…put:31'
    """
    if len(name) <= most:
        return name
    half = most // 2
    return f"{name[:half]}…{name[len(name) - (most - half - 1) :]}"
