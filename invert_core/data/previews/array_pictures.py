"""Pictures of arrays that are pictures."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from invert_core.data.arrays.array_files import HeldArrays, open_arrays
from invert_core.data.arrays.array_source import SampleArray
from invert_core.data.previews.absent import MISSING, Absent
from invert_core.data.previews.pictures import (
    Picture,
    as_pixels,
    check_webp,
    encoded,
    in_threads,
    limits,
)
from invert_core.data.previews.place import located
from invert_core.errors import DataError, StaleFileError

CHANNELS = (1, 3, 4)
SHORTEST, LONGEST = 4, 1024
"""The least and the most pixels along the edges of a picture."""


def pictures_of_arrays(
    shown: Mapping[int, str],
    source: Mapping[str, str],
    root: Path | None,
    tell: Callable[[int], None],
) -> tuple[str, list[Picture | Absent]]:
    """Make a picture of each sample of an array, and say where the array is.

    The smallest value of all samples that are shown is black, and the largest is white.

    Parameters
    ----------
    shown : mapping of int to str
        Ids of the samples, by row.
    source : mapping of str to str
        Where the arrays were, as an activation file says; `n_samples` if it is known.
    root : Path or None
        Where they are now, if they have moved.
    tell : callable
        Called with the number of pictures that are made.
    """
    check_webp()
    place = located(source, root)
    with open_arrays(place) as held:
        array, axis = _picture_array(place, held.arrays)
        _refuse_other_number(place, array.shape[0], source)
        rows = _rows(shown, held, array.shape[0])
        found = [limits(one) for one in _samples(array, rows) if not isinstance(one, Absent)]
        of_all = limits(np.array([one for one in found if one is not None]))

        def picture(sample: np.ndarray | Absent) -> Picture | Absent:
            if isinstance(sample, Absent):
                return sample
            pixels = as_pixels(np.moveaxis(sample, axis, 2)[:, :, :3], of_all)
            return encoded(Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels))

        sized = ((sample, _size(sample)) for sample in _samples(array, rows))
        return repr(str(place)), in_threads(sized, picture, tell)


def channel_axis(shape: tuple[int, ...]) -> int | None:
    """Return the axis of the channels of one sample if it is a picture, else None.

    >>> channel_axis((3, 224, 224)), channel_axis((8, 8, 1)), channel_axis((8, 8))
    (0, 2, None)
    """
    for axis in (0, 2) if len(shape) == 3 else ():
        edges = np.delete(shape, axis)
        if shape[axis] in CHANNELS and edges.min() >= SHORTEST and edges.max() <= LONGEST:
            return axis
    return None


def _picture_array(place: Path, arrays: Mapping[str, SampleArray]) -> tuple[SampleArray, int]:
    """Return the only array whose samples are pictures, and the axis of a sample's channels."""
    found = {
        name: axis
        for name, array in arrays.items()
        if array.dtype.kind in "biuf" and (axis := channel_axis(array.shape[1:])) is not None
    }
    if len(found) != 1:
        what = "Several arrays hold" if found else "No array holds"
        raise DataError(f"{what} pictures in {str(place)!r}.")
    ((name, axis),) = found.items()
    return arrays[name], axis


def _refuse_other_number(place: Path, n_samples: int, source: Mapping[str, str]) -> None:
    expected = source.get("n_samples", str(n_samples))
    if expected != str(n_samples):
        raise StaleFileError(
            f"{str(place)!r} holds {n_samples:,} samples, but activations were extracted from "
            f"{expected}.",
            "Name the file of those with --samples ROOT.",
        )


def _rows(shown: Mapping[int, str], held: HeldArrays, n_samples: int) -> list[int | None]:
    """Return where each sample is in the file, by its id if there are ids."""
    if held.sample_id is None:
        return [row if row < n_samples else None for row in shown]
    of_id = {id: row for row, id in enumerate(held.sample_id)}
    return [of_id.get(id) for id in shown.values()]


def _samples(array: SampleArray, rows: list[int | None]) -> Iterator[np.ndarray | Absent]:
    for row in rows:
        yield MISSING if row is None else array[row : row + 1][0]


def _size(sample: np.ndarray | Absent) -> int:
    return 0 if isinstance(sample, Absent) else sample.nbytes
