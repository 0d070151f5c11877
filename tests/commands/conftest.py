import numpy as np
import pytest

from tests.command_line import invert


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def inputs(here):
    """Activations of four units on 60 samples, and three concepts with names.

    Unit 0 detects `a & ~b`, unit 1 detects `c`, unit 2 is dead, unit 3 is noise.
    """
    random = np.random.default_rng(5)
    labels = random.random((60, 3)) < (0.5, 0.3, 0.2)
    a, b, c = labels.T
    values = random.normal(size=(60, 4))
    values[:, 0] += 20 * (a & ~b)
    values[:, 1] += 20 * c
    values[:, 2] = 1
    ids = np.array([f"s{number}" for number in range(60)])
    np.savez(here / "activations.npz", fc=values.astype(np.float32), sample_id=ids)
    rows = ["sample_id,a,b,c"]
    rows += [",".join([i, *map(str, row)]) for i, row in zip(ids, labels.astype(int), strict=True)]
    (here / "concepts.csv").write_text("\n".join(rows) + "\n")
    (here / "names.csv").write_text(
        "concept_id,name,definition\na,apple,a fruit\nb,brown,a colour\nc,cat,an animal\n"
    )
    return here


@pytest.fixture
def run(inputs):
    """A run directory."""
    invert("label", "activations.npz", "concepts.csv", "--names", "names.csv", "-o", "run")
    return inputs / "run"


@pytest.fixture
def two_answers(here):
    """A run of three units that separate one concept, while the highest samples share another.

    In unit 1 both are the same concept, and unit 2 is dead.
    """
    random = np.random.default_rng(6)
    wide = random.random(600) < 0.4
    narrow = random.random(600) < 0.2
    values = random.normal(size=(600, 3))
    # Some of the narrow concept are the highest samples of all, but not most of them.
    values[:, 0] += 2 * wide + 9 * (narrow & ~wide & (random.random(600) < 0.4))
    values[:, 1] += 6 * narrow
    values[:, 2] = 1
    np.savez(here / "activations.npz", fc=values)
    marks = np.stack([np.arange(600), wide, narrow], axis=1)
    lines = ["sample_id,wide,narrow", *(",".join(map(str, row)) for row in marks)]
    (here / "concepts.csv").write_text("\n".join(lines) + "\n")
    invert(
        "label", "activations.npz", "concepts.csv", "-o", "run", "--length", 1, "--join", "inner"
    )
    return here / "run"
