"""Tells the kinds of PyTorch files apart without running anything in them."""

import zipfile
from pathlib import Path

from invert_core.errors import FileFormatError

_PICKLE = b"\x80"


def kind_of(path: Path) -> str:
    """Tell the kind of a file by its content, or by its suffix if the content does not say.

    Returns
    -------
    {"torchscript", "exported", "saved", ""}
        A TorchScript archive, a program of torch.export, a file of torch.save, or none of these.
    """
    members = _members(path)
    inner = {name.partition("/")[2] for name in members}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        return "torchscript"
    if "archive_format" in inner or any(name.startswith("models/") for name in inner):
        return "exported"
    if any(name.startswith("serialized_exported_program") for name in members | inner):
        return "exported"
    if path.suffix.lower() == ".torchscript":
        return "torchscript"
    if path.suffix.lower() == ".pt2":
        return "exported"
    return "saved" if "data.pkl" in inner or _is_pickle(path) else ""


def _members(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return set()


def _is_pickle(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(1) == _PICKLE
    except OSError as error:
        raise FileFormatError(
            f"{str(path)!r} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
