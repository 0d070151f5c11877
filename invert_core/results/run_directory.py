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
from invert_core.errors import ExistingOutputError, FileFormatError, MissingFileError
from invert_core.files.input_file import check_file, input_path
from invert_core.files.json_digest import DIGEST, matches_digest, with_digest
from invert_core.files.leftovers import clear_leftovers
from invert_core.files.outputs import is_plain_file, not_replaced, refuse_foreign
from invert_core.files.text_files import read_lines, read_whole
from invert_core.files.unchanged import unchanged
from invert_core.results.label_table import LabelTable
from invert_core.results.labels import Labels, tables_of
from invert_core.results.unfinished_place import FINAL, RECORD, unfinished_folder
from invert_core.results.unfinished_record import FILES, Saved, Timings
from invert_core.settings import Settings
from invert_core.wording import UPGRADE

RUN_FILE = "run.json"
FORMAT = "invert-run"
FORMAT_VERSION = 2
"""Version 2 added the digests of the other files, and of run.json itself."""
ROWS_FILE = "labels.jsonl"
EVIDENCE_FILE = "evidence.h5"
REPORT_FILE = "report.html"
REPORT_BEGINS = '<!doctype html>\n<html lang="en">\n<head>\n<meta name="generator" content="invert'
"""What the reports of this program begin with."""

_LABEL = "Make one with: invert label ACTIVATIONS CONCEPTS -o RUN"
_FINISH = "Finish it: the same 'invert label' command continues where it stopped."


@dataclass(frozen=True)
class Run:
    """The content of a run directory; `info` is the object in run.json."""

    labels: Labels
    info: dict[str, Any]


def write_rows(folder: Path, labels: Labels) -> dict[str, Saved]:
    """Write labels.jsonl and labels.csv to a folder that exists; return what was written."""
    files = {}
    for name, text in ((ROWS_FILE, labels.to_jsonl()), ("labels.csv", labels.to_csv())):
        content = text.encode()
        (folder / name).write_bytes(content)
        files[name] = Saved(len(content), hashlib.sha256(content).hexdigest())
    return files


def write_info(
    folder: Path,
    settings: Settings,
    inputs: Mapping[str, Mapping[str, Any]],
    arguments: Mapping[str, Any],
    timings: Timings,
    aliases: Mapping[str, str],
    files: Mapping[str, Saved],
) -> None:
    """Write run.json to a folder that exists.

    Parameters
    ----------
    folder : Path
    settings : Settings
        The settings of the search.
    inputs : mapping
        The `file_identity` of each input file, keyed by its role.
    arguments : mapping
        The other arguments, as JSON values.
    timings : Timings
        The timings of the labelling.
    aliases : mapping
        Those of `Labels`.
    files : mapping
        The other files of the run, as they were written.
    """
    info = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "arguments": dict(arguments),
        "settings": asdict(settings),
        "versions": versions(),
        "inputs": dict(inputs),
        "files": {
            name: {"bytes": file.n_bytes, "sha256": file.sha256} for name, file in files.items()
        },
        "seed": settings.seed,
        "timings": asdict(timings),
        "machine": {
            "system": platform.platform(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        },
    }
    if aliases:
        info["aliases"] = dict(aliases)
    text = json.dumps(with_digest(info), indent=2, ensure_ascii=False) + "\n"
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
    path = input_path(path)
    run_file = path / RUN_FILE
    labels_file = path / ROWS_FILE
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
        _check_rows(info, labels_file)
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
    return file_identity(path / ROWS_FILE)


def read_tables(path: Path) -> Iterator[LabelTable]:
    """Read the rows of a run directory, in tables of whole units."""
    labels_file = path / ROWS_FILE
    return tables_of((line for _, line in read_lines(labels_file, _LABEL)), str(labels_file))


def _read_info(run_file: Path) -> dict[str, Any]:
    text = read_whole(run_file, _LABEL)
    try:
        info = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{str(run_file)!r} is broken ({error}).", _LABEL) from error
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise FileFormatError(f"{str(run_file)!r} does not describe a run.", _LABEL)
    if info.get("format_version") not in range(1, FORMAT_VERSION + 1):
        raise FileFormatError(
            f"{str(run_file)!r} has format version {info.get('format_version')!r}, "
            f"this program reads up to {FORMAT_VERSION}.",
            UPGRADE,
        )
    if (DIGEST in info or info["format_version"] > 1) and not matches_digest(info):
        raise _damaged(run_file)
    return info


