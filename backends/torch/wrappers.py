"""Takes off what PyTorch puts around modules to spread or compile them."""

import logging

import torch

from invert_core.errors import ModelError

_log = logging.getLogger("invert")

_PARALLEL = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
_COMPILED = "_orig_mod"


def unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    """Return the module inside torch.compile and data-parallel wrappers; it computes the same.

    Parts of it that are compiled are refused, because their layers cannot be reached.

    Parameters
    ----------
    module : torch.nn.Module
        The module, which is not changed.

    Returns
    -------
    torch.nn.Module
    """
    inner = module
    while isinstance(inner, _PARALLEL) or _COMPILED in inner._modules:
        if not isinstance(inner, _PARALLEL):
            _log.info("The model was compiled; its layers are read from the module as it was.")
        inner = inner.module if isinstance(inner, _PARALLEL) else inner.get_submodule(_COMPILED)
    for path, each in inner.named_modules():
        which = f"module {path!r}" if path else "model"
        if _COMPILED in each._modules:
            raise ModelError(
                f"The {which} was compiled, and its layers cannot be reached.",
                f"Give what was handed to torch.compile; it is the attribute `{_COMPILED}`.",
            )
        if each._compiled_call_impl is not None:
            raise ModelError(
                f"The {which} was compiled in place, and its layers cannot be reached.",
                "Do not call its method `compile`.",
            )
    return inner
