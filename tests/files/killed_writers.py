"""Writers of outputs, and a process that kills them at every step at which a folder changes.

``python -m tests.files.killed_writers WRITER START ALBUM MOMENT`` copies the folder START into
ALBUM for each step of the writer, and kills a child in that copy just before the step.
"""

import contextlib
import itertools
import os
import shutil
import sys
from pathlib import Path

import numpy as np

from invert_core import Settings, build_concepts
from invert_core.concepts.export import export_concepts
from invert_core.concepts.hdf5_file import write_concepts
from invert_core.extraction import extract
from invert_core.labelling.label_files import label_files
from invert_core.results.export import export_labels
from invert_core.results.run_directory import read_run
from tests.fake_model import FakeModel

CHANGES = {"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}
"""The audit events of Python for calls that change a folder; os.replace is a rename as well."""


def prepare(folder):
    """Write inputs: activations, concepts, samples for the model, and a run."""
    random = np.random.default_rng(3)
    np.savez(folder / "a.npz", a=random.normal(size=(40, 3)).astype(np.float32))
    ids = np.array([f"concept {number}" for number in range(4)])
    np.savez(folder / "c.npz", labels=random.random((40, 4)) < 0.3, id=ids)
    np.savez(folder / "d.npz", labels=random.random((40, 4)) < 0.3, id=ids)
    np.save(folder / "x.npy", random.normal(size=(1100, 8)).astype(np.float32))
    label_files(folder / "a.npz", folder / "c.npz", folder / "done", settings=Settings(length=1))


def concept_file(source="c.npz", overwrite=False):
    write_concepts("out.h5", build_concepts([source]), overwrite=overwrite)


def tables(source="c.npz", overwrite=False):
    export_concepts(build_concepts([source]), "out", overwrite=overwrite)


def labels(source="c.npz", overwrite=False):
    settings = Settings(length=2, beam=2, permutations=5)
    label_files("a.npz", source, "out", settings=settings, jobs=1, overwrite=overwrite)


def exported(source="c.npz", overwrite=False):
    if source == "c.npz":
        export_labels(read_run("done").labels, "out.csv", overwrite=overwrite)
    else:
        Path("out.csv").write_text("old")


def activations(source="c.npz", overwrite=False):
    model = FakeModel(fingerprint=source[0] * 64)
    extract(
        model,
        np.load("x.npy"),  # a file of samples would be named in the output, with its folder
        "out.h5",
        ["hidden", "latents"],
        sparse=["latents"],
        batch_size=256,
        overwrite=overwrite,
    )


WRITERS = {each.__name__: each for each in (concept_file, tables, labels, exported, activations)}


def kill_before(step):
    """Kill this process just before the step with this number."""
    here = os.getcwd()
    steps = itertools.count()

    def watch(event, arguments):
        opened = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        changes = event in CHANGES or opened
        inside = changes and Path(os.fsdecode(arguments[0])).absolute().is_relative_to(here)
        if inside and next(steps) == step:
            os._exit(9)

    sys.addaudithook(watch)


def main(writer, start, album, overwrite):
    with contextlib.chdir(shutil.copytree(start, Path(album, "trial"))):
        WRITERS[writer](overwrite=overwrite)  # loads and compiles everything
    shutil.rmtree(Path(album, "trial"))
    for step in itertools.count():
        picture = shutil.copytree(start, Path(album, f"{step:03}"))
        child = os.fork()
        if child == 0:
            os.chdir(picture)
            kill_before(step)
            WRITERS[writer](overwrite=overwrite)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == 0:
            shutil.rmtree(picture)
            return
        assert code == 9, code


if __name__ == "__main__":
    main(*sys.argv[1:4], overwrite=sys.argv[4] == "overwrite")
