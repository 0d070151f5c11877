"""Reads whole modules that torch.save wrote, which is done for trusted files only."""

from pathlib import Path

import torch

from invert_core.backends.torch.factory import importable
from invert_core.backends.torch.file_kind import kind_of
from invert_core.backends.torch.weights import CodeInFileError, read_saved, weights_in
from invert_core.errors import FileFormatError, ModelError
from invert_core.files.input_file import check_file
from invert_core.files.unchanged import unchanged

_CANNOT_BE_HOOKED = {"torchscript": "TorchScript", "exported": "a program of torch.export"}
_NAME_A_FACTORY = "Name what makes the module, as package.module:function, and give --weights"


def read_module(path: Path, *, trusted: bool) -> torch.nn.Module:
    """Read a module from a file.

    Parameters
    ----------
    path : Path
        The file.
    trusted : bool
        Whether code in the file may run; otherwise a file with code is refused.

    Returns
    -------
    torch.nn.Module
    """
    check_file(path)
    try:
        with unchanged(path):
            content = _read(path, trusted)
    except FileFormatError as error:
        raise ModelError(error.message, error.hint) from error
    if isinstance(content, torch.nn.Module):
        return content
    what = "weights, but no module" if weights_in(content) else "no module"
    raise ModelError(f"{str(path)!r} holds {what}.", f"{_NAME_A_FACTORY} {str(path)!r}.")


def _read(path: Path, trusted: bool) -> object:
    kind = kind_of(path)
    if kind in _CANNOT_BE_HOOKED:
        raise ModelError(
            f"{str(path)!r} is {_CANNOT_BE_HOOKED[kind]}, whose layers cannot be reached.",
            "Give the torch.nn.Module that it was made from, or export that to ONNX.",
        )
    if not kind:
        raise ModelError(f"{str(path)!r} is not a PyTorch file.", f"{_NAME_A_FACTORY}.")
    try:
        return read_saved(path)
    except CodeInFileError as error:
        if trusted:
            return _run(path)
        raise ModelError(
            str(error),
            f"{_NAME_A_FACTORY}. Or, if you trust the source of the file, say --trust-model, which "
            "runs any code in the file.",
        ) from error


def _run(path: Path) -> object:
    try:
        with importable(Path.cwd()):
            return torch.load(path, map_location="cpu", weights_only=False)
    except (Exception, SystemExit) as error:
        raise ModelError(
            f"{str(path)!r} cannot be read: it fails with {type(error).__name__}: {error}.",
            "Run this in the folder that the classes of the module can be imported from.",
        ) from error
