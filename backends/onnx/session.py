"""Handles the sessions, devices and errors of ONNX Runtime."""

import contextlib
import io
import logging
import re
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import EncodeError
from onnxruntime.capi import onnxruntime_pybind11_state

from invert_core.backends.onnx.graph import subgraphs
from invert_core.errors import MissingDependencyError, ModelError
from invert_core.models.backend import Finding
from invert_core.parallel import interruptible
from invert_core.wording import pip_install

_log = logging.getLogger("invert")

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    *(
        kind
        for kind in vars(onnxruntime_pybind11_state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)
_FATAL_ONLY = 4
_LATEST_OPSET = 2**31 - 1
"""The largest number that ONNX takes for the version of a set of operators."""
_VARIADIC = onnx.defs.OpSchema.FormalParameterOption.Variadic


def runtime_error(error: Exception, hint: str) -> ModelError:
    """Turn an error of ONNX Runtime into one that quotes its first line, without codes."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", lines[0]) if lines else "no reason"
    return ModelError(f"ONNX Runtime cannot run this model: {first}", hint)


def create_session(
    proto: onnx.ModelProto, folder: Path, providers: Sequence[Any], *, optimize: bool = True
) -> onnxruntime.InferenceSession:
    """Load a model into ONNX Runtime.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model.
    folder : Path
        The folder that holds its external data.
    providers : sequence
        Execution providers in the form that ONNX Runtime takes.
    optimize : bool
        Whether ONNX Runtime may rewrite the graph.

    Returns
    -------
    onnxruntime.InferenceSession
    """
    _refuse_gaps(proto)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY  # every problem also comes as an exception
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(folder.resolve())
    )
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        # Its fallback would print, and change the device in the middle of an extraction.
        return interruptible(
            lambda: onnxruntime.InferenceSession(
                proto.SerializeToString(), options, providers=providers, enable_fallback=0
            )
        )
    except RUNTIME_ERRORS as error:
        raise runtime_error(
            error, "Check the model with `onnx.checker`, or export it again."
        ) from error
    except (EncodeError, ValueError) as error:
        raise ModelError(
            f"The model cannot be handed to ONNX Runtime: {error}.",
            "Save a model of more than 2 GB with external data.",
        ) from error


def run_session(
    session: onnxruntime.InferenceSession,
    names: Sequence[str],
    feeds: Mapping[str, np.ndarray],
    options: onnxruntime.RunOptions | None = None,
) -> list[Any]:
    """Run a session so that a signal ends the run.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    names : sequence of str
        The wanted outputs.
    feeds : mapping of input name to array
    options : onnxruntime.RunOptions, optional
        Its field `terminate` is set if the run is interrupted.

    Returns
    -------
    list
        The outputs in the order of the names.
    """
    options = onnxruntime.RunOptions() if options is None else options
    return interruptible(
        lambda: session.run(list(names), dict(feeds), options),
        stop=lambda: setattr(options, "terminate", True),
    )


def _refuse_gaps(proto: onnx.ModelProto) -> None:
    """Refuse lists of tensors in which one has no name: ONNX Runtime would crash."""
    versions = {
        each.domain: min(max(each.version, 0), _LATEST_OPSET) for each in proto.opset_import
    }
    for node in proto.graph.node:
        version = versions.get(node.domain, 0)
        if any(subgraphs(node)) or not onnx.defs.has(node.op_type, version, node.domain):
            continue
        schema = onnx.defs.get_schema(node.op_type, version, node.domain)
        for names, formal in ((node.input, schema.inputs), (node.output, schema.outputs)):
            listed = formal and formal[-1].option == _VARIADIC
            if listed and not all(names[len(formal) - 1 :]):
                raise ModelError(
                    f"A node {node.op_type} with the outputs {list(node.output)} lists a tensor "
                    "without a name.",
                    "Export the model again.",
                )


def open_session(
    proto: onnx.ModelProto, folder: Path, device: str
) -> tuple[onnxruntime.InferenceSession, str]:
    """Load a model onto a device.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model.
    folder : Path
        The folder that holds its external data.
    device : {"auto", "cpu", "cuda"}
        The requested device.

    Returns
    -------
    onnxruntime.InferenceSession
    {"cpu", "cuda"}
        The device that the session really runs on.
    """
    try:
        _refuse_mixed_installation()
        if device == "cuda" or (device == "auto" and _built_with_cuda()):
            _require_cuda()
            return _cuda_session(proto, folder), "cuda"
        if device == "auto":
            _log.info("The model runs on the CPU: this build of ONNX Runtime has no CUDA.")
    except MissingDependencyError as error:
        if device == "cuda":
            raise
        _log.warning("The model runs on the CPU. %s", error)
    return create_session(proto, folder, [CPU]), "cpu"


def describe() -> list[Finding]:
    """Report the versions, and whether CUDA works."""
    _refuse_mixed_installation()
    builds = [
        f"{name} {_version(name)}" for name in ("onnxruntime", "onnxruntime-gpu") if _version(name)
    ]
    return [
        Finding("onnx", "ok", onnx.__version__),
        Finding("ONNX Runtime", "ok", ", ".join(builds) or onnxruntime.__version__),
        _cuda_finding(),
    ]


def _refuse_mixed_installation() -> None:
    if _version("onnxruntime") and _version("onnxruntime-gpu"):
        raise MissingDependencyError(
            "Both onnxruntime and onnxruntime-gpu are installed and overwrite each other.",
            "Repair with `pip uninstall -y onnxruntime onnxruntime-gpu`, "
            f"then `{pip_install('onnx-gpu')}`.",
        )


def _cuda_finding() -> Finding:
    try:
        _require_cuda()
    except MissingDependencyError as error:
        return Finding("CUDA", "absent", error.message)
    return Finding("CUDA", "ok", "works")


def _built_with_cuda() -> bool:
    return CUDA in onnxruntime.get_available_providers()


def _require_cuda() -> None:
    if not _built_with_cuda():
        raise MissingDependencyError(
            "The installed ONNX Runtime has no CUDA.",
            f"Run `pip uninstall -y onnxruntime`, then `{pip_install('onnx-gpu')}`; "
            "or use --device cpu.",
        )
    # Messages of the provider's library go to the process-wide logger; nothing else quiets it.
    onnxruntime.set_default_logger_severity(_FATAL_ONLY)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        onnxruntime.preload_dlls()
    for line in said.getvalue().splitlines():
        _log.info("ONNX Runtime: %s", line)
    try:
        _cuda_session(_probe(), Path.cwd())
    except ModelError as error:
        raise _cuda_fails(error.message) from error


def _cuda_session(proto: onnx.ModelProto, folder: Path) -> onnxruntime.InferenceSession:
    # TF32 keeps only 10 bits of the mantissa, so results would differ from those on a CPU.
    session = create_session(proto, folder, [(CUDA, {"use_tf32": "0"}), CPU])
    if CUDA not in session.get_providers():
        raise _cuda_fails("It was asked for CUDA but chose the CPU.")
    return session


def _cuda_fails(reason: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"ONNX Runtime cannot use CUDA on this machine. {reason}",
        "Check the driver with `nvidia-smi`, and run "
        f"`{pip_install('onnx-gpu-libs')}` if CUDA or cuDNN are missing; "
        "or use --device cpu.",
    )


def _probe() -> onnx.ModelProto:
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])], "probe", [x], [y]
    )
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=7
    )


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
