"""What a module takes follows from the signature of its forward, or is declared."""

import numpy as np
import pytest

from invert_core.errors import DataError, ModelError, SettingError
from invert_core.models.backend import MASK, ModelInput
from tests.needs import need

torch = need("torch")

from tests.backends.torch_models import TorchBackend, run, settled

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def module_of(forward):
    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.seen = torch.nn.Identity()

    Module.forward = forward
    return Module()


def positional(self, x, /, y=1, *, scale=1):
    return self.seen((x - y) * scale)


def many(self, *xs, **settings):
    return self.seen(xs[0] - xs[1] * settings.get("factor", 1))


def keywords(self, **settings):
    return self.seen(settings["x"] - settings["y"])


def like_hugging_face(self, input_ids=None, attention_mask=None, token_type_ids=None, other=None):
    return self.seen(input_ids[..., None] * 1.0)


def test_an_input_that_is_declared_twice_is_refused():
    inputs = [ModelInput("x", (None, 3)), ModelInput("x", (None, 4))]
    with pytest.raises(SettingError, match="'x' is declared twice"):
        TorchBackend.adopt(module_of(positional), inputs=inputs)


@pytest.mark.parametrize(
    ("forward", "names"),
    [
        (lambda self, x: x, ["x"]),
        (positional, ["x"]),
        (many, ["xs"]),
        (keywords, []),
        (like_hugging_face, ["input_ids", MASK, "token_type_ids"]),
        (lambda self, ids, other=None, attention_mask=None: ids, ["ids", MASK]),
        (lambda self, a, *, b: a, ["a", "b"]),
    ],
)
def test_inputs_are_the_parameters_without_default_and_masks(forward, names):
    assert [each.name for each in TorchBackend.adopt(module_of(forward)).inputs] == names


def test_an_example_tells_types_and_numbers_of_axes():
    found = settled(module_of(positional), {"x": X, "y": X.astype(np.float64)}).inputs
    assert found == (
        ModelInput("x", (None, None), np.dtype(np.float32)),
        ModelInput("y", (None, None), np.dtype(np.float64)),
    )


def test_an_example_may_bring_whatever_the_forward_names():
    module = module_of(positional)
    np.testing.assert_array_equal(run(module, ["seen"], {"scale": X, "x": X})["seen"], (X - 1) * X)
    with pytest.raises(DataError, match="no input 'z'"):
        settled(module, {"x": X, "z": X})
    with pytest.raises(DataError, match="'x' is missing"):
        settled(module, {"y": X})


def test_optional_masks_may_be_left_out_and_the_first_input_may_not():
    module = module_of(like_hugging_face)
    ids = np.ones((2, 4), np.int64)
    assert run(module, ["seen"], {"input_ids": ids}, channel_axis=2)["seen"].shape == (2, 1)
    with pytest.raises(DataError, match="'input_ids' is missing"):
        settled(module, {MASK: ids})


def test_unnamed_inputs_come_in_the_order_of_their_declaration():
    pair = [ModelInput("b"), ModelInput("a")]
    found = run(module_of(many), ["seen"], {"a": X, "b": 3 * X}, {"inputs": pair})["seen"]
    np.testing.assert_array_equal(found, 3 * X - X)
    with pytest.raises(DataError, match="no input 'a'"):
        settled(module_of(many), {"a": X})


def test_keywords_take_whatever_an_example_brings():
    found = run(module_of(keywords), ["seen"], {"y": X, "x": 3 * X})["seen"]
    np.testing.assert_array_equal(found, 3 * X - X)


def test_a_mask_is_a_keyword_only_where_it_is_declared():
    def forward(self, ids, **settings):
        return self.seen(ids[..., None] * 1.0 + len(settings))

    batch = {"ids": np.ones((2, 4), np.int64), MASK: np.ones((2, 4), np.int64)}
    assert run(module_of(forward), ["seen"], batch)["seen"].tolist() == [[1], [1]]
    declared = {"inputs": [ModelInput("ids"), ModelInput(MASK)]}
    assert run(module_of(forward), ["seen"], batch, declared)["seen"].tolist() == [[2], [2]]


def test_a_declared_mask_that_the_forward_does_not_take_serves_pooling():
    module = module_of(lambda self, ids: self.seen(ids[..., None] * 1.0))
    batch = {"ids": np.array([[1, 7]]), MASK: np.array([[1, 0]])}
    declared = {"inputs": [ModelInput("ids"), ModelInput(MASK)]}
    assert run(module, ["seen"], batch, declared)["seen"].tolist() == [[1]]


def test_declared_inputs_go_before_the_signature():
    image = ModelInput("x", (None, 3), np.dtype(np.float32))
    model = TorchBackend.adopt(module_of(positional), inputs=[image])
    assert model.inputs == (image,)
    assert model.settled({"x": X}).inputs == (image,)
    with pytest.raises(DataError, match=r"\[samples, 3\], and the data have"):
        model.settled({"x": X[:, :2]})


def test_inputs_that_cannot_be_are_refused():
    with pytest.raises(ModelError, match=r"takes no input 'y'\. It takes 'x'"):
        TorchBackend.adopt(module_of(lambda self, x: x), inputs=[ModelInput("y")])
    with pytest.raises(SettingError, match=r"cannot hold 'x'.*ModelInput"):
        TorchBackend.adopt(module_of(positional), inputs=["x"])


def test_a_forward_without_a_signature_is_refused():
    module = module_of(positional)
    module.forward = iter
    with pytest.raises(ModelError, match="does not say what it takes"):
        TorchBackend.adopt(module)


def test_a_module_without_forward_says_so_when_it_is_settled():
    with pytest.raises(ModelError, match="fails with NotImplementedError"):
        settled(torch.nn.Module(), {"input": X})
