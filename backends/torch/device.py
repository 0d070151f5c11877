"""Handles PyTorch on this machine: its version, its devices, and its numerical precision."""

import contextlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import torch

from invert_core.errors import MissingDependencyError
from invert_core.models.backend import Finding
from invert_core.wording import pip_install

_log = logging.getLogger("invert")

_EXACT = "ieee"


def choose_device(device: str) -> str:
    """Decide whether to run on the CPU or on CUDA; "cuda" is refused if it does not work."""
    if device == "cpu":
        return "cpu"
    if device == "auto" and not _built_with_cuda():
        _log.info("The model runs on the CPU: this build of PyTorch has no CUDA.")
        return "cpu"
    try:
        _require_cuda()
    except MissingDependencyError as error:
        if device == "cuda":
            raise
        _log.warning("The model runs on the CPU. %s", error)
        return "cpu"
    return "cuda"


def describe() -> list[Finding]:
    """Report the versions, and whether CUDA works."""
    return [Finding("PyTorch", "ok", torch.__version__), _cuda(), _safetensors()]


@contextlib.contextmanager
def exact() -> Iterator[None]:
    """Compute float32 with all its bits, and run every module; restore the settings afterwards.

    TF32 keeps only 10 bits of the mantissa. The fast path of PyTorch's own transformer computes a
    whole layer at once, so the modules inside it would never run.
    """
    fast_path = torch.backends.mha.get_fastpath_enabled()
    switches = list(_switches())
    before = [getattr(place, name) for place, name, _ in switches]
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        for place, name, value in switches:
            setattr(place, name, value)
        yield
    finally:
        for (place, name, _), value in zip(switches, before, strict=True):
            setattr(place, name, value)
        torch.backends.mha.set_fastpath_enabled(fast_path)


def _switches() -> Iterator[tuple[Any, str, Any]]:
    backends = torch.backends
    if not hasattr(backends.cudnn, "conv"):  # PyTorch before 2.9
        for place in (backends.cuda.matmul, backends.cudnn):
            yield place, "allow_tf32", False
        return
    for library in (backends.cudnn, backends.mkldnn):
        yield library.conv, "fp32_precision", _EXACT
        yield library.rnn, "fp32_precision", _EXACT
    for library in (backends.cuda, backends.mkldnn):
        yield library.matmul, "fp32_precision", _EXACT


def _built_with_cuda() -> bool:
    return torch.version.cuda is not None or torch.version.hip is not None


def _require_cuda() -> None:
    if not _built_with_cuda():
        raise MissingDependencyError(
            "The installed PyTorch has no CUDA.",
            f"Run `pip uninstall -y torch`, then `{pip_install('torch')}`, on Windows "
            "with the --index-url that pytorch.org names; or use --device cpu.",
        )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    if not there:
        raise _cuda_fails(str(said[0].message) if said else "It finds no device.")
    try:
        torch.ones(1, device="cuda").add_(1).cpu()
    except Exception as error:  # after any error, CUDA counts as not working
        raise _cuda_fails(str(error).strip().split("\n")[0]) from error


def _cuda_fails(reason: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"PyTorch cannot use CUDA on this machine. {reason}",
        "Check the driver with `nvidia-smi`, and that PyTorch was built for it, with "
        "`python -m torch.utils.collect_env`; or use --device cpu.",
    )


def _cuda() -> Finding:
    try:
        _require_cuda()
    except MissingDependencyError as error:
        return Finding("CUDA", "absent", error.message)
    return Finding("CUDA", "ok", "works")


def _safetensors() -> Finding:
    if importlib.util.find_spec("safetensors") is None:
        return Finding("safetensors", "absent", "Weights in .safetensors cannot be read.")
    return Finding("safetensors", "ok", metadata.version("safetensors"))
