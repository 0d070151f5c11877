"""Sample ids: strings that name the rows of activations, concepts and data, each once."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from invert_core.errors import DataError

_SHOWN = 3


def as_sample_id(values: Sequence[str] | np.ndarray, where: str) -> tuple[str, ...]:
    """Sample ids as a tuple, after a check.

    Parameters
    ----------
    values : sequence or array [n_samples] of str
        One id per sample.
    where : str
        What has these ids, for messages.

    Returns
    -------
    tuple of str

    Raises
    ------
    DataError
        An id is not a string, cannot be stored as UTF-8, or names two samples.

    Examples
    --------
    >>> as_sample_id(["a.jpg", "b.jpg"], "the array")
    ('a.jpg', 'b.jpg')
    """
    ids = tuple(np.asarray(values).tolist() if isinstance(values, np.ndarray) else values)
    for row, value in enumerate(ids):
        if not isinstance(value, str):
            raise DataError(
                f"The sample id in row {row} of {where} is not a string: {value!r}.",
                "Give the ids as one list of strings, for example with ids.astype(str).",
            )
        if "\0" in value or not _is_utf8(value):
            raise DataError(
                f"The sample id {value!r} in row {row} of {where} is not valid text.",
                "Rename this sample.",
            )
    if len(set(ids)) < len(ids):
        repeated = [name for name, count in Counter(ids).items() if count > 1]
        more = f" and {len(repeated) - _SHOWN} more" if len(repeated) > _SHOWN else ""
        raise DataError(
            f"{where} has sample ids that name more than one sample: "
            f"{', '.join(map(repr, repeated[:_SHOWN]))}{more}.",
            "Give every sample an id of its own.",
        )
    return ids


def sample_name(sample_id: tuple[str, ...] | None, row: int) -> str:
    """How a message names the sample in `row`.

    >>> sample_name(("a.jpg",), 0), sample_name(None, 0)
    ("sample 'a.jpg'", 'row 0')
    """
    return f"row {row}" if sample_id is None else f"sample {sample_id[row]!r}"


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
