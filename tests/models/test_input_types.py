"""Arrays become what a model takes, if no value changes."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from invert_core.errors import DataError
from invert_core.models.backend import ModelInput
from invert_core.models.input_types import in_types_of

WHOLE = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = ["float16", "float32", "float64"]


def converted(array, dtype):
    return in_types_of([ModelInput("x", None, np.dtype(dtype))], {"x": array})["x"]


def exists(value, dtype):
    """Whether a type tells a value apart from all others, by the dumbest means."""
    if isinstance(value, float) and not math.isfinite(value):
        return True
    if dtype == "bool":
        return value in (0, 1)
    if dtype in WHOLE:
        return np.iinfo(dtype).min <= value <= np.iinfo(dtype).max
    with np.errstate(over="ignore"):
        near = float(np.dtype(dtype).type(value))
    if not math.isfinite(near) or Fraction(near) != Fraction(value):
        return False
    return isinstance(value, float) or abs(value) <= {"float16": 2**11, "float32": 2**24}.get(
        dtype, 2**53
    )


def edges(dtype):
    """Values at which types end."""
    ends = [0, 1, 2**7, 2**8, 2**11, 2**15, 2**16, 2**24, 2**31, 2**32, 2**53, 2**63, 2**64]
    near = [sign * (end + step) for end in ends for step in (-1, 0, 1) for sign in (-1, 1)]
    limits = np.iinfo(dtype)
    return [each for each in near if limits.min <= each <= limits.max]


@st.composite
def whole_arrays(draw):
    dtype = draw(st.sampled_from(WHOLE))
    shape = draw(st.integers(0, 4))
    if dtype == "bool":
        return draw(hnp.arrays(bool, shape))
    each = st.sampled_from(edges(dtype)) | hnp.from_dtype(np.dtype(dtype)).map(int)
    return np.array(draw(st.lists(each, min_size=shape, max_size=shape)), dtype)


def compare(array, dtype):
    if all(exists(value, dtype) for value in array.tolist()):
        found = converted(array, dtype)
        assert array.size == 0 or found.dtype == dtype
        for one, other in zip(found.tolist(), array.tolist(), strict=True):
            assert one == other or (one != one and other != other)  # Python compares exactly
    else:
        with pytest.raises(DataError, match=f"takes {dtype}, and the data are {array.dtype} and"):
            converted(array, dtype)


@given(array=whole_arrays(), dtype=st.sampled_from(WHOLE + FLOATS))
def test_whole_numbers_are_converted_exactly_or_refused(array, dtype):
    compare(array, dtype)


@given(data=st.data(), given=st.sampled_from(FLOATS), dtype=st.sampled_from(FLOATS))
def test_floats_are_converted_exactly_or_refused(data, given, dtype):
    width = data.draw(st.sampled_from([16, 32, 64]))
    each = st.floats(width=min(width, 8 * np.dtype(given).itemsize))
    compare(data.draw(hnp.arrays(given, st.integers(0, 4), elements=each)), dtype)


def test_a_value_that_would_change_is_named():
    with pytest.raises(DataError, match=r"takes int32, .* int64 and hold 3000000000, which int32"):
        converted(np.array([1, 3_000_000_000]), "int32")
    with pytest.raises(DataError, match=r"takes float32, .* float64 and hold 0\.1, .*astype"):
        converted(np.array([0.5, np.nan, 0.1]), "float32")


@pytest.mark.parametrize("array", [np.array([1.0, 2.0]), np.array(["a"])])
def test_other_kinds_are_left_to_the_backend(array):
    assert converted(array, "int64") is array


def test_inputs_without_a_type_and_unknown_inputs_keep_theirs():
    x = np.array([1, 2], np.int16)
    assert in_types_of([ModelInput("x")], {"x": x, "y": x}) == {"x": x, "y": x}
