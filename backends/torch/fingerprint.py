"""Hashes everything that determines a module: its structure, its code and its weights."""

import functools
import hashlib
import inspect
import json
import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_PLAIN = (str, int, float, bool, type(None))


def fingerprint(module: torch.nn.Module) -> str:
    """Hash a module.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    str
        SHA-256 (hex) of the printed module, the source of its classes except PyTorch's own, all
        tensors, public attributes that are values or functions, and hooks.
    """
    digest = hashlib.sha256()

    def add(*parts: Any) -> None:
        digest.update((json.dumps(parts) + "\n").encode())

    add(_ADDRESS.sub("", repr(module)))
    for kind in dict.fromkeys(type(each) for each in module.modules()):
        for each in kind.__mro__:
            add(each.__qualname__, _source(each))
    for path, each in module.named_modules(remove_duplicate=False):
        hooks = (*each._forward_pre_hooks.values(), *each._forward_hooks.values())
        add(path, type(each).__qualname__, _attributes(each), [_described(hook) for hook in hooks])
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        add(name, _described(tensor))
    return digest.hexdigest()


def _source(named: Any) -> str:
    """Return the source of a class or function, or its module if that is PyTorch's own."""
    module = str(named.__module__)
    if module.split(".")[0] in ("torch", "builtins"):
        return module
    try:
        return inspect.getsource(named)
    except (OSError, TypeError):
        return ""


def _attributes(module: torch.nn.Module) -> dict[str, Any]:
    return {
        name: _described(value)
        for name, value in sorted(vars(module).items())
        if not name.startswith("_") and name != "training"
    }


def _described(value: object, around: tuple[int, ...] = ()) -> Any:
    """Return what determines a value, for JSON; None if that is not known."""
    if type(value) in _PLAIN:
        return value
    if id(value) in around:  # the value contains itself
        return None
    inside = (*around, id(value))
    if isinstance(value, list | tuple):
        return [_described(each, inside) for each in value]
    if isinstance(value, Mapping):
        return [_described(each, inside) for each in value.items()]
    if isinstance(value, torch.Tensor) and not (value.is_meta or value.is_nested):
        dense = _dense(value).flatten().view(torch.uint8).numpy()
        return [str(value.dtype), list(value.shape), hashlib.sha256(dense).hexdigest()]
    if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
        return [str(value.dtype), list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]
    if isinstance(value, torch.dtype | slice):
        return str(value)
    if isinstance(value, functools.partial):
        return [_described(each, inside) for each in (value.func, value.args, value.keywords)]
    if callable(value) and hasattr(value, "__qualname__"):
        return [value.__qualname__, _source(value)]
    return None


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    values = tensor.detach()
    if values.layout is not torch.strided:
        values = values.to_dense()
    return values.resolve_conj().resolve_neg().cpu().contiguous()
