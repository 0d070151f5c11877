"""Sample ids: strings that name the rows of activations, concepts and data, each once."""

from collections.abc import Sequence

import numpy as np

from invert_core.errors import DataError
from invert_core.text import check_text


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
        An id is not a string, is empty, cannot be stored as UTF-8, or names two samples.

    Examples
    --------
    >>> as_sample_id(["a.jpg", "b.jpg"], "the array")
    ('a.jpg', 'b.jpg')
    """
    ids = tuple(np.asarray(values).tolist() if isinstance(values, np.ndarray) else values)
    try:
        check_text("sample id", ids, unique=True)
    except DataError as error:
        error.add_note(f"(In {where}.)")
        raise
    return ids


def sample_name(sample_id: tuple[str, ...] | None, row: int) -> str:
    """How a message names the sample in `row`.

    >>> sample_name(("a.jpg",), 0), sample_name(None, 0)
    ("sample 'a.jpg'", 'row 0')
    """
    return f"row {row}" if sample_id is None else f"sample {sample_id[row]!r}"
