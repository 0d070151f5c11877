"""Which axes count tokens is learned from examples, and padding never counts."""

import logging

import numpy as np
import pytest

from invert_core.errors import DataError, ModelError
from invert_core.models.backend import MASK, ModelInput
from tests.backends import models
from tests.backends.pooling_oracle import pooled
from tests.needs import need

torch = need("torch")

from tests.backends import torch_models
from tests.backends.torch_models import TorchBackend, names, run, settled, texts


class Mixed(torch.nn.Module):
    """Layers with a token axis here, there and nowhere; three channels and a text of three."""

    def __init__(self):
        super().__init__()
        for name in (
            "first_axis",
            "second_axis",
            "pairs",
            "flat",
            "image",
            "halved",
            "merged",
            "sparse",
        ):
            setattr(self, name, torch.nn.Identity())

    def forward(self, ids, attention_mask):
        x = ids.float()
        self.second_axis(x[:, None].expand(-1, 3, -1))
        self.first_axis(x[..., None].expand(-1, -1, 3))
        self.pairs(x[:, None, :, None] + x[:, None, None, :])
        self.image(x.sum(1)[:, None, None].expand(-1, 3, 3))
        self.halved(x[:, ::2, None])
        self.sparse(x[:, ::16, None])
        self.merged(x.reshape(-1, 1))
        return self.flat(x)


def shapes(model):
    return {layer.name: (layer.shape, layer.pool) for layer in model.layers()}


def test_axes_that_count_tokens_are_found_whatever_their_length():
    found = shapes(settled(Mixed(), texts((3,))))
    assert found["first_axis"] == ((None, None, 3), "mean")
    assert found["second_axis"] == ((None, 3, None), "mean")
    assert found["pairs"] == ((None, 1, None, None), "mean")
    assert found["image"] == ((None, 3, 3), "")
    assert found["flat"] == ((None, None), "")


def test_the_axis_beside_the_tokens_counts_the_units():
    batch = texts()
    with pytest.raises(ModelError, match="counts tokens, not units"):
        run(Mixed(), ["second_axis"], batch, channel_axis=2)
    found = run(Mixed(), ["second_axis"], batch, pool="last")["second_axis"]
    last = [batch["ids"][row, length - 1] for row, length in enumerate((5, 2, 3))]
    np.testing.assert_array_equal(found, np.repeat(np.array(last)[:, None], 3, axis=1))


def test_layers_with_fewer_places_than_tokens_are_refused():
    for layer, length in (("halved", 5), ("sparse", 20)):
        with pytest.raises(ModelError, match="does not have one position per token"):
            run(Mixed(), [layer], texts((length,)))


@pytest.mark.parametrize("length", [1, 3])
def test_layers_whose_first_axis_counts_tokens_too_are_refused(length):
    with pytest.raises(
        ModelError, match=r"'merged' has .*no axis counts|samples and tokens together"
    ):
        run(Mixed(), ["merged"], texts((length,)))


def test_a_layer_without_tokens_is_pooled_as_if_there_were_no_mask():
    batch = texts((3, 1))
    found = run(Mixed(), ["image"], batch, channel_axis=1)["image"]
    np.testing.assert_array_equal(found, np.repeat(batch["ids"].sum(1)[:, None], 3, axis=1))


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("pool", ["mean", "max", "first", "last"])
def test_a_text_gives_the_same_alone_and_in_a_batch_with_padding(pool, left):
    lengths = (5, 1, 3)
    together = run(torch_models.Language(), ["hidden"], texts(lengths, left), pool=pool)["hidden"]
    ids = texts(lengths)["ids"]
    for row, length in enumerate(lengths):
        alone = {"ids": ids[row : row + 1, :length], MASK: np.ones((1, length), np.int64)}
        hidden = models.language_layers(alone["ids"], alone[MASK])["hidden"]
        right = pooled(hidden, pool)[0]
        np.testing.assert_allclose(together[row], right, rtol=1e-5, atol=1e-6)


def test_padded_queries_and_keys_do_not_count_in_attention():
    batch = texts()
    found = run(torch_models.Language(), ["attention.softmax"], batch)["attention.softmax"]
    raw = models.language_layers(batch["ids"], batch[MASK])["probabilities"]
    right = pooled(raw, "mean", mask=batch[MASK], token_axes=(2, 3))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)
    for row, length in enumerate((5, 2, 3)):  # the rows of probabilities sum to 1
        np.testing.assert_allclose(found[row], 1 / length, rtol=1e-5)


def test_a_mask_that_the_model_does_not_take_serves_pooling():
    batch = texts()
    found = run(torch_models.LanguageWithoutMask(), ["hidden"], batch)["hidden"]
    hidden = models.language_layers(batch["ids"], batch[MASK])["hidden"]
    right = pooled(hidden, "mean", mask=batch[MASK], token_axes=(1,))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


def test_such_a_mask_may_be_left_out_and_then_all_tokens_count():
    batch = texts()
    model = settled(torch_models.LanguageWithoutMask(), {k: v[:1] for k, v in batch.items()})
    with model.extractor(["hidden"], device="cpu") as extractor:
        found = extractor.run({"ids": batch["ids"]})["hidden"]
    right = models.language_layers(batch["ids"], batch[MASK])["hidden"].mean(1)
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


def test_a_mask_that_no_example_had_is_refused_with_what_to_do():
    batch = texts()
    model = settled(torch_models.LanguageWithoutMask(), {"ids": batch["ids"][:1]})
    with (
        model.extractor(["hidden"], device="cpu") as extractor,
        pytest.raises(DataError, match=r"no input 'attention_mask'.*`settled` with an example"),
    ):
        extractor.run(batch)


