"""Reads weights from files without running code."""

import logging
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

import torch

from invert_core.backends.torch.checksums import check_archive
from invert_core.backends.torch.file_kind import kind_of
from invert_core.errors import FileFormatError
from invert_core.files.input_file import check_file
from invert_core.files.unchanged import unchanged
from invert_core.wording import missing_extra

_log = logging.getLogger("invert")

_WRAPPERS = ("state_dict", "model_state_dict", "model")
_EXTRA = "_extra_state"
_SAVE_WEIGHTS = "Save the weights alone with torch.save(model.state_dict(), path)."


class CodeInFileError(Exception):
    """A file holds objects besides tensors; this error never leaves the backend."""


def read_weights(path: Path) -> Mapping[str, torch.Tensor]:
    """Read the weights in a file.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file, or a state dict that torch.save wrote.
    """
    check_file(path)
    with unchanged(path):
        return _read_safetensors(path) if path.suffix.lower() == ".safetensors" else _read(path)


def read_saved(path: Path) -> Any:
    """Read what torch.save wrote, if it holds only tensors and plain values.

    A file with other objects, whose reading would run code, raises CodeInFileError.

    Parameters
    ----------
    path : Path
        A file of the kind "saved".
    """
    check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd pickle is either read or refused anyway
            # An environment variable can turn the default off, so say it explicitly.
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        refused = isinstance(error, pickle.UnpicklingError) and "nsupported" in str(error)
        if not refused:
            raise FileFormatError(
                f"{str(path)!r} is broken, or was not written by torch.save.",
                "Get the file again.",
            ) from error
        name = re.search(r"GLOBAL (\S+)", str(error))
        what = f" such as {name[1]}" if name else ""
        raise CodeInFileError(
            f"{str(path)!r} holds Python objects{what}, and reading them would run code from the "
            "file."
        ) from error


def _is_weights(content: object) -> TypeGuard[Mapping[str, torch.Tensor]]:
    """Return whether an object maps names to tensors, as a state dict does."""
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(
            isinstance(name, str) and (isinstance(value, torch.Tensor) or name.endswith(_EXTRA))
            for name, value in content.items()
        )
    )


def weights_in(content: object) -> tuple[str, Mapping[str, torch.Tensor]] | None:
    """Return the state dict in the content of a file with its name there, which may be ""."""
    if _is_weights(content):
        return "", content
    if isinstance(content, Mapping):
        for name in _WRAPPERS:
            if _is_weights(content.get(name)):
                return name, content[name]
    return None


def _read(path: Path) -> Mapping[str, torch.Tensor]:
    kind = kind_of(path)
    if kind != "saved":
        what = {"torchscript": "a TorchScript archive", "exported": "an exported program"}
        raise FileFormatError(
            f"{str(path)!r} holds no weights: it is {what.get(kind, 'not a PyTorch file')}.",
            _SAVE_WEIGHTS,
        )
    try:
        found = weights_in(read_saved(path))
    except CodeInFileError as error:
        raise FileFormatError(str(error), _SAVE_WEIGHTS) from error
    if found is None:
        raise FileFormatError(f"{str(path)!r} holds no state dict.", _SAVE_WEIGHTS)
    name, state = found
    if name:
        _log.info("The weights are those under %r in %r.", name, str(path))
    return state


def _read_safetensors(path: Path) -> Mapping[str, torch.Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise missing_extra(f"Reading {str(path)!r}", "safetensors", error) from error
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"{str(path)!r} is broken, or not a .safetensors file: {error}.", "Get the file again."
        ) from error
