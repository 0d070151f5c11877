"""A labelling with missing labels that is stopped continues where it stopped."""

import numpy as np
import pytest

from invert_core.errors import StaleFileError
from invert_core.results.run_directory import read_run
from tests.results.unfinished_runs.stopped_runs import finish, is_whole, stop

EXCLUDE = {"missing": "exclude"}


@pytest.fixture(autouse=True)
def _blanks(here):
    with np.load("c.npz") as data:
        labels, ids = data["labels"].astype(np.int8), data["id"]
    labels[:10, 1] = labels[5:12, 3] = -1
    np.savez("c.npz", labels=labels, id=ids)


@pytest.mark.parametrize("after", [1, 4, 11])
def test_it_gives_the_same_bytes(here, after):
    finish("whole", **EXCLUDE)
    stop(after, **EXCLUDE)
    finish(**EXCLUDE, jobs=2)
    assert is_whole(here / "run", here / "whole")
    assert read_run("run").info["timings"]["resumed_after"] == [after]


def test_it_does_not_go_on_with_another_meaning_of_missing_labels(here):
    stop(3, **EXCLUDE)
    with pytest.raises(StaleFileError, match='with missing "exclude", now it is "negative"'):
        finish(missing="negative")
