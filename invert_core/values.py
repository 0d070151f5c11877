"""Reads and checks what callers give: arrays of all kinds, names, sample ids, marks of concepts."""

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from invert_core.errors import DataError
from invert_core.wording import counted, first_few

T = TypeVar("T")

SAMPLE_LIMIT = 2**27
"""With at most this many samples, 2 n1 n0 <= 2**53, so every integer of the method is exact."""

UNDEFINED = 2
"""The mark of a label that is neither 0 nor 1, because nobody knows."""

SENTINELS = ("blank", "NA", "-1")
"""The kinds of cells that say that nothing is known."""

INTEGER_LIMIT = 2**53
"""Beyond this, float64 cannot tell all integers apart."""

MOST_UNITS = 2**24 - 1
"""The largest number of a unit that a text may name."""

LONGEST_TEXT = 2**16
"""The most characters of an id, a name or a definition."""

_SMALL_INTEGERS = (np.int8, np.uint8, np.int16, np.uint16)


def as_floats(values: np.ndarray) -> np.ndarray:
    """Convert values to floats that keep them all apart; floats are returned as they are.

    Integers of 8 and 16 bits and bool become float32, others float64, of whatever size they are.
    """
    if values.dtype.kind == "b" or values.dtype in _SMALL_INTEGERS:
        return values.astype(np.float32)
    if values.dtype.kind in "iu":
        if values.size and (
            int(values.max()) > INTEGER_LIMIT or int(values.min()) < -INTEGER_LIMIT
        ):
            raise DataError(
                "The activations hold integers beyond 2**53, which floats cannot tell apart.",
                "Give float64 or smaller integers.",
            )
        return values.astype(np.float64)
    if values.dtype in (np.float16, np.float32, np.float64):
        return values
    raise DataError(
        f"The activations have dtype {values.dtype}, which does not hold real numbers.",
        "Give float16, float32, float64, integers or bool.",
    )


def as_array(given: Any, what: str) -> np.ndarray:
    """Return numbers as a NumPy array.

    Parameters
    ----------
    given : array, masked array, pandas object, tensor, or nested sequence
        A tensor may be on another device, need gradients, or hold bfloat16, which becomes float32.
    what : str
        What messages call it, such as "the activations".
    """
    if np.ma.isMaskedArray(given):
        n_masked = int(np.ma.count_masked(given))
        if n_masked:
            raise DataError(
                f"{_sentence(what)} cannot be used, because {counted(n_masked, 'value')} "
                f"{'is' if n_masked == 1 else 'are'} masked.",
                "Leave these samples out, or fill the values, for example with .filled(0).",
            )
        return np.ma.getdata(given)
    try:
        array = np.asarray(_as_numpy_takes_it(given))
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{_sentence(what)} cannot be read as an array of numbers ({error}).",
            "Give a NumPy array, or a tensor of a type that NumPy has.",
        ) from error
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _as_numpy_takes_it(given: Any) -> Any:
    if hasattr(given, "detach"):
        tensor = given.detach().cpu()
        return tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    # Of types with missing values of their own, NumPy would make Python objects.
    if not hasattr(given, "iloc") or not any(hasattr(each, "na_value") for each in _types(given)):
        return given
    if given.ndim == 2:
        return np.column_stack([_as_numpy_takes_it(column) for _, column in given.items()])
    return given.to_numpy(*((float, True, np.nan) if given.isna().any() else ()))


def _types(given: Any) -> list[Any]:
    """Return the types of the columns of a pandas object."""
    return list(given.dtypes) if given.ndim == 2 else [given.dtype]


def has_own_index(given: Any) -> bool:
    """Tell whether an object, or one in a mapping, has a pandas index that does not just count."""
    if isinstance(given, Mapping):
        return any(map(has_own_index, given.values()))
    if not hasattr(given, "iloc"):
        return False
    numbers = np.asarray(given.index)
    return numbers.dtype.kind not in "iu" or not np.array_equal(numbers, np.arange(numbers.size))


def as_rows(
    named: Mapping[str, Any],
    what: Callable[[str], str],
    *,
    read: Callable[[Any, str], Any] = as_array,
    numbered: bool = False,
) -> tuple[dict[str, Any], tuple[str, ...] | None]:
    """Read arrays over the same samples; those with a pandas index get the order of the first.

    Parameters
    ----------
    named : mapping of name to array
    what : callable
        Given a name, returns what messages call its array.
    read : callable
        Reads one array, given what messages call it.
    numbered : bool
        Whether the index 0, 1, 2, … holds sample ids. Otherwise it does only if another array has
        an index of its own.

    Returns
    -------
    arrays : dict of name to array
    sample_id : tuple of str or None
        The sample ids, if an index holds some.
    """
    arrays = {name: read(given, what(name)) for name, given in named.items()}
    indexes = {name: given.index for name, given in named.items() if hasattr(given, "iloc")}
    if not indexes or not (numbered or has_own_index(named)):
        return arrays, None
    first = next(iter(indexes))
    wanted = index_ids(indexes[first], what(first))
    others = [name for name, index in indexes.items() if not index.equals(indexes[first])]
    without = [name for name in arrays if name not in indexes]
    if others and without:
        raise DataError(
            f"{_sentence(what(without[0]))} cannot be matched with {what(first)} and "
            f"{what(others[0])}, whose indexes differ.",
            "Give all of them the same index, or drop it with .to_numpy().",
        )
    for name in others:
        given = index_ids(indexes[name], what(name))
        _check_same(wanted, given, what(first), what(name))
        arrays[name] = arrays[name][locate(wanted, given)]
    return arrays, wanted


