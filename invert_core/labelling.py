"""From activations and concepts to labels: the two calls that tie everything together."""

import itertools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from invert_core.activations import ActivationLayer, Activations, open_activations
from invert_core.concepts import ConceptSet, read_concepts
from invert_core.errors import DataError, SettingError, UnknownNameError, first_few, nearest
from invert_core.formula import Formula
from invert_core.join import join as join_samples
from invert_core.kernels.bits import pack_columns
from invert_core.kernels.ranks import rank
from invert_core.kernels.sums import sum_of_set
from invert_core.label_rows import Measured, rows_of
from invert_core.labels import Label, Labels
from invert_core.search import BeamSearch, Settings
from invert_core.significance import RankSpread, n_formulas

Progress = Callable[[int, int], None]
ActivationSource = Activations | str | Path | npt.ArrayLike
ConceptSource = ConceptSet | str | Path | Mapping[str, npt.ArrayLike]

UNITS_PER_BLOCK = 64
"""Units read at once; 64 is also the width of the chunks of an activation file."""


def label(
    activations: ActivationSource,
    concepts: ConceptSource,
    *,
    layers: Sequence[str] | None = None,
    units: Sequence[int] | None = None,
    settings: Settings | None = None,
    names: Path | None = None,
    join: str = "strict",
    jobs: int | None = None,
    progress: Progress | None = None,
    block: int = UNITS_PER_BLOCK,
) -> Labels:
    """Find for every unit the formulas of concepts that its activation separates best.

    INVERT: beam search over formulas, scored by AUC (Bykov et al., NeurIPS 2023).

    Parameters
    ----------
    activations : float array [n_samples, n_units], path, or Activations
        An array becomes the layer "activations". A path is an activation file, .npy or .npz.
    concepts : mapping of id to bool array [n_samples], path, or ConceptSet
        A path is a .csv, .npz or concept file.
    layers : sequence of str, optional
        Only these layers.
    units : sequence of int, optional
        Only these units, zero-based, of every layer.
    settings : invert_core.Settings, optional
        Of the search: length, beam, fractions, direction and so on.
    names : Path, optional
        Where `concepts` is a path: a table of the concepts' names, see `read_concepts`.
    join : {"strict", "inner"}
        Whether sample ids must be the same on both sides, or only the common ones count. Where
        one side has no ids, samples are matched by position.
    jobs : int, optional
        Threads; None takes all cores. Results do not depend on it, nor on `block`.
    progress : callable, optional
        Called with the number of units done and of all units.
    block : int
        Units read at once; memory grows with it.

    Returns
    -------
    Labels

    Raises
    ------
    InvertError
        See `invert_core.errors`: unknown layers, samples that do not match, NaN, and so on.

    Examples
    --------
    >>> import numpy as np
    >>> from invert_core import label
    >>> rng = np.random.default_rng(0)
    >>> animal, wild = rng.random((2, 500)) < 0.3
    >>> activations = rng.normal(size=(500, 2)) + 9 * np.stack([animal & ~wild, wild], axis=1)
    >>> for row in label(activations, {"animal": animal, "wild": wild}):
    ...     if row.rank == 1:
    ...         print(row.unit, row.label, row.auc)
    0 animal & ~wild 1.0
    1 wild 1.0
    """
    settings = settings or Settings()
    with _joined(activations, concepts, names, join) as (chosen, available, rows):
        search = BeamSearch(chosen, settings, jobs)
        n_tests = n_formulas(len(chosen.id), settings.length, len(settings.directions))
        of_layers = _choose(available, layers, units)
        n_units = sum(len(numbers) for _, numbers in of_layers)
        labels: list[Label] = []
        done = 0
        for layer, numbers in of_layers:
            with closing(search.units(_blocks(layer, numbers, rows, block))) as results:
                for unit, of_unit in zip(numbers, results, strict=True):
                    for result in of_unit:
                        labels += rows_of(layer.name, unit, result, chosen, n_tests)
                    done += 1
                    if progress is not None:
                        progress(done, n_units)
    return Labels(tuple(labels), chosen)


@dataclass(frozen=True)
class Plan:
    """What a labelling would do; `n_formulas` is what p_search corrects for."""

    n_samples: int
    n_units: int
    n_concepts: int
    n_literals_within_limits: int
    n_formulas: int


def plan(
    activations: ActivationSource,
    concepts: ConceptSource,
    *,
    names: Path | None = None,
    layers: Sequence[str] | None = None,
    units: Sequence[int] | None = None,
    settings: Settings | None = None,
    join: str = "strict",
) -> Plan:
    """Check everything that `label` would check before it searches, and search nothing.

    Parameters
    ----------
    activations, concepts, names, layers, units, settings, join
        As for `label`.

    Returns
    -------
    Plan
    """
    settings = settings or Settings()
    with _joined(activations, concepts, names, join) as (chosen, available, _):
        search = BeamSearch(chosen, settings, jobs=1)
        return Plan(
            n_samples=chosen.n_samples,
            n_units=sum(len(numbers) for _, numbers in _choose(available, layers, units)),
            n_concepts=len(chosen.id),
            n_literals_within_limits=search.n_literals_within_limits,
            n_formulas=n_formulas(len(chosen.id), settings.length, len(settings.directions)),
        )


