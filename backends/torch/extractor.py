"""Runs batches through a module for some of its layers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from invert_core.backends.torch.observing import Place
from invert_core.backends.torch.placement import Loan
from invert_core.backends.torch.pooling import pooled
from invert_core.backends.torch.running import float_type, running, to_tensors
from invert_core.backends.torch.signature import Signature
from invert_core.backends.torch.taps import Taps
from invert_core.errors import ModelError
from invert_core.models.axes import Axes
from invert_core.models.backend import MASK, Extractor, ModelInput, Output
from invert_core.models.backend_checks import as_float32, check_batch, check_mask
from invert_core.models.pooling import Flattened, Pooling


@dataclass(frozen=True)
class TappedLayers:
    """Layers of a module, in the order in which they were asked for.

    Parameters
    ----------
    modules : dict of str to torch.nn.Module
        The modules that the layers are outputs of, by path.
    places : dict of str to Place
        Where each layer comes from.
    poolings : dict of str to Pooling
        How each layer is pooled.
    axes : dict of str to Axes
        The axes of each layer.
    raw : dict of str to Place
        Where the tensors come from that are returned as they are.
    calls : mapping of str to int or None
        How often each of `modules` runs, by path; None if that varies.
    """

    modules: dict[str, torch.nn.Module]
    places: dict[str, Place]
    poolings: dict[str, Pooling]
    axes: dict[str, Axes]
    raw: dict[str, Place]
    calls: Mapping[str, int | None]


@dataclass(frozen=True)
class Computing:
    """Where and how a module is run.

    Parameters
    ----------
    device : {"cpu", "cuda"}
        The device.
    autocast, channels_last : bool
        The options of `TorchBackend`.
    """

    device: str
    autocast: bool
    channels_last: bool


class TorchExtractor(Extractor):
    """A module that is opened for some of its layers; see `Extractor`.

    Parameters
    ----------
    module : torch.nn.Module
        The module, which is lent to the extractor until `close`.
    layers : TappedLayers
        The layers to extract.
    signature : Signature
        What the forward of the module takes.
    inputs : tuple of ModelInput
        The inputs that a batch has.
    most : int
        The most samples in one call of `run`.
    computing : Computing
        Where and how the module is run.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        layers: TappedLayers,
        *,
        signature: Signature,
        inputs: tuple[ModelInput, ...],
        most: int,
        computing: Computing,
    ):
        self.outputs = tuple(
            Output(layer, each.kind, layers.axes[layer]) for layer, each in layers.poolings.items()
        )
        self.device = computing.device
        self.mixing = tuple(_mixing(module))
        self._module: torch.nn.Module | None = module
        self._layers = layers
        self._raw: dict[str, np.ndarray] = {}
        self._signature = signature
        self._inputs = inputs
        self._most = most
        self._computing = computing
        self._float_type = float_type(module)
        self._flattened = {
            layer: Flattened(layer, each)
            for layer, each in layers.poolings.items()
            if each.kind == "flatten"
        }
        self._loan = Loan(module, self.device, channels_last=computing.channels_last)

    def run(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the activations of one batch; see `Extractor.run`."""
        if self._module is None:
            raise ModelError("The model was closed.", "Open another extractor.")
        count = self._check(batch)
        tensors = to_tensors(batch, self.device, self._float_type)
        if self._computing.channels_last:
            tensors = {name: _channels_last(tensor) for name, tensor in tensors.items()}
        mask = tensors[MASK].bool() if MASK in tensors else None
        with running(self._module, self.device, autocast=self._computing.autocast):
            columns = self._forward(self._module, tensors, mask, count)
            values = torch.cat(columns, dim=1).cpu().numpy()
        edges = np.cumsum([column.shape[1] for column in columns])[:-1]
        parts = np.split(values, edges, axis=1)
        return {
            layer: as_float32(layer, part)
            for layer, part in zip(self._layers.places, parts, strict=True)
        }

    def raw(self) -> dict[str, np.ndarray]:
        """Return the raw tensors of the last run; see `Extractor.raw`."""
        return self._raw

    def unit_names(self) -> dict[str, tuple[str, ...]]:
        """Return the unit names of flattened layers; see `Extractor.unit_names`."""
        return {layer: each.names() for layer, each in self._flattened.items() if each.shape}

    def close(self) -> None:
        """Give the module back as it was before."""
        self._module = None
        self._loan.end()

    def _check(self, batch: Mapping[str, np.ndarray]) -> int:
        needed = [each.name for each in self._inputs if self._signature.takes(each.name)]
        count = check_batch(batch, self._inputs, needed, self._most)
        if MASK in batch:
            check_mask(batch[MASK])
        return count

    def _forward(
        self,
        module: torch.nn.Module,
        tensors: Mapping[str, torch.Tensor],
        mask: torch.Tensor | None,
        count: int,
    ) -> list[torch.Tensor]:
        """Run the module, and return the pooled layers [b, units] in the order of `layers`."""
        layers = self._layers
        columns: dict[str, torch.Tensor] = {}
        # A tensor may be a layer and raw at once, so raw ones get keys of their own.
        wanted: dict[Any, Place] = {**layers.places}
        wanted |= {("raw", name): place for name, place in layers.raw.items()}

        def take(layer: Any, values: torch.Tensor) -> None:
            if isinstance(layer, tuple):
                self._raw[layer[1]] = values.detach().cpu().numpy().copy()
                return
            self._check_layer(layer, values, count)
            columns[layer] = pooled(layer, values, layers.poolings[layer], mask)

        args, kwargs = self._signature.arguments(tensors)
        with Taps(layers.modules, wanted, layers.calls, take) as taps:
            taps.run(lambda: module(*args, **kwargs))
        return [columns[layer] for layer in layers.places]

    def _check_layer(self, layer: str, values: torch.Tensor, count: int) -> None:
        pooling, shape = self._layers.poolings[layer], tuple(values.shape)
        wrong = len(shape) != pooling.rank or shape[pooling.batch_axis] != count
        if wrong or not values.is_floating_point():
            raise ModelError(
                f"The layer {layer!r} gives {str(values.dtype).removeprefix('torch.')} of the "
                f"shape {shape} for {count} samples, unlike on the first sample.",
                "Choose another layer.",
            )
        if layer in self._flattened:
            self._flattened[layer].note(tuple(shape[axis] for axis in pooling.order[1:]))


def _mixing(module: torch.nn.Module) -> Iterator[str]:
    """Name the modules that take their statistics from a batch even in evaluation mode."""
    for path, each in module.named_modules():
        if isinstance(each, torch.nn.modules.batchnorm._BatchNorm) and each.running_mean is None:
            yield f"{type(each).__name__} {path!r} without running statistics"


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
