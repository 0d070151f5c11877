import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels import planes

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


@given(st.lists(st.integers(0, 2**55), min_size=1, max_size=130).filter(any))
def test_planes_are_the_weights_in_binary(weights):
    found = planes.planes_of(np.array(weights))
    for atom, weight in enumerate(weights):
        column = [int(plane[atom // 64]) >> (atom % 64) & 1 for plane in found]
        assert sum(bit << number for number, bit in enumerate(column)) == weight
    assert found.shape[0] == max(weights).bit_length()