def score(
    activations: ActivationSource,
    concepts: ConceptSource,
    formula: Formula | str,
    *,
    layers: Sequence[str] | None = None,
    units: Sequence[int] | None = None,
    names: Path | None = None,
    join: str = "strict",
    progress: Progress | None = None,
    block: int = UNITS_PER_BLOCK,
) -> Labels:
    """Test one formula, fixed beforehand, on every unit.

    Nothing is searched, so `p_search` equals `p_value`, `n_scored` is 1 and `direction` is
    "given".

    Parameters
    ----------
    activations, concepts, layers, units, names, join, progress, block
        As for `label`.
    formula : Formula or str
        In concept ids, such as ``box & ~(mailbox | "letter box")``.

    Returns
    -------
    Labels
        One row per unit.

    Raises
    ------
    FormulaError
        The formula cannot be parsed.
    UnknownNameError
        It names a concept that does not exist.
    DataError
        It is true everywhere or nowhere; and all that `label` raises.

    Examples
    --------
    >>> import numpy as np
    >>> from invert_core import score
    >>> concepts = {"a": np.array([1, 1, 0, 0]), "b": np.array([1, 0, 0, 0])}
    >>> score(np.array([[4.0], [9.0], [1.0], [5.0]]), concepts, "a & ~b").rows[0].auc
    1.0
    """
    parsed = Formula.parse(formula) if isinstance(formula, str) else formula
    with _joined(activations, concepts, names, join) as (chosen, available, rows):
        extent = parsed.evaluate(chosen)
        n_positive = int(extent.sum())
        if n_positive in (0, chosen.n_samples):
            where = "nowhere" if n_positive == 0 else "everywhere"
            raise DataError(
                f"The formula {str(parsed)!r} is true {where}, so there is nothing to compare.",
                "Give another formula.",
            )
        words = pack_columns(extent[:, None])[0]
        of_layers = _choose(available, layers, units)
        n_units = sum(len(numbers) for _, numbers in of_layers)
        labels: list[Label] = []
        for layer, numbers in of_layers:
            values = (unit for chunk in _blocks(layer, numbers, rows, block) for unit in chunk)
            for unit, of_unit in zip(numbers, values, strict=True):
                ranks, tie_sum, cubes = rank(of_unit)
                doubled_u = int(sum_of_set(words, ranks)) - n_positive * (n_positive + 1)
                spread = RankSpread(chosen.n_samples, tie_sum, cubes)
                found = Measured((parsed,), [n_positive], [doubled_u], spread)
                labels += found.labels(chosen, layer.name, unit, "given", n_tests=1, n_scored=1)
                if progress is not None:
                    progress(len(labels), n_units)
    return Labels(tuple(labels), chosen)


Chosen = list[tuple[ActivationLayer, Sequence[int]]]


@contextmanager
def _joined(
    activations: ActivationSource, concepts: ConceptSource, names: Path | None, how: str
) -> Iterator[tuple[ConceptSet, Mapping[str, ActivationLayer], np.ndarray | None]]:
    """Concepts in the order of the activations, the layers, and the activation rows to keep."""
    with _open(activations) as opened:
        rows, joined = join_samples(
            opened.sample_id, opened.n_samples, _as_concepts(concepts, names), how=how
        )
        yield joined, opened.layers, rows


def _open(source: ActivationSource) -> AbstractContextManager[Activations]:
    if isinstance(source, Activations):
        return nullcontext(source)
    if isinstance(source, str | Path):
        return open_activations(Path(source))
    return Activations.from_array(np.asarray(source))


def _as_concepts(source: ConceptSource, names: Path | None) -> ConceptSet:
    if isinstance(source, ConceptSet):
        return source
    if isinstance(source, str | Path):
        return read_concepts(Path(source), names)
    columns = [np.asarray(column) for column in source.values()]
    if not columns or any(column.shape != columns[0].shape for column in columns):
        raise DataError(
            "The labels of the concepts have different lengths, or there are none.",
            "Give each concept one label per sample.",
        )
    return ConceptSet.from_arrays(np.stack(columns, axis=1), tuple(source))


def _choose(
    available: Mapping[str, ActivationLayer],
    layers: Sequence[str] | None,
    units: Sequence[int] | None,
) -> Chosen:
    wanted = available if layers is None else [layers] if isinstance(layers, str) else layers
    for name in wanted:
        if name not in available:
            raise UnknownNameError(
                f"There is no layer {name!r}.",
                f"{nearest(name, available)} The layers are {first_few(list(available))}.".strip(),
            )
    if not wanted:
        raise SettingError("No layers are named.", "Name some, or leave the choice out for all.")
    numbers = None if units is None else sorted({operator.index(unit) for unit in units})
    chosen: Chosen = [
        (layer, range(layer.n_units) if numbers is None else numbers)
        for layer in available.values()
        if layer.name in wanted
    ]
    for layer, of_layer in chosen:
        for unit in (*of_layer[:1], *of_layer[-1:]):
            if not 0 <= unit < layer.n_units:
                raise UnknownNameError(
                    f"There is no unit {unit} in layer {layer.name!r}.",
                    f"Its units are 0 to {layer.n_units - 1}.",
                )
    if not any(of_layer for _, of_layer in chosen):
        raise SettingError("No units are named.", "Name some, or leave the choice out for all.")
    return chosen


def _blocks(
    layer: ActivationLayer, numbers: Sequence[int], rows: np.ndarray | None, block: int
) -> Iterator[np.ndarray]:
    """The units `numbers`, in ascending order, as arrays [k, n_samples] of at most `block`."""
    if block < 1:
        raise SettingError(f"The block is {block} units.", "Give 1 or more.")
    for _, of_block in itertools.groupby(numbers, lambda number: number // block):
        wanted = np.array(list(of_block))
        values = layer.read(int(wanted[0]), int(wanted[-1]) + 1)
        if values.shape[0] > wanted.size:
            values = values[wanted - wanted[0]]
        yield values if rows is None else values.take(rows, axis=1)
