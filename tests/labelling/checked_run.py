"""A small run to check, and samples that its search did not see."""

import numpy as np

from invert_core.labelling.label_files import label_files
from invert_core.settings import Settings

N_SEARCHED = 130
SETTINGS = Settings(objective="auc", permutations=0, direction="both", beam=2)


def write_parts(folder, values, ids, random):
    """Write activations and six concepts of the searched samples, and those of the others.

    The first unit detects the first concept.
    """
    labels = random.random((len(values), 6)) < 0.3
    values[:, 0] += 2 * labels[:, 0]
    ids, id = np.array(ids), np.array([f"c{number}" for number in range(6)])
    for name, part in (("seen", slice(N_SEARCHED)), ("unseen", slice(N_SEARCHED, None))):
        np.savez(folder / f"{name}.npz", fc=values[part], sample_id=ids[part])
        np.savez(folder / f"{name}_concepts.npz", labels=labels[part], id=id, sample_id=ids[part])
    return folder


def write_samples(folder):
    """Write activations of 40 units on 130 samples and on 70 others; unit 7 is dead."""
    random = np.random.default_rng(3)
    values = np.maximum(random.normal(size=(200, 40)).round(1), 0).astype(np.float32)
    values[:, 7] = 1
    return write_parts(folder, values, [f"s{number}" for number in range(200)], random)


def label_seen(folder, **told):
    """Label the searched samples; return the run."""
    inputs = (folder / "seen.npz", folder / "seen_concepts.npz")
    label_files(*inputs, folder / "run", **{"settings": SETTINGS} | told)
    return folder / "run"


def of_unseen(files):
    return files / "unseen.npz", files / "unseen_concepts.npz"
