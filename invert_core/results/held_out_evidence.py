"""Records of evidence on held-out samples, one for each row of a run that has such samples."""

import numpy as np

HELD_OUT = "held_out"
"""The group of these records."""
HELD_OUT_CUTS = "held_out_cuts"
"""The list of the numbers of held-out samples among which hits are counted."""


def held_out_type(n_cuts: int) -> np.dtype:
    """Return the type of the record of a row, given at how many places hits are counted."""
    return np.dtype([("hits", "<f4", (n_cuts,)), ("auc", "<f8"), ("positive", "<u4")])
