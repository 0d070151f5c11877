"""Matches tokens with the inputs of a model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from invert_core.data.texts.tokenizer_file import Tokens
from invert_core.errors import DataError
from invert_core.models.backend import MASK, ModelInput

_TYPES = "token_type_ids"
_POSITIONS = "position_ids"
_IDS = "input_ids"
_INT64 = np.dtype(np.int64)


@dataclass(frozen=True)
class TokenInputs:
    """The inputs of a model that tokens fill.

    Attributes
    ----------
    ids : str
        The input that takes token ids.
    dtypes : dict of input name to dtype
        The types of `ids`, of the mask (which exists even if the model does not take it), and of
        token types and positions if the model takes them.
    length : int or None
        The number of tokens that the model takes, if it takes only one number.
    takes_mask : bool
        Whether the model takes the mask, so that it can ignore padding.
    """

    ids: str
    dtypes: dict[str, np.dtype]
    length: int | None
    takes_mask: bool

    @classmethod
    def of(cls, inputs: Sequence[ModelInput]) -> "TokenInputs":
        """Find the inputs that tokens fill; refuse a model that needs anything else."""
        by_name = {each.name: each for each in inputs if each.batch_axis is not None}
        ids = _ids_input(by_name)
        known = (ids, MASK, _TYPES, _POSITIONS)
        others = [name for name in by_name if name not in known]
        if others:
            raise DataError(
                f"The model also takes {', '.join(map(repr, others))}, which texts do not give.",
                "Give a .npz file with one array per input; for an input that is not about the "
                "samples, say --constant NAME=VALUE or --zeros NAME.",
            )
        dtypes = {MASK: _INT64} | {name: _dtype(each) for name, each in by_name.items()}
        lengths = {length for each in by_name.values() if (length := _length(each)) is not None}
        if len(lengths) > 1:
            raise DataError(
                f"The inputs of the model take different numbers of tokens: {sorted(lengths)}.",
                "Give a .npz file with one array per input.",
            )
        return cls(ids, dtypes, next(iter(lengths), None), MASK in by_name)

    def arrays(
        self, texts: Sequence[Tokens], length: int, pad_id: int, pad_type_id: int
    ) -> dict[str, np.ndarray]:
        """Return the inputs [n_texts, length], with padding after every text."""
        shape = (len(texts), length)
        given = {
            self.ids: np.full(shape, pad_id),
            MASK: np.zeros(shape, np.int64),
            _TYPES: np.full(shape, pad_type_id),
            _POSITIONS: np.broadcast_to(np.arange(length), shape),
        }
        for number, text in enumerate(texts):
            given[self.ids][number, : len(text)] = text.ids
            given[MASK][number, : len(text)] = 1
            given[_TYPES][number, : len(text)] = text.type_ids
        return {
            name: np.ascontiguousarray(given[name], dtype) for name, dtype in self.dtypes.items()
        }


def _ids_input(inputs: dict[str, ModelInput]) -> str:
    if _IDS in inputs:
        return _IDS
    fitting = [
        name
        for name, each in inputs.items()
        if name not in (MASK, _TYPES, _POSITIONS)
        and (each.dtype is None or each.dtype.kind in "iu")
        and (each.shape is None or len(each.shape) == 2)
    ]
    if len(fitting) != 1:
        raise DataError(
            f"The model has no input {_IDS!r}, and "
            f"{'none' if not fitting else 'more than one'} of its inputs could take tokens: "
            f"{', '.join(map(repr, inputs)) or 'it has none'}.",
            "Texts need a model that takes token ids; give other data for this one.",
        )
    return fitting[0]


def _dtype(each: ModelInput) -> np.dtype:
    dtype = _INT64 if each.dtype is None else each.dtype
    # Any type can hold the 0 and 1 of a mask; ids and positions need a wide one.
    fits = dtype.kind in "biuf" if each.name == MASK else dtype in (np.int32, np.int64)
    if not fits or (each.shape is not None and len(each.shape) != 2):
        raise DataError(
            f"The input {each.name!r} takes {dtype.name} of shape {each.shape}, not tokens.",
            "Texts need int32 or int64 [samples, tokens]; give other data for this model.",
        )
    return dtype


def _length(each: ModelInput) -> int | None:
    return None if each.shape is None else each.shape[1]
