"""Calls a module of the user: in evaluation mode, without gradients, with errors translated."""

import contextlib
from collections.abc import Iterator, Mapping

import numpy as np
import torch

from invert_core.backends.torch.device import exact
from invert_core.errors import DataError, InvertError, ModelError

_AUTOCAST = {"cpu": torch.bfloat16, "cuda": torch.float16}
_NO_MEMORY = ("can't allocate memory", "not enough memory")


@contextlib.contextmanager
def running(module: torch.nn.Module, device: str, *, autocast: bool) -> Iterator[None]:
    """Surround calls of a module; exceptions that it raises become a ModelError.

    The training flags are set and restored one by one, because `train` and `eval` may be
    overridden and change weights. Inference mode is not used, because tensors that a module keeps
    from such a run could not be used for training afterwards.
    """
    training = [each for each in module.modules() if each.training]
    try:
        for each in training:
            each.training = False
        with exact(), torch.no_grad(), _casting(device, autocast):
            yield
    except InvertError:
        raise
    except (Exception, SystemExit) as error:
        raise model_error(error) from error
    finally:
        for each in training:
            each.training = True


def model_error(error: BaseException) -> ModelError:
    """Turn an exception of a module into a ModelError with its kind and its first line."""
    said = str(error).strip()
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError) or any(
        each in said for each in _NO_MEMORY
    ):
        return ModelError(
            "There is not enough memory to run the model.",
            "Try a smaller --batch-size, or --device cpu.",
        )
    reason = f": {said.splitlines()[0].rstrip('.')}" if said else ""
    return ModelError(
        f"The model fails with {type(error).__name__}{reason}.",
        "Check that its inputs have the shape and type that its forward takes.",
    )


def home(module: torch.nn.Module) -> str:
    """Return the device that a module is on, or "cpu" if it has no weights."""
    for tensor in (*module.parameters(), *module.buffers()):
        return str(tensor.device)
    return "cpu"


def float_type(module: torch.nn.Module) -> torch.dtype | None:
    """Return the type of all floating-point weights, or None if there is not exactly one."""
    types = {each.dtype for each in module.parameters() if each.is_floating_point()}
    return types.pop() if len(types) == 1 else None


def to_tensors(
    batch: Mapping[str, np.ndarray], device: str, float_type: torch.dtype | None
) -> dict[str, torch.Tensor]:
    """Copy arrays to a device.

    Floats of up to 32 bits become `float_type`: samples are float32, but the weights may have
    another type, which NumPy may lack.
    """
    return {name: _to_tensor(name, array, device, float_type) for name, array in batch.items()}


def _to_tensor(
    name: str, array: np.ndarray, device: str, float_type: torch.dtype | None
) -> torch.Tensor:
    try:
        tensor = torch.from_numpy(_own(array, device)).to(device)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"The input {name!r} holds {array.dtype}, which PyTorch cannot take.",
            "Give numbers, for example with .astype('float32').",
        ) from error
    narrow = tensor.dtype in (torch.float16, torch.float32)
    return tensor.to(float_type) if float_type is not None and narrow else tensor


def _own(array: np.ndarray, device: str) -> np.ndarray:
    """Copy an array, because the model may change it, unless another device copies it anyway."""
    if device != "cpu" and array.flags.writeable and array.flags.c_contiguous:
        return array
    return np.array(array, order="C")


def _casting(device: str, autocast: bool) -> contextlib.AbstractContextManager[None]:
    kind = torch.device(device).type
    if kind not in _AUTOCAST:
        return contextlib.nullcontext()
    return torch.autocast(kind, dtype=_AUTOCAST[kind], enabled=autocast)
