"""What is used of Numba beyond its documentation: all of it stands here, and nowhere else.

Any version of Numba may take it away. `MISSING` names what the installed one lacks; kernels are
then kept by Numba's own, documented caching (`_jit`).
"""

import pickle
import pkgutil
from typing import Any

import numba

_DUMPS = "numba.core.serialize:dumps"
_COMPILED = "numba.core.compiler:CompileResult"
_PROCESSOR = "numba.core.registry:cpu_target.target_context"

RELIED_ON = (
    _DUMPS,
    f"{_COMPILED}._reduce",
    f"{_COMPILED}._rebuild",
    f"{_PROCESSOR}.refresh",
    f"{_PROCESSOR}.codegen",
    "numba.core.codegen:CodeLibrary.has_dynamic_globals",
)
"""Module and attribute of each internal but one, the cache that a compiled function has."""


def missing() -> list[str]:
    """The internals that the installed Numba lacks."""
    absent = []
    for name in RELIED_ON:
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            absent.append(name)
    compiled: Any = numba.njit(missing)
    cache = getattr(compiled, "_cache", None)
    # Without compilation Numba returns the function itself, which has nothing to keep.
    if compiled is not missing and not hasattr(cache, "load_overload"):
        absent.append("the cache of a compiled function")
    return absent


def to_bytes(compiled: Any) -> bytes | None:
    """Write down machine code; None where it holds addresses that mean nothing elsewhere."""
    if compiled.library.has_dynamic_globals:
        return None
    dumps: Any = pkgutil.resolve_name(_DUMPS)
    return dumps(compiled._reduce())


def from_bytes(code: bytes, target_context: Any) -> Any:
    """Make machine code of what `to_bytes` wrote."""
    # The context knows the functions that machine code may call only once it is refreshed.
    target_context.refresh()
    compile_result: Any = pkgutil.resolve_name(_COMPILED)
    return compile_result._rebuild(target_context, *pickle.loads(code))


def processor() -> object:
    """The processor that kernels are compiled for, and its features."""
    context: Any = pkgutil.resolve_name(_PROCESSOR)
    return context.codegen().magic_tuple()


MISSING = missing()
"""The internals that are not there; if there are any, none is used."""
