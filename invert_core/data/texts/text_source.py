"""Texts as samples, tokenised on the way to the model, in batches of similar length."""

import functools
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from invert_core.data.source import Batch, Batches, DataSource
from invert_core.data.texts.token_inputs import TokenInputs
from invert_core.data.texts.tokenizer_file import Tokenize, Tokenizer, Tokens
from invert_core.errors import DataError, SettingError
from invert_core.models.backend import MASK, ModelInput
from invert_core.parallel import read_ahead
from invert_core.values import as_sample_id, sample_name
from invert_core.wording import counted

_log = logging.getLogger("invert")

WINDOW_ROWS = 1024
"""Texts are sorted among about so many neighbours, which are held in memory until all are done."""
_STEP = 8
"""Lengths are rounded up to a multiple of this: few shapes of batches are faster than many."""


class TextSource(DataSource):
    """Texts as token ids with an attention mask.

    Parameters
    ----------
    texts : sequence [n_samples] of str
    sample_id : sequence [n_samples] of str, optional
    inputs : sequence of ModelInput
        Of the model.
    text : Tokenize

    Raises
    ------
    DataError
        There are no texts, or the model does not take tokens.
    SettingError
        The lengths asked for do not fit the model or the tokenizer, or one has to be given.
    MissingFileError, FileFormatError, MissingDependencyError
        The tokenizer cannot be used.
    """

    def __init__(
        self,
        texts: Sequence[str],
        sample_id: Sequence[str] | None,
        inputs: Sequence[ModelInput],
        text: Tokenize,
    ):
        if not texts:
            raise DataError("The data has no texts.", "Give at least two.")
        self.sample_id = None if sample_id is None else as_sample_id(sample_id, "the texts")
        self.texts = tuple(texts)
        self._inputs = TokenInputs.of(inputs)
        self._tokenizer = Tokenizer(Path(text.tokenizer))
        self._lengths = _lengths(text, self._tokenizer, self._inputs)
        if self._lengths.longest is not None:
            self._tokenizer.cut_at(self._lengths.longest)
        # Where all batches have one length there is nothing to save.
        self._bucketing = text.bucketing and self._lengths.padded is None
        self.settings: dict[str, Any] = {
            "tokenizer": self._tokenizer.sha256,
            "max_length": self._lengths.longest,
            "padding": self._lengths.padded or "longest",
            "bucketing": self._bucketing,
        }
        self.versions = {"tokenizers": self._tokenizer.version}

    @functools.cached_property
    def manifest(self) -> str:
        """SHA-256 (hex) of ids and texts."""
        digest = hashlib.sha256()
        for strings in (self.sample_id or (), self.texts):
            digest.update(f"{len(strings)}\n".encode())
            for string in strings:
                content = string.encode()
                digest.update(f"{len(content)}\n".encode() + content)
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.texts)

    def batches(self, start: int, batch_size: int) -> Batches:
        """All batches from the one that holds `start` on, as `DataSource.batches` says."""
        n_cut = 0
        tokenised = ((rows, self._tokenise(rows)) for rows in windows(start, len(self), batch_size))
        with closing(read_ahead(tokenised)) as ready:
            for rows, tokens in ready:
                n_cut += sum(each.cut for each in tokens)
                for places in self._share(tokens, batch_size):
                    if rows[0] + places.max() >= start:
                        yield Batch(rows[0] + places, self._padded([tokens[i] for i in places]))
        if n_cut:
            _log.info(
                "%s longer than %s; the rest was cut off.",
                f"{counted(n_cut, 'text')} {'is' if n_cut == 1 else 'are'}",
                counted(self._lengths.longest or 0, "token"),
            )

    def example(self) -> dict[str, np.ndarray]:
        """Inputs of the first text alone."""
        return self._padded(self._tokenise(range(1)))

    def _share(self, tokens: Sequence[Tokens], batch_size: int) -> list[np.ndarray]:
        lengths = [len(each) if self._bucketing else 0 for each in tokens]
        return batches_by_length(lengths, batch_size)

    def _tokenise(self, rows: range) -> list[Tokens]:
        tokens = self._tokenizer.encode(self.texts[rows.start : rows.stop])
        for row, each in zip(rows, tokens, strict=True):
            if not each.ids:
                raise DataError(
                    f"The text of {sample_name(self.sample_id, row)} has no tokens.",
                    "Leave empty texts out.",
                )
        return tokens

    def _padded(self, texts: Sequence[Tokens]) -> dict[str, np.ndarray]:
        longest = max(map(len, texts))
        length = self._lengths.padded or padded_length(longest, self._lengths.longest)
        return self._inputs.arrays(
            texts, length, self._tokenizer.pad_id, self._tokenizer.pad_type_id
        )


@dataclass(frozen=True)
class _Lengths:
    """The most tokens of a text, and the number to which all are padded; None is no such number."""

    longest: int | None
    padded: int | None


def _lengths(text: Tokenize, tokenizer: Tokenizer, inputs: TokenInputs) -> _Lengths:
    if inputs.length is not None:
        if text.max_length is not None and text.max_length > inputs.length:
            raise SettingError(
                f"max_length is {text.max_length}, and the model takes {inputs.length} tokens.",
                f"Give --max-length up to {inputs.length}, or leave it out.",
            )
        return _Lengths(text.max_length or inputs.length, inputs.length)
    longest = text.max_length or tokenizer.max_length
    if longest is None and text.padding == "max":
        raise SettingError(
            "Texts are to be padded to their maximal length, which nothing says.",
            "Give it with --max-length.",
        )
    if longest is None and not inputs.takes_mask:
        raise SettingError(
            f"The model takes no {MASK!r}, so all texts must be padded to one length.",
            "Give it with --max-length, such as 128.",
        )
    if not inputs.takes_mask:
        _log.info(
            "The model takes no %r, so padding may show in its activations; all texts are padded "
            "to %d tokens.",
            MASK,
            longest,
        )
        return _Lengths(longest, longest)
    if longest is None:
        _log.info(
            "The tokenizer sets no limit, so texts are taken whole; set --max-length if the model "
            "takes no more than some number of tokens."
        )
    return _Lengths(longest, longest if text.padding == "max" else None)


def windows(start: int, stop: int, batch_size: int) -> Iterator[range]:
    """Rows that are sorted together, from the window that holds row `start` on.

    A window is a whole number of batches, so which rows it holds does not depend on `start`.

    >>> list(windows(1500, 2100, 1000))
    [range(1000, 2000), range(2000, 2100)]
    """
    rows = max(1, WINDOW_ROWS // batch_size) * batch_size
    for first in range(start // rows * rows, stop, rows):
        yield range(first, min(first + rows, stop))


def batches_by_length(lengths: Sequence[int], batch_size: int) -> list[np.ndarray]:
    """Positions in `lengths` that share a batch, in the order of their lengths.

    Texts of one length stay in their order; every position stands in one batch. The longer half
    of the batches comes first: those at the beginning, from which the time of all is estimated,
    are of common length.

    >>> [batch.tolist() for batch in batches_by_length([5, 2, 9, 2], 2)]
    [[0, 2], [1, 3]]
    """
    order = np.argsort(lengths, kind="stable")
    batches = [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
    middle = len(batches) // 2
    return batches[middle:] + batches[:middle]


def padded_length(longest: int, max_length: int | None) -> int:
    """The length to which a batch is padded: a multiple of 8, but no more than `max_length`.

    >>> padded_length(9, None), padded_length(9, 10)
    (16, 10)
    """
    rounded = -(-longest // _STEP) * _STEP
    return rounded if max_length is None else min(rounded, max_length)
