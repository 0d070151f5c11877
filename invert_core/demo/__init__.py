"""The demo: the whole path from a model to labels, on handwritten digits.

The model and the data come with the package: a small convolutional network for the digits of
scikit-learn, made by `examples/digits/` in the source. The demo runs it in ONNX Runtime and labels
its hidden units and outputs on the images of its training. Then it tests each label on images that
neither the training nor the search has seen.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from typing import Any

from invert_core.concepts.building import build_concepts
from invert_core.concepts.hdf5_file import write_concepts
from invert_core.extraction import extract
from invert_core.files.atomic import new_folder
from invert_core.files.storage import storage_errors
from invert_core.labelling.alike_records import write_whole_evidence
from invert_core.labelling.evidence_recorder import about_evidence
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.kept_samples import KeptSamples
from invert_core.labelling.label import Progress, label_workload
from invert_core.labelling.q_values import with_q_values
from invert_core.labelling.workload import Workload
from invert_core.report.html_report import write_report
from invert_core.results.label_table import LabelTable
from invert_core.results.labels import Labels
from invert_core.results.run_directory import (
    EVIDENCE_FILE,
    ROWS_FILE,
    file_identity,
    refuse_other,
    write_info,
    write_rows,
)
from invert_core.results.unfinished_record import Saved, Timer
from invert_core.settings import BOTH_ANSWERS, Settings

TITLE = "Handwritten digits"
LAYERS = ("relu3", "output")
SETTINGS = Settings(length=3, beam=3, min_fraction=0.05, objective=BOTH_ANSWERS)
"""A formula must cover 60 of the 1,198 images; with fewer, it may not hold on other images."""


def run_demo(
    output: Path,
    *,
    jobs: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Labels:
    """Extract activations, label units and test the labels; leave a run directory with its report.

    Parameters
    ----------
    output : Path
        The run directory. Besides the labels it holds their activations and concepts.
    jobs : int, optional
        Number of threads; None takes all cores.
    overwrite : bool
        Replace an existing run directory.
    progress : callable, optional
        Called with the number of units done and the number of all units.
    """
    with ExitStack() as stack:
        model, images, unseen, table, names = (
            stack.enter_context(resources.as_file(resources.files(__name__) / name))
            for name in ("digits.onnx", "search.npz", "held_out.npz", "concepts.csv", "names.csv")
        )
        folder = stack.enter_context(new_folder(output, overwrite=overwrite, refuse=refuse_other))
        inputs = {
            "activations": folder / "activations.h5",
            "held_out": folder / "held_out.h5",
            "concepts": folder / "concepts.h5",
        }
        extract(model, images, inputs["activations"], LAYERS, device="cpu")
        extract(model, unseen, inputs["held_out"], LAYERS, device="cpu")
        concepts = build_concepts([table], names)
        write_concepts(inputs["concepts"], concepts)
        timer = Timer()
        identities = {name: file_identity(path, folder) for name, path in inputs.items()}
        given = Inputs(inputs["activations"], concepts, held_out=inputs["held_out"])
        with given.open(SETTINGS.seed) as work:
            made = label_workload(work, SETTINGS, jobs=jobs, progress=progress, keeps_evidence=True)
            tables = with_q_values(made, SETTINGS)
            labels = Labels.of_tables(tables, work.all_concepts, work.aliases)
            with storage_errors(output):
                files = write_rows(folder, labels)
                files[EVIDENCE_FILE] = _write_evidence(folder, tables, work, identities, files)
                write_info(folder, SETTINGS, identities, {}, timer.timings(), labels.aliases, files)
        write_report(folder, title=TITLE)
    return labels


def _write_evidence(
    folder: Path,
    tables: Sequence[LabelTable],
    work: Workload,
    identities: Mapping[str, Mapping[str, Any]],
    files: Mapping[str, Saved],
) -> Saved:
    """Write evidence.h5 to the run directory."""
    about = about_evidence(work, SETTINGS, identities, files[ROWS_FILE].sha256)
    parts = [table.evidence for table in tables if table.evidence is not None]
    return write_whole_evidence(folder, parts, len(SETTINGS.directions), about, KeptSamples(None))
