import numpy as np
import pytest

from tests.labelling.checked_run import label_seen, write_parts, write_samples


@pytest.fixture
def files(tmp_path):
    """Activations and concepts of samples that are searched, and of others."""
    return write_samples(tmp_path)


@pytest.fixture
def run(files):
    """A run on the searched samples."""
    return label_seen(files)


@pytest.fixture
def clips(tmp_path):
    """Frames of 13 clips, on which a run is to be made, and of 7 others."""
    random = np.random.default_rng(3)
    values = random.normal(size=(200, 6)).astype(np.float32)
    ids = [f"clip{number // 10}/{number % 10}" for number in range(200)]
    return write_parts(tmp_path, values, ids, random)
