"""From files to a run directory: what `invert label` does, kept safe from interrupts."""

import operator
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

from invert_core.errors import ExistingOutputError, MissingFileError
from invert_core.files.atomic import check_folder
from invert_core.files.write_lock import WriteLock
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import Progress, label_workload
from invert_core.labelling.workload import Workload
from invert_core.results.labels import Labels
from invert_core.results.run_directory import (
    RUN_FILE,
    file_identity,
    versions,
    write_info,
    write_table,
)
from invert_core.results.unfinished import output_place, unfinished_folder, unfinished_run
from invert_core.results.unfinished_record import Timer
from invert_core.settings import Settings


def label_files(
    activations: str | PathLike[str],
    concepts: str | PathLike[str],
    output: str | PathLike[str],
    *,
    names: str | PathLike[str] | None = None,
    layers: Sequence[str] | None = None,
    units: Sequence[int] | None = None,
    settings: Settings | None = None,
    join: str = "strict",
    missing: str = "error",
    jobs: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Labels:
    """Label the units of an activation file and write a run directory.

    Until it is whole it is called ``<output>.partial``. A labelling that was stopped goes on after
    the last unit that was saved when it is called again in the same way, with any `jobs`.

    Parameters
    ----------
    activations, concepts : path
        Files as `label` and `read_concepts` take them; folders of concepts are not taken.
    output : path
        The run directory: labels.csv, labels.jsonl and run.json, all or nothing.
    names : path, optional
        Names of the concepts, see `read_concepts`.
    layers, units, settings, join, missing, jobs, progress
        As for `label`.
    overwrite : bool
        Replace a run directory that exists, once the new one is whole; and begin anew where an
        unfinished one is broken or was made from something else.

    Returns
    -------
    Labels

    Raises
    ------
    ExistingOutputError
        The output exists and is not to be overwritten, is not a run directory, or holds an input.
    MissingFileError
        An input is missing, or a folder.
    StaleFileError, FileFormatError
        An unfinished run is there that was made from something else, or is broken.
    StorageError
        It cannot be written, or another process is writing it. What is saved stays.
    InvertError
        All that `label` raises.
    """
    output = Path(output)
    check_folder(output, marker=RUN_FILE, overwrite=overwrite)
    inputs = Inputs(
        Path(activations),
        Path(concepts),
        layers=[layers] if isinstance(layers, str) else layers,
        units=None if units is None else [operator.index(unit) for unit in units],
        names=None if names is None else Path(names),
        join=join,
        missing=missing,
    )
    files = _files_of(inputs)
    for folder in (output, unfinished_folder(output)):
        _refuse_to_delete(files.values(), folder)
    settings = settings or Settings()
    with ExitStack() as stack:
        lock = WriteLock(output_place(output))
        stack.callback(lock.release)
        # Before the work, so that a file that is replaced meanwhile is not recorded in its place.
        identities = {name: file_identity(path) for name, path in files.items()}
        timer = Timer()
        work = stack.enter_context(inputs.open())
        made_from = _fingerprint(inputs, settings, work, identities)
        addresses = tuple(work.addresses())
        unfinished = stack.enter_context(
            unfinished_run(output, made_from, addresses, overwrite=overwrite, timer=timer)
        )
        left = label_workload(
            work, settings, jobs=jobs, progress=progress, n_done=unfinished.n_done
        )
        rows = list(unfinished.found)
        for of_unit in stack.enter_context(closing(left)):
            rows += of_unit
            unfinished.add(of_unit)
        labels = Labels(tuple(rows), work.concepts)
        with unfinished.completed(marker=RUN_FILE, overwrite=overwrite) as folder:
            write_table(folder, labels)
            arguments = _choices(inputs) | {"jobs": jobs}
            write_info(folder, settings, identities, arguments, timer.timings())
    return labels


def _files_of(inputs: Inputs) -> dict[str, Path]:
    """The files that a run is made from, by what they are."""
    files = {"activations": inputs.activations, "concepts": inputs.concepts, "names": inputs.names}
    paths = {name: path for name, path in files.items() if isinstance(path, Path)}
    if paths["concepts"].is_dir():
        build = ["invert", "concepts", "build", str(paths["concepts"]), "-o", "concepts.h5"]
        raise MissingFileError(
            f"{str(paths['concepts'])!r} is a folder, and a run records the files that it is made "
            "from.",
            f"Make a concept file of it with: {shlex.join(build)}",
        )
    return paths


def _choices(inputs: Inputs) -> dict[str, Any]:
    """What was chosen of the inputs, as run.json has it."""
    return {
        "layers": None if inputs.layers is None else list(inputs.layers),
        "units": inputs.units,
        "join": inputs.join,
        "missing": inputs.missing,
    }


def _fingerprint(
    inputs: Inputs, settings: Settings, work: Workload, identities: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """All that determines the rows."""
    return {
        "settings": asdict(settings),
        "layers": [layer.name for layer, _ in work.layers],
        "units": None if inputs.units is None else sorted(set(inputs.units)),
        "join": inputs.join,
        "missing": inputs.missing,
        "inputs": {name: found["sha256"] for name, found in identities.items()},
        "versions": versions(),
    }


def _refuse_to_delete(inputs: Iterable[Path], output: Path) -> None:
    for path in inputs:
        if path.resolve().is_relative_to(output.resolve()):
            raise ExistingOutputError(
                f"The output {str(output)!r} holds the input {str(path)!r}, which would be lost.",
                "Choose another output with -o.",
            )
