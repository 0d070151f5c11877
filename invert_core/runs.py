"""Run directories: the results of one labelling, and all that is needed to repeat it."""

import hashlib
import json
import operator
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import Any

from invert_core import __version__
from invert_core.errors import ExistingOutputError, FileFormatError, MissingFileError
from invert_core.files.atomic import check_folder
from invert_core.files.input_file import check_file
from invert_core.files.write_lock import WriteLock
from invert_core.labelling import Progress, label_workload
from invert_core.labels import Labels
from invert_core.settings import Settings
from invert_core.timings import Timer, Timings
from invert_core.unfinished import RECORD, output_place, unfinished_folder, unfinished_run
from invert_core.workload import open_workload

RUN_FILE = "run.json"
FORMAT = "invert-run"
FORMAT_VERSION = 1

_LABEL = "Make one with: invert label ACTIVATIONS CONCEPTS -o RUN"
_FINISH = "Finish it: the same 'invert label' as before goes on where it was."


@dataclass(frozen=True)
class Run:
    """What `read_run` finds in a run directory; `info` is the object in run.json."""

    labels: Labels
    info: dict[str, Any]


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
    activations, concepts, output = Path(activations), Path(concepts), Path(output)
    check_folder(output, marker=RUN_FILE, overwrite=overwrite)
    if concepts.is_dir():
        build = ["invert", "concepts", "build", str(concepts), "-o", "concepts.h5"]
        raise MissingFileError(
            f"{str(concepts)!r} is a folder, and a run records the files that it is made from.",
            f"Make a concept file of it with: {shlex.join(build)}",
        )
    settings = settings or Settings()
    if isinstance(layers, str):
        layers = [layers]
    if units is not None:
        units = [operator.index(unit) for unit in units]
    arguments = {
        "layers": None if layers is None else list(layers),
        "units": units,
        "join": join,
        "missing": missing,
        "jobs": jobs,
    }
    inputs = {"activations": activations, "concepts": concepts}
    if names is not None:
        names = inputs["names"] = Path(names)
    for folder in (output, unfinished_folder(output)):
        _refuse_to_delete(inputs.values(), folder)
    with ExitStack() as stack:
        lock = WriteLock(output_place(output))
        stack.callback(lock.release)
        # Before the work, so that a file that is replaced meanwhile is not recorded in its place.
        fingerprints = {name: fingerprint(path) for name, path in inputs.items()}
        timer = Timer()
        work = stack.enter_context(
            open_workload(
                activations,
                concepts,
                names=names,
                layers=layers,
                units=units,
                join=join,
                missing=missing,
            )
        )
        made_from = {
            "settings": asdict(settings),
            "layers": [layer.name for layer, _ in work.layers],
            "units": None if units is None else sorted(set(units)),
            "join": join,
            "missing": missing,
            "inputs": {name: found["sha256"] for name, found in fingerprints.items()},
            "versions": versions(),
        }
        unfinished = stack.enter_context(
            unfinished_run(output, made_from, work, overwrite=overwrite, timer=timer)
        )
        units_left = stack.enter_context(
            closing(
                label_workload(
                    work, settings, jobs=jobs, progress=progress, n_done=unfinished.n_done
                )
            )
        )
        rows = list(unfinished.found)
        for of_unit in units_left:
            rows += of_unit
            unfinished.add(of_unit)
        labels = Labels(tuple(rows), work.concepts)
        with unfinished.completed(marker=RUN_FILE, overwrite=overwrite) as folder:
            _write_table(folder, labels)
            _write_info(folder, settings, fingerprints, arguments, timer.timings())
    return labels


def write_run(
    folder: Path,
    labels: Labels,
    settings: Settings,
    inputs: Mapping[str, Mapping[str, Any]],
    arguments: Mapping[str, Any],
    timings: Timings,
) -> None:
    """Write labels.csv, labels.jsonl and run.json to a folder that exists.

    Parameters
    ----------
    folder : Path
    labels, settings
        The result, and what the search was told.
    inputs : mapping
        Fingerprints of the files that determine the result, by what they are.
    arguments : mapping
        The other arguments, JSON-able.
    timings : Timings
        Of the labelling.
    """
    (folder / "labels.jsonl").write_text(labels.to_jsonl(), encoding="utf-8", newline="")
    _write_table(folder, labels)
    _write_info(folder, settings, inputs, arguments, timings)


