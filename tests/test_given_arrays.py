"""Arrays as callers have them: masked, with a pandas index, or tensors of any kind."""

import functools

import numpy as np
import pytest

import invert_core
from invert_core import (
    Activations,
    ConceptSet,
    Settings,
    auc,
    extract,
    mann_whitney,
    open_activations,
    score,
)
from invert_core.data import open_data
from invert_core.errors import DataError
from invert_core.models.backend import ModelInput
from tests.fake_model import FakeModel, samples
from tests.needs import need

pd = need("pandas")

label = functools.partial(invert_core.label, settings=Settings(permutations=0))

N = 40
RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(N, 3))
MARKS = VALUES[:, :2] + RNG.normal(size=(N, 2)) > 0
CONCEPTS = {"a": MARKS[:, 0], "b": MARKS[:, 1]}
ORDER = RNG.permutation(N)
IDS = np.array([f"s{i}.png" for i in range(N)])
OF_NUMBERS = np.arange(N) * 7 + 5
INDEXES = {"text": IDS, "numbers": OF_NUMBERS}


@functools.cache
def expected():
    """The rows of the same labelling without indexes; not made on import, where jit may be off."""
    return label(VALUES, CONCEPTS).rows


def frame(values, index, **options):
    return pd.DataFrame(values, index=index, **options)


def series(index, order=ORDER):
    return {name: pd.Series(each[order], index[order]) for name, each in CONCEPTS.items()}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_two_indexes_that_differ_in_order_are_aligned(index):
    activations = frame(VALUES, index)
    assert label(activations, series(index)).rows == expected()
    marks = frame(MARKS[ORDER], index[ORDER], columns=["a", "b"])
    assert label(activations, marks).rows == expected()
    rows = score(VALUES, CONCEPTS, "a & ~b").rows
    assert score(activations, series(index), "a & ~b").rows == rows
    as_set = ConceptSet.from_arrays(marks, ["a", "b"])
    assert as_set.sample_id == tuple(map(str, index[ORDER]))
    assert label(activations, as_set).rows == expected()


def test_a_shuffled_index_is_not_taken_for_positions_beside_one_that_counts_from_0():
    numbers = np.arange(N)
    for activations in (pd.DataFrame(VALUES), frame(VALUES, numbers)):
        assert label(activations, series(numbers)).rows == expected()
    shuffled = frame(VALUES[ORDER], numbers[ORDER])
    in_order = {name: pd.Series(each) for name, each in CONCEPTS.items()}
    assert label(shuffled, in_order).rows == label(VALUES[ORDER], series(numbers)).rows


def test_indexes_that_count_from_0_on_both_sides_are_positions():
    concepts = {name: pd.Series(each) for name, each in CONCEPTS.items()}
    assert label(pd.DataFrame(VALUES), concepts).rows == expected()
    assert Activations.from_array(pd.DataFrame(VALUES)).sample_id is None


def test_an_index_is_joined_with_the_sample_ids_of_the_other_side():
    activations = Activations.from_array(VALUES, sample_id=IDS)
    assert label(activations, series(IDS)).rows == expected()
    concepts = ConceptSet.from_arrays(MARKS[ORDER], ["a", "b"], sample_id=IDS[ORDER])
    assert label(frame(VALUES, IDS), concepts).rows == expected()
    fewer = frame(VALUES[:30], IDS[:30])
    with pytest.raises(DataError, match="--join inner"):
        label(fewer, concepts)
    assert (
        label(fewer, concepts, join="inner").rows
        == label(VALUES[:30], {name: each[:30] for name, each in CONCEPTS.items()}).rows
    )


def test_an_index_that_shares_no_sample_with_the_other_is_refused():
    for other in (pd.DataFrame(VALUES), frame(VALUES, OF_NUMBERS)):
        with pytest.raises(DataError, match="no sample id in common"):
            label(other, series(IDS))


def test_concepts_whose_indexes_differ_are_aligned_or_refused():
    mixed = {"a": pd.Series(MARKS[:, 0], IDS), "b": pd.Series(MARKS[ORDER, 1], IDS[ORDER])}
    assert label(frame(VALUES, IDS), mixed).rows == expected()
    with pytest.raises(
        DataError, match=r"1 sample of the labels of the concept 'a' is not in .*'b'"
    ):
        label(VALUES, {**mixed, "b": mixed["b"].drop("s3.png")})
    with pytest.raises(
        DataError, match=r"concept 'c' cannot be matched with .* 'a' and .* 'b', whose"
    ):
        label(VALUES, {**mixed, "c": MARKS[:, 0]})