def _check_rows(info: Mapping[str, Any], labels_file: Path) -> None:
    """Raise unless labels.jsonl is what run.json says; the first version says nothing."""
    if info["format_version"] > 1:
        try:
            expected = info["files"][ROWS_FILE]["sha256"]
        except (KeyError, TypeError):
            raise FileFormatError(
                f"{RUN_FILE} of {str(labels_file.parent)!r} does not say what is in {ROWS_FILE}.",
                _LABEL,
            ) from None
        if file_identity(labels_file)["sha256"] != expected:
            raise _damaged(labels_file)


def _damaged(path: Path) -> FileFormatError:
    return FileFormatError(
        f"{str(path)!r} is damaged or was changed: it does not match its digest in {RUN_FILE}.",
        f"Copy the run again from where it is whole. {_LABEL}",
    )


def refuse_other(folder: Path) -> None:
    """Refuse to replace a folder that is not a run directory, or holds anything else.

    Files inside that run.json names as inputs, as the demo makes them, belong to the run as long
    as they are what was recorded.
    """
    run_file = folder / RUN_FILE
    inputs: list[str] = []
    if is_plain_file(run_file):
        try:
            info = json.loads(read_whole(run_file))
        except (ValueError, RecursionError):  # FileFormatError included
            info = None
        if not isinstance(info, dict) or info.get("format") != FORMAT:
            raise not_replaced(folder, f"its {RUN_FILE} does not describe a run")
        inputs = list(_inputs_inside(folder, info.get("inputs")))
    clear_leftovers(folder / REPORT_FILE)
    reports = {REPORT_FILE} if is_report(folder / REPORT_FILE) else ()
    refuse_foreign(folder, RUN_FILE, {*FINAL, RECORD, *FILES, *inputs, *reports}, "a run")


def check_report_place(page: Path, run: Path) -> None:
    """Refuse a page that would keep a run from being replaced, as `refuse_other` does.

    Raises
    ------
    ExistingOutputError
        The page would lie in the run directory under another name, or report.html is a link there.
    """
    folder, target = (Path(os.path.realpath(path)) for path in (run, page))
    named = Path(os.path.realpath(page.parent), page.name)
    if target == folder / REPORT_FILE:
        return
    if named == folder / REPORT_FILE:
        raise ExistingOutputError(
            f"The output {str(page)!r} is a link, and a run directory holds plain files only.",
            "Remove it, or choose a place outside of the run with -o.",
        )
    if named.is_relative_to(folder) or target.is_relative_to(folder):
        raise ExistingOutputError(
            f"The output {str(page)!r} lies in the run directory, which holds no page but "
            f"{REPORT_FILE}.",
            "Choose a place outside of it with -o, or leave -o out.",
        )


def is_report(path: Path) -> bool:
    """Return whether a path is a plain file that begins like the reports of this program."""
    if not is_plain_file(path):
        return False
    begin = REPORT_BEGINS.encode()
    with path.open("rb") as file:
        return file.read(len(begin)) == begin


def _inputs_inside(folder: Path, inputs: Any) -> Iterator[str]:
    """Yield the names of the files in a run directory that are what run.json says of inputs."""
    for recorded in inputs.values() if isinstance(inputs, dict) else ():
        name = recorded.get("path") if isinstance(recorded, dict) else None
        if isinstance(name, str) and name not in ("", "..") and Path(name).name == name:
            path = folder / name
            if is_plain_file(path) and file_identity(path, folder) == recorded:
                yield name


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package, and of the packages that affect results."""
    found = {"python": sys.version.split()[0], "invert-core": __version__}
    for name in ("numba", "numpy", "h5py"):
        found[name] = metadata.version(name)
    return found


def saved_file(path: Path) -> Saved:
    """Return size and SHA-256 of a file that was just written."""
    found = file_identity(path)
    return Saved(found["bytes"], found["sha256"])


def file_identity(path: Path, folder: Path | None = None) -> dict[str, Any]:
    """Return path, size and SHA-256 of a file; the path is absolute, or relative to `folder`."""
    check_file(path)
    with unchanged(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        n_bytes = path.stat().st_size
    named = path.absolute() if folder is None else path.relative_to(folder)
    return {"path": str(named), "bytes": n_bytes, "sha256": digest}