def _check_same(first: tuple[str, ...], second: tuple[str, ...], *what: str) -> None:
    """Refuse two indexes unless they hold the same sample ids in any order."""
    for ids, others, (of, lacks) in ((first, second, what), (second, first, what[::-1])):
        present = set(others)
        missing = [each for each in ids if each not in present]
        if missing:
            raise DataError(
                f"{counted(len(missing), 'sample')} of {of} "
                f"{'is' if len(missing) == 1 else 'are'} not in the index of {lacks}: "
                f"{first_few(missing)}.",
                "Give both the same samples, for example with .reindex; or drop the index with "
                ".to_numpy() to match rows by position.",
            )


def or_default(value: T | None, kind: type[T]) -> T:
    """Return an argument of a kind that has defaults; None stands for all of them."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} is wanted here, not {type(value).__name__}")
    return value


def index_ids(index: Any, what: str) -> tuple[str, ...]:
    """Return the sample ids that an index of pandas holds; `what` is whose index it is."""
    values = index.tolist()
    if all(type(value) is int for value in values):
        values = list(map(str, values))
    for value in values:
        if not isinstance(value, str):
            raise DataError(
                f"The index of {what} holds {value!r}, which is no sample id.",
                "Name the samples by text or whole numbers, or drop the index with .to_numpy().",
            )
    return as_sample_id(values, f"the index of {what}")


def _sentence(what: str) -> str:
    return what[0].upper() + what[1:]


def check_n_samples(n_samples: int) -> None:
    """Refuse fewer samples than can be compared, and more than can be counted exactly."""
    if n_samples < 2:
        raise DataError(
            f"With {counted(n_samples, 'sample')} there is nothing to compare.",
            "Give at least two samples.",
        )
    if n_samples > SAMPLE_LIMIT:
        raise DataError(
            f"There are {n_samples:,} samples, more than {SAMPLE_LIMIT:,}.", "Give fewer samples."
        )


def find_nan(units: np.ndarray) -> tuple[int, int] | None:
    """Return unit and sample of the first NaN in floats [K, N], unit by unit; None without one."""
    if units.size == 0 or not _has_nan(units):
        return None
    unit = int(np.argmax(np.isnan(units).any(axis=1)))
    return unit, int(np.argmax(np.isnan(units[unit])))


def _has_nan(units: np.ndarray) -> bool:
    if units.dtype != np.float16:
        return bool(np.isnan(units.min()))
    # NumPy compares float16 one by one, integers many at once; NaN has the largest magnitudes.
    infinity = np.array(np.inf, np.float16).view(np.uint16)
    return bool((units.view(np.uint16) & np.uint16(0x7FFF)).max() > infinity)


def as_matrix(activations: npt.ArrayLike) -> tuple[np.ndarray, bool]:
    """Return activations [N] or [N, K] as [N, K], and whether they were [N]."""
    values = as_array(activations, "the activations")
    if values.ndim not in (1, 2):
        raise DataError(
            f"The activations have {values.ndim} dimensions.",
            "Give [samples] or [samples, units]; pool other axes first.",
        )
    check_n_samples(values.shape[0])
    if values.size == 0:
        raise DataError("There are no units.", "Give at least one column of activations.")
    return (values[:, None] if values.ndim == 1 else values), values.ndim == 1


def as_labels(labels: npt.ArrayLike) -> tuple[np.ndarray, bool]:
    """Return marks [N] or [N, C] as bool [N, C], and whether they were [N]."""
    values = as_array(labels, "the labels")
    if values.ndim not in (1, 2):
        raise DataError(
            f"The labels have {values.ndim} dimensions.", "Give [samples] or [samples, labels]."
        )
    table = values[:, None] if values.ndim == 1 else values
    marks = as_bool(table, lambda sample, label: f"Label {label} of sample {sample}")
    return marks, values.ndim == 1


def as_bool(table: np.ndarray, cell: Callable[[int, int], str]) -> np.ndarray:
    """Convert a table of marks to bool, in one piece, after a check that each is 0 or 1.

    Parameters
    ----------
    table : array [N, C]
    cell : callable
        Given the two indices of a mark, returns what a message calls it.
    """
    hint = "Give bool, or numbers that are 0 or 1."
    if table.dtype.kind not in "biuf":
        raise DataError(f"The labels have dtype {table.dtype}.", hint)
    if table.dtype.kind != "b":
        wrong = (table != 0) & (table != 1)
        if wrong.any():
            sample, concept = np.argwhere(wrong)[0]
            raise DataError(
                f"{cell(sample, concept)} is {table[sample, concept]}, not 0 or 1.", hint
            )
    marks = table.astype(np.bool_, copy=False)
    # Either order can be packed, so that no large table need be copied.
    return marks if marks.flags.forc else np.ascontiguousarray(marks)


def is_pattern(name: str) -> bool:
    """Return whether a name holds ``*`` or ``?``; brackets, as in ``attention[0]``, do not count.

    >>> is_pattern("layer4.*"), is_pattern("attention[0]")
    (True, False)
    """
    return "*" in name or "?" in name


def pattern_rule(pattern: str) -> re.Pattern[str]:
    """Return the rule whose `fullmatch` tells whether a name fits a pattern.

    ``*`` stands for any characters and ``?`` for one; without them, a pattern fits only itself. A
    match takes at most time in proportion to the length of the name times that of the pattern.

    >>> bool(pattern_rule("block.*.at?[0]").fullmatch("block.3.att[0]"))
    True
    """
    # fnmatch never goes back behind a `*` that has found its place; in it, [[] means a bracket.
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))


def looks_like_numbers(text: str) -> bool:
    """Return whether a text can only be meant as numbers and ranges, such as 0-63,70.

    >>> looks_like_numbers("0-63, 70"), looks_like_numbers("-1"), looks_like_numbers("0@0,1")
    (True, True, False)
    """
    return re.fullmatch(r"[0-9,\s-]*[0-9][0-9,\s-]*", text) is not None


def as_numbers(text: str) -> set[int]:
    """Return the numbers in a text such as 0-63,70; both ends of a range count.

    A ValueError says what is wrong, and nothing else is raised.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not is_count(first) or (dash and not is_count(last)):
            raise ValueError(f"{text!r} is not of the form 0-63,70")
        low, high = int(first), int(last or first)
        if high < low:
            raise ValueError(f"{part!r} counts down; write {high}-{low}.")
        if high > MOST_UNITS:
            raise ValueError(f"{part!r} goes beyond {MOST_UNITS:,}; name fewer units.")
        numbers.update(range(low, high + 1))
    return numbers


