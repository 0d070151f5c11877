"""Makes the records of evidence of the rows of some units, as a run keeps them."""

from collections.abc import Mapping, Sequence

import numpy as np

from invert_core.labelling.workload import Workload
from invert_core.metrics.alike import samples_to_compare
from invert_core.metrics.evidence import Evidence, places_of_cuts
from invert_core.results.evidence_records import (
    CONCEPTS,
    NO_SAMPLE,
    ROWS,
    SAMPLED,
    SAMPLES,
    UNIT_TYPE,
    UNITS,
    EvidenceRecords,
    row_type,
    sampled_type,
)
from invert_core.results.evidence_writing import AboutEvidence
from invert_core.results.held_out_evidence import HELD_OUT_CUTS
from invert_core.settings import Settings


def samples_compared(work: Workload, settings: Settings) -> np.ndarray:
    """Return the searched samples by which the units of a run are compared: int64 [n]."""
    n_units = max(len(units) for _, units in work.layers)
    return samples_to_compare(work.concepts.n_samples, n_units, settings.seed)


def about_evidence(
    work: Workload,
    settings: Settings,
    identities: Mapping[str, Mapping[str, str]],
    labels_sha256: str,
) -> AboutEvidence:
    """Return what the evidence of a run is about.

    Parameters
    ----------
    work : Workload
    settings : Settings
        The settings of the search by all objectives.
    identities : mapping
        The `file_identity` of each input file, keyed by its role.
    labels_sha256 : str
        SHA-256 of labels.jsonl.
    """
    first, _ = work.layers[0]
    roles = [role for role in ("activations", "held_out") if role in identities]
    compared = samples_compared(work, settings)
    lists = {
        "cuts": places_of_cuts(work.concepts.n_samples),
        "n_units": np.array([len(units) for _, units in work.layers]),
        "concept_positive": work.concepts.n_positive,
        "concept_defined": work.concepts.n_defined,
        "compared": compared if work.kept is None else work.kept[compared],
    }
    if work.held_out is not None:
        lists[HELD_OUT_CUTS] = places_of_cuts(work.held_out.concepts.n_samples)
    return AboutEvidence(
        n_samples=work.concepts.n_samples,
        lists=lists,
        names={
            "layer": [layer.name for layer, _ in work.layers],
            "objective": settings.objectives,
            "concept": work.concepts.id,
            "concept_name": work.concepts.name,
            "concept_definition": work.concepts.definition,
        },
        # Rows without ids were matched by position with concepts that may have some.
        sample_id=work.all_concepts.sample_id if first.sample_id is None else first.sample_id,
        n_file_samples=first.n_samples,
        sha256={role: identities[role]["sha256"] for role in roles} | {"labels": labels_sha256},
        source=work.source,
        sample_mark=work.sample_mark,
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
        self._objectives = settings.objectives
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
        self, evidence: Evidence, of_concepts: np.ndarray, addresses: Sequence[tuple[str, int]]
    ) -> dict[str, np.ndarray]:
        """Return the groups of records of some units, given by layer and number.

        There is one record for each unit and direction, but one for each unit of its ranks and of
        `of_concepts` [K], what `ConceptAUC` makes.
        """
        n_ways = len(self._is_negative)
        units = np.zeros(n_ways * len(addresses), UNIT_TYPE)
        numbers = [(self._layers[layer], unit) for layer, unit in addresses]
        units["layer"], units["unit"] = np.repeat(np.array(numbers), n_ways, axis=0).T
        units["direction"] = np.tile(self._is_negative, len(addresses))
        for name, array in (evidence.units._asdict() | evidence.shared._asdict()).items():
            units[name] = array
        sampled = np.zeros(len(addresses), sampled_type(evidence.ranks.shape[1]))
        sampled["ranks"] = evidence.ranks
        return {UNITS: self._in_file(UNITS, units), CONCEPTS: of_concepts, SAMPLED: sampled}

    def _in_file(self, group: str, records: np.ndarray) -> np.ndarray:
        """Return records in which samples are rows of the activation file."""
        if self._kept is not None:
            for name in SAMPLES[group]:
                samples = records[name]
                is_sample = samples != NO_SAMPLE
                samples[is_sample] = self._kept[samples[is_sample]]
        return records
