"""Runs a model and records what each of its modules returns."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch

from invert_core.backends.torch.following import Following
from invert_core.models.axes import Trace, traced

Keys = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """Where an output comes from: the path of a module, the number of the call, and keys.

    Calls are counted from 0. The keys lead through tuples, lists and dicts to the tensor; there
    are none if the module returns a single tensor.
    """

    module: str
    call: int
    keys: Keys


@dataclass(frozen=True)
class Kind:
    """The shape and type of an output, and what its axes count."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    trace: Trace


@dataclass
class Run:
    """One forward pass: the number of calls by module path, in order, and all outputs."""

    calls: dict[str, int] = field(default_factory=dict)
    outputs: dict[Place, Kind] = field(default_factory=dict)


def modules_of(module: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """Return all modules by path, "" for the whole; each is listed once, under its first path."""
    return dict(module.named_modules())


def can_be_hooked(module: torch.nn.Module) -> bool:
    """Return whether PyTorch hooks can see what a module returns."""
    return not isinstance(module, torch.jit.ScriptModule)


def observe(
    module: torch.nn.Module,
    args: list[Any],
    kwargs: Mapping[str, Any],
    inputs: Iterable[tuple[torch.Tensor, Trace]],
) -> Run:
    """Run a module and record what every module in it returns; its exceptions pass through.

    `inputs` says what the axes of the inputs count.
    """
    run, following = Run(), Following()
    for tensor, trace in inputs:
        following.begin(tensor, trace)
    with ExitStack() as stack:
        for path, each in modules_of(module).items():
            if can_be_hooked(each):
                for hook in _hooks(path, each, run, following):
                    stack.callback(hook.remove)
        stack.enter_context(following)
        module(*args, **kwargs)
    return run


def _tensors_in(output: Any, keys: Keys = ()) -> Iterator[tuple[Keys, torch.Tensor]]:
    """Yield all tensors in nested tuples, lists and dicts, with the keys that lead to them."""
    if isinstance(output, torch.Tensor):
        if output.layout is torch.strided and not output.is_nested:
            yield keys, output
        return
    for key, value in _items(output):
        yield from _tensors_in(value, (*keys, key))


def pick(output: Any, keys: Keys) -> Any:
    """Return what the keys lead to, or None if there is nothing."""
    for key in keys:
        output = dict(_items(output)).get(key)
    return output


def _items(output: Any) -> list[tuple[Any, Any]]:
    if isinstance(output, Mapping):
        return list(output.items())
    if isinstance(output, list | tuple):
        return list(enumerate(output))
    return []


def _hooks(path: str, module: torch.nn.Module, run: Run, following: Following) -> list[Any]:
    around: list[str] = []

    def begin(_module: torch.nn.Module, _args: Any) -> None:
        run.calls.setdefault(path, 0)
        around.append(following.source)
        following.source = f"{type(module).__name__} {path!r}" if path else type(module).__name__

    def end(_module: torch.nn.Module, _args: Any, output: Any) -> None:
        following.leave(module, output)
        for keys, tensor in _tensors_in(output):
            place = Place(path, run.calls[path], keys)
            trace = following.trace(tensor) or traced(tuple(tensor.shape))
            run.outputs[place] = Kind(tuple(tensor.shape), tensor.dtype, trace)
        run.calls[path] += 1
        following.source = around.pop()

    return [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
