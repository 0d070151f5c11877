"""Fills the inputs of a model that samples do not fill: constants, zeros, and carried state."""

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from invert_core.errors import DataError, SettingError, UnknownNameError
from invert_core.extraction.constants import as_constant
from invert_core.models.backend import Model, ModelInput, shown_shape
from invert_core.wording import first_few, nearest

_log = logging.getLogger("invert")

_SHOWN_VALUES = 8
"""Constants of at most so many values are written into the fingerprint as they are."""


@dataclass(frozen=True)
class Feed:
    """How inputs of a model are filled that are not about a single sample.

    Parameters
    ----------
    constants : mapping of input name to number, array or str
        Inputs that hold the same for all samples. A str is a number, several numbers separated by
        commas, or the path of a ``.npy`` file. Values are converted to the type of the input if
        that is exact; only decimal numbers are rounded. An array of length 1 on the axis of the
        samples is repeated for all samples.
    zeros : collection of str
        Inputs that hold nothing but zeros, in the shape that the model states.
    batch_axes : mapping of input name to int or None
        The axis that counts the samples in an input; None if the input is the same for all samples.
    carry : mapping of str to input name
        State: the tensor of that name, as one sample leaves it, is that input for the next sample.
        Samples then run one at a time. The first sample of a group starts from the constant of the
        input, or from zeros.

    Raises
    ------
    SettingError
        An input is filled in two ways, an axis is not a whole number from 0 up, or a mapping or a
        collection is something else.
    """

    constants: Mapping[str, Any] = field(default_factory=dict)
    zeros: Collection[str] = ()
    batch_axes: Mapping[str, int | None] = field(default_factory=dict)
    carry: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in ("constants", "batch_axes", "carry"):
            if not isinstance(getattr(self, what), Mapping):
                raise SettingError(
                    f"{what} is not a mapping.", f'Give one: {what}={{"state": ...}}.'
                )
        if isinstance(self.zeros, str) or not isinstance(self.zeros, Collection):
            raise SettingError(
                "The inputs that hold zeros are not in a list.", 'Give one: zeros=["state"].'
            )
        for name in self.constants:
            if name in self.zeros:
                raise SettingError(
                    f"The input {name!r} cannot be both a constant and zeros.", "Say one of them."
                )
        carried = list(self.carry.values())
        for name in carried:
            if carried.count(name) > 1:
                raise SettingError(f"Two tensors are carried to {name!r}.", "Carry one of them.")
        for name, axis in self.batch_axes.items():
            whole = isinstance(axis, int) and not isinstance(axis, bool)
            if axis is not None and not (whole and axis >= 0):
                raise SettingError(
                    f"The samples of {name!r} cannot be on axis {axis!r}.",
                    f"Count axes from 0, as in --batch-axis {name}=1, or say none.",
                )

    @property
    def filled(self) -> tuple[str, ...]:
        """Names of the inputs that samples need not fill."""
        return tuple(dict.fromkeys((*self.constants, *self.zeros, *self.carry.values())))

    def arranged(self, model: Model) -> Model:
        """Return a model that knows the axes that were said, and warn of axes that are guesses.

        Raises
        ------
        UnknownNameError
            The model has no such input.
        SettingError
            An input has no such axis.
        """
        known = {each.name: each for each in model.inputs}
        for name in (*self.filled, *self.batch_axes):
            known[name] = known.get(name) or _taken(model, name)
        for name, axis in self.batch_axes.items():
            shape = known[name].shape
            if axis is not None and shape is not None and axis >= len(shape):
                raise SettingError(
                    f"The input {name!r} has shape {shown_shape(shape)}, without an axis {axis}.",
                    "Name the axis that counts the samples, from 0 up.",
                )
            known[name] = replace(known[name], batch_axis=axis, certain=True)
        for each in known.values():
            if not each.certain:
                _log.warning(
                    "The input %r has shape %s, and its samples are taken to be on axis %s; if "
                    "that is wrong, say --batch-axis %s=AXIS.",
                    each.name,
                    shown_shape(each.shape),
                    each.batch_axis,
                    each.name,
                )
        arranged = tuple(known.values())
        return model if arranged == model.inputs else model.arranged(arranged)

    def left_to_samples(self, inputs: Sequence[ModelInput]) -> tuple[ModelInput, ...]:
        """Return the inputs with an axis of samples only where samples must fill them."""
        return tuple(
            replace(each, batch_axis=None) if each.name in self.filled else each for each in inputs
        )

    def beside(
        self,
        model: Model,
        constants: Mapping[str, np.ndarray] | None = None,
        samples: Collection[str] = (),
    ) -> dict[str, "Beside"]:
        """Return the inputs that come beside the samples.

        Parameters
        ----------
        model : Model
            The model, as `arranged` returns it.
        constants : mapping of input name to array, optional
            What the data say about inputs that samples do not fill.
        samples : collection of str
            Names of the inputs that the data fill with samples.

        Raises
        ------
        UnknownNameError
            The data hold a constant for an input that the model does not have.
        DataError
            The data hold an input that is also filled in another way.
        SettingError
            A constant does not fit its input, or the model does not state the shape of zeros.
        """
        of_data = constants or {}
        for name in (*of_data, *samples):
            if name in self.filled:
                raise DataError(
                    f"The data hold the input {name!r}, which is also filled in another way.",
                    "Leave it out of the data, or out of --constant, --zeros and --carry.",
                )
        known = {each.name: each for each in model.inputs}
        values = {**of_data, **self.constants}
        found = {
            name: self._placed(wanted, as_constant(value, wanted))
            for name, value in values.items()
            for wanted in (known.get(name) or _taken(model, name),)
        }
        for name in self.filled:
            if name not in found:
                found[name] = self._placed(known[name], self._zeros(known[name]))
        return found

    def identity(
        self, inputs: Sequence[ModelInput], beside: Mapping[str, "Beside"]
    ) -> dict[str, Any]:
        """Return, as JSON, all that determines how inputs are filled."""
        return {
            "constants": {name: each.identity for name, each in sorted(beside.items())},
            "batch_axes": {each.name: each.batch_axis for each in inputs if each.batch_axis != 0},
            "carry": dict(self.carry),
        }

    def _placed(self, wanted: ModelInput, value: np.ndarray) -> "Beside":
        """Decide whether a value is repeated for every sample, along the axis of the samples."""
        axis = wanted.batch_axis
        if axis is None or axis >= value.ndim:
            return Beside(value, None)
        if self.batch_axes.get(wanted.name) is not None:
            if value.shape[axis] != 1:
                raise SettingError(
                    f"The constant {wanted.name!r} has shape {value.shape}, and axis {axis} counts "
                    "the samples.",
                    "Give a constant of length 1 there, which is repeated for every sample.",
                )
            return Beside(value, axis)
        repeated = value.shape[axis] == 1 and wanted.shape is not None and wanted.shape[axis] != 1
        return Beside(value, axis if repeated else None)

    def _zeros(self, wanted: ModelInput) -> np.ndarray:
        hint = f"Give an array instead: --constant {wanted.name}=FILE.npy."
        if wanted.shape is None or wanted.dtype is None:
            raise SettingError(
                f"The model does not state the shape and type of {wanted.name!r}.", hint
            )
        said = self.batch_axes.get(wanted.name) is not None
        shape = [
            1 if axis == wanted.batch_axis and (said or size is None) else size
            for axis, size in enumerate(wanted.shape)
        ]
        if None in shape:
            raise SettingError(
                f"The input {wanted.name!r} has shape {shown_shape(wanted.shape)}, which does not "
                "say how many zeros it takes.",
                f"{hint} If axis {shape.index(None)} counts the samples, say "
                f"--batch-axis {wanted.name}={shape.index(None)}.",
            )
        return np.zeros([size or 0 for size in shape], wanted.dtype)


