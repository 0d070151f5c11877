"""The wording that messages share."""

import difflib
import math
import sys
from collections.abc import Callable, Iterable, Sequence

from invert_core.errors import MissingDependencyError, SettingError

UPGRADE = "Update it with: pip install --upgrade invert-core"
"""The hint for a file that was written by a newer version of this program."""


_COMPARED = 512
"""The most characters of a name that others are compared with."""


def choice(what: str, value: object, known: Iterable[str]) -> SettingError:
    """Return the error for a value that is not among the known choices.

    >>> print(choice("search", "bem", ("beam", "exhaustive")))
    The search cannot be 'bem'. Did you mean 'beam'? Choose from beam, exhaustive.
    """
    known = tuple(known)
    return SettingError(
        f"The {what} cannot be {value!r}.",
        nearest(str(value), known, f"Choose from {', '.join(known)}."),
    )


def missing_extra(what: str, extra: str, error: ImportError) -> MissingDependencyError:
    """Return the error for a broken or missing package that `what` needs and `extra` installs.

    >>> error = ImportError("No module named 'pyarrow'")
    >>> print(missing_extra("Writing Parquet", "parquet", error).message)
    Writing Parquet needs a package that is missing or broken: No module named 'pyarrow'.
    >>> print(missing_extra("Writing Parquet", "parquet", error).hint)
    Run `pip install "invert-core[parquet]"`.
    """
    return MissingDependencyError(
        f"{what} needs a package that is missing or broken: {error}.",
        f"Run `{pip_install(extra)}`.",
    )


def pip_install(extra: str) -> str:
    """Return the command that installs this package with an extra."""
    return f'pip install "invert-core[{extra}]"'


def counted(count: int, what: str) -> str:
    """Return a number and what it counts, in the plural if need be.

    >>> counted(1, "sample"), counted(1198, "sample")
    ('1 sample', '1,198 samples')
    """
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def power_of_ten(exponent: float) -> str:
    """Write 10**exponent with two digits.

    >>> power_of_ten(-400.5)
    '3.2e-401'
    """
    if exponent > -2:
        return f"{10**exponent:.2f}"
    whole = int(exponent // 1)
    mantissa = f"{10 ** (exponent - whole):.1f}"
    return f"1.0e{whole + 1}" if mantissa == "10.0" else f"{mantissa}e{whole}"


def small_number(value: float) -> str:
    """Write a positive number as `power_of_ten` does, or that it is below all such numbers.

    >>> small_number(0.012), small_number(3e-250)
    ('0.01', '3.0e-250')
    """
    least = sys.float_info.min
    return power_of_ten(math.log10(value)) if value >= least else f"<{least:.1e}"


def first_line(error: BaseException) -> str:
    r"""Return the first line of another package's error, or its type if the error says nothing.

    >>> first_line(ValueError("no header\nat byte 0")), first_line(EOFError())
    ('no header', 'EOFError')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def nearest(name: str, known: Iterable[str], then: str = "") -> str:
    """Suggest the known names that are close to `name`, if there are any, followed by `then`.

    >>> nearest("layer1.relu", ["layer1.0.relu", "fc"], "`invert layers` lists all.")
    "Did you mean 'layer1.0.relu'? `invert layers` lists all."
    """
    # The time of a comparison grows with the square of the lengths.
    name = str(name)
    compared = [each for each in map(str, known) if max(len(each), len(name)) <= _COMPARED]
    found = difflib.get_close_matches(name, compared, n=3, cutoff=0.5)
    guess = f"Did you mean {' or '.join(map(repr, found))}?" if found else ""
    return f"{guess} {then}".strip()


def first_few(names: Sequence[str], shown: int = 3, *, called: Callable[[str], str] = repr) -> str:
    """List the first of many names, each formatted by `called`, and count the others.

    >>> first_few(["a", "b", "c", "d"])
    "'a', 'b', 'c' and 1 more"
    """
    named = ", ".join(map(called, names[:shown]))
    return f"{named} and {len(names) - shown:,} more" if len(names) > shown else named
