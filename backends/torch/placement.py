"""Moves a module of the user to a device for a while, and puts it back as it was."""

import contextlib
import itertools
from typing import Any

import torch

from invert_core.backends.torch.running import model_error


class Loan:
    """A module that is on a device until it is given back.

    A module that is there already is not touched. For any other, giving it back restores its very
    tensors, with their device and memory format, so that references to them stay valid.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    device : {"cpu", "cuda"}
        The device to run on.
    channels_last : bool
        Whether weights of rank 4 are stored with the channels last in memory.
    """

    def __init__(self, module: torch.nn.Module, device: str, *, channels_last: bool):
        self._undo = contextlib.ExitStack()
        tensors = itertools.chain(module.parameters(), module.buffers())
        if not channels_last and all(tensor.device.type == device for tensor in tensors):
            return
        for each in module.modules():
            for name, parameter in each._parameters.items():
                if parameter is not None:
                    self._undo.callback(
                        _restore, each, name, parameter, parameter.data, parameter.grad
                    )
            for name, buffer in each._buffers.items():
                self._undo.callback(each._buffers.__setitem__, name, buffer)
        try:
            for parameter in module.parameters():
                parameter.grad = None
            module.to(device=device)
            for parameter in module.parameters():  # rank 5 needs another memory format
                if channels_last and parameter.ndim == 4:
                    parameter.data = parameter.data.to(memory_format=torch.channels_last)
        except Exception as error:
            self.end()
            raise model_error(error) from error

    def end(self) -> None:
        """Give the module back; a second call does nothing."""
        self._undo.close()


def _restore(
    module: torch.nn.Module,
    name: str,
    parameter: torch.nn.Parameter,
    data: torch.Tensor,
    gradient: Any,
) -> None:
    parameter.data = data
    if gradient is not None:
        parameter.grad = gradient
    module._parameters[name] = parameter
