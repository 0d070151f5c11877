"""The tests of `BackendSuite` that are about tokens and padding."""

import contextlib
import unittest
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from invert_core.errors import DataError, InvertError, ModelError
from invert_core.models.backend import MASK, Backend, Model

_LONGER = 3

Tokens = tuple[dict[str, np.ndarray], dict[tuple[str, str], np.ndarray]]


@contextlib.contextmanager
def refused(kind: type[InvertError], what: str) -> Iterator[list[InvertError]]:
    """Check that an error is raised and has a hint; the list that is yielded then holds it."""
    errors: list[InvertError] = []
    try:
        yield errors
    except kind as error:
        errors.append(error)
    assert errors, f"{what}: accepted, but must raise {kind.__name__}"
    assert errors[0].hint, f"there is no hint with: {errors[0].message}"


class TokenSuite(ABC):
    """What a backend must do with tokens and padding; skipped for models without tokens.

    Attributes
    ----------
    relative, absolute : float
        Tolerances for values that were computed in batches of another size or by other means.
        Values that were computed twice in the same way must be equal to the last bit.
    """

    relative = 1e-5
    absolute = 1e-6

    @abstractmethod
    def backend(self) -> type[Backend]:
        """Return the backend to test."""

    @abstractmethod
    def target(self, folder: Path) -> str:
        """Write the model into an empty folder; return the target for `Backend.open`.

        The model must open without options.
        """

    def masked(self) -> Tokens | None:
        """Return inputs with padding and the right activations; None for a model without tokens.

        `MASK` must be among the inputs, and mark padding at the start of one sample and at the end
        of another. An input whose second axis is as long as the mask's counts tokens on that axis.
        The activations belong to pairs of a layer and a pool, as in `BackendSuite.expected`.
        """
        return None

    def test_padding_has_no_part_in_the_activations(self, tmp_path: Path) -> None:
        batch, expected = self._tokens()
        padding = batch[MASK] == 0
        assert padding[:, 0].any(), "no sample has padding at its start"
        assert padding[:, -1].any(), "no sample has padding at its end"
        model = self._token_model(tmp_path, batch)
        for (layer, pool), right in expected.items():
            self._close(self._pooled(model, batch, layer, pool), right)

    def test_what_padding_holds_has_no_part_in_the_activations(self, tmp_path: Path) -> None:
        batch, expected = self._tokens()
        padding = batch[MASK] == 0
        other = dict(batch)
        for name in self._names_of_tokens(batch):
            other[name] = batch[name].copy()
            other[name][padding] = batch[name][::-1, ::-1][padding]
        model = self._token_model(tmp_path, batch)
        for (layer, pool), right in expected.items():
            self._close(self._pooled(model, other, layer, pool), right)

    def test_longer_padding_has_no_part_in_the_activations(self, tmp_path: Path) -> None:
        batch, expected = self._tokens()
        model = self._token_model(tmp_path, batch)
        names = self._names_of_tokens(batch)
        shapes = {each.name: each.shape for each in model.inputs}
        if any((shapes[name] or (None, None))[1] is not None for name in names):
            raise unittest.SkipTest("the model takes a fixed number of tokens")
        longer = dict(batch)
        for name in (*names, MASK):
            more = batch[name][:, :_LONGER] if name != MASK else np.zeros_like(batch[MASK])
            longer[name] = np.concatenate([batch[name], more[:, :_LONGER]], axis=1)
        for (layer, pool), right in expected.items():
            self._close(self._pooled(model, longer, layer, pool), right)

    def test_masks_that_make_no_sense_are_refused(self, tmp_path: Path) -> None:
        batch, expected = self._tokens()
        mask = batch[MASK]
        empty = mask.copy()
        empty[1] = 0
        wrong = {
            "a mask with an axis too many": mask[..., np.newaxis],
            "a mask with an axis too few": mask[:, 0],
            "a mask that holds 2": mask * np.array(2, np.int8),
            "a sample without any token": empty,
        }
        model = self._token_model(tmp_path, batch)
        for (layer, pool), right in expected.items():
            with model.extractor(
                [layer], pool=pool, device="cpu", batch_size=len(mask)
            ) as extractor:
                for what, bad in wrong.items():
                    with refused(DataError, what):
                        extractor.run({**batch, MASK: bad})
                self._close(extractor.run(batch)[layer], right)

    def test_axes_that_count_tokens_are_not_flattened(self, tmp_path: Path) -> None:
        batch, expected = self._tokens()
        model = self._token_model(tmp_path, batch)
        for layer in {layer for layer, pool in expected if pool in ("first", "last")}:
            with refused(ModelError, f"pool='flatten' for the tokens of {layer!r}"):
                model.extractor([layer], pool="flatten", device="cpu")

    def test_axes_that_count_tokens_do_not_count_units(self, tmp_path: Path) -> None:
        batch, expected = self._tokens()
        model = self._token_model(tmp_path, batch)
        for layer in {layer for layer, pool in expected if pool in ("first", "last")}:
            with refused(ModelError, f"channel_axis=1 for the tokens of {layer!r}"):
                model.extractor([layer], channel_axis=1, device="cpu")

    def _tokens(self) -> Tokens:
        masked = self.masked()
        if masked is None:
            raise unittest.SkipTest("the model has no tokens")
        return masked

    def _token_model(self, folder: Path, batch: dict[str, np.ndarray]) -> Model:
        example = {name: array[:1] for name, array in batch.items()}
        model = self.backend().open(self.target(folder)).settled(example)
        assert MASK in {each.name for each in model.inputs}
        return model

    def _names_of_tokens(self, batch: dict[str, np.ndarray]) -> list[str]:
        return [
            name
            for name, array in batch.items()
            if name != MASK and array.shape[:2] == batch[MASK].shape
        ]

    def _pooled(
        self, model: Model, batch: dict[str, np.ndarray], layer: str, pool: str
    ) -> np.ndarray:
        with model.extractor(
            [layer], pool=pool, device="cpu", batch_size=len(batch[MASK])
        ) as extractor:
            return extractor.run(batch)[layer]

    def _close(self, found: np.ndarray, right: np.ndarray) -> None:
        assert found.dtype == np.float32
        assert found.shape == right.shape
        np.testing.assert_allclose(found, right, rtol=self.relative, atol=self.absolute)
