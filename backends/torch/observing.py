"""What the modules of a model give when it runs on a sample."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch

Keys = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """Where an output comes from: call number `call`, from 0, of a module, and the keys in it.

    The keys lead through tuples, lists and dicts to the tensor; there are none where the module
    returns just a tensor.
    """

    module: str
    call: int
    keys: Keys


@dataclass(frozen=True)
class Kind:
    """The shape and type of an output, and the sum of what it holds, without signs."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    total: float


@dataclass
class Run:
    """One forward pass: calls by module path in the order of their beginning, and all outputs."""

    calls: dict[str, int] = field(default_factory=dict)
    outputs: dict[Place, Kind] = field(default_factory=dict)


def modules_of(module: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """All modules by their path, "" for the whole; one that has several paths is there once."""
    return dict(module.named_modules())


def can_be_hooked(module: torch.nn.Module) -> bool:
    """Whether PyTorch lets others see what the module returns."""
    return not isinstance(module, torch.jit.ScriptModule)


def observe(module: torch.nn.Module, args: list[Any], kwargs: Mapping[str, Any]) -> Run:
    """Run a module and write down what every module in it returns.

    Parameters
    ----------
    module : torch.nn.Module
        Whatever it raises is raised.
    args : list
    kwargs : mapping of str to object

    Returns
    -------
    Run
    """
    run = Run()
    with ExitStack() as stack:
        for path, each in modules_of(module).items():
            if can_be_hooked(each):
                for hook in _hooks(path, each, run):
                    stack.callback(hook.remove)
        module(*args, **kwargs)
    return run


def _tensors_in(output: Any, keys: Keys = ()) -> Iterator[tuple[Keys, torch.Tensor]]:
    """All tensors in nested tuples, lists and dicts, with the keys that lead to them."""
    if isinstance(output, torch.Tensor):
        if output.layout is torch.strided and not output.is_nested:
            yield keys, output
        return
    for key, value in _items(output):
        yield from _tensors_in(value, (*keys, key))


def pick(output: Any, keys: Keys) -> Any:
    """What the keys lead to; None if there is nothing."""
    for key in keys:
        output = dict(_items(output)).get(key)
    return output


def _items(output: Any) -> list[tuple[Any, Any]]:
    if isinstance(output, Mapping):
        return list(output.items())
    if isinstance(output, list | tuple):
        return list(enumerate(output))
    return []


def _hooks(path: str, module: torch.nn.Module, run: Run) -> list[Any]:
    def begin(_module: torch.nn.Module, _args: Any) -> None:
        run.calls.setdefault(path, 0)

    def end(_module: torch.nn.Module, _args: Any, output: Any) -> None:
        for keys, tensor in _tensors_in(output):
            place = Place(path, run.calls[path], keys)
            total = float(tensor.double().abs().sum()) if tensor.is_floating_point() else 0.0
            run.outputs[place] = Kind(tuple(tensor.shape), tensor.dtype, total)
        run.calls[path] += 1

    return [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
