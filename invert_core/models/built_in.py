"""The built-in backends and their options, told without an import of what runs them."""

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
    """Where a backend is found, and what is known of it before it is imported.

    `classes` names, by module and name, those whose objects the backend takes over.
    """

    target: str
    extra: str
    suffixes: tuple[str, ...]
    classes: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()


def model_input(text: str) -> "ModelInput":
    """Read one input of a model as people write it, without the axis of the samples.

    Raises
    ------
    ValueError
        The text is no description of an input.

    Examples
    --------
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
        raise ValueError(f"{found['dtype']!r} is no type such as float32 or int64") from error
    if dtype.kind not in _NUMBERS:
        raise ValueError(f"{found['dtype']!r} is no type of numbers")
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
                "Weights for what the factory makes: a .safetensors file or a state dict.",
                Path,
                metavar="FILE",
            ),
            Option(
                "trust_model",
                "Let a model file run code of its own. Only for files whose origin you know.",
                bool,
            ),
            Option(
                "inputs",
                "An input as x=3x224x224 or tokens=?:int64, without the axis of the samples; may "
                "be repeated. [default type: float32]",
                model_input,
                repeated=True,
                flag="--input",
                metavar="NAME=SHAPE[:TYPE]",
            ),
            Option("autocast", "Compute in half precision where PyTorch holds it safe.", bool),
            Option("channels_last", "Use the memory layout that suits convolutions.", bool),
        ),
    ),
}
