import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from invert_core.errors import DataError, SettingError
from invert_core.statistics.mann_whitney import auc, mann_whitney
from invert_core.testing import strategies
from tests import naive


@st.composite
def cases(draw):
    n_samples = draw(strategies.n_samples())
    activations = draw(strategies.activations(n_samples, draw(st.integers(1, 3))))
    labels = draw(strategies.labels(n_samples, draw(st.integers(1, 4))))
    return activations, labels


@given(cases(), st.sampled_from(("two-sided", "less", "greater")))
def test_every_unit_and_label_equals_the_oracle(case, alternative):
    activations, labels = case
    sizes = labels.sum(axis=0)
    labels = labels[:, (sizes > 0) & (sizes < len(labels))]
    assume(labels.shape[1] > 0)
    found = mann_whitney(activations, labels, alternative)
    for unit, values in enumerate(activations.T):
        for label, extent in enumerate(naive.extents(labels)):
            expected = naive.mann_whitney(values.tolist(), extent, alternative)
            at = (unit, label)
            assert found.u[at] == expected.u
            assert found.auc[at] == expected.auc
            assert found.z[at] == pytest.approx(expected.z, rel=1e-12, abs=0)
            assert found.p_value[at] == pytest.approx(expected.p, rel=1e-10, abs=0)
            assert found.log10_p[at] == pytest.approx(expected.log10_p, rel=1e-10, abs=1e-12)


@given(cases(), st.sampled_from(("two-sided", "less", "greater")))
def test_given_the_ties_p_is_that_of_counting_all_labels_of_the_size(case, alternative):
    activations, labels = case
    activations, labels = activations[:20, :1], labels[:20, :1]
    size = int(labels.sum())
    assume(0 < size < len(labels))
    found = mann_whitney(activations, labels, alternative, method="conditional")
    values, extent = activations[:, 0].tolist(), naive.extents(labels)[0]
    total = sum(naive.doubled_midranks(values)[i] for i in extent)
    expected = naive.log10_of(naive.conditional_p(values, size, total, alternative))
    assert found.log10_p[0, 0] == pytest.approx(expected, rel=0, abs=0.1)
    assert found.p_value[0, 0] == pytest.approx(10.0 ** found.log10_p[0, 0], rel=1e-12, abs=0)
    normal = mann_whitney(activations, labels, alternative)
    assert found[:3] == normal[:3]


def test_where_nearly_all_values_are_zero_only_the_conditional_p_is_right():
    activations, label = np.zeros(2000), np.zeros(2000, bool)
    activations[:20] = 1.0 + np.arange(20)
    label[:5] = True
    exact = -np.log10(2000 * 1999 * 1998 * 1997 * 1996 / (20 * 19 * 18 * 17 * 16))
    label_of_any = mann_whitney(np.sign(activations), label, "greater", method="conditional")
    assert float(label_of_any.log10_p) == pytest.approx(exact, rel=1e-9, abs=0)
    assert float(mann_whitney(np.sign(activations), label, "greater").log10_p) < -60.0


def test_p_holds_down_to_1e_300_and_its_logarithm_beyond():
    extent = np.arange(4000) < 2000
    for overlap in (0, 400, 900, 1150, 1200, 1500):
        activations = np.arange(4000.0)
        activations[extent] += overlap
        expected = naive.mann_whitney(activations, set(range(2000)))
        found = mann_whitney(activations, extent)
        if expected.p > 1e-300:
            assert float(found.p_value) == pytest.approx(expected.p, rel=1e-10, abs=0)
        assert float(found.log10_p) == pytest.approx(expected.log10_p, rel=1e-12, abs=0)
    assert float(mann_whitney(np.arange(4000.0), extent).p_value) == 0.0


def test_more_than_65536_samples_are_counted_exactly():
    rng = np.random.default_rng(5)
    activations = np.maximum(rng.normal(size=70_003), 1.5).astype(np.float32)
    activations[:10] = np.inf
    extent = rng.random(70_003) < 0.999
    expected = naive.mann_whitney(activations.tolist(), set(np.flatnonzero(extent).tolist()))
    found = mann_whitney(activations, extent)
    assert float(found.u) == expected.u
    assert float(found.auc) == expected.auc
    assert float(found.log10_p) == pytest.approx(expected.log10_p, rel=1e-12, abs=0)


def test_shapes_follow_the_inputs():
    one, many = np.arange(6.0), np.arange(12.0).reshape(6, 2)
    label, labels = np.arange(6) < 3, np.eye(6)[:, :3]
    assert auc(one, label).shape == ()
    assert auc(many, label).shape == (2,)
    assert auc(one, labels).shape == (3,)
    assert auc(many, labels).shape == (2, 3)


def test_integers_bools_and_python_lists_are_activations_too():
    label = [0, 0, 1, 1]
    for activations in ([1, 2, 3, 4], [False, False, True, True], np.arange(4, dtype=np.uint8)):
        assert float(auc(activations, label)) == 1.0


def test_a_constant_unit_says_nothing():
    found = mann_whitney(np.full(8, 3.0), np.arange(8) < 4)
    assert [float(field) for field in found] == [8.0, 0.5, 0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("activations", "labels", "message"),
    [
        ([1.0, np.nan], [0, 1], "NaN at unit 0, sample 1"),
        ([1.0, 2.0], [0, 2], "Label 0 of sample 1 is 2, not 0 or 1"),
        ([1.0, 2.0], [np.nan, 1], "Label 0 of sample 0 is nan"),
        ([1.0, 2.0], [1, 1], "true everywhere"),
        ([1.0, 2.0], [0, 0], "true nowhere"),
        ([1.0, 2.0], [0, 1, 1], "2 activations but 3 labels"),
        ([1.0], [1], "With 1 sample there"),
        ([], [], "0 samples"),
        (np.zeros((2, 2, 2)), [0, 1], "3 dimensions"),
        ([1.0, 2.0], np.zeros((2, 1, 1)), "3 dimensions"),
        (["a", "b"], [0, 1], "dtype <U1"),
        ([1.0, 2.0], ["0", "1"], "dtype <U1"),
        ([1.0 + 0j, 2.0], [0, 1], "dtype complex128"),
        ([2**53 + 2, 1], [0, 1], "beyond 2\\*\\*53"),
        ([1 - 2**54, 1], [0, 1], "beyond 2\\*\\*53"),
    ],
)
def test_what_cannot_be_ranked_is_refused(activations, labels, message):
    with pytest.raises(DataError, match=message) as caught:
        mann_whitney(activations, labels)
    assert caught.value.hint


def test_an_unknown_alternative_is_refused():
    with pytest.raises(SettingError, match=r"cannot be 'upper'.*two-sided, less, greater"):
        mann_whitney([1.0, 2.0], [0, 1], "upper")


def test_an_unknown_method_is_refused():
    with pytest.raises(SettingError, match=r"cannot be 'exact'.*normal, conditional"):
        mann_whitney([1.0, 2.0], [0, 1], method="exact")


@pytest.mark.parametrize("jobs", [0, -1, 1.5, "2"])
def test_a_number_of_threads_that_is_none_is_refused(jobs):
    with pytest.raises(SettingError, match="--jobs is"):
        mann_whitney([1.0, 2.0, 3.0], [0, 1, 1], jobs=jobs)
