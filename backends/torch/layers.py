"""The layers of a module: whether they can be reached, their names, and what is known of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import torch

from invert_core.backends.torch.example_runs import Look, Seen
from invert_core.backends.torch.observing import Place, can_be_hooked, modules_of
from invert_core.errors import ModelError, UnknownNameError
from invert_core.models.backend import Layer
from invert_core.wording import first_few, nearest

_LIST_ALL = "`invert layers` lists all layers of a model."


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


@dataclass(frozen=True)
class Row:
    """One name that can be asked for.

    `seen` is None where no example was run, or where the name stands for no single tensor;
    `problem` then says why, as the end of a sentence, and `instead` what to name.
    """

    name: str
    path: str
    seen: Seen | None = None
    problem: str = ""
    instead: tuple[str, ...] = ()


class Layers:
    """All names of a module's layers.

    A module that returns one tensor is called by its path, the whole one "output". ``name[0]`` and
    ``name.key`` are parts of a tuple or dict, ``name#2`` is the second call of several.

    Parameters
    ----------
    module : torch.nn.Module
    seen : Look or None
        What example runs showed.

    Attributes
    ----------
    calls : mapping of str to int or None
        How often each module runs, by path; None if that varies.
    """

    def __init__(self, module: torch.nn.Module, seen: Look | None):
        self.calls: Mapping[str, int | None] = {} if seen is None else seen.calls
        self._modules = modules_of(module)
        first = {id(each): path for path, each in self._modules.items()}
        self._paths = {
            path: first[id(each)] for path, each in module.named_modules(remove_duplicate=False)
        }
        self._whole = "output"
        while self._whole in self._paths:
            self._whole += "_"
        self._rows = {row.name: row for row in self._all_rows(seen)}

    def listed(self) -> list[Layer]:
        """Give them as the contract wants them, in the order in which the modules began to run."""
        return [self._layer(row) for row in self._rows.values()]

    def find(self, name: str) -> Seen:
        """Find the output that a name stands for.

        Raises
        ------
        UnknownNameError
            There is none.
        ModelError
            It cannot be extracted, or nothing is known of it before a sample was seen.
        """
        row = self._rows.get(name) or self._rows.get(self._paths.get(name, ""))
        if row is None:
            known = dict.fromkeys(filter(None, [*self._rows, *self._paths]))
            raise UnknownNameError(
                f"The model has no layer {name!r}.", nearest(name, known, _LIST_ALL)
            )
        if row.problem:
            instead = f"Name one of {first_few(row.instead)}." if row.instead else ""
            raise ModelError(
                f"The layer {name!r} {row.problem}.", instead or f"Choose another; {_LIST_ALL}"
            )
        if row.seen is None:
            raise ModelError(
                "The model has seen no sample, so that the shapes of its layers are not known.",
                "Call `settled` with an example, or declare inputs of a shape that it runs on.",
            )
        return row.seen

    def module(self, path: str) -> torch.nn.Module:
        """Give the module of a path."""
        return self._modules[path]

    def _all_rows(self, seen: Look | None) -> list[Row]:
        if seen is None:
            return [Row(self._name(path), path) for path in self._in_order(())]
        return [row for path in self._in_order(seen.calls) for row in self._rows_of(path, seen)]

    def _in_order(self, called: Mapping[str, int | None] | tuple[()]) -> list[str]:
        first = [path for path in called if path]
        return [*first, *(path for path in self._modules if path and path not in called), ""]

    def _rows_of(self, path: str, seen: Look) -> list[Row]:
        name = self._name(path)
        outputs = [each for each in seen.outputs if each.place.module == path]
        once = seen.calls.get(path) == 1
        if once and len(outputs) == 1 and not outputs[0].place.keys:
            return [Row(name, path, outputs[0], outputs[0].problem)]
        parts = [
            Row(self._part(name, each.place, once), path, each, each.problem) for each in outputs
        ]
        instead = tuple(row.name for row in parts if not row.problem)
        return [Row(name, path, None, self._why_not(path, seen), instead), *parts]

    def _why_not(self, path: str, seen: Look) -> str:
        if not can_be_hooked(self._modules[path]):
            return "is compiled to TorchScript, and nobody can see what it returns"
        if path not in seen.calls:
            return "did not run on the first sample"
        if seen.calls[path] is None:
            return "runs as often as the batch demands"
        if seen.calls[path] != 1:
            return f"runs {seen.calls[path]} times"
        return "returns no single tensor"

    def _name(self, path: str) -> str:
        return path or self._whole

    def _part(self, name: str, place: Place, once: bool) -> str:
        if not once:
            name += f"#{place.call + 1}"
        for key in place.keys:
            dotted = isinstance(key, str) and key.isidentifier()
            with_key = f"{name}.{key}" if dotted else f"{name}[{key!r}]"
            name = f"{name}[{key!r}]" if with_key in self._paths else with_key
        while name in self._paths:  # a module's own path goes first
            name += "_"
        return name

    def _layer(self, row: Row) -> Layer:
        module = self._modules[row.path]
        path = row.path if row.name == row.path else ""
        op, count = type(module).__name__, sum(each.numel() for each in module.parameters())
        if row.seen is None:
            pool = "" if row.problem else "auto"
            return Layer(row.name, path, op, None, None, pool, count)
        shape = row.seen.shape
        try:
            pooling = None if row.problem else row.seen.pooling(row.name, "auto", None)
        except ModelError:
            pooling = None
        if pooling is None:
            return Layer(row.name, path, op, shape, None, "", count)
        return Layer(row.name, path, op, shape, shape[pooling.channel_axis], pooling.kind, count)
