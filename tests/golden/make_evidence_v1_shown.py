"""Writes evidence_v1_shown.h5, which every later version must read. Not to be run again."""

import tempfile
from pathlib import Path

import numpy as np

from invert_core import Activations, Settings
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.data.previews.shown import ShownSamples
from invert_core.labelling.alike_records import write_whole_evidence
from invert_core.labelling.evidence_recorder import about_evidence
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label_workload

SHOWN = ShownSamples(
    picture=(b"first", b"", b"third"),
    mime=("image/png", "", "image/webp"),
    missing="1 of 3 samples has no picture in the folder '/pictures': 1 missing ('s1').",
)

if __name__ == "__main__":
    values = Activations.from_array({"fc": np.array([[1.0], [2.0], [0.0]])}, ["s0", "s1", "s2"])
    activations = Activations(
        values.layers,
        values.sample_id,
        source={"kind": "images", "path": "/pictures"},
        extraction={"data": "0123"},
        sample_mark=np.array([1, 2, 2**64 - 1], np.uint64),
    )
    concepts = ConceptSet.from_arrays(
        np.array([[1], [0], [0]]), ["n1"], ["bird"], ["it flies"], ["s0", "s1", "s2"]
    )
    settings = Settings(length=1, beam=1, permutations=0)
    digests = {"activations": {"sha256": "0" * 64}}
    with tempfile.TemporaryDirectory() as folder:
        with Inputs(activations, concepts).open() as work:
            parts = [
                table.evidence for table in label_workload(work, settings, keeps_evidence=True)
            ]
            about = about_evidence(work, settings, digests, "1" * 64)
        write_whole_evidence(Path(folder), parts, 1, about, lambda *_: SHOWN)
        made = (Path(folder) / "evidence.h5").read_bytes()
    Path(__file__).with_name("evidence_v1_shown.h5").write_bytes(made)
