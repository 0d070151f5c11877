"""Makes the records of evidence on held-out samples, as a run keeps them."""

import numpy as np

from invert_core.labelling.held_out_formulas import Unseen
from invert_core.results.held_out_evidence import held_out_type


def held_out_records(unseen: Unseen, formulas: np.ndarray) -> np.ndarray:
    """Return the records of rows: array of `held_out_type` [R].

    Parameters
    ----------
    unseen : Unseen
        What held-out samples say of F formulas.
    formulas : int64 [R]
        The formula of each row; -1 for a dead unit.
    """
    records = np.zeros(formulas.size, held_out_type(unseen.hits.shape[1]))
    records["auc"] = np.nan
    alive = np.flatnonzero(formulas >= 0)
    of_rows = formulas[alive]
    records["hits"][alive] = unseen.hits[of_rows]
    records["auc"][alive] = unseen.columns["auc_held_out"][of_rows]
    records["positive"][alive] = unseen.columns["n_positive_held_out"][of_rows]
    return records
