"""From a text to the input of a model."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tokenize:
    """How texts become tokens.

    Parameters
    ----------
    tokenizer : path
        A Hugging Face ``tokenizer.json``.
    max_length : int, optional
        The most tokens of a text, special ones included; what is longer is cut off.
    padding : {"longest", "max"}
        To the longest text of a batch, or always to `max_length`.
    bucketing : bool
        Let texts of similar length share a batch, which saves padding.
    """

    tokenizer: str | Path
    max_length: int | None = None
    padding: str = "longest"
    bucketing: bool = True
