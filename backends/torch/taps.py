"""Hooks that hand over the outputs of the wanted layers and stop the model after the last."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Self

import torch

from invert_core.backends.torch.observing import Place, pick
from invert_core.errors import ModelError


class _Stop(BaseException):
    """Ends a forward pass; it is not an Exception, so a model does not catch it as an error."""


class Taps:
    """Hooks on some modules for one forward pass; a context manager that removes them.

    Parameters
    ----------
    modules : mapping of str to torch.nn.Module
        The modules that the wanted places are in, by path.
    wanted : mapping of str to Place
        Where each layer comes from.
    calls : mapping of str to int or None
        How often each module runs in a forward pass, by path; None if that varies.
    take : callable
        Called with a layer and its tensor as soon as it exists; the tensor may change afterwards.
    """

    def __init__(
        self,
        modules: Mapping[str, torch.nn.Module],
        wanted: Mapping[str, Place],
        calls: Mapping[str, int | None],
        take: Callable[[str, torch.Tensor], None],
    ):
        self._modules = modules
        self._wanted = wanted
        self._calls = calls
        self._take = take
        self._done = dict.fromkeys(modules, 0)
        self._left = set(wanted)
        self._failure: Exception | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for path, module in self._modules.items():
            self._stack.callback(module.register_forward_hook(self._hook(path)).remove)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, forward: Callable[[], Any]) -> None:
        """Run the model until all wanted layers were handed over; other exceptions pass through."""
        try:
            forward()
        except _Stop:
            pass
        except Exception:
            # In a thread of its own, _Stop ends only that thread, and the model then fails.
            if self._failure is None and self._left:
                raise
        if self._failure is not None:
            raise self._failure
        if self._left:
            layer = next(each for each in self._wanted if each in self._left)
            raise ModelError(
                f"The layer {layer!r} does not come with this batch: the module did not run as it "
                "did on the first sample.",
                "Choose a layer that every sample goes through.",
            )

    def _hook(self, path: str) -> Callable[..., None]:
        def hook(_module: torch.nn.Module, _args: Any, output: Any) -> None:
            try:
                self._receive(path, output)
            except Exception as error:
                self._failure = error
            if self._failure is not None or not self._left:
                raise _Stop

        return hook

    def _receive(self, path: str, output: Any) -> None:
        call = self._done[path]
        self._done[path] += 1
        known = self._calls[path]
        if known is not None and call >= known:
            raise ModelError(
                f"The module {path!r} runs more often than on the first sample, where it ran "
                f"{known} {'time' if known == 1 else 'times'}.",
                "Choose a layer that every sample goes through in the same way.",
            )
        for layer, place in self._wanted.items():
            if layer in self._left and (place.module, place.call) == (path, call):
                tensor = pick(output, place.keys)
                if isinstance(tensor, torch.Tensor):
                    self._take(layer, tensor)
                    self._left.discard(layer)