@dataclass(frozen=True, eq=False)
class Beside:
    """An input that comes beside the samples.

    Parameters
    ----------
    value : array
        What every batch brings.
    batch_axis : int or None
        The axis on which the value has length 1 and is repeated for the samples of a batch.
    """

    value: np.ndarray
    batch_axis: int | None

    def of(self, n_samples: int) -> np.ndarray:
        """Return the input for a batch."""
        if self.batch_axis is None or n_samples == 1:
            return self.value
        return np.repeat(self.value, n_samples, self.batch_axis)

    @property
    def identity(self) -> Any:
        """The value in JSON, or what tells it from others."""
        if self.value.size <= _SHOWN_VALUES:
            return f"{self.value.tolist()} ({self.value.dtype.name})"
        content = np.ascontiguousarray(self.value)
        digest = hashlib.sha256(content.tobytes()).hexdigest()
        return f"{content.dtype.str} {content.shape} {digest}"


def with_beside(
    model: Model, beside: Mapping[str, Beside], channel_axes: Mapping[str, int]
) -> Model:
    """Return a model that knows which inputs are constants, and the channels of others."""
    known = {each.name: each for each in model.inputs}
    for name, each in beside.items():
        known[name] = replace(
            known.get(name, ModelInput(name)),
            batch_axis=each.batch_axis,
            value=each.value if each.batch_axis is None else None,
        )
    for name, axis in channel_axes.items():
        known[name] = replace(known[name], channel_axis=axis)
    return model.arranged(tuple(known.values())) if beside or channel_axes else model


def _taken(model: Model, name: str) -> ModelInput:
    """Return an input that a model takes although it does not list it."""
    if not model.takes(name):
        known = [each.name for each in model.inputs]
        raise UnknownNameError(
            f"The model has no input {name!r}.",
            nearest(name, known, f"Its inputs are {first_few(known, 8)}."),
        )
    return ModelInput(name)
