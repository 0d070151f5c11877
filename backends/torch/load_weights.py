"""Loads the weights of a file into a module, and says what does not fit."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from invert_core.backends.torch.weight_names import (
    Prefixes,
    best_prefixes,
    prefixes_of,
    without_compiled,
)
from invert_core.backends.torch.weights import read_weights
from invert_core.errors import ModelError
from invert_core.wording import counted, first_few, nearest

_log = logging.getLogger("invert")

_OTHER_FACTORY = "Choose the factory that the weights were saved from"


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights, and which of them a module takes.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file, or a state dict that torch.save wrote.
    prefix : str
        Only weights whose names begin with it are taken, and it is left out; "" takes all.
    partial : bool
        Whether the weights that fit are loaded although others are unused or missing.
    """

    path: Path
    prefix: str = ""
    partial: bool = False

    @property
    def name(self) -> str:
        """The path as messages show it."""
        return repr(str(self.path))

    def read(self) -> Mapping[str, torch.Tensor]:
        """Read the weights that are taken, by their names without the prefix."""
        weights = read_weights(self.path)
        if not self.prefix:
            return weights
        prefix = self.prefix.rstrip(".") + "."
        taken = Prefixes(of_file=prefix).in_module(weights)
        if not taken:
            raise ModelError(
                f"No weight in {self.name} has a name that begins with {prefix!r}.",
                nearest(prefix, prefixes_of(weights), f"The names are {first_few([*weights])}."),
            )
        return taken


@dataclass(frozen=True)
class _Comparison:
    """The weights of a file beside those of a module.

    Parameters
    ----------
    own : mapping of str to value
        The state dict of the module.
    named : mapping of str to value
        The weights of the file by their names in the module.
    outside : list of str
        Names of the weights in the file that lack the prefix which the others have.
    prefixes : Prefixes
        How the names differ otherwise.
    """

    own: Mapping[str, Any]
    named: Mapping[str, Any]
    outside: list[str]
    prefixes: Prefixes

    @property
    def fitting(self) -> dict[str, Any]:
        """The weights of the file that the module can take, by their names in the module."""
        return {name: value for name, value in self.named.items() if self._fits(name)}

    @property
    def complete(self) -> bool:
        """Whether the module gets all its weights from the file."""
        return len(self.fitting) == len(self.own)

    @property
    def n_fitting(self) -> str:
        """How many weights of the model are in the file, as messages say it."""
        return f"{len(self.fitting):,} of {counted(len(self.own), 'weight')}"

    def __str__(self) -> str:
        unused = [self.prefixes.in_file(name) for name in self.named if name not in self.own]
        missing = [name for name in self.own if name not in self.named]
        misshapen = [name for name in self.own if name in self.named and not self._fits(name)]
        parts = []
        if missing:
            parts.append(f"the file has no {first_few(missing)}")
        if unused or self.outside:
            parts.append(f"the model has no {first_few(self.outside + unused)}")
        if misshapen:
            name, have = misshapen[0], "has" if len(misshapen) == 1 else "have"
            parts.append(
                f"{first_few(misshapen)} {have} another shape, {_shape(self.named[name])} instead "
                f"of {_shape(self.own[name])}"
            )
        return ", ".join(parts)

    def _fits(self, name: str) -> bool:
        return name in self.own and _shape(self.own[name]) in (None, _shape(self.named[name]))


def load_weights(module: torch.nn.Module, file: WeightsFile) -> None:
    """Fill a module with the weights of a file.

    A prefix of all names in the file, or of all names in the module, is no difference.

    Parameters
    ----------
    module : torch.nn.Module
        The module, which is changed in place; after an error it must not be used.
    file : WeightsFile
        The file. Unless it is `partial`, its weights and those of the module must be the same.
    """
    weights, own = _without_compiled(file), module.state_dict()
    found = best_prefixes(_shapes(own), _shapes(weights))
    prefixes = found[0] if found else Prefixes()
    named = _with_shared(module, prefixes.in_module(weights))
    outside = [name for name in weights if not name.startswith(prefixes.of_file)]
    compared = _Comparison(own, named, outside, prefixes)
    _refuse_unusable(compared, file)
    # The module decides what fits, because it may know other names than those that it has now.
    error = _loading_error(module, named, strict=True)
    if error is not None or outside:
        if len(found) > 1:
            raise _ambiguous(found, file) from error
        if not (file.partial and compared.fitting):
            raise _refused(compared, error, file) from error
        _load_what_fits(module, compared, file)
    _tell(prefixes, file)


def _without_compiled(file: WeightsFile) -> Mapping[str, torch.Tensor]:
    given = file.read()
    weights = without_compiled(given)
    if weights.keys() != given.keys():
        _log.info("'_orig_mod' of torch.compile is left out of the names in %s.", file.name)
    return weights


