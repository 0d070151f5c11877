"""What can be told of a ``torch`` DataLoader, or of what looks like one, without its package."""

from collections.abc import Sized
from typing import Any

from invert_core.errors import DataError

_SHUFFLING = {"RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler"}


def refuse_shuffled(loader: Any) -> None:
    """Refuse a loader whose samples come in another order every time.

    Raises
    ------
    DataError
        It shuffles.
    """
    groups = getattr(loader, "batch_sampler", None)
    for sampler in (getattr(loader, "sampler", None), groups, getattr(groups, "sampler", None)):
        classes = {each.__name__ for each in type(sampler).__mro__}
        if classes & _SHUFFLING or getattr(sampler, "shuffle", False) is True:
            raise DataError(
                "The loader shuffles, so nobody could say which row is which sample.",
                "Make it with shuffle=False.",
            )


def n_samples_of(loader: Any) -> int | None:
    """How many samples a loader gives, None if it does not say."""
    dataset, batch_size = getattr(loader, "dataset", None), getattr(loader, "batch_size", None)
    if not isinstance(dataset, Sized) or not isinstance(batch_size, int):
        return None
    sampler = getattr(loader, "sampler", None)
    count = len(sampler if isinstance(sampler, Sized) else dataset)
    return count - count % batch_size if getattr(loader, "drop_last", False) else count
