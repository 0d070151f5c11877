"""The demo: the whole path from a model to labels, on handwritten digits.

The model and the data come with the package: a small convolutional network for the digits of
scikit-learn, made by `examples/digits/` in the source. The demo runs it in ONNX Runtime and labels
its hidden units and outputs on the images of its training. Then it tests each label on images that
neither the training nor the search has seen.
"""

from contextlib import ExitStack
from importlib import resources
from pathlib import Path

from invert_core.concepts.building import build_concepts
from invert_core.concepts.hdf5_file import write_concepts
from invert_core.extraction import extract
from invert_core.files.atomic import new_folder
from invert_core.files.storage import storage_errors
from invert_core.labelling.label import Progress, label
from invert_core.results.labels import Labels
from invert_core.results.run_directory import file_identity, refuse_other, write_run
from invert_core.results.unfinished_record import Timer
from invert_core.settings import Settings

LAYERS = ("relu3", "output")
SETTINGS = Settings(length=3, beam=3, min_fraction=0.05)
"""A formula must cover 60 of the 1,198 images; with fewer, it may not hold on other images."""


def run_demo(
    output: Path,
    *,
    jobs: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Labels:
    """Extract activations, label units and test the labels; leave a run directory.

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
        labels = label(
            inputs["activations"],
            concepts,
            settings=SETTINGS,
            held_out=inputs["held_out"],
            jobs=jobs,
            progress=progress,
        )
        identities = {name: file_identity(path, folder) for name, path in inputs.items()}
        with storage_errors(output):
            write_run(folder, labels, SETTINGS, identities, {}, timer.timings())
    return labels
