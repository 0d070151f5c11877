import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels import atoms, bits
from invert_core.testing import strategies
from tests import naive

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


@given(st.integers(1, 200).flatmap(lambda n: strategies.labels(n, n % 7 + 1)))
def test_samples_with_the_same_concepts_are_one_atom_and_no_others_are(labels):
    packed = bits.pack_columns(labels)
    found = atoms.find_atoms(packed, len(labels))
    expected = naive.atoms(labels.tolist())
    assert found.of_sample.tolist() == expected
    assert found.sizes.tolist() == [expected.count(atom) for atom in range(max(expected) + 1)]
    merged = bits.unpack(atoms.bits_of_atoms(packed, found), found.sizes.size)
    assert (merged[found.of_sample] == labels).all()


def test_where_nothing_merges_the_atoms_are_the_samples():
    labels = np.arange(100)[:, None] >> np.arange(7) & 1 == 1
    found = atoms.find_atoms(bits.pack_columns(labels), 100)
    assert found.of_sample.tolist() == list(range(100))
    assert found.sizes.tolist() == [1] * 100
