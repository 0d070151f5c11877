"""Tensors and DataLoaders of torch, which the library reads without importing it."""

import numpy as np
import pytest

from invert_core.data import open_data
from invert_core.data.arrays.iterables import BatchSource
from invert_core.errors import DataError
from invert_core.models.backend import ModelInput
from tests.needs import need

torch = need("torch")
data = need("torch.utils.data")

ONE = (ModelInput("x"),)
X = torch.arange(20, dtype=torch.float32).reshape(10, 2)


def contents(source):
    return np.concatenate([batch.inputs["x"] for batch in source.batches(0, 3)])


@pytest.mark.parametrize(("drop_last", "count"), [(False, 10), (True, 8)])
def test_a_loader_of_tensors_is_read(drop_last, count):
    source = open_data(data.DataLoader(X, batch_size=4, drop_last=drop_last), ONE)
    assert len(source) == count
    assert np.array_equal(source.example()["x"], X[:1].numpy())
    assert np.array_equal(contents(source), X[:count].numpy())


def test_tensors_of_a_graph_are_read():
    assert np.array_equal(contents(BatchSource([X.clone().requires_grad_()], input_name="x")), X)


def test_one_tensor_is_one_array():
    assert np.array_equal(contents(open_data(X, ONE)), X.numpy())


def test_bfloat16_becomes_float32():
    for source in (open_data([X.bfloat16()], ONE), open_data({"x": X.bfloat16()}, ONE)):
        assert contents(source).dtype == np.float32
        assert np.array_equal(contents(source), X)


def test_tensors_of_types_that_numpy_lacks_are_refused():
    with pytest.raises(DataError, match=r"'x' of batch 0 cannot be read as an array of numbers"):
        open_data([X.to_sparse()], ONE)


def test_inputs_with_labels_are_refused_with_an_example():
    loader = data.DataLoader(data.TensorDataset(X, X), batch_size=4)
    with pytest.raises(DataError, match="for x, label in loader"):
        open_data(loader, ONE).example()
    inputs = BatchSource((x for x, _ in loader), len(loader.dataset), input_name="x")
    assert np.array_equal(contents(inputs), X)


def test_loaders_that_shuffle_are_refused():
    subset = data.SubsetRandomSampler(range(10))
    for loader in (
        data.DataLoader(X, batch_size=4, shuffle=True),
        data.DataLoader(X, batch_size=4, sampler=subset),
        data.DataLoader(X, batch_sampler=data.BatchSampler(subset, 4, False)),
    ):
        with pytest.raises(DataError, match="shuffles"):
            open_data(loader, ONE)


def test_a_loader_of_unknown_length_needs_it():
    class Stream(data.IterableDataset):
        def __iter__(self):
            return iter(X)

    loader = data.DataLoader(Stream(), batch_size=4)
    with pytest.raises(DataError, match="n_samples="):
        open_data(loader, ONE)
    assert np.array_equal(contents(BatchSource(loader, 10, input_name="x")), X)


def test_tensors_of_a_graph_may_stand_in_a_mapping():
    weights = torch.arange(6.0).reshape(3, 2).requires_grad_()
    (batch,) = open_data({"x": weights * 2}, ONE).batches(0, 9)
    assert np.array_equal(batch.inputs["x"], np.arange(6).reshape(3, 2) * 2)
