"""How much the activations of a layer change although the samples stay the same."""

from dataclasses import dataclass, fields

import h5py
import numpy as np

from invert_core.activations import layout
from invert_core.errors import FileFormatError
from invert_core.files import hdf5
from invert_core.files.hdf5_values import as_real

ROUNDING = 1e-5
"""The largest difference, relative to the spread of a layer, that rounding alone may make."""

_SUFFIX = "_difference"


@dataclass(frozen=True)
class Steadiness:
    """What trial runs of a model on its first batch showed of one layer.

    Each number is the largest difference between two activations of the same sample and unit,
    divided by the standard deviation of all activations of the layer in the batch. It is 0 if all
    bits are equal, infinite if the difference or the quotient is, and None if there was no trial.

    Parameters
    ----------
    repeat : float or None
        Difference when the same batch runs again.
    split : float or None
        Difference when the batch runs in two parts.
    others : float or None
        Difference when the other samples of the batch are replaced and its size stays; it is
        tried only if a split makes a difference beyond rounding.
    """

    repeat: float | None = None
    split: float | None = None
    others: float | None = None

    @property
    def varies(self) -> bool:
        """Whether activations change from run to run, because the model draws or keeps state."""
        return (self.repeat or 0) > ROUNDING

    @property
    def mixes(self) -> bool:
        """Whether activations of a sample depend on the other samples of its batch."""
        return ((self.split if self.others is None else self.others) or 0) > ROUNDING

    @classmethod
    def read(cls, group: h5py.Group) -> "Steadiness":
        """Read what a file says of the layer in a group."""
        found = {}
        for each in fields(cls):
            value = _number(group, each.name + _SUFFIX)
            if value is not None:
                found[each.name] = value
        return cls(**found)

    def write(self, group: h5py.Group) -> None:
        """Store what is known in attributes of the group of a layer."""
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None:
                group.attrs[each.name + _SUFFIX] = np.float64(value)


def _number(group: h5py.Group, key: str) -> float | None:
    with hdf5.broken_file_errors(group, f"@{key}"):
        value = group.attrs.get(key)
    if value is None:
        return None
    number = as_real(value)
    if number is None or not number >= 0:
        raise FileFormatError(
            f"{group.file.filename!r}: the attribute {key!r} of layer "
            f"{layout.layer_name(group)!r} is not a number of 0 or more: {value!r}.",
            "Make the file again.",
        )
    return number
