"""Samples that are held out: the search does not see them, and what it finds is tested on them.

They are a share of the samples, or of their groups, or those of another file.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from numbers import Real
from typing import NamedTuple, Self

import numpy as np

from invert_core.activations.sparse import SparseUnits
from invert_core.activations.values import ActivationLayer, Activations
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.matching import key_of, likeness
from invert_core.errors import DataError, InvertError, SettingError, UnknownNameError
from invert_core.labelling.choosing import Chosen
from invert_core.labelling.workload import Workload
from invert_core.wording import counted, first_few, nearest

_STREAM = 2
"""Besides the seed: the choice of samples and the permutations must not share random numbers."""
_FEWEST = 2
"""Samples, or groups if there are any, of each part."""
_MADE_WITH = {
    "model": "another model",
    "model_settings": "other settings of the model",
    "pooling": "other pooling",
    "axes": "other axes",
    "preprocessing": "other preprocessing",
    "feed": "other constant inputs",
}
"""Fields of the fingerprint of an extraction that change what a unit is, in words."""
_OF_LAYERS = ("pooling", "axes")
"""Those that have a value for each layer."""

_log = logging.getLogger("invert")


def check_holdout(holdout: float, held_out: object) -> None:
    """Raise a SettingError unless at most one of both options is given, and the share fits."""
    if not isinstance(holdout, Real) or not 0.0 <= holdout < 1.0:
        raise SettingError(
            f"--holdout is {holdout!r}.", "Give a share of the samples below 1, such as 0.3."
        )
    if holdout and held_out is not None:
        raise SettingError(
            "Both --holdout and --held-out are given.",
            "Hold out a share of the samples, or give a file of others.",
        )


def hold_out(work: Workload, share: float, seed: int) -> Workload:
    """Split the samples of a workload: the search sees one part, and the other is held out.

    Parameters
    ----------
    work : Workload
    share : float
        The share of the samples to hold out, or of whole groups if there are groups; 0 leaves the
        workload as it is.
    seed : int
    """
    if not share:
        return work
    n_samples, groups = work.concepts.n_samples, work.groups
    number = np.arange(n_samples) if groups is None else groups.number
    n_all = int(number.max()) + 1
    n_held = round(share * n_all)
    what = "sample" if groups is None else "group"
    if min(n_held, n_all - n_held) < _FEWEST:
        raise DataError(
            f"--holdout {share:g} holds out {n_held:,} of {counted(n_all, what)}; both parts need "
            f"at least {_FEWEST} {what}s.",
            f"Give another share to --holdout, or more {what}s.",
        )
    # Sorting random numbers needs no part of NumPy that may change with its version.
    order = np.random.default_rng((seed, _STREAM)).random(n_all).argsort(kind="stable")
    is_held = np.isin(number, order[:n_held])
    searched, held = (work.take(np.flatnonzero(each)) for each in (~is_held, is_held))
    _check_parts(searched, held, "Give another --seed, or another share to --holdout.")
    of_groups = "" if groups is None else f", {n_held:,} of {counted(n_all, 'group')},"
    _log.info(
        "%s of %s samples%s are held out: the search does not see them.",
        f"{held.concepts.n_samples:,}",
        f"{n_samples:,}",
        of_groups,
    )
    return replace(searched, held_out=held, joined=work.concepts)


@contextmanager
def noting_held_out() -> Iterator[None]:
    """Say in errors that held-out activations are meant."""
    try:
        yield
    except InvertError as error:
        error.add_note("(In the held-out activations.)")
        raise


def ids_of_both(
    searched: Activations, held: Activations, concepts: ConceptSet, match: str
) -> tuple[str, ...]:
    """Return the sample ids of two activations, of which the second are held out.

    The concepts are joined to both at once. No sample may be in both.
    """
    concept_ids = _ids(concepts.sample_id, "The concepts have")
    ids = _ids(searched.sample_id, "The searched samples have")
    held_ids = _ids(held.sample_id, "The held-out samples have")
    known = {key_of(id, match) for id in ids}
    in_both = [id for id in held_ids if key_of(id, match) in known]
    if in_both:
        raise DataError(
            f"{counted(len(in_both), 'sample')} of the held-out file "
            f"{'is' if len(in_both) == 1 else 'are'} among the searched ones, too "
            f"({first_few(in_both)}).",
            "Give --held-out a file of other samples, or hold out a share of one file with "
            "--holdout.",
        )
    labelled = {key_of(id, match) for id in concept_ids}
    for of_file, which in ((ids, "searched"), (held_ids, "held-out")):
        # Ids that differ by a folder or a suffix are a matter of the join.
        if likeness(of_file, concept_ids) is None:
            _check_known(sum(key_of(id, match) in labelled for id in of_file), which)
    return (*ids, *held_ids)


def _check_known(n_samples: int, which: str) -> None:
    if n_samples < _FEWEST:
        raise DataError(
            f"Concepts are known for {counted(n_samples, 'sample')} of the {which} file.",
            "The concepts must hold the samples of both files: make one file of both with "
            "'invert concepts add'.",
        )


def _ids(ids: tuple[str, ...] | None, whose: str) -> tuple[str, ...]:
    if ids is None:
        raise DataError(
            f"{whose} no ids, so nothing shows which samples are held out.",
            "Give sample ids to both activations and to the concepts, or hold out a share of one "
            "file with --holdout.",
        )
    return ids


def set_apart(work: Workload, n_searched: int, held: Activations) -> Workload:
    """Let the search see only the first samples of a workload that was joined to `ids_of_both`.

    Parameters
    ----------
    work : Workload
        The units to search; its samples are those of both activations.
    n_searched : int
        Number of samples of the activations to search.
    held : Activations
        The held-out activations.
    """
    kept = np.arange(work.concepts.n_samples) if work.kept is None else work.kept
    is_held = kept >= n_searched
    parts = []
    for each, first in ((~is_held, 0), (is_held, n_searched)):
        _check_known(int(each.sum()), "held-out" if first else "searched")
        parts.append((work.concepts.take(np.flatnonzero(each)), kept[each] - first))
    (concepts, kept), (held_concepts, held_kept) = parts
    wanted = [Wanted.of(layer, units) for layer, units in work.layers]
    of_held = Workload(held_concepts, same_units(held.layers, wanted), held_kept)
    searched = replace(work, concepts=concepts, kept=kept)
    _check_parts(searched, of_held, "Give --held-out a file of other samples.")
    return replace(searched, held_out=of_held)


def warn_of_extraction(searched: Activations, held: Activations, layers: Iterable[str]) -> None:
    """Warn if held-out activations were extracted in another way, as far as files say how."""
    made = searched.extraction, held.extraction
    if not all(made):
        return
    used = set(layers)
    different = []
    for field, what in _MADE_WITH.items():
        before, now = (each.get(field) for each in made)
        if field in _OF_LAYERS and isinstance(before, Mapping) and isinstance(now, Mapping):
            before, now = ({name: of[name] for name in used & set(of)} for of in (before, now))
        if before != now:
            different.append(what)
    if different:
        _log.warning(
            "The held-out activations were extracted with %s than the searched ones, so the "
            "labels may fail on them for that reason alone.",
            " and ".join(different),
        )


class Wanted(NamedTuple):
    """Units of one layer, ascending, as other activations must have them.

    `n_units` is the number of all units of the layer, if it is known, and `names` are the names of
    the wanted ones, "" if one has none.
    """

    layer: str
    units: Sequence[int]
    n_units: int | None
    names: Sequence[str]

    @classmethod
    def of(cls, layer: ActivationLayer, units: Sequence[int]) -> Self:
        """Want some of the units of a layer."""
        return cls(layer.name, units, layer.n_units, _names(layer, units))


def same_units(held: Mapping[str, ActivationLayer], wanted: Iterable[Wanted]) -> Chosen:
    """Return the layers of held-out activations with the wanted units, in the wanted order."""
    return tuple((_same_layer(held, each), each.units) for each in wanted)


def _same_layer(held: Mapping[str, ActivationLayer], wanted: Wanted) -> ActivationLayer:
    layer = held.get(wanted.layer)
    again = "Extract it from the same model, with the same layers and options."
    if layer is None:
        raise UnknownNameError(
            f"The held-out file has no layer {wanted.layer!r}.",
            nearest(wanted.layer, held, again),
        )
    last = wanted.units[-1]
    if wanted.n_units not in (None, layer.n_units):
        raise DataError(
            f"Layer {layer.name!r} has {counted(layer.n_units, 'unit')} in the held-out file and "
            f"{wanted.n_units:,} in the searched one.",
            again,
        )
    if last >= layer.n_units:
        raise DataError(
            f"Layer {layer.name!r} has {counted(layer.n_units, 'unit')} in the held-out file, so "
            f"there is no unit {last}.",
            again,
        )
    names = _names(layer, wanted.units)
    for unit, name, other in zip(wanted.units, wanted.names, names, strict=True):
        if name != other:
            raise DataError(
                f"Unit {layer.name}:{unit} is called {other!r} in the held-out file and {name!r} "
                "in the searched one.",
                again,
            )
    return _HeldOutLayer(**vars(layer))


class _HeldOutLayer(ActivationLayer):
    """A layer whose errors say that it is held out."""

    def read(self, start: int, stop: int) -> np.ndarray | SparseUnits:
        with noting_held_out():
            return super().read(start, stop)


def _names(layer: ActivationLayer, units: Sequence[int]) -> list[str]:
    return ["" if layer.unit is None else layer.unit[unit] for unit in units]


def _check_parts(searched: Workload, held: Workload, hint: str) -> None:
    """Refuse a part in which no concept is true on some samples and false on others."""
    for part, which in ((searched, "searched"), (held, "held-out")):
        concepts = part.concepts
        varies = (concepts.n_positive > 0) & (concepts.n_positive < concepts.n_defined)
        if not varies.any():
            raise DataError(
                f"No concept is true on some of the {concepts.n_samples:,} {which} samples and "
                "false on others, so there is nothing to compare.",
                hint,
            )
