"""Small activation files, and how tests write and read them."""

from pathlib import Path

import numpy as np

from invert_core.activations import ActivationWriter, Origin, open_activations

ROOT = Path(__file__).parents[3]
FINGERPRINT = {"model": "abc", "layers": ["fc"], "preprocessing": {"mean": [0.5]}}


def matrix(rows, units, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, units)).astype(np.float32)


def writer_of(path, rows, *, overwrite=False, save_every=30.0, **origin):
    return ActivationWriter(
        path,
        Origin(rows, **{"fingerprint": FINGERPRINT} | origin),
        overwrite=overwrite,
        save_every=save_every,
    )


def fill(writer, values, batch=100, stop=None):
    """Write rows from where the writer is to `stop`."""
    for row in range(writer.rows_done, stop or len(values), batch):
        writer.write({"fc": values[row : min(row + batch, stop or len(values))]})


def finish(path, values, **settings):
    with writer_of(path, len(values), **settings) as writer:
        fill(writer, values)
        writer.finish()


def read(path):
    with open_activations(path) as activations:
        return {name: a.read(0, a.n_units).T for name, a in activations.layers.items()}


def other(**fields):
    return {"fingerprint": FINGERPRINT | fields}


def unfinished(path, values, stop=None):
    with writer_of(path, len(values)) as writer:
        fill(writer, values, stop=stop)
    return path.with_name("x.h5.partial")
