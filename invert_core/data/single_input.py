"""Data that fill one input, for models that have just one."""

from collections.abc import Sequence

from invert_core.errors import DataError
from invert_core.models.backend import ModelInput


def single_input(inputs: Sequence[ModelInput], what: str) -> ModelInput:
    """The only input of a model, which `what` is to fill.

    Raises
    ------
    DataError
        The model has another number of inputs.
    """
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs)
        raise DataError(
            f"The model has {len(inputs)} inputs ({names}), but {what} fills only one.",
            "Give data with one array per input: a .npz file or a mapping; "
            "for texts, give --tokenizer.",
        )
    return inputs[0]
