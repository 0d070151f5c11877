"""The built-in backends and their options, known without importing the packages they need."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from invert_core.models.options import Option

if TYPE_CHECKING:
    from invert_core.models.backend import ModelInput

_SIZE = r"(?:\?|[0-9]{1,18})"
_INPUT = re.compile(rf"(?P<name>.+)=(?P<shape>{_SIZE}(?:x{_SIZE})*)(?::(?P<dtype>.*))?", re.DOTALL)
_NUMBERS = "biuf"


@dataclass(frozen=True)
class BuiltIn:
    """Where a built-in backend is found, and what is known about it before it is imported.

    `extra` is what pip installs for it. `classes` holds the full names of the classes whose objects
    the backend takes over.
    """

    target: str
    extra: str
    suffixes: tuple[str, ...]
    classes: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()


def model_input(text: str) -> "ModelInput":
    """Read one input of a model as people write it, without the axis of the samples.

    A text that describes no input is a ValueError, as `Option.kind` asks of a callable.

    >>> model_input("x=3x224x?").shape
    (None, 3, 224, None)
    """
    import numpy as np

    from invert_core.models.backend import ModelInput

    found = _INPUT.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not of the form x=3x224x224 or tokens=?:int64")
    try:
        dtype = np.dtype(found["dtype"] or "float32")
    except (TypeError, ValueError, SyntaxError) as error:
        raise ValueError(f"{found['dtype']!r} is not a type such as float32 or int64") from error
    if dtype.kind not in _NUMBERS:
        raise ValueError(f"{found['dtype']!r} is not a type of numbers")
    sizes = (None if size == "?" else int(size) for size in found["shape"].split("x"))
    return ModelInput(found["name"], (None, *sizes), dtype)


BUILT_IN = {
    "onnx": BuiltIn("invert_core.backends.onnx:OnnxBackend", "onnx", (".onnx",)),
    "torch": BuiltIn(
        "invert_core.backends.torch:TorchBackend",
        "torch",
        (".pt", ".pth", ".pt2", ".torchscript"),
        ("torch.nn.modules.module.Module",),
        (
            Option(
                "weights",
                "Load these weights into the module that the factory makes: a .safetensors file or "
                "a state dict.",
                Path,
                metavar="FILE",
            ),
            Option(
                "weights_prefix",
                "Take only the weights whose names in the file begin with this, and leave it out, "
                "as in model.encoder.",
                metavar="PREFIX",
            ),
            Option(
                "partial_weights",
                "Load the weights that fit, although the file has others or lacks some.",
                bool,
            ),
            Option(
                "trust_model",
                "Let a model file run its own code. Use this only for files that you trust.",
                bool,
                typed_only=True,
            ),
            Option(
                "inputs",
                "Describe an input without the axis of the samples, as in x=3x224x224 or "
                "tokens=?:int64; may be repeated. [default type: float32]",
                model_input,
                repeated=True,
                flag="--input",
                metavar="NAME=SHAPE[:TYPE]",
            ),
            Option("autocast", "Compute in half precision where PyTorch considers it safe.", bool),
            Option(
                "channels_last", "Use the memory layout that is fastest for convolutions.", bool
            ),
        ),
    ),
}
