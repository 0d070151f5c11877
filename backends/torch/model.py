"""Opens PyTorch modules as the backend contract demands."""

import functools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from invert_core.backends.torch.device import choose_device, describe
from invert_core.backends.torch.example_runs import Look, Seen, look, made_up
from invert_core.backends.torch.extractor import Computing, TappedLayers, TorchExtractor
from invert_core.backends.torch.factory import SPELLING, make_module
from invert_core.backends.torch.fingerprint import fingerprint
from invert_core.backends.torch.layers import Layers, check_module
from invert_core.backends.torch.load_weights import WeightsFile, load_weights
from invert_core.backends.torch.metadata import metadata
from invert_core.backends.torch.saved_module import read_module
from invert_core.backends.torch.signature import Signature
from invert_core.backends.torch.wrappers import unwrapped
from invert_core.errors import MissingFileError, ModelError, SettingError
from invert_core.models.axes import Axes
from invert_core.models.backend import Backend, Finding, Layer, Model, ModelInput, Reading
from invert_core.models.backend_checks import check_readings
from invert_core.models.built_in import BUILT_IN
from invert_core.models.pooling import Pooling, tell_reading

_log = logging.getLogger("invert")


class TorchBackend(Backend):
    """Opens factories and files of a torch.nn.Module, and takes over modules in memory.

    The options are listed in the table of built-in backends. `inputs` declares the inputs if the
    forward does not name them; `autocast` computes in bfloat16 on a CPU and in float16 on CUDA.
    """

    suffixes = (".pt", ".pth", ".pt2", ".torchscript")
    options = BUILT_IN["torch"].options

    @classmethod
    def adopt(cls, model: object, **options: Any) -> "TorchModel | None":
        """Take over a module; see `Backend.adopt`."""
        if not isinstance(model, torch.nn.Module):
            return None
        if _weights(options) is not None:
            raise ModelError(
                "Weights were named for a module that is in memory already.",
                "Load them with its load_state_dict, and leave the option out.",
            )
        return _open(unwrapped(model), options.get("inputs"), options)

    @classmethod
    def open(cls, target: str, **options: Any) -> "TorchModel":
        """Open ``package.module:function``, ``file.py:function`` or a file; see `Backend.open`."""
        place, colon, name = target.rpartition(":")
        inputs = None
        if colon and not Path(target).is_file() and name.replace(".", "").isidentifier():
            module, inputs = make_module(place, name)
        elif Path(target).suffix.lower() == ".py" and Path(target).is_file():
            raise ModelError(f"{target!r} names no function that makes the model.", SPELLING)
        elif Path(target).exists() or Path(target).suffix.lower() in cls.suffixes:
            module = read_module(Path(target), trusted=bool(options.get("trust_model")))
        else:
            raise MissingFileError(f"There is no model {target!r}.", SPELLING)
        module, weights = unwrapped(module), _weights(options)
        if weights is not None:
            load_weights(module, weights)
        return _open(module, options.get("inputs") or inputs, options)

    @classmethod
    def check(cls) -> list[Finding]:
        """Report the versions, and whether CUDA works; see `Backend.check`."""
        return describe()


