import numpy as np
import pytest

from invert_core.data import ArraySource
from invert_core.errors import DataError

A = np.arange(40, dtype=np.float32).reshape(10, 2, 2)


def test_batches_start_where_they_are_told_to():
    batches = list(ArraySource({"a": A, "b": A[:, 0]}).batches(4, 4))
    assert [len(batch.inputs["b"]) for batch in batches] == [4, 2]
    assert np.array_equal(np.concatenate([batch.inputs["a"] for batch in batches]), A[4:])


def test_the_manifest_tells_all_differences_apart():
    others = [
        {"a": A},
        {"b": A},
        {"a": A.astype("f8")},
        {"a": A.reshape(10, 4)},
        {"a": A + (np.arange(10) == 9)[:, None, None]},
        {"a": A, "b": A},
    ]
    ids = [str(i) for i in range(10)]
    sources = [ArraySource(other) for other in others]
    sources += [ArraySource({"a": A}, ids), ArraySource({"a": A}, ids[::-1])]
    assert len({source.manifest for source in sources}) == len(sources)


def test_the_manifest_depends_on_content_only():
    again = {"b": A.copy(), "a": np.asfortranarray(A)}
    assert ArraySource(again).manifest == ArraySource({"a": A, "b": A}).manifest


def test_digests_tell_which_samples_differ():
    def differ(first, second):
        return np.flatnonzero(first.sample_digests != second.sample_digests).tolist()

    arrays = {"a": A, "b": A[:, 0].astype(np.int8)}
    source = ArraySource(arrays)
    for name in arrays:
        other = {
            **arrays,
            name: arrays[name] + (np.arange(10) == 4).reshape(10, *[1] * (arrays[name].ndim - 1)),
        }
        other[name] = other[name].astype(arrays[name].dtype)
        assert differ(source, ArraySource(other)) == [4]
    assert differ(source, ArraySource(arrays, [str(i) for i in range(10)])) == []
    assert differ(source, ArraySource({"a": A[:, ::-1], "b": arrays["b"]})) == [*range(10)]
    zeros = [np.zeros((10, 2), np.int8), np.zeros((10, 1), np.int16), np.zeros((10, 1, 2), np.int8)]
    first, *others = (ArraySource({"a": array}) for array in zeros)
    for other in (*others, ArraySource({"b": zeros[0]})):
        assert differ(first, other) == [*range(10)]
    assert np.unique(first.sample_digests).size == 1


def test_arrays_of_different_length_are_refused():
    with pytest.raises(DataError, match="a 10, b 9"):
        ArraySource({"a": A, "b": A[:9]})


def test_ids_of_another_length_are_refused():
    with pytest.raises(DataError, match="a 10, sample_id 9"):
        ArraySource({"a": A}, [str(i) for i in range(9)])


def test_repeated_ids_are_named():
    with pytest.raises(DataError, match="'x'"):
        ArraySource({"a": A[:2]}, ["x", "x"])


@pytest.mark.parametrize("array", [np.array([{}]), np.zeros(2, "M8[s]"), np.float32(1)])
def test_what_is_no_array_of_numbers_is_refused(array):
    with pytest.raises(DataError, match="'a'"):
        ArraySource({"a": np.asarray(array)})


def test_no_arrays_are_refused():
    with pytest.raises(DataError, match="no arrays"):
        ArraySource({})


class Slices:
    """An array that can be read only by slices, like one in a file."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.largest = 0

    def __getitem__(self, rows):
        self.largest = max(self.largest, rows.stop - rows.start)
        return self.array[rows]


def test_what_is_read_by_slices_is_never_read_whole():
    rows = Slices(np.zeros((1000, 2**13)))
    source = ArraySource({"a": rows})
    assert source.manifest == ArraySource({"a": rows.array}).manifest
    assert sum(len(batch.inputs["a"]) for batch in source.batches(0, 10)) == 1000
    assert rows.largest * rows.array[0].nbytes <= 2**24
