"""The undocumented parts of Numba that the project uses, all in this one file.

Any version of Numba may remove them. `MISSING` names the parts that the installed version lacks; if
it lacks any, Numba's own, documented cache keeps the kernels (`_jit`).
"""

import pickle
import pkgutil
from typing import Any

import numba

_DUMPS = "numba.core.serialize:dumps"
_COMPILED = "numba.core.compiler:CompileResult"
_PROCESSOR = "numba.core.registry:cpu_target.target_context"
_RUNTIME = "numba.core.runtime:rtsys"

RELIED_ON = (
    _DUMPS,
    f"{_COMPILED}._reduce",
    f"{_COMPILED}._rebuild",
    f"{_RUNTIME}.initialize",
    f"{_PROCESSOR}.codegen",
    "numba.core.codegen:CodeLibrary.has_dynamic_globals",
)
"""Module and attribute of each internal; `missing` also checks the cache of a compiled function."""


def fewer_wrappers() -> dict[str, bool]:
    """Return the option that no kernel gets an entry point for C, if this Numba knows it.

    Nobody calls kernels from C, and these entry points are a twentieth of the time of compilation.
    """
    return _if_known("no_cfunc_wrapper", True)


def uncounted_references() -> dict[str, bool]:
    """Return the option that a kernel does not count references to arrays, if this Numba knows it.

    A kernel that makes no arrays needs no counts. To write and to remove them is a fifth of the
    time of compilation. Numba refuses the option to a kernel that makes one.
    """
    return _if_known("_nrt", False)


def _if_known(option: str, value: bool) -> dict[str, bool]:
    options = getattr(pkgutil.resolve_name("numba.core"), "options", None)
    known = hasattr(getattr(options, "DefaultOptions", None), option)
    return {option: value} if known else {}


def missing() -> list[str]:
    """Return the internals that the installed Numba lacks."""
    absent = []
    for name in RELIED_ON:
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            absent.append(name)
    compiled: Any = numba.njit(missing)
    cache = getattr(compiled, "_cache", None)
    # Without compilation Numba returns the function itself, which needs no cache.
    if compiled is not missing and not hasattr(cache, "load_overload"):
        absent.append("the cache of a compiled function")
    return absent


def to_bytes(compiled: Any) -> bytes | None:
    """Return machine code as bytes, or None if it holds addresses that only this process knows."""
    if compiled.library.has_dynamic_globals:
        return None
    dumps: Any = pkgutil.resolve_name(_DUMPS)
    return dumps(compiled._reduce())


def from_bytes(code: bytes, target_context: Any) -> Any:
    """Return the machine code that `to_bytes` wrote."""
    # This makes known the functions that machine code calls. `target_context.refresh`, which Numba
    # uses, also imports all that can be compiled, and SciPy, and takes a sixth of a second.
    pkgutil.resolve_name(_RUNTIME).initialize(target_context)
    compile_result: Any = pkgutil.resolve_name(_COMPILED)
    return compile_result._rebuild(target_context, *pickle.loads(code))


def processor() -> object:
    """Return the processor that kernels are compiled for, and its features."""
    context: Any = pkgutil.resolve_name(_PROCESSOR)
    return context.codegen().magic_tuple()


MISSING = missing()
"""The missing internals; if there are any, the project uses none."""
