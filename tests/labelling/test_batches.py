"""Units are tested in batches, which end where somebody would miss the rows."""

import numpy as np
import pytest

from invert_core import Settings
from invert_core.errors import DataError
from invert_core.labelling import batches
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label_workload
from tests.labelling.small_case import concept_set, small


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """However slow the machine is, no batch is old."""
    monkeypatch.setattr(batches, "_SECONDS_PER_BATCH", np.inf)


def sizes(n_units, block=8, spoil=None, **settings):
    """Return the number of units in each batch, and the error at the end."""
    activations, labels = small(n_units=n_units)
    if spoil is not None:
        activations[3, spoil] = np.nan
    found, failure = [], None
    with Inputs(activations, concept_set(labels)).open() as work:
        quick = Settings(objective="auc", length=2, permutations=0, **settings)
        tables = label_workload(work, quick, jobs=1, block=block)
        try:
            found += (len(table.units()) for table in tables)
        except DataError as error:
            failure = error
    return found, failure


def test_hundreds_of_units_are_tested_at_once():
    assert sizes(600, block=64) == ([256, 256, 88], None)


def test_a_batch_ends_once_it_is_old(monkeypatch):
    monkeypatch.setattr(batches, "_SECONDS_PER_BATCH", 0.0)
    assert sizes(24) == ([8, 8, 8], None)


def test_a_batch_holds_fewer_units_if_the_beam_is_wide(monkeypatch):
    monkeypatch.setattr(batches, "_PLACES", 16 * (50 + 2))
    assert sizes(40, beam=50)[0] == [16, 16, 8]


@pytest.mark.parametrize("spoil", [20, 39])
def test_units_before_an_error_are_labelled(spoil):
    found, failure = sizes(40, spoil=spoil)
    assert f"activations:{spoil} is NaN" in str(failure)
    assert sum(found) == spoil // 8 * 8
