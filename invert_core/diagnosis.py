"""The checks of an installation that `invert doctor` makes."""

import importlib.util
import platform
from dataclasses import replace

from invert_core.errors import InvertError
from invert_core.kernels._cache import CACHE, why_numbas_own
from invert_core.kernels.warm_up import is_warm
from invert_core.models.backend import Finding
from invert_core.models.registry import backends, load_backend
from invert_core.parallel import available_cores
from invert_core.results.run_directory import versions
from invert_core.wording import pip_install

OPTIONAL = (
    ("Parquet files", "pyarrow", "parquet"),
    ("plots", "matplotlib", "plot"),
    ("texts as data", "tokenizers", "text"),
    ("safetensors files", "safetensors", "safetensors"),
)
"""Features that need an optional package: the feature, the package, and its extra."""


def diagnose() -> list[Finding]:
    """Check versions, cores, the kernel cache, optional packages and every backend."""
    findings = [Finding(name, "ok", version) for name, version in versions().items()]
    findings.append(Finding("system", "ok", platform.platform()))
    findings.append(Finding("cores", "ok", str(available_cores())))
    if CACHE is None:
        findings.append(
            Finding(
                "kernel cache",
                "ok",
                "cannot be written, so every process compiles the kernels again; "
                "set NUMBA_CACHE_DIR to a folder that you can write to",
            )
        )
    else:
        state = "filled" if is_warm() else "empty, filled by the first labelling"
        findings.append(Finding("kernel cache", "ok", f"{CACHE} ({state})"))
    reason = why_numbas_own()
    if reason:
        findings.append(Finding("kernel cache", "ok", f"that of Numba itself: {reason}"))
    findings += [_optional(*each) for each in OPTIONAL]
    for backend in backends():
        subject = f"backend {backend.name}"
        if backend.status != "installed":
            state = "absent" if backend.status == "missing" else "broken"
            findings.append(Finding(subject, state, backend.hint))
            continue
        try:
            found = load_backend(backend.name).check()
        except InvertError as error:
            findings.append(Finding(subject, "broken", str(error)))
            continue
        findings += [replace(each, subject=f"{subject}: {each.subject}") for each in found]
    return findings


def _optional(subject: str, package: str, extra: str) -> Finding:
    if importlib.util.find_spec(package) is not None:
        return Finding(subject, "ok", f"{package} is installed")
    return Finding(subject, "absent", pip_install(extra))
