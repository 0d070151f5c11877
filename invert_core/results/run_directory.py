"""Run directories: the result of one labelling, with all that is needed to repeat it."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import Any

from invert_core import __version__
from invert_core.errors import FileFormatError, MissingFileError
from invert_core.files.input_file import check_file
from invert_core.files.text_files import read_lines, read_whole
from invert_core.files.unchanged import unchanged
from invert_core.results.label_table import LabelTable
from invert_core.results.labels import Labels, tables_of
from invert_core.results.unfinished_place import RECORD, unfinished_folder
from invert_core.results.unfinished_record import Timings
from invert_core.settings import Settings
from invert_core.wording import UPGRADE

RUN_FILE = "run.json"
FORMAT = "invert-run"
FORMAT_VERSION = 1

_LABEL = "Make one with: invert label ACTIVATIONS CONCEPTS -o RUN"
_FINISH = "Finish it: the same 'invert label' command continues where it stopped."


@dataclass(frozen=True)
class Run:
    """The content of a run directory; `info` is the object in run.json."""

    labels: Labels
    info: dict[str, Any]


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
        The result, and the settings of the search.
    inputs : mapping
        The `file_identity` of each input file, keyed by its role.
    arguments : mapping
        The other arguments, as JSON values.
    timings : Timings
        The timings of the labelling.
    """
    (folder / "labels.jsonl").write_text(labels.to_jsonl(), encoding="utf-8", newline="")
    (folder / "labels.csv").write_text(labels.to_csv(), encoding="utf-8", newline="")
    write_info(folder, settings, inputs, arguments, timings, labels.aliases)


def write_info(
    folder: Path,
    settings: Settings,
    inputs: Mapping[str, Mapping[str, Any]],
    arguments: Mapping[str, Any],
    timings: Timings,
    aliases: Mapping[str, str],
) -> None:
    """Write run.json to a folder that exists.

    `aliases` are those of `Labels`; the other parameters are those of `write_run`.
    """
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
    if aliases:
        info["aliases"] = dict(aliases)
    text = json.dumps(info, indent=2, ensure_ascii=False) + "\n"
    # A path may hold bytes that are not UTF-8; JSON decodes this escape to the same path.
    (folder / RUN_FILE).write_text(text, encoding="utf-8", errors="backslashreplace")


def read_run(path: str | PathLike[str]) -> Run:
    """Read a run directory.

    Raises
    ------
    MissingFileError
        The path does not exist, is not a run directory, or holds an unfinished run.
    FileFormatError
        A file in the run directory is broken, or was written by a newer version.
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
    with unchanged(run_file, labels_file):  # both of the same run
        info = _read_info(run_file)
        labels = Labels.of_tables(read_tables(path), aliases=_aliases(info, run_file))
    if not len(labels):
        raise FileFormatError(f"{str(labels_file)!r} holds no labels.", _LABEL)
    return Run(labels, info)


def _aliases(info: Mapping[str, Any], run_file: Path) -> dict[str, str]:
    aliases = info.get("aliases", {})
    if not isinstance(aliases, dict) or not all(isinstance(each, str) for each in aliases.values()):
        raise FileFormatError(f"{str(run_file)!r} has aliases that are not names.", _LABEL)
    return aliases


def rows_identity(path: Path) -> dict[str, Any]:
    """Return the `file_identity` of the rows of a run directory."""
    return file_identity(path / "labels.jsonl")


def read_tables(path: Path) -> Iterator[LabelTable]:
    """Read the rows of a run directory, in tables of whole units."""
    labels_file = path / "labels.jsonl"
    return tables_of((line for _, line in read_lines(labels_file, _LABEL)), str(labels_file))


def _read_info(run_file: Path) -> dict[str, Any]:
    text = read_whole(run_file, _LABEL)
    try:
        info = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{str(run_file)!r} is broken ({error}).", _LABEL) from error
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise FileFormatError(f"{str(run_file)!r} does not describe a run.", _LABEL)
    if info.get("format_version") != FORMAT_VERSION:
        raise FileFormatError(
            f"{str(run_file)!r} has format version {info.get('format_version')!r}, "
            f"this program reads {FORMAT_VERSION}.",
            UPGRADE,
        )
    return info


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package, and of the packages that affect results."""
    found = {"python": sys.version.split()[0], "invert-core": __version__}
    for name in ("numba", "numpy", "h5py"):
        found[name] = metadata.version(name)
    return found


def file_identity(path: Path, folder: Path | None = None) -> dict[str, Any]:
    """Return path, size and SHA-256 of a file; the path is absolute, or relative to `folder`."""
    check_file(path)
    with unchanged(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        n_bytes = path.stat().st_size
    named = path.absolute() if folder is None else path.relative_to(folder)
    return {"path": str(named), "bytes": n_bytes, "sha256": digest}
