"""Lists the layers of a module and finds them by name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain

import torch

from invert_core.backends.torch.example_runs import Look, Seen
from invert_core.backends.torch.observing import Place, can_be_hooked, modules_of
from invert_core.errors import ModelError, UnknownNameError
from invert_core.models.backend import Layer, Reading
from invert_core.models.pooling import read_as
from invert_core.wording import first_few, nearest

_LIST_ALL = "`invert layers` lists all layers of a model."


def check_module(module: torch.nn.Module) -> None:
    """Check that the layers of a module can be reached and that its weights have values."""
    if isinstance(module, torch.jit.ScriptModule):
        raise ModelError(
            "The model is TorchScript, whose layers cannot be reached.",
            "Give the torch.nn.Module that it was made from, or export that to ONNX.",
        )
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        if torch.nn.parameter.is_lazy(tensor):
            raise ModelError(
                f"The weight {name!r} is made when the model runs for the first time.",
                "Run the model on a sample first.",
            )
        if tensor.is_meta:
            raise ModelError(
                f"The weight {name!r} has no values: it is on the device 'meta'.",
                "Make the model on the CPU.",
            )


@dataclass(frozen=True)
class Entry:
    """One name that can be asked for.

    `seen` is None if no example was run, or if the name does not stand for a single tensor. Then
    `problem` says why, as the end of a sentence, and `instead` holds other names.
    """

    name: str
    path: str
    seen: Seen | None = None
    problem: str = ""
    instead: tuple[str, ...] = ()


class Layers:
    """All names of a module's layers.

    A module that returns one tensor is named by its path, and the whole module is named "output".
    ``name[0]`` and ``name.key`` are parts of a tuple or dict, ``name#2`` is the second of several
    calls.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    seen : Look or None
        What example runs showed, if there were any.

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
        self._entries = {entry.name: entry for entry in self._all_entries(seen)}

    def listed(self) -> list[Layer]:
        """Return the layers in the form of the contract, in the order in which modules began."""
        return [self._layer(entry) for entry in self._entries.values()]

    def find(self, name: str) -> Seen:
        """Find the output that a name stands for."""
        entry = self._entries.get(name) or self._entries.get(self._paths.get(name, ""))
        if entry is None:
            known = dict.fromkeys(filter(None, [*self._entries, *self._paths]))
            raise UnknownNameError(
                f"The model has no layer {name!r}.", nearest(name, known, _LIST_ALL)
            )
        if entry.problem:
            instead = f"Name one of {first_few(entry.instead)}." if entry.instead else ""
            raise ModelError(
                f"The layer {name!r} {entry.problem}.", instead or f"Choose another; {_LIST_ALL}"
            )
        if entry.seen is None:
            raise ModelError(
                "The model has seen no sample, so the shapes of its layers are not known.",
                "Call `settled` with an example, or declare inputs of a shape that it runs on.",
            )
        return entry.seen

    def place(self, name: str) -> Place:
        """Find where a tensor comes from, even if it cannot be extracted as a layer."""
        entry = self._entries.get(name)
        if entry is not None and entry.seen is not None:
            return entry.seen.place
        return self.find(name).place

    def module(self, path: str) -> torch.nn.Module:
        """Return the module of a path."""
        return self._modules[path]

    def _all_entries(self, seen: Look | None) -> list[Entry]:
        if seen is None:
            return [Entry(self._name(path), path) for path in self._in_order(())]
        return [
            entry for path in self._in_order(seen.calls) for entry in self._entries_of(path, seen)
        ]

    def _in_order(self, called: Mapping[str, int | None] | tuple[()]) -> list[str]:
        first = [path for path in called if path]
        return [*first, *(path for path in self._modules if path and path not in called), ""]

    def _entries_of(self, path: str, seen: Look) -> list[Entry]:
        name = self._name(path)
        outputs = [each for each in seen.outputs if each.place.module == path]
        once = seen.calls.get(path) == 1
        if once and len(outputs) == 1 and not outputs[0].place.keys:
            return [Entry(name, path, outputs[0], outputs[0].problem)]
        parts = [
            Entry(self._part(name, each.place, once), path, each, each.problem) for each in outputs
        ]
        instead = tuple(entry.name for entry in parts if not entry.problem)
        return [Entry(name, path, None, self._why_not(path, seen), instead), *parts]

    def _why_not(self, path: str, seen: Look) -> str:
        if not can_be_hooked(self._modules[path]):
            return "is compiled to TorchScript, so its output cannot be read"
        if path not in seen.calls:
            return "did not run on the first sample"
        if seen.calls[path] is None:
            return "runs a different number of times for different batches"
        if seen.calls[path] != 1:
            return f"runs {seen.calls[path]} times"
        return "does not return a single tensor"

    def _name(self, path: str) -> str:
        return path or self._whole

    def _part(self, name: str, place: Place, once: bool) -> str:
        if not once:
            name += f"#{place.call + 1}"
        for key in place.keys:
            dotted = isinstance(key, str) and key.isidentifier()
            with_key = f"{name}.{key}" if dotted else f"{name}[{key!r}]"
            name = f"{name}[{key!r}]" if with_key in self._paths else with_key
        while name in self._paths:  # a module's own path wins
            name += "_"
        return name

    def _layer(self, entry: Entry) -> Layer:
        module = self._modules[entry.path]
        path = entry.path if entry.name == entry.path else ""
        op, count = type(module).__name__, sum(each.numel() for each in module.parameters())
        if entry.seen is None:
            pool = "" if entry.problem else "auto"
            return Layer(entry.name, path, op, None, None, pool, count, problem=entry.problem)
        seen = entry.seen
        layer = Layer(entry.name, path, op, seen.shape, None, "", count, seen.axes, entry.problem)
        try:
            seen.pooling(Reading(entry.name))
            return read_as(layer, Reading(entry.name))
        except ModelError as error:
            reason = seen.axes.reason if seen.axes.channel is None else error.message
            return replace(layer, axes=replace(seen.axes, channel=None, reason=reason))
