"""What counts as text: names and ids that can be stored, printed and told apart; and sentences."""

from collections import Counter
from collections.abc import Sequence

from invert_core.errors import DataError, first_few


def is_text(value: str) -> bool:
    r"""Whether a string can be stored as UTF-8 and in HDF5: no half of a surrogate pair, no NUL.

    >>> is_text("größe"), is_text("caf\udce9")
    (True, False)
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def counted(count: int, what: str) -> str:
    """A number and what it counts.

    >>> counted(1, "sample"), counted(1198, "sample")
    ('1 sample', '1,198 samples')
    """
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def first_line(error: BaseException) -> str:
    r"""What an error of a stranger says in its first line, or else what kind it is.

    >>> first_line(ValueError("no header\nat byte 0")), first_line(EOFError())
    ('no header', 'EOFError')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def check_text(
    what: str, values: Sequence[str], *, unique: bool = False, may_be_empty: bool = False
) -> None:
    """Check names or ids.

    Parameters
    ----------
    what : str
        What one of them is, for messages, as in "sample id".
    values : sequence of str
    unique : bool
        Refuse values that repeat.
    may_be_empty : bool
        Take empty strings.

    Raises
    ------
    DataError
        A value is no string, cannot be stored, is empty or repeats.
    """
    for value in values:
        if not isinstance(value, str):
            raise DataError(
                f"The {what} {value!r} is not text.", f"Write every {what} as a string."
            )
        if not value and not may_be_empty:
            raise DataError(f"A {what} is empty.", f"Give every {what} at least one character.")
    if not is_text("".join(values)):
        wrong = next(value for value in values if not is_text(value))
        raise DataError(
            f"The {what} {wrong!r} holds a NUL or half a surrogate pair.",
            "Remove these characters.",
        )
    if unique and len(set(values)) < len(values):
        repeated = [value for value, times in Counter(values).items() if times > 1]
        raise DataError(
            f"{counted(len(repeated), what)} {'repeats' if len(repeated) == 1 else 'repeat'}: "
            f"{first_few(repeated)}.",
            f"Every {what} must stand once.",
        )