def _write_table(folder: Path, labels: Labels) -> None:
    (folder / "labels.csv").write_text(labels.to_csv(), encoding="utf-8", newline="")


def _write_info(
    folder: Path,
    settings: Settings,
    inputs: Mapping[str, Mapping[str, Any]],
    arguments: Mapping[str, Any],
    timings: Timings,
) -> None:
    info = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "arguments": dict(arguments),
        "settings": asdict(settings),
        "versions": versions(),
        "inputs": dict(inputs),
        "seed": None,
        "timings": asdict(timings),
        "machine": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        },
    }
    text = json.dumps(info, indent=2, ensure_ascii=False) + "\n"
    # A path may hold bytes that are no UTF-8; escaped so, JSON gives them back.
    (folder / RUN_FILE).write_text(text, encoding="utf-8", errors="backslashreplace")


def read_run(path: str | PathLike[str]) -> Run:
    """Read a run directory.

    Raises
    ------
    MissingFileError
        It does not exist, or is no run directory.
    FileFormatError
        A file in it is broken or of a newer version.
    """
    path = Path(path)
    run_file = path / RUN_FILE
    labels_file = path / "labels.jsonl"
    if not run_file.is_file() and (path / RECORD).is_file():
        raise MissingFileError(f"The run {str(path)!r} is unfinished.", _FINISH)
    if not path.exists():
        unfinished = unfinished_folder(path)
        if (unfinished / RECORD).is_file():
            raise MissingFileError(f"The run {str(unfinished)!r} is unfinished.", _FINISH)
        raise MissingFileError(f"There is no run directory {str(path)!r}.", _LABEL)
    for needed in (run_file, labels_file):
        if not needed.is_file():
            raise MissingFileError(
                f"{str(path)!r} is not a run directory: it has no {needed.name}.", _LABEL
            )
    info = _read_info(run_file)
    try:
        with labels_file.open(encoding="utf-8") as lines:
            labels = Labels.from_jsonl(lines, str(labels_file))
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{str(labels_file)!r} is not UTF-8 text.", _LABEL) from error
    if not labels.rows:
        raise FileFormatError(f"{str(labels_file)!r} holds no labels.", _LABEL)
    return Run(labels, info)


def _read_info(run_file: Path) -> dict[str, Any]:
    try:
        info = json.loads(run_file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{str(run_file)!r} is broken ({error}).", _LABEL) from error
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise FileFormatError(f"{str(run_file)!r} does not describe a run.", _LABEL)
    if info.get("format_version") != FORMAT_VERSION:
        raise FileFormatError(
            f"{str(run_file)!r} has format version {info.get('format_version')!r}, "
            f"this program reads {FORMAT_VERSION}.",
            "Update it with: pip install --upgrade invert-core",
        )
    return info


def _refuse_to_delete(inputs: Iterable[Path], output: Path) -> None:
    for path in inputs:
        if path.resolve().is_relative_to(output.resolve()):
            raise ExistingOutputError(
                f"The output {str(output)!r} holds the input {str(path)!r}, which would be lost.",
                "Choose another output with -o.",
            )


def versions() -> dict[str, str]:
    """Versions of Python, of this package, and of the packages its results rest on."""
    found = {"python": sys.version.split()[0], "invert-core": __version__}
    for name in ("numba", "numpy", "scipy", "h5py"):
        found[name] = metadata.version(name)
    return found


def fingerprint(path: Path, folder: Path | None = None) -> dict[str, Any]:
    """Path, size in bytes and SHA-256 of a file; its path is absolute, or relative to `folder`.

    Raises
    ------
    MissingFileError
        There is no such file.
    """
    check_file(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    named = path.absolute() if folder is None else path.relative_to(folder)
    return {"path": str(named), "bytes": path.stat().st_size, "sha256": digest}
