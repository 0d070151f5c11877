"""Where an unfinished run lies, and what its folder may hold."""

from pathlib import Path

from invert_core.errors import ExistingOutputError
from invert_core.files.outputs import is_plain_file, output_place
from invert_core.results.unfinished_record import FILES

RECORD = "unfinished.json"
NEW_RECORD = RECORD + ".new"
FINAL = ("labels.jsonl", "labels.csv", "evidence.h5", "run.json")
"""The files of a whole run, in the order in which they are written."""


def unfinished_folder(output: Path) -> Path:
    """Return the folder of an output's unfinished run: beside it, with the suffix ``.partial``."""
    place = output_place(output)
    return place.with_name(place.name + ".partial")


def clear_record(output: Path) -> None:
    """Clear a whole run if a kill came between its move into place and `clear`."""
    place = output_place(output)
    if place.is_dir() and all(is_plain_file(place / name) for name in (RECORD, FINAL[-1])):
        clear(place)


def clear(run: Path) -> None:
    """Remove from a whole run what only an unfinished one needs, the record last."""
    for name in (*FILES, RECORD):
        (run / name).unlink(missing_ok=True)


def check_ours(folder: Path) -> None:
    """Refuse a folder that exists and holds anything but an unfinished run."""
    try:
        folder.lstat()
    except FileNotFoundError:
        return
    if folder.is_symlink() or not folder.is_dir():
        raise _not_ours(folder, "is not a folder")
    own = {RECORD, NEW_RECORD, *FILES, *FINAL}
    names = set()
    for path in folder.iterdir():
        names.add(path.name)
        if path.name not in own or not is_plain_file(path):
            raise _not_ours(folder, f"holds {path.name!r}")
    if RECORD not in names and not names <= {NEW_RECORD}:
        raise _not_ours(folder, f"has no {RECORD}")


def _not_ours(folder: Path, why: str) -> ExistingOutputError:
    return ExistingOutputError(
        f"{str(folder)!r} {why}, so it is not an unfinished run.",
        "Move it away, or choose another output with -o.",
    )