class TorchModel(Model):
    """A module; see `Model`.

    Parameters
    ----------
    module : torch.nn.Module
        The module, which is not changed while no extractor is open.
    signature : Signature
        What its forward takes.
    inputs : tuple of ModelInput
        The inputs that a batch has.
    autocast, channels_last : bool
        The options of `TorchBackend`.
    seen : Look, optional
        What an example showed. By default the model makes up an example if the inputs have shapes.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        signature: Signature,
        inputs: tuple[ModelInput, ...],
        *,
        autocast: bool = False,
        channels_last: bool = False,
        seen: Look | None = None,
    ):
        self._module = module
        self._signature = signature
        self._autocast = autocast
        self._channels_last = channels_last
        self._seen = seen
        self.inputs = inputs
        switches = {"autocast": autocast, "channels_last": channels_last}
        self.settings = {name: True for name, on in switches.items() if on}
        self.versions = {"torch": torch.__version__}

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """SHA-256 of the structure, the code and the weights, as they are now."""
        return fingerprint(self._module)

    def settled(self, example: Mapping[str, np.ndarray]) -> "TorchModel":
        """Return the same module with what an example run shows of it; see `Model.settled`."""
        inputs = self._signature.seen_inputs(self.inputs, example)
        return TorchModel(
            self._module,
            self._signature,
            inputs,
            autocast=self._autocast,
            channels_last=self._channels_last,
            seen=look(self._module, self._signature, inputs, example, autocast=self._autocast),
        )

    def takes(self, name: str) -> bool:
        """Return whether the forward takes this input, even if it is optional."""
        return self._signature.takes(name)

    def arranged(self, inputs: Sequence[ModelInput]) -> "TorchModel":
        """Return the same module with other axes of its inputs; see `Model.arranged`."""
        return TorchModel(
            self._module,
            self._signature,
            tuple(inputs),
            autocast=self._autocast,
            channels_last=self._channels_last,
        )

    def metadata(self) -> dict[str, str]:
        """Return the names of classes that the module holds; see `Model.metadata`."""
        return metadata(self._module)

    def layers(self) -> list[Layer]:
        """Return all modules and the parts of their outputs; see `Model.layers`."""
        return self._layers.listed()

    def open_layers(
        self,
        readings: Sequence[Reading],
        *,
        device: str = "auto",
        batch_size: int = 32,
        raw: Sequence[str] = (),
    ) -> TorchExtractor:
        """Open the module for some of its layers; see `Model.open_layers`.

        A batch runs until the last of these layers is there. Pools other than "first" and "last"
        do not change a layer of rank 2 and are then reported as "none".
        """
        check_readings(readings, device, batch_size)
        found = self._find([each.layer for each in readings])
        poolings: dict[str, Pooling] = {}
        axes: dict[str, Axes] = {}
        for reading in readings:
            seen = found[reading.layer]
            pooling, axes[reading.layer] = seen.pooling(reading)
            poolings[reading.layer] = pooling
            tell_reading(reading, seen.shape, pooling, axes[reading.layer])
        places = {layer: seen.place for layer, seen in found.items()}
        as_they_are = {name: self._layers.place(name) for name in raw}
        paths = dict.fromkeys(each.module for each in (*places.values(), *as_they_are.values()))
        modules = {path: self._layers.module(path) for path in paths}
        return TorchExtractor(
            self._module,
            TappedLayers(modules, places, poolings, axes, as_they_are, self._layers.calls),
            signature=self._signature,
            inputs=self.inputs,
            most=batch_size,
            computing=Computing(choose_device(device), self._autocast, self._channels_last),
        )

    @functools.cached_property
    def _layers(self) -> Layers:
        return Layers(self._module, self._seen or self._imagined())

    def _imagined(self) -> Look | None:
        """Run the module on a made-up sample, if possible."""
        example = made_up(self.inputs)
        if example is None:
            unknown = [e.name for e in self.inputs if e.shape is None and e.value is None]
            _log.info(
                "Shapes are unknown until the module has seen a sample; describe one with %s, as "
                "in --input %s=3x224x224.",
                " ".join(f"--input {name}=SHAPE" for name in unknown),
                unknown[0],
            )
            return None
        try:
            return look(
                self._module, self._signature, self.inputs, example, autocast=self._autocast
            )
        except ModelError as error:
            _log.info("The model does not run on a made-up sample. %s", error.message)
            return None

    def _find(self, layers: Sequence[str]) -> dict[str, Seen]:
        found: dict[str, Seen] = {}
        for layer in layers:
            seen = self._layers.find(layer)
            for other, taken in found.items():
                if taken == seen:
                    raise SettingError(
                        f"The layers {other!r} and {layer!r} are the same.", "Name it once."
                    )
            found[layer] = seen
        return found


def _weights(options: Mapping[str, Any]) -> WeightsFile | None:
    path = options.get("weights")
    prefix, partial = options.get("weights_prefix") or "", bool(options.get("partial_weights"))
    if path is not None:
        return WeightsFile(Path(path), prefix, partial)
    if prefix or partial:
        flag = "--weights-prefix" if prefix else "--partial-weights"
        raise ModelError(f"{flag} is given, but no weights.", "Name their file with --weights.")
    return None


def _open(
    module: torch.nn.Module, inputs: Sequence[ModelInput] | None, options: Mapping[str, Any]
) -> TorchModel:
    check_module(module)
    signature = Signature.of(module, inputs)
    return TorchModel(
        module,
        signature,
        signature.inputs() if inputs is None else tuple(inputs),
        autocast=bool(options.get("autocast")),
        channels_last=bool(options.get("channels_last")),
    )