def test_layers_with_an_index_are_aligned():
    layers = {"x": frame(VALUES, IDS), "y": frame(VALUES[ORDER], IDS[ORDER])}
    activations = Activations.from_array(layers)
    assert activations.sample_id == tuple(IDS)
    x, y = (activations.layers[name].read(0, 3) for name in "xy")
    assert np.array_equal(x, y)


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2020-01-01", periods=N),
        pd.MultiIndex.from_product([range(N // 2), list("ab")]),
        np.arange(N) + 0.5,
    ],
    ids=["dates", "pairs", "floats"],
)
def test_an_index_that_holds_no_sample_ids_is_refused(index):
    with pytest.raises(DataError, match="which is no sample id"):
        label(frame(VALUES, index), CONCEPTS)


def test_an_index_that_repeats_is_refused():
    with pytest.raises(DataError, match=r"1 sample id repeats: 'x'"):
        label(frame(VALUES[:3], ["x", "y", "x"]), {"a": [1, 0, 1]})


@pytest.mark.parametrize("test", [auc, lambda *given: mann_whitney(*given).log10_p])
def test_the_test_of_arrays_matches_indexes(test):
    expected = test(VALUES, MARKS)
    found = test(frame(VALUES, IDS), frame(MARKS[ORDER], IDS[ORDER]))
    assert np.array_equal(found, expected)
    assert np.array_equal(test(VALUES, frame(MARKS, IDS)), expected)
    with pytest.raises(DataError, match="10 samples of the activations are not in the index"):
        test(frame(VALUES, IDS), frame(MARKS[:30], IDS[:30]))


@pytest.mark.parametrize("kind", ["boolean", "Int8", "Float64"])
def test_missing_values_of_pandas_are_missing_labels(kind):
    labels = pd.Series(MARKS[:, 0].astype(float)).astype(kind)
    assert label(VALUES, {"a": labels, "b": MARKS[:, 1]}).rows == expected()
    labels[4] = pd.NA
    with pytest.raises(DataError, match="1 label of 1 concept is missing"):
        label(VALUES, {"a": labels})
    missing = MARKS[:, 0].astype(float)
    missing[4] = np.nan
    found = label(VALUES, {"a": labels}, missing="exclude").rows
    assert found == label(VALUES, {"a": missing}, missing="exclude").rows


@pytest.mark.parametrize("kind", ["Float64", "Float32"])
def test_frames_of_types_with_missing_values_of_their_own_are_numbers(kind):
    activations = frame(VALUES.astype(np.float32), IDS)
    nullable = activations.astype({0: kind, 2: kind})
    wanted = label(activations, series(IDS)).rows
    assert label(nullable, series(IDS)).rows == wanted
    nullable.loc["s4.png", 2] = pd.NA
    with pytest.raises(DataError, match=r"is NaN for sample 's4\.png'"):
        label(nullable, series(IDS))


def test_columns_of_the_same_name_are_no_concepts():
    with pytest.raises(DataError, match="1 concept id repeats: 'a'"):
        label(VALUES, pd.DataFrame(MARKS, columns=["a", "a"]))


def test_masked_activations_are_refused_with_their_number():
    masked = np.ma.masked_array(VALUES, mask=VALUES > 2)
    assert masked.mask.any()
    count = int(masked.mask.sum())
    with pytest.raises(DataError, match=f"The layer 'activations' cannot .* {count} values? "):
        label(masked, CONCEPTS)
    with pytest.raises(DataError, match="The activations cannot be used"):
        auc(masked, MARKS)
    with pytest.raises(DataError, match="The labels cannot be used"):
        auc(VALUES, np.ma.masked_array(MARKS, mask=VALUES[:, :2] > 2))
    assert label(np.ma.masked_array(VALUES), CONCEPTS).rows == expected()


def test_samples_of_an_extraction_are_called_by_their_index(tmp_path):
    data = samples(10)
    extract(FakeModel(), frame(data, IDS[:10]), tmp_path / "x.h5", ["out"])
    extract(FakeModel(), data, tmp_path / "y.h5", ["out"])
    for name, ids in (("x.h5", tuple(IDS[:10])), ("y.h5", None)):
        with open_activations(tmp_path / name) as activations:
            assert activations.sample_id == ids
    assert open_data(pd.DataFrame(data), FakeModel().inputs).sample_id is None


def test_masked_samples_of_an_extraction_are_refused(tmp_path):
    masked = np.ma.masked_array(samples(10), mask=samples(10) > 1.5)
    for data in (masked, {"x": masked}, [masked]):
        with pytest.raises(DataError, match=r"input 'x'.* masked"):
            open_data(data, [ModelInput("x")])


def test_tensors_that_need_gradients_or_hold_bfloat16_are_taken():
    torch = need("torch")
    values = torch.tensor(VALUES).bfloat16()
    rounded = values.double().numpy()
    expected = label(rounded, CONCEPTS).rows
    marks = {name: torch.tensor(each) for name, each in CONCEPTS.items()}
    for tensor in (values, values.clone().requires_grad_(), values.double().requires_grad_()):
        assert label(tensor, marks).rows == expected
        assert score(tensor, marks, "a").rows == score(rounded, CONCEPTS, "a").rows
        assert np.array_equal(auc(tensor, torch.tensor(MARKS)), auc(rounded, MARKS))
    as_set = ConceptSet.from_arrays(torch.tensor(MARKS), ["a", "b"])
    assert label({"activations": values}, as_set).rows == expected
    weights = torch.tensor(MARKS).double().requires_grad_()
    assert label(values, {"a": weights[:, 0], "b": weights[:, 1]}).rows == expected


def test_bfloat16_of_numpy_is_taken():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = VALUES.astype(ml_dtypes.bfloat16)
    assert label(values, CONCEPTS).rows == label(values.astype(float), CONCEPTS).rows


def test_what_is_no_array_of_numbers_is_refused_with_a_sentence():
    with pytest.raises(DataError, match="cannot be read as an array of numbers"):
        label([[1.0, 2.0], [3.0]], {"a": [1, 0]})