def test_a_model_that_takes_a_mask_is_not_run_without_one():
    batch = texts()
    model = settled(torch_models.Language(), {k: v[:1] for k, v in batch.items()})
    with (
        model.extractor(["hidden"], device="cpu") as extractor,
        pytest.raises(DataError, match=r"'attention_mask' is missing"),
    ):
        extractor.run({"ids": batch["ids"]})


class FixedLength(torch.nn.Module):
    """Takes exactly five tokens."""

    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(9, 4)
        self.place = torch.nn.Parameter(torch.zeros(5, 4))
        self.added = torch.nn.Identity()
        self.pairs = torch.nn.Identity()

    def forward(self, ids):
        x = self.added(self.embed(ids) + self.place)
        return self.pairs((x @ x.transpose(1, 2))[:, None])


def test_a_model_of_a_fixed_length_has_tokens_where_the_length_fits(caplog):
    caplog.set_level(logging.INFO, "invert")
    batch = texts((5, 2))
    model = settled(FixedLength(), batch)
    assert "does not run with another number of tokens" in caplog.text
    assert shapes(model)["added"] == ((None, None, 4), "mean")
    assert shapes(model)["pairs"] == ((None, 1, None, None), "mean")
    other = {name: array.copy() for name, array in batch.items()}
    other["ids"][1, 2:] = 7
    np.testing.assert_array_equal(
        run(FixedLength(), ["added"], batch, pool="last")["added"].shape, (2, 4)
    )
    with model.extractor(["added", "pairs"], device="cpu") as extractor:
        first, second = extractor.run(batch), extractor.run(other)
    for layer in first:
        np.testing.assert_array_equal(first[layer], second[layer])


class Sound(torch.nn.Module):
    """Takes at least 16 numbers over time, and makes one frame of two numbers."""

    def __init__(self):
        super().__init__()
        self.each = torch.nn.Identity()
        self.frames = torch.nn.Identity()

    def forward(self, values, attention_mask):
        assert values.shape[1] >= 16
        self.each(values[:, :, None])
        return self.frames(values.unflatten(1, (-1, 2)))


def test_numbers_over_time_that_a_mask_goes_with_are_tokens():
    mask = np.ones((2, 40), np.int64)
    mask[1, 10:] = 0
    values = np.where(mask, 2, 99).astype(np.float32)
    batch = {"values": values, MASK: mask}
    np.testing.assert_array_equal(run(Sound(), ["each"], batch)["each"], [[2], [2]])
    with pytest.raises(ModelError, match="does not have one position per token"):
        run(Sound(), ["frames"], batch)


def test_tokens_may_come_on_the_last_axis_of_an_input():
    """An example is a sound, whose frames come after the bands."""
    mask = masks_of((5, 2))
    bands = np.where(mask[:, None, :], 2, np.nan).repeat(3, axis=1).astype(np.float32)
    batch = {"x": bands, MASK: mask}
    with pytest.raises(ModelError, match="counts tokens, not units"):
        run(torch_models.Passing(), ["same"], batch, channel_axis=2)
    found = run(torch_models.Passing(), ["same"], batch)["same"]
    np.testing.assert_array_equal(found, np.full((2, 3), 2))


def masks_of(lengths):
    return (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)


def test_a_made_up_text_shows_the_layers_of_declared_inputs():
    inputs = [ModelInput(name, (None, None), np.dtype(np.int64)) for name in ("ids", MASK)]
    model = TorchBackend.adopt(torch_models.Language(), inputs=inputs)
    assert shapes(model)["attention.softmax"] == ((None, 2, None, None), "mean")
    batch = texts()
    with model.extractor(["hidden"], device="cpu") as extractor:
        found = extractor.run(batch)["hidden"]
    np.testing.assert_array_equal(found, run(torch_models.Language(), ["hidden"], batch)["hidden"])


def test_parts_of_pytorchs_own_transformer_run_whether_or_not_they_are_watched():
    class Encoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.embed = torch.nn.Embedding(9, 8)
            layer = torch.nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
            self.encoder = torch.nn.TransformerEncoder(layer, 2)

        def forward(self, ids, attention_mask):
            return self.encoder(self.embed(ids), src_key_padding_mask=attention_mask == 0)

    module, batch = Encoder().eval(), texts()
    layer = "encoder.layers.1.linear1"
    assert layer in names(settled(module, batch))
    found = run(module, [layer, "output"], batch)
    assert found[layer].shape == (3, 12)
    alone = run(module, ["output"], {name: array[1:2, :2] for name, array in batch.items()})
    np.testing.assert_allclose(found["output"][1:2], alone["output"], rtol=1e-4, atol=1e-5)
    assert torch.backends.mha.get_fastpath_enabled()


class TimeFirst(torch.nn.Module):
    """Turns its words to [tokens, samples, channels], as PyTorch's own transformer does."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embed = torch.nn.Embedding(9, 4)
        self.turned = torch.nn.Identity()

    def forward(self, ids, attention_mask):
        return self.turned(self.embed(ids).transpose(0, 1)).transpose(0, 1)


@pytest.mark.parametrize("pool", ["mean", "max", "first", "last"])
def test_padding_does_not_count_in_a_layer_of_time_first(pool):
    module, batch = TimeFirst(), texts()
    found = run(module, ["turned"], batch, pool=pool)["turned"]
    words = module.embed(torch.from_numpy(batch["ids"])).detach().numpy()
    right = pooled(words, pool, 2, batch[MASK], (1,))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)
