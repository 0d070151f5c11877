import numpy as np
import pytest

from invert_core import Activations
from invert_core.errors import DataError


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("float16", "float16"),
        (">f2", "float16"),
        ("float32", "float32"),
        (">f4", "float32"),
        ("float64", "float64"),
        ("int8", "float32"),
        ("uint8", "float32"),
        ("int16", "float32"),
        ("uint16", "float32"),
        ("int32", "float64"),
        ("uint64", "float64"),
        ("bool", "float32"),
    ],
)
def test_units_are_read_as_rows_of_a_float_type_that_keeps_every_value(given, read):
    matrix = np.arange(12).reshape(4, 3).astype(given)
    layer = Activations.from_array(matrix).layers["activations"]
    block = layer.read(1, 3)
    assert block.dtype == layer.dtype == read
    assert block.flags.c_contiguous
    assert np.array_equal(block, matrix.T[1:3])


def test_a_block_past_the_last_unit_is_cut_like_a_slice():
    layer = Activations.from_array(np.zeros((4, 3))).layers["activations"]
    assert layer.read(2, 10).shape == (1, 4)


def test_one_dimension_is_one_unit():
    assert Activations.from_array([1.0, 2.0, 3.0]).layers["activations"].n_units == 1


def test_infinite_values_are_kept():
    layer = Activations.from_array([np.inf, -np.inf, 0.0]).layers["activations"]
    assert layer.read(0, 1).tolist() == [[np.inf, -np.inf, 0.0]]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nan_names_layer_unit_and_first_sample(dtype):
    matrix = np.zeros((2000, 5), dtype)
    matrix[:, :3] = np.inf
    matrix[3, 2] = -np.inf
    matrix[1999, 3] = matrix[1500, 3] = np.nan
    ids = [f"{row}.jpg" for row in range(2000)]
    layer = Activations.from_array({"fc": matrix}, ids).layers["fc"]
    layer.read(0, 3)
    with pytest.raises(DataError, match=r"unit fc:3 is NaN for sample '1500\.jpg'"):
        layer.read(2, 5)


def test_nan_without_ids_names_the_row():
    layer = Activations.from_array([[0.0], [np.nan]]).layers["activations"]
    with pytest.raises(DataError, match="for row 1"):
        layer.read(0, 1)


@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 2**53 + 1]),
        np.array([0, -(2**53) - 1]),
        np.array([0, -(2**63)]),
        np.array([0, 2**64 - 1], np.uint64),
    ],
)
def test_integers_that_a_float_cannot_hold_are_refused(values):
    layer = Activations.from_array({"fc": values}).layers["fc"]
    with pytest.raises(DataError, match=r"2\*\*53.*'fc'"):
        layer.read(0, 1)


def test_the_largest_exact_integer_is_read():
    layer = Activations.from_array(np.array([2**53, -(2**53)])).layers["activations"]
    assert layer.read(0, 1).tolist() == [[2**53, -(2**53)]]


@pytest.mark.parametrize(
    "values",
    [
        np.array([1j, 2j]),
        np.array(["a", "b"]),
        np.array([{}, None]),
        np.zeros(2, "M8[s]"),
        np.zeros(2, np.longdouble),
        np.zeros(2, [("a", "f4")]),
    ],
)
def test_other_types_are_refused(values):
    with pytest.raises(DataError, match="dtype"):
        Activations.from_array(values)


def test_more_than_two_dimensions_ask_for_pooling():
    with pytest.raises(DataError, match=r"\(4, 3, 2, 2\).*Pool"):
        Activations.from_array(np.zeros((4, 3, 2, 2)))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_samples_are_refused(count):
    with pytest.raises(DataError, match=f"With {count} sample"):
        Activations.from_array(np.zeros((count, 3)))


def test_a_layer_without_units_is_refused():
    with pytest.raises(DataError, match="no units"):
        Activations.from_array({"fc": np.zeros((4, 0))})


def test_layers_of_different_length_are_refused():
    with pytest.raises(DataError, match="'b' has 5 samples"):
        Activations.from_array({"a": np.zeros((4, 1)), "b": np.zeros((5, 1))})


def test_ids_of_another_length_are_refused():
    with pytest.raises(DataError, match="4 samples, but there are 3"):
        Activations.from_array(np.zeros((4, 1)), ["a", "b", "c"])


def test_repeated_ids_are_named():
    with pytest.raises(DataError, match=r"1 sample id repeats: 'b'.*In the activations"):
        Activations.from_array(np.zeros((3, 1)), ["b", "a", "b"])


def test_ids_that_are_not_strings_are_refused():
    with pytest.raises(DataError, match=r"sample id 7 is not text.*In the activations"):
        Activations.from_array(np.zeros((2, 1)), np.array([7, 8]))


def test_ids_that_no_file_can_hold_are_refused():
    for id in ("\udc80", "a\0b", ""):
        with pytest.raises(DataError, match=r"half a surrogate pair|is empty"):
            Activations.from_array(np.zeros((2, 1)), ["a", id])
