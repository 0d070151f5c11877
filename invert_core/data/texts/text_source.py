"""Texts as samples, tokenised while they are read, in batches of similar length."""

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

WINDOW_TEXTS = 1024
"""About so many neighbouring texts are sorted together; they stay in memory until all are done."""
_STEP = 8
"""Lengths are rounded up to a multiple of this, because few batch shapes run faster than many."""


class TextSource(DataSource):
    """Texts as token ids with an attention mask.

    Parameters
    ----------
    texts : sequence [n_samples] of str
    sample_id : sequence [n_samples] of str, optional
    inputs : sequence of ModelInput
        The inputs of the model.
    text : Tokenize
        How texts become tokens.
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
        # If all batches have the same length, sorting saves nothing.
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
        """SHA-256 (hex) of the ids and texts."""
        return manifest_of(self.sample_id, self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    def batches(self, start: int, batch_size: int) -> Batches:
        """Yield all batches from the one that holds `start`; see `DataSource.batches`."""
        n_cut = 0
        tokenised = ((each, self._tokenise(each)) for each in windows(start, len(self), batch_size))
        with closing(read_ahead(tokenised)) as ready:
            for window, tokens in ready:
                n_cut += sum(each.cut for each in tokens)
                for places in self._share(tokens, batch_size):
                    samples = window.start + places
                    if samples.max() >= start:
                        yield Batch(samples, self._padded([tokens[i] for i in places]))
        if n_cut:
            _log.warning(
                "%s longer than %s; the rest was cut off.",
                f"{counted(n_cut, 'text')} {'is' if n_cut == 1 else 'are'}",
                counted(self._lengths.longest or 0, "token"),
            )

    def example(self) -> dict[str, np.ndarray]:
        """Return the inputs of the first text alone."""
        return self._padded(self._tokenise(range(1)))

    def _share(self, tokens: Sequence[Tokens], batch_size: int) -> list[np.ndarray]:
        lengths = [len(each) if self._bucketing else 0 for each in tokens]
        return batches_by_length(lengths, batch_size)

    def _tokenise(self, window: range) -> list[Tokens]:
        tokens = self._tokenizer.encode(self.texts[window.start : window.stop])
        for position, each in zip(window, tokens, strict=True):
            if not each.ids:
                raise DataError(
                    f"The text of {sample_name(self.sample_id, position)} has no tokens.",
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
    """The most tokens of a text, and the length to which all texts are padded; None if not set."""

    longest: int | None
    padded: int | None


def manifest_of(sample_id: Sequence[str] | None, texts: Sequence[str]) -> str:
    """Return the SHA-256 (hex) of ids and texts, by which an activation file knows its data."""
    digest = hashlib.sha256()
    for strings in (sample_id or (), texts):
        digest.update(f"{len(strings)}\n".encode())
        for string in strings:
            content = string.encode()
            digest.update(f"{len(content)}\n".encode() + content)
    return digest.hexdigest()


def _lengths(text: Tokenize, tokenizer: Tokenizer, inputs: TokenInputs) -> _Lengths:
    if inputs.length is not None:
        if text.max_length is not None and text.max_length > inputs.length:
            raise SettingError(
                f"max_length is {text.max_length}, but the model takes {inputs.length} tokens.",
                f"Give --max-length up to {inputs.length}, or leave it out.",
            )
        return _Lengths(text.max_length or inputs.length, inputs.length)
    longest = text.max_length or tokenizer.max_length
    if longest is None and text.padding == "max":
        raise SettingError(
            "Texts must be padded to their maximal length, but none is set.",
            "Give it with --max-length.",
        )
    if longest is None and not inputs.takes_mask:
        raise SettingError(
            f"The model takes no {MASK!r}, so all texts must be padded to one length.",
            "Give it with --max-length, such as 128.",
        )
    if not inputs.takes_mask:
        _log.warning(
            "The model takes no %r, so padding may show in its activations; all texts are padded "
            "to %d tokens.",
            MASK,
            longest,
        )
        return _Lengths(longest, longest)
    if longest is None:
        _log.info(
            "The tokenizer sets no limit, so texts are not cut off; set --max-length if the model "
            "takes only a limited number of tokens."
        )
    return _Lengths(longest, longest if text.padding == "max" else None)


def windows(start: int, stop: int, batch_size: int) -> Iterator[range]:
    """Yield the windows of samples that are sorted together, from the one that holds `start`.

    A window is a whole number of batches, so its samples do not depend on `start`.

    >>> list(windows(1500, 2100, 1000))
    [range(1000, 2000), range(2000, 2100)]
    """
    size = max(1, WINDOW_TEXTS // batch_size) * batch_size
    for first in range(start // size * size, stop, size):
        yield range(first, min(first + size, stop))


def batches_by_length(lengths: Sequence[int], batch_size: int) -> list[np.ndarray]:
    """Group the positions in `lengths` into batches of similar length.

    Texts of equal length keep their order, and every position is in exactly one batch. The longer
    half of the batches comes first, so that the first batches, from which the total time is
    estimated, have a typical length.

    >>> [batch.tolist() for batch in batches_by_length([5, 2, 9, 2], 2)]
    [[0, 2], [1, 3]]
    """
    order = np.argsort(lengths, kind="stable")
    batches = [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
    middle = len(batches) // 2
    return batches[middle:] + batches[:middle]


def padded_length(longest: int, max_length: int | None) -> int:
    """Return the length to which a batch is padded: a multiple of 8, at most `max_length`.

    >>> padded_length(9, None), padded_length(9, 10)
    (16, 10)
    """
    rounded = -(-longest // _STEP) * _STEP
    return rounded if max_length is None else min(rounded, max_length)
