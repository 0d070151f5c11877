"""Modules that cannot be read, refused before they run."""

from itertools import chain

import torch

from invert_core.errors import ModelError


def check_module(module: torch.nn.Module) -> None:
    """See that the layers of a module can be reached, and that its weights have values.

    Raises
    ------
    ModelError
        The module is TorchScript, or it or a part was compiled; or a weight lies on the device
        "meta", or waits for the first sample, as in a LazyLinear.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise ModelError(
            "The model is TorchScript, whose layers cannot be reached.",
            "Give the torch.nn.Module that it was made from, or export that to ONNX.",
        )
    for path, each in module.named_modules():
        if "_orig_mod" in each._modules:
            which = f"module {path!r}" if path else "model"
            raise ModelError(
                f"The {which} was compiled, and its layers cannot be reached.",
                "Give what was handed to torch.compile; it is the attribute `_orig_mod`.",
            )
        if each._compiled_call_impl is not None:
            which = f"module {path!r}" if path else "model"
            raise ModelError(
                f"The {which} was compiled in place, and its layers cannot be reached.",
                "Leave out the call of its method `compile`.",
            )
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        if torch.nn.parameter.is_lazy(tensor):
            raise ModelError(
                f"The weight {name!r} is made when the model runs for the first time.",
                "Run the model on a sample before.",
            )
        if tensor.is_meta:
            raise ModelError(
                f"The weight {name!r} has no values: it lies on the device 'meta'.",
                "Make the model on the CPU.",
            )
