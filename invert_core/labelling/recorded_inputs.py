"""What a run was made from, as its run.json records it: its files, if they are still the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from invert_core.concepts.sets.matching import MATCHES
from invert_core.concepts.sets.missing import check_missing
from invert_core.errors import FileFormatError, MissingFileError, SettingError, StaleFileError
from invert_core.files.input_file import input_path
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.join import JOINS
from invert_core.results.run_directory import file_identity
from invert_core.settings import Settings
from invert_core.wording import UPGRADE, choice, first_few

Moved = Mapping[str, str | PathLike[str] | None]
"""Where inputs are now that have moved, keyed by role."""

_CHOICES = ("layers", "units", "join", "match", "missing", "include", "exclude", "holdout")
"""The arguments of `label_files` that run.json records as they were given."""
_OPTIONS = ("activations", "concepts", "names")
"""Roles of inputs whose new place can be given by an option of that name."""
_NAMES = {"names": "names of concepts", "held_out": "held-out activations"}


@dataclass(frozen=True)
class Recorded:
    """What a run was made from; `files` are its input files, keyed by role."""

    files: dict[str, Path]
    inputs: Inputs
    settings: Settings


def recorded(run: str | PathLike[str], info: Mapping[str, Any], moved: Moved) -> Recorded:
    """Find what a run was made from, and check the digests of all files.

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
    arguments, settings = arguments_of(run, info), info.get("settings")
    if not isinstance(settings, dict):
        raise _says_nothing(run)
    files = {
        role: _checked(role, _place(folder, role, identity, moved.get(role)), identity)
        for role, identity in identities(run, info).items()
    }
    chosen = {name: arguments[name] for name in _CHOICES if name in arguments}
    groups = arguments.get("groups")
    if "groups" in files and isinstance(groups, str):
        groups = f"{files['groups']}:{groups.rpartition(':')[2]}"
    # Earlier versions searched by the AUC, and knew no other objective.
    settings = {"objective": "auc", **settings}
    unknown = sorted(settings.keys() - Settings.__dataclass_fields__.keys())
    if unknown:
        raise FileFormatError(
            f"The run {str(run)!r} has settings that this program does not know "
            f"({first_few(unknown)}).",
            UPGRADE,
        )
    of_files = {role: path for role, path in files.items() if role != "groups"}
    made_from: dict[str, Any] = of_files | chosen | {"groups": groups}
    try:
        check_missing(chosen.get("missing", "error"))
        for name, known in (("join", JOINS), ("match", MATCHES)):
            if chosen.get(name, known[0]) not in known:
                raise choice(name, chosen[name], known)
        return Recorded(files, Inputs(**made_from), Settings(**settings))
    except (SettingError, TypeError, ValueError) as error:
        what = error.message if isinstance(error, SettingError) else f"{error}."
        raise FileFormatError(
            f"run.json of {str(run)!r} says what no run can be made with: {what}",
            "Copy the run again from where it is whole, or label again.",
        ) from error


def arguments_of(run: str | PathLike[str], info: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a run was made with."""
    arguments = info.get("arguments")
    if not isinstance(arguments, dict):
        raise _says_nothing(run)
    return arguments


def quantile_of(run: str | PathLike[str], info: Mapping[str, Any]) -> float:
    """Return the `quantile` of the settings of a run; earlier versions had none."""
    settings = info.get("settings")
    if not isinstance(settings, dict):
        raise _says_nothing(run)
    quantile = settings.get("quantile", Settings.quantile)
    if not isinstance(quantile, float) or not 0.0 < quantile < 1.0:
        raise FileFormatError(
            f"run.json of {str(run)!r} says that --quantile was {quantile!r}.",
            "Copy the run again from where it is whole, or label again.",
        )
    return quantile


def identities(run: str | PathLike[str], info: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return path and SHA-256 of each input of a run, keyed by role."""
    inputs = info.get("inputs")
    if not isinstance(inputs, dict) or not {"activations", "concepts"} <= set(inputs):
        raise _says_nothing(run)
    for identity in inputs.values():
        if not isinstance(identity, dict) or not all(
            isinstance(identity.get(name), str) for name in ("path", "sha256")
        ):
            raise _says_nothing(run)
    return inputs


def _place(
    folder: Path, role: str, identity: Mapping[str, str], now: str | PathLike[str] | None
) -> Path:
    if now is not None:
        return input_path(now)
    place = folder / identity["path"]  # the recorded path itself, if it is absolute
    if place.is_file():
        return place
    raise MissingFileError(
        f"The {_NAMES.get(role, role)} of the run are no longer at {str(place)!r}.",
        f"Say where they are with: --{role} FILE"
        if role in _OPTIONS
        else "Put the file back there.",
    )


def _checked(role: str, path: Path, identity: Mapping[str, str]) -> Path:
    if file_identity(path)["sha256"] != identity["sha256"]:
        raise StaleFileError(
            f"{str(path)!r} does not hold the {_NAMES.get(role, role)} that the run was made from: "
            "the SHA-256 in run.json is another.",
            f"Give the original file with --{role} FILE, or label again."
            if role in _OPTIONS
            else "Put the original file back, or label again.",
        )
    return path


def _says_nothing(run: str | PathLike[str]) -> FileFormatError:
    return FileFormatError(
        f"run.json of {str(run)!r} does not say what the run was made from.",
        "Label again with: invert label ACTIVATIONS CONCEPTS -o RUN",
    )
