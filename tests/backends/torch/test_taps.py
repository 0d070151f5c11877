"""What is taken from a forward pass, when the pass ends, and what its errors become."""

import threading

import numpy as np
import pytest

from invert_core.errors import ModelError
from tests.needs import need

torch = need("torch")

from torch import nn

from tests.backends.torch_models import Chain, X, opened, run


def test_nothing_runs_after_the_last_wanted_layer():
    calls = []
    module = Chain(between=lambda x: calls.append("between") or x, after=calls.append)
    with opened(module, X[:1], ["first"]) as extractor:
        calls.clear()
        extractor.run({"x": X})
    assert calls == []
    with opened(module, X[:1], ["first", "second"]) as extractor:
        calls.clear()
        extractor.run({"x": X})
    assert calls == ["between"]


def test_a_model_that_catches_exceptions_does_not_catch_the_end():
    caught = []

    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.chain = Chain()

        def forward(self, x):
            try:
                return self.chain(x)
            except Exception as error:
                caught.append(error)
                raise

    np.testing.assert_array_equal(run(Careful(), ["chain.first"], X)["chain.first"], X)
    assert caught == []


def test_a_fault_of_pooling_is_told_even_if_the_model_catches_exceptions():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Identity()

        def forward(self, x):
            try:
                return self.inner(x.flatten(1) if len(x) < 3 else x)
            except Exception:
                return x

    x = np.zeros((4, 3, 4), np.float32)
    with pytest.raises(ModelError, match=r"'inner' gives float32 of the shape \(4, 3, 4\)"):
        run(Careful(), ["inner"], x)


def test_a_layer_that_leaves_samples_out_is_an_error():
    with pytest.raises(ModelError, match=r"'second' gives float32 of the shape \(3, 3\) for 4 sa"):
        run(Chain(between=lambda x: x[:3]), ["second"], X)


class Depending(nn.Module):
    """Runs `cell` as often as the first value of the batch says."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Identity()
        self.last = nn.Identity()

    def forward(self, x):
        for _ in range(int(x[0, 0])):
            self.cell(x)
        return self.last(x)


def test_a_layer_that_does_not_come_is_an_error():
    with opened(Depending(), np.full((1, 2), 1, np.float32), ["cell"]) as extractor:
        with pytest.raises(ModelError, match="'cell' does not come with this batch"):
            extractor.run({"x": np.zeros((1, 2), np.float32)})
        assert extractor.run({"x": np.ones((1, 2), np.float32)})["cell"].shape == (1, 2)


@pytest.mark.parametrize(("known", "said"), [(1, "ran 1 time"), (2, "ran 2 times")])
def test_a_module_that_runs_more_often_than_known_is_an_error(known, said):
    layers = [f"cell#{known}" if known > 1 else "cell", "last"]
    with (
        opened(Depending(), np.full((1, 2), known, np.float32), layers) as extractor,
        pytest.raises(ModelError, match=rf"'cell' runs more often .*{said}"),
    ):
        extractor.run({"x": np.full((1, 2), 3, np.float32)})


def fail(error):
    def raise_it(x):
        if len(x) > 2:  # the examples have fewer samples
            raise error
        return x

    return Chain(between=raise_it)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("shapes differ\nand more"), r"fails with RuntimeError: shapes differ\. "),
        (KeyError("x"), r"fails with KeyError: 'x'\. Check that its inputs"),
        (AssertionError(), r"fails with AssertionError\. "),
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), "not enough memory.*--batch-size"),
        (MemoryError(), "not enough memory.*--batch-size"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "--batch-size"),
    ],
)
def test_what_a_module_raises_becomes_a_sentence(error, said):
    with pytest.raises(ModelError, match=said) as caught:
        run(fail(error), ["second"], X)
    assert caught.value.__cause__ is error


def test_a_model_that_exits_is_an_error_and_not_the_end():
    with pytest.raises(ModelError, match=r"fails with SystemExit: 0\. Check that"):
        run(fail(SystemExit(0)), ["second"], X)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_layer_that_runs_in_a_thread_is_read():
    class Threaded(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Identity()

        def forward(self, x):
            found = []
            thread = threading.Thread(target=lambda: found.append(self.inner(x)))
            thread.start()
            thread.join()
            return found[0]

    np.testing.assert_array_equal(run(Threaded(), ["inner"], X)["inner"], X)


def test_an_interrupt_passes_and_leaves_the_module_as_it_was():
    module = fail(KeyboardInterrupt()).train()
    with opened(module, X[:1], ["second"]) as extractor, pytest.raises(KeyboardInterrupt):
        extractor.run({"x": X})
    assert module.training
    assert not module.second._forward_hooks
