"""How numbers are compared."""

import math


class Differs(AssertionError):
    """The product finds something else than the definitions say."""


def equal(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise Differs(f"{what}: found {found!r}, expected {expected!r}")


def close(what: str, found: float, expected: float) -> None:
    """Compare numbers to 12 digits."""
    if not math.isclose(found, expected, rel_tol=1e-12, abs_tol=0.0):
        raise Differs(f"{what}: found {found!r}, expected {expected!r}")


def near(what: str, found: float, expected: float, error: float) -> None:
    """Compare logarithms, which may be off by an error, or by rounding."""
    if not math.isclose(found, expected, rel_tol=1e-12, abs_tol=error):
        raise Differs(f"{what}: found {found!r}, expected {expected!r} to {error:g}")
