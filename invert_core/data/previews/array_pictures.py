"""Pictures of arrays that are pictures."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from invert_core.data.arrays.array_files import HeldArrays, open_arrays
from invert_core.data.arrays.array_source import SampleArray
from invert_core.data.previews.absent import CHANGED, MISSING, Absent
from invert_core.data.previews.pictures import (
    Picture,
    as_pixels,
    check_webp,
    encoded,
    in_threads,
    limits,
)
from invert_core.data.previews.place import located
from invert_core.data.previews.wanted import Found, Wanted
from invert_core.errors import DataError, StaleFileError

CHANNELS = (1, 3, 4)
SHORTEST, LONGEST = 4, 1024
"""The least and the most pixels along the edges of a picture."""


def pictures_of_arrays(wanted: Wanted, tell: Callable[[int], None]) -> Found:
    """Make a picture of each sample of an array, and say where the array is.

    The smallest value of all samples that are shown is black, and the largest is white.

    Parameters
    ----------
    wanted : Wanted
    tell : callable
        Called with the number of pictures that are made.
    """
    check_webp()
    place = located(wanted.source, wanted.root)
    with open_arrays(place) as held:
        array, axis = _picture_array(place, held.arrays)
        at = _rows_in_file(place, wanted, held, array.shape[0])
        if len(held.arrays) == 1:
            at = _unchanged(array, at, wanted)
        found = [limits(one) for one in _samples(array, at) if not isinstance(one, Absent)]
        of_all = limits(np.array([one for one in found if one is not None]))

        def picture(sample: np.ndarray | Absent) -> Picture | Absent:
            if isinstance(sample, Absent):
                return sample
            pixels = as_pixels(np.moveaxis(sample, axis, 2)[:, :, :3], of_all)
            image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
            return encoded(image, wanted.edge)

        sized = ((sample, _n_bytes(sample)) for sample in _samples(array, at))
        return Found(repr(str(place)), in_threads(sized, picture, tell))


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
    found = [
        (array, axis)
        for array in arrays.values()
        if array.dtype.kind in "biuf" and (axis := channel_axis(array.shape[1:])) is not None
    ]
    if len(found) != 1:
        what = "Several arrays hold" if found else "No array holds"
        raise DataError(f"{what} pictures in {str(place)!r}.")
    return found[0]


def _rows_in_file(
    place: Path, wanted: Wanted, held: HeldArrays, n_samples: int
) -> list[int | Absent]:
    """Return where each sample is in the file: by its id, or by its position."""
    of_id = {row: row for row in wanted.shown}
    if held.sample_id is not None:
        of_file = {id: row for row, id in enumerate(held.sample_id)}
        of_id = {row: of_file.get(id, n_samples) for row, id in wanted.shown.items()}
    elif wanted.source.get("n_samples", str(n_samples)) != str(n_samples):
        raise StaleFileError(
            f"{str(place)!r} holds {n_samples:,} samples, but activations were extracted from "
            f"{wanted.source['n_samples']}."
        )
    return [row if row < n_samples else MISSING for row in of_id.values()]


def _unchanged(
    array: SampleArray, at: Sequence[int | Absent], wanted: Wanted
) -> list[int | Absent]:
    """Mark the samples that are no longer those that extraction saw, if it noted what it saw."""
    # A mark is a digest of the sample, xor a constant that nobody knows here, as it depends on the
    # name of the model's input. So it is what more than half of the samples agree on.
    constants = {
        number: wanted.marks[row] ^ _digest(array, place)
        for number, (row, place) in enumerate(zip(wanted.shown, at, strict=True))
        if row in wanted.marks and not isinstance(place, Absent)
    }
    usual, times = next(iter(Counter(constants.values()).most_common(1)), (0, 0))
    is_known = 2 * times > len(constants)
    has_changed = {number for number, one in constants.items() if one != usual or not is_known}
    return [CHANGED if number in has_changed else place for number, place in enumerate(at)]


def _digest(array: SampleArray, row: int) -> int:
    content = np.ascontiguousarray(array[row : row + 1]).tobytes()
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "little")


def _samples(array: SampleArray, at: Sequence[int | Absent]) -> Iterator[np.ndarray | Absent]:
    for row in at:
        yield row if isinstance(row, Absent) else array[row : row + 1][0]


def _n_bytes(sample: np.ndarray | Absent) -> int:
    return 0 if isinstance(sample, Absent) else sample.nbytes
