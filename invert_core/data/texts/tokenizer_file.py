"""Tokenises texts with a Hugging Face ``tokenizer.json``."""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from invert_core.errors import FileFormatError, SettingError
from invert_core.files.text_files import read_whole
from invert_core.wording import choice, missing_extra

LONGEST = 2**20
"""The largest `max_length` that can be set."""
PADDINGS = ("longest", "max")

_PAD_TOKENS = ("[PAD]", "<pad>")
_GIVE = "Give the tokenizer.json that belongs to the model."


@dataclass(frozen=True)
class Tokenize:
    """How texts become tokens.

    Parameters
    ----------
    tokenizer : path
        A Hugging Face ``tokenizer.json``.
    max_length : int, optional
        The most tokens of a text, with special tokens; longer texts are cut off. By default the
        tokenizer's own limit applies, if it has one.
    padding : {"longest", "max"}
        Whether texts are padded to the longest text of their batch, or always to `max_length`.
    bucketing : bool
        Whether texts of similar length share a batch, which saves padding.

    Raises
    ------
    SettingError
        A setting has a value that is not allowed.
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
            raise choice("padding", self.padding, PADDINGS)


@dataclass(frozen=True)
class Tokens:
    """One text as token ids and token type ids; `cut` says whether its end was cut off."""

    ids: list[int]
    type_ids: list[int]
    cut: bool

    def __len__(self) -> int:
        return len(self.ids)


class Tokenizer:
    """Tokenises texts as a ``tokenizer.json`` says, cut off at a length but without padding.

    Nothing is fetched from a network. Texts are tokenised in several threads unless the
    environment variable ``TOKENIZERS_PARALLELISM`` is false.

    Parameters
    ----------
    path : Path
        The ``tokenizer.json``.

    Attributes
    ----------
    sha256 : str
        SHA-256 (hex) of the file without a byte-order mark.
    max_length : int or None
        The most tokens of a text according to the file.
    pad_id, pad_type_id : int
        Token id and token type id of padding.
    version : str
        Version of the package ``tokenizers``.
    """

    def __init__(self, path: Path):
        self._path = path
        self._rules, self.sha256 = _load(path)
        self.version = version("tokenizers")
        stored = self._rules.truncation or {}
        self._side = stored.get("direction", "right")
        length = stored.get("max_length", 0)
        self.max_length = length if 1 <= length <= LONGEST else None
        padding = self._rules.padding or {}
        known = (self._rules.token_to_id(token) for token in _PAD_TOKENS)
        self.pad_id = padding.get("pad_id", next((id for id in known if id is not None), 0))
        self.pad_type_id = padding.get("pad_type_id", 0)
        self._rules.no_padding()
        self._rules.no_truncation()

    def cut_at(self, max_length: int) -> None:
        """Cut texts off after this number of tokens from now on, with special tokens."""
        n_special = self._rules.num_special_tokens_to_add(False)
        if max_length <= n_special:
            raise SettingError(
                f"The tokenizer adds {n_special} special tokens to every text, but a text may "
                f"have only {max_length}.",
                f"Give --max-length from {n_special + 1} up.",
            )
        self._rules.enable_truncation(max_length, direction=self._side)

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the tokens of each text."""
        with _format_errors(f"The tokenizer {str(self._path)!r} fails on a text"):
            encodings = self._rules.encode_batch_fast(list(texts))
        return [
            Tokens(encoding.ids, encoding.type_ids, bool(encoding.overflowing))
            for encoding in encodings
        ]


def _load(path: Path) -> tuple[Any, str]:
    text = read_whole(path, _GIVE)
    try:
        import tokenizers
    except ImportError as error:
        raise missing_extra("Tokenising texts", "text", error) from error
    with _format_errors(f"{str(path)!r} is not a tokenizer"):
        return tokenizers.Tokenizer.from_str(text), hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def _format_errors(what: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        # An inconsistent file makes the package panic, and its panic is not an Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise FileFormatError(f"{what} ({error}).", _GIVE) from error
