"""SHA-256 of all that determines a module: its structure, its code and its weights."""

import hashlib
import inspect
import json
import re
from itertools import chain
from typing import Any

import torch

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_PLAIN = (str, int, float, bool, type(None))


def fingerprint(module: torch.nn.Module) -> str:
    """Hash a module.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    str
        SHA-256 (hex) of the printed module, the source of all classes in it that are not
        PyTorch's own, the plain values among their attributes, and all tensors.
    """
    digest = hashlib.sha256()

    def add(*parts: Any) -> None:
        digest.update((json.dumps(parts) + "\n").encode())

    add(_ADDRESS.sub("", repr(module)))
    for kind in dict.fromkeys(type(each) for each in module.modules()):
        for each in kind.__mro__:
            add(each.__qualname__, _source(each))
    for path, each in module.named_modules(remove_duplicate=False):
        add(path, type(each).__qualname__, _plain_attributes(each))
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        add(name, str(tensor.dtype), list(tensor.shape))
        digest.update(_dense(tensor).flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _source(kind: type) -> str:
    if kind.__module__.split(".")[0] in ("torch", "builtins"):
        return kind.__module__
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return ""


def _plain_attributes(module: torch.nn.Module) -> dict[str, Any]:
    return {
        name: value
        for name, value in sorted(vars(module).items())
        if not name.startswith("_") and name != "training" and _is_plain(value)
    }


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return type(value) in _PLAIN


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    values = tensor.detach()
    if values.layout is not torch.strided:
        values = values.to_dense()
    return values.cpu().contiguous()
