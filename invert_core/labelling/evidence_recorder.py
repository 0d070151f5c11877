"""Makes the records of evidence of the rows of some units, as a run keeps them."""

from collections.abc import Mapping, Sequence

import numpy as np

from invert_core.labelling.workload import Workload
from invert_core.metrics.evidence import Evidence, places_of_cuts
from invert_core.results.evidence_file import AboutEvidence
from invert_core.results.evidence_records import (
    NO_SAMPLE,
    SAMPLES_OF_ROWS,
    SAMPLES_OF_UNITS,
    UNIT_TYPE,
    EvidenceRecords,
    row_type,
)


def about_evidence(
    work: Workload,
    objectives: Sequence[str],
    identities: Mapping[str, Mapping[str, str]],
    labels_sha256: str,
) -> AboutEvidence:
    """Return what the evidence of a run is about.

    Parameters
    ----------
    work : Workload
    objectives : sequence of str
        The objectives of the search.
    identities : mapping
        The `file_identity` of each input file, keyed by its role.
    labels_sha256 : str
        SHA-256 of labels.jsonl.
    """
    first, _ = work.layers[0]
    roles = [role for role in ("activations", "held_out") if role in identities]
    return AboutEvidence(
        n_samples=work.concepts.n_samples,
        cuts=places_of_cuts(work.concepts.n_samples),
        layers=[layer.name for layer, _ in work.layers],
        objectives=objectives,
        sample_id=first.sample_id,
        n_file_samples=first.n_samples,
        sha256={role: identities[role]["sha256"] for role in roles} | {"labels": labels_sha256},
    )


class EvidenceRecorder:
    """Makes records of evidence.

    Parameters
    ----------
    work : Workload
    directions : sequence of str
        The directions of the search.
    """

    def __init__(self, work: Workload, directions: Sequence[str]):
        self._layers = {layer.name: number for number, (layer, _) in enumerate(work.layers)}
        self._is_negative = [direction == "negative" for direction in directions]
        self._kept = work.kept

    def records(
        self,
        evidence: Evidence,
        formulas: np.ndarray,
        searches: np.ndarray,
        addresses: Sequence[tuple[str, int]],
    ) -> EvidenceRecords:
        """Return the records of some units and their rows.

        Parameters
        ----------
        evidence : Evidence
        formulas : int64 [R]
            The formula of each row among those of `evidence`; -1 for a dead unit.
        searches : int64 [R]
            The unit and direction of each row, ascending; the first direction for a dead unit.
        addresses : sequence of (str, int)
            Layer and number of each unit.
        """
        n_ways = len(self._is_negative)
        units = np.zeros(n_ways * len(addresses), UNIT_TYPE)
        numbers = [(self._layers[layer], unit) for layer, unit in addresses]
        units["layer"], units["unit"] = np.repeat(np.array(numbers), n_ways, axis=0).T
        units["direction"] = np.tile(self._is_negative, len(addresses))
        units["n_rows"] = np.bincount(searches, minlength=len(units))
        for name, array in evidence.units._asdict().items():
            units[name] = array
        rows = np.zeros(formulas.size, row_type(evidence.formulas.hits.shape[1]))
        for name in SAMPLES_OF_ROWS:
            rows[name] = NO_SAMPLE
            rows[f"{name}_value"] = np.nan
        alive = np.flatnonzero(formulas >= 0)
        for name, array in evidence.formulas._asdict().items():
            if name in rows.dtype.names:
                rows[name][alive] = array[formulas[alive]]
        for records, names in ((units, SAMPLES_OF_UNITS), (rows, SAMPLES_OF_ROWS)):
            for name in names:
                records[name] = self._in_file(records[name])
        return EvidenceRecords(units, rows)

    def _in_file(self, samples: np.ndarray) -> np.ndarray:
        """Return the rows of the activation file of some samples."""
        if self._kept is None:
            return samples
        is_sample = samples != NO_SAMPLE
        in_file = samples.copy()
        in_file[is_sample] = self._kept[samples[is_sample]]
        return in_file