def _load_what_fits(module: torch.nn.Module, compared: _Comparison, file: WeightsFile) -> None:
    error = _loading_error(module, compared.fitting, strict=False)
    if error is not None:
        raise _refused(compared, error, file) from error
    _log.warning(
        "%s take their values from %s: %s.%s",
        compared.n_fitting.capitalize(),
        file.name,
        compared,
        "" if compared.complete else " What is missing stays as the factory makes it.",
    )


def _loading_error(
    module: torch.nn.Module, weights: Mapping[str, Any], *, strict: bool
) -> Exception | None:
    try:
        module.load_state_dict(weights, strict=strict)
    except Exception as error:
        return error
    return None


def _tell(prefixes: Prefixes, file: WeightsFile) -> None:
    if prefixes.of_file and prefixes.of_module:
        _log.warning(
            "The names of weights begin with %r in %s and with %r in the model; otherwise they are "
            "the same, so these weights are taken.",
            prefixes.of_file,
            file.name,
            prefixes.of_module,
        )
    elif prefixes.of_file:
        _log.info("The prefix %r is left out of the names in %s.", prefixes.of_file, file.name)
    elif prefixes.of_module:
        _log.info(
            "The names in %s get the prefix %r, with which all names in the model begin.",
            file.name,
            prefixes.of_module,
        )


def _ambiguous(found: list[Prefixes], file: WeightsFile) -> ModelError:
    names = [each.of_file or each.of_module for each in found]
    of_file = [each.of_file for each in found if each.of_file]
    return ModelError(
        f"The weights in {file.name} fit the model equally well by several prefixes: "
        f"{first_few(names)}.",
        f"Choose one, as in --weights-prefix {_typed(of_file[0])}."
        if of_file
        else f"{_OTHER_FACTORY}.",
    )


def _refused(compared: _Comparison, error: Exception | None, file: WeightsFile) -> ModelError:
    prefixes, way = compared.prefixes, ""
    reason = str(compared) or " ".join(str(error).split()).rstrip(".")
    if prefixes.of_file:
        way = f", without the prefix {prefixes.of_file!r},"
    elif prefixes.of_module:
        way = f", with the prefix {prefixes.of_module!r},"
    return ModelError(
        f"The weights in {file.name}{way} are not those of the model: {reason}.",
        f"{_OTHER_FACTORY}{_other_ways(compared, file)}.",
    )


def _other_ways(compared: _Comparison, file: WeightsFile) -> str:
    if file.partial or not compared.fitting:
        return ""
    prefix = compared.prefixes.of_file
    if compared.complete and compared.outside and prefix:
        return f", or take only what begins with {prefix!r}: --weights-prefix {_typed(prefix)}"
    return f", or load {compared.n_fitting} with --partial-weights"


def _typed(prefix: str) -> str:
    """Return a prefix as users may type it: without its dot, which would look like a full stop."""
    return prefix.rstrip(".")


def _shapes(weights: Mapping[str, Any]) -> dict[str, tuple[int, ...] | None]:
    return {name: _shape(value) for name, value in weights.items()}


def _shape(value: Any) -> tuple[int, ...] | None:
    """Return a shape; None for what is no tensor, or has its shape only after it is loaded."""
    if not isinstance(value, torch.Tensor) or torch.nn.parameter.is_lazy(value):
        return None
    return tuple(value.shape)


def _with_shared(module: torch.nn.Module, weights: Mapping[str, Any]) -> dict[str, Any]:
    """Repeat weights that a module holds under several names under all of them.

    A .safetensors file stores each of them only once.
    """
    names: dict[int, list[str]] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        names.setdefault(id(tensor), []).append(name)
    whole = dict(weights)
    for shared in names.values():
        for given in [name for name in shared if name in weights][:1]:
            whole |= {name: weights[given] for name in shared if name not in weights}
    return whole


def _refuse_unusable(compared: _Comparison, file: WeightsFile) -> None:
    """Refuse what PyTorch cannot copy, and complex weights, of which it would take real parts."""
    for name, own in compared.own.items():
        given = compared.named.get(name)
        if not isinstance(given, torch.Tensor):
            continue
        what, hint = next((pair for holds, pair in _UNUSABLE if holds(given)), ("", ""))
        if what:
            raise ModelError(f"The weight {name!r} in {file.name} {what}.", hint)
        if given.is_complex() and not own.is_complex():
            raise ModelError(
                f"The weight {name!r} in {file.name} is complex, but the model's own is not.",
                f"{_OTHER_FACTORY}.",
            )


_UNUSABLE: tuple[tuple[Callable[[torch.Tensor], bool], tuple[str, str]], ...] = (
    (
        lambda weight: weight.is_meta,
        ("has a shape but no values (device 'meta')", "Save the weights after they are loaded."),
    ),
    (
        lambda weight: weight.layout != torch.strided,
        ("is sparse", "Save it as an ordinary tensor, with .to_dense()."),
    ),
    (
        lambda weight: weight.is_quantized,
        ("is quantized", "Save it as an ordinary tensor, with .dequantize()."),
    ),
)
"""What a weight may be that cannot be copied into an ordinary one, and what to do about it."""
