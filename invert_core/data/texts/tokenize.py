"""From a text to the input of a model."""

from dataclasses import dataclass
from pathlib import Path

from invert_core.errors import SettingError
from invert_core.wording import nearest

LONGEST = 2**20
PADDINGS = ("longest", "max")


@dataclass(frozen=True)
class Tokenize:
    """How texts become tokens.

    Parameters
    ----------
    tokenizer : path
        A Hugging Face ``tokenizer.json``.
    max_length : int, optional
        The most tokens of a text, special ones included; what is longer is cut off. Without it
        the tokenizer's own limit holds, if it has one.
    padding : {"longest", "max"}
        To the longest text of a batch, or always to `max_length`.
    bucketing : bool
        Let texts of similar length share a batch, which saves padding.

    Raises
    ------
    SettingError
        A setting lies outside what it may be.
    """

    tokenizer: str | Path
    max_length: int | None = None
    padding: str = "longest"
    bucketing: bool = True

    def __post_init__(self) -> None:
        length = self.max_length
        if length is not None and not (type(length) is int and 1 <= length <= LONGEST):
            raise SettingError(
                f"max_length is {length!r}.", f"Give a number of tokens from 1 to {LONGEST:,}."
            )
        if self.padding not in PADDINGS:
            raise SettingError(
                f"There is no padding {self.padding!r}.",
                f"{nearest(str(self.padding), PADDINGS)} Choose from "
                f"{', '.join(PADDINGS)}.".strip(),
            )