def is_count(text: str) -> bool:
    """Return whether text is a whole number of at most 18 digits."""
    return text.isascii() and text.isdecimal() and len(text) <= 18


def is_text(value: str) -> bool:
    r"""Tell whether UTF-8 and HDF5 can store a string: no half of a surrogate pair, no NUL.

    >>> is_text("größe"), is_text("caf\udce9")
    (True, False)
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def check_text(
    what: str, values: Sequence[str], *, unique: bool = False, may_be_empty: bool = False
) -> None:
    """Check that names or ids are strings that can be stored.

    Parameters
    ----------
    what : str
        What messages call one of them, such as "sample id".
    values : sequence of str
    unique : bool
        Refuse values that repeat.
    may_be_empty : bool
        Accept empty strings.
    """
    # There may be millions of sample ids: a Python loop only looks for the value that is wrong.
    if not (all(map(isinstance, values, repeat(str))) and (may_be_empty or all(values))):
        for value in values:
            if not isinstance(value, str):
                raise DataError(
                    f"The {what} {value!r} is not text.", f"Write every {what} as a string."
                )
            if not value and not may_be_empty:
                raise DataError(f"A {what} is empty.", f"Give every {what} at least one character.")
    if max(map(len, values), default=0) > LONGEST_TEXT:
        long = max(values, key=len)
        raise DataError(
            f"The {what} {long[:20] + '…'!r} has {len(long):,} characters, more than "
            f"{LONGEST_TEXT:,}.",
            f"Use a shorter {what}.",
        )
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
            f"Use every {what} only once.",
        )


def locate(wanted: Sequence[str], given: Sequence[str]) -> np.ndarray:
    """Return the position of each wanted sample id among the given ones: int64, -1 if absent."""
    place = dict(zip(given, range(len(given)), strict=True))
    return np.fromiter(map(place.get, wanted, repeat(-1)), np.int64, len(wanted))


def as_sample_id(values: Sequence[str] | np.ndarray, where: str) -> tuple[str, ...]:
    """Return sample ids as a tuple, after a check that they are unique text.

    Parameters
    ----------
    values : sequence or array [n_samples] of str
        One id per sample.
    where : str
        What messages call the place that the ids come from.

    Examples
    --------
    >>> as_sample_id(["a.jpg", "b.jpg"], "the array")
    ('a.jpg', 'b.jpg')
    """
    ids = tuple(np.asarray(values).tolist() if isinstance(values, np.ndarray) else values)
    try:
        check_text("sample id", ids, unique=True)
    except DataError as error:
        error.add_note(f"(In {where}.)")
        raise
    return ids


def sample_name(sample_id: tuple[str, ...] | None, position: int) -> str:
    """Return what messages call the sample at a position.

    >>> sample_name(("a.jpg",), 0), sample_name(None, 0)
    ("sample 'a.jpg'", 'row 0')
    """
    return f"row {position}" if sample_id is None else f"sample {sample_id[position]!r}"
