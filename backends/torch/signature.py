"""Reads which inputs the forward of a module takes."""

import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter
from typing import Any

import numpy as np
import torch

from invert_core.errors import ModelError, SettingError
from invert_core.models.backend import MASK, ModelInput
from invert_core.models.backend_checks import check_batch, check_mask

_TAKEN_IF_THERE = (MASK, "token_type_ids")
_IN_ORDER = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Signature:
    """The parameters of a forward, and the names of the inputs that fill them.

    Every named parameter is an input of its name. ``*args`` takes declared inputs of other names,
    in the order of their declaration; without ``*args``, ``**kwargs`` takes inputs of any name.
    The mask reaches the module only if it is a parameter or declared.
    """

    parameters: Mapping[str, Parameter]
    declared: tuple[str, ...] = ()

    @classmethod
    def of(cls, module: torch.nn.Module, declared: Sequence[ModelInput] | None) -> "Signature":
        """Read the signature of a module, and check the declared inputs."""
        try:
            parameters = inspect.signature(module.forward).parameters
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"The forward of {type(module).__name__} does not say what it takes: {error}.",
                "Wrap it in a module whose forward names its inputs.",
            ) from error
        for each in declared or ():
            if not isinstance(each, ModelInput):
                raise SettingError(
                    f"The inputs of a model cannot hold {each!r}.",
                    'Give a list such as [ModelInput("x", (None, 3, 224, 224), dtype)].',
                )
        names = tuple(each.name for each in declared or ())
        for name in names:
            if names.count(name) > 1:
                raise SettingError(f"The input {name!r} is declared twice.", "Declare it once.")
        signature = cls(parameters, names)
        for name in signature.declared:
            if name != MASK and not signature.takes(name):
                raise ModelError(
                    f"The forward of {type(module).__name__} takes no input {name!r}.",
                    f"It takes {', '.join(map(repr, parameters)) or 'nothing'}.",
                )
        return signature

    def inputs(self) -> tuple[ModelInput, ...]:
        """Return the inputs that a batch must have, as far as the parameters say it.

        These are the parameters without a default, or else the first one, and the mask and token
        types if they are parameters. ``*args`` counts as one input.
        """
        taken = {name: each for name, each in self.parameters.items() if self.takes(name)}
        named = [name for name, each in taken.items() if each.default is Parameter.empty]
        first = [] if named else list(taken)[:1]
        more = [name for name in _TAKEN_IF_THERE if name in taken]
        return tuple(ModelInput(name) for name in dict.fromkeys([*named, *first, *more]))

    def seen_inputs(
        self, inputs: Sequence[ModelInput], example: Mapping[str, np.ndarray]
    ) -> tuple[ModelInput, ...]:
        """Return the inputs of an example, with its types and numbers of axes."""
        known = {each.name: each for each in inputs}
        for name in example:
            if name == MASK or self.takes(name):
                known.setdefault(name, ModelInput(name))
        needed = [each.name for each in inputs if self._is_needed(each.name)]
        check_batch(example, tuple(known.values()), needed, sys.maxsize)
        if MASK in example:
            check_mask(example[MASK])
        return tuple(
            replace(
                known[name],
                shape=known[name].shape or (None,) * array.ndim,
                dtype=array.dtype if known[name].dtype is None else known[name].dtype,
            )
            for name, array in example.items()
        )

    def takes(self, name: str) -> bool:
        """Return whether the module can be given an input of this name."""
        if name in self.parameters:
            return self.parameters[name].kind is not Parameter.VAR_KEYWORD
        if name == MASK and name not in self.declared:
            return False
        kinds = {each.kind for each in self.parameters.values()}
        if Parameter.VAR_POSITIONAL in kinds:
            return name in self.declared
        return Parameter.VAR_KEYWORD in kinds

    def _is_needed(self, name: str) -> bool:
        if name in self.declared or name not in _TAKEN_IF_THERE:
            return True
        return name in self.parameters and self.parameters[name].default is Parameter.empty

    def arguments(self, values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the positional and keyword arguments for the inputs that the module takes."""
        left = {name: value for name, value in values.items() if self.takes(name)}
        positional = []
        for name, each in self.parameters.items():
            if each.kind is Parameter.VAR_POSITIONAL:
                others = [key for key in self.declared if key not in self.parameters]
                positional += [left.pop(key) for key in (name, *others) if key in left]
            elif each.kind not in _IN_ORDER or name not in left:
                break
            else:
                positional.append(left.pop(name))
        return positional, left
