"""Models: ONNX graphs, and weights of PyTorch."""

from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import onnx

from invert_core import extract, list_layers, open_activations
from tests.backends import models
from tests.fuzz.formats import Format
from tests.fuzz.mutations import NUMBERS, changed_lines, changed_members
from tests.fuzz.own import all_of

_FACTORY = "torch:tests.backends.torch_models:Network"
_PLACES = 4000
"""The most places of a model to choose from."""


def _write_onnx(folder: Path) -> None:
    models.save(models.network(), folder)


def _run(folder: Path, model: str, layers: tuple[str, ...], **more: Any) -> Any:
    listed = [repr(each) for each in list_layers(model, **more)]
    extract(model, {"x": models.network_input(3)}, folder / "x.h5", layers, device="cpu", **more)
    with open_activations(folder / "x.h5") as activations:
        return listed, all_of(activations)


def _run_onnx(folder: Path) -> Any:
    return _run(folder, str(folder / "model.onnx"), ("relu", "logits"))


def changed_graph(random: Random, content: bytes) -> bytes:
    """Change a field of a model, or remove or repeat an element."""
    model = onnx.load_from_string(content)
    message, field, at = random.choice(_places(model))
    if at is None:
        setattr(message, field.name, _other(random, getattr(message, field.name), field))
        return model.SerializeToString()
    values = getattr(message, field.name)
    how = random.random()
    if how < 0.3:
        del values[at]
    elif field.message_type is not None or how < 0.5:
        values.append(values[at])
    else:
        values[at] = _other(random, values[at], field)
    return model.SerializeToString()


def _places(message: Any) -> list[tuple[Any, Any, int | None]]:
    found: list[tuple[Any, Any, int | None]] = []
    left = [message]
    while left and len(found) < _PLACES:
        message = left.pop()
        for field, value in message.ListFields():
            if isinstance(value, str | bytes | int | float):
                found.append((message, field, None))
            elif hasattr(value, "ListFields"):
                left.append(value)
            else:
                found += [(message, field, at) for at in range(len(value))]
                left += value if field.message_type is not None else []
    return found


def _other(random: Random, value: Any, field: Any) -> Any:
    if field.enum_type is not None:
        return random.choice(list(field.enum_type.values_by_number))
    if isinstance(value, str):
        return changed_lines(random, value.encode()).decode(errors="replace")
    if isinstance(value, bytes):
        return changed_lines(random, value)
    if isinstance(value, float):
        return random.choice((0.0, -1.0, 1e38, float("nan")))
    most = 2**31 if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32) else 2**63
    return random.choice([number for number in NUMBERS if number < most])


def _write_weights(folder: Path) -> None:
    import torch

    from tests.backends import torch_models

    torch.save(torch_models.Network(shift=0.5).state_dict(), folder / "w.pt")


def _write_safetensors(folder: Path) -> None:
    from safetensors.torch import save_file

    from tests.backends import torch_models

    save_file(torch_models.Network(shift=0.5).state_dict(), folder / "w.safetensors")


def _run_weights(folder: Path, name: str) -> Any:
    options = {"weights": str(folder / name)}
    return _run(folder, _FACTORY, ("act", "head"), model_options=options)


FORMATS = {
    "onnx": Format(_write_onnx, _run_onnx, {"model.onnx": False}, changed_graph, in_parent=False)
}
if find_spec("torch"):
    FORMATS |= {
        "pt": Format(
            _write_weights,
            lambda folder: _run_weights(folder, "w.pt"),
            {"w.pt": True},
            changed_members,
            in_parent=False,
        ),
        "safetensors": Format(
            _write_safetensors,
            lambda folder: _run_weights(folder, "w.safetensors"),
            {"w.safetensors": False},
            in_parent=False,
        ),
    }
