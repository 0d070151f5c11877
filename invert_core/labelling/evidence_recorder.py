"""Makes the records of evidence of the rows of some units, as a run keeps them."""

from collections.abc import Mapping, Sequence

import numpy as np

from invert_core.labelling.workload import Workload
from invert_core.metrics.evidence import Evidence, places_of_cuts
from invert_core.results.evidence_file import AboutEvidence
from invert_core.results.evidence_records import (
    NO_SAMPLE,
    ROWS,
    SAMPLES,
    UNIT_TYPE,
    UNITS,
    EvidenceRecords,
    row_type,
)
from invert_core.settings import Settings


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
        lists={"cuts": places_of_cuts(work.concepts.n_samples)},
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
    settings : Settings
        The settings of the search by all objectives.
    """

    def __init__(self, work: Workload, settings: Settings):
        self._layers = {layer.name: number for number, (layer, _) in enumerate(work.layers)}
        self._is_negative = [direction == "negative" for direction in settings.directions]
        self._objectives = settings.objective
        self._kept = work.kept

    def of_rows(
        self, evidence: Evidence, entries: np.ndarray, searches: np.ndarray, objective: str
    ) -> EvidenceRecords:
        """Return the records of the rows of some units by one objective.

        Parameters
        ----------
        evidence : Evidence
        entries : int64 [R]
            The entry of `evidence.formulas` for each row; -1 for a dead unit.
        searches : int64 [R]
            The unit and direction of each row; the first direction for a dead unit.
        objective : str
        """
        rows = np.zeros(entries.size, row_type(evidence.formulas.hits.shape[1]))
        rows["record"], rows["objective"] = searches, self._objectives.index(objective)
        for name in SAMPLES[ROWS]:
            rows[name] = NO_SAMPLE
            rows[f"{name}_value"] = np.nan
        alive = np.flatnonzero(entries >= 0)
        for name, array in evidence.formulas._asdict().items():
            if name in rows.dtype.names:
                rows[name][alive] = array[entries[alive]]
        return EvidenceRecords({ROWS: self._in_file(ROWS, rows)})

    def of_units(
        self, evidence: Evidence, addresses: Sequence[tuple[str, int]]
    ) -> dict[str, np.ndarray]:
        """Return the groups of records of some units, given by layer and number.

        There is one record for each unit and direction.
        """
        n_ways = len(self._is_negative)
        units = np.zeros(n_ways * len(addresses), UNIT_TYPE)
        numbers = [(self._layers[layer], unit) for layer, unit in addresses]
        units["layer"], units["unit"] = np.repeat(np.array(numbers), n_ways, axis=0).T
        units["direction"] = np.tile(self._is_negative, len(addresses))
        for name, array in evidence.units._asdict().items():
            units[name] = array
        return {UNITS: self._in_file(UNITS, units)}

    def _in_file(self, group: str, records: np.ndarray) -> np.ndarray:
        """Return records in which samples are rows of the activation file."""
        if self._kept is not None:
            for name in SAMPLES[group]:
                samples = records[name]
                is_sample = samples != NO_SAMPLE
                samples[is_sample] = self._kept[samples[is_sample]]
        return records
