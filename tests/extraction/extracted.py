"""What extractions of the fake model hold, and what they should hold."""

import numpy as np

from invert_core import open_activations
from tests.activations.test_sparse import dense
from tests.fake_model import FakeModel

LAYERS = ["hidden", "out"]
ALL_LAYERS = [*LAYERS, "latents"]


def read(path):
    with open_activations(path) as activations:
        return {
            name: (dense(a.read(0, a.n_units)) if a.is_sparse else a.read(0, a.n_units)).T
            for name, a in activations.layers.items()
        }


def expected(data, batch_size, layers=LAYERS):
    extractor = FakeModel().extractor(layers, batch_size=batch_size)
    batches = [
        extractor.run({"x": data[row : row + batch_size]})
        for row in range(0, len(data), batch_size)
    ]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in layers}


def assert_same(found, wanted):
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        assert np.array_equal(found[name], values)


def trial_rows(batch_size):
    """The samples that a steady model sees in trial runs: a batch twice, and in two parts."""
    return 3 * batch_size


def interrupt_at(rows, batch_size=32):
    """Interrupt the model when it has seen this many samples after the trial runs."""
    seen = -trial_rows(batch_size)

    def fail(x):
        nonlocal seen
        seen += len(x)
        if seen > rows:
            raise KeyboardInterrupt

    return fail
