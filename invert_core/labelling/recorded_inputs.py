"""What a run was made from, as its run.json records it: its files, if they are still the same."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from invert_core.errors import FileFormatError, MissingFileError, StaleFileError
from invert_core.files.input_file import input_path
from invert_core.results.run_directory import file_identity
from invert_core.settings import Settings
from invert_core.wording import UPGRADE

Moved = Mapping[str, str | PathLike[str] | None]
"""Where inputs are now that have moved, keyed by role."""

_CHOICES = ("layers", "units", "join", "match", "missing", "include", "exclude", "holdout")
"""The arguments of `label_files` that run.json records, besides files and threads."""
_OPTIONS = ("activations", "concepts", "names")
"""Roles of inputs whose new place can be given by an option of that name."""


def recorded_files(
    run: str | PathLike[str], info: Mapping[str, Any], moved: Moved
) -> dict[str, Any]:
    """Return the paths of a run's inputs, keyed by role, after a check of their digests.

    Parameters
    ----------
    run : path
        The run directory; inputs inside are recorded by their names.
    info : mapping
        The content of run.json.
    moved : mapping of role to path or None
        Where inputs are now; None for those that have not moved.
    """
    folder = input_path(run)
    return {
        role: _checked(role, _place(folder, role, identity, moved.get(role)), identity)
        for role, identity in _identities(folder, info).items()
    }


def recorded_choices(run: str | PathLike[str], info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what else a run was made with, as arguments of `label_files`."""
    arguments, settings = info.get("arguments"), info.get("settings")
    if isinstance(arguments, dict) and isinstance(settings, dict):
        try:
            chosen = {name: arguments[name] for name in _CHOICES if name in arguments}
            return {"settings": Settings(**settings), **chosen}
        except TypeError as error:
            raise FileFormatError(
                f"The run {str(run)!r} has settings that this program does not know ({error}).",
                UPGRADE,
            ) from error
    raise _says_nothing(run)


def recorded_digest(run: str | PathLike[str], info: Mapping[str, Any], role: str) -> str:
    """Return the SHA-256 of one of the inputs of a run."""
    return _identities(input_path(run), info)[role]["sha256"]


def _identities(run: Path, info: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    inputs = info.get("inputs")
    if not isinstance(inputs, dict) or not {"activations", "concepts"} <= set(inputs):
        raise _says_nothing(run)
    for identity in inputs.values():
        if not isinstance(identity, dict) or not all(
            isinstance(identity.get(name), str) for name in ("path", "sha256")
        ):
            raise _says_nothing(run)
    return inputs


def _place(folder: Path, role: str, identity: Mapping[str, str], now: Any) -> Path:
    if now is not None:
        return input_path(now)
    recorded = folder / identity["path"]  # the path, if it is absolute
    if recorded.is_file():
        return recorded
    raise MissingFileError(
        f"The {_named(role)} of the run are no longer at {str(recorded)!r}.",
        f"Say where they are with: --{role} FILE"
        if role in _OPTIONS
        else "Put the file back there.",
    )


def _checked(role: str, path: Path, identity: Mapping[str, str]) -> Path:
    if file_identity(path)["sha256"] != identity["sha256"]:
        raise StaleFileError(
            f"{str(path)!r} does not hold the {_named(role)} that the run was made from: the "
            "SHA-256 in run.json is another.",
            f"Give the original file with --{role} FILE, or label again."
            if role in _OPTIONS
            else "Put the original file back, or label again.",
        )
    return path


def _named(role: str) -> str:
    return {"names": "names of concepts", "held_out": "held-out activations"}.get(role, role)


def _says_nothing(run: object) -> FileFormatError:
    return FileFormatError(
        f"run.json of {str(run)!r} does not say what the run was made from.",
        "Label again with: invert label ACTIVATIONS CONCEPTS -o RUN",
    )
