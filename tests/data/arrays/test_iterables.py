from collections import UserDict

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.data import ArraySource, open_data
from invert_core.data.arrays.iterables import BatchSource
from invert_core.errors import DataError
from invert_core.extraction import extract
from invert_core.models.backend import ModelInput
from tests.extraction.extracted import trial_rows
from tests.fake_model import FakeModel, samples

ONE = (ModelInput("x"),)
TWO = (*ONE, ModelInput("y"))
X = np.arange(20, dtype=np.float32).reshape(10, 2)
PARTS = [X[:3], X[3:4], X[4:]]


class Again:
    """Batches that can be iterated any number of times; it counts how often."""

    def __init__(self, batches):
        self.batches, self.n_passes = batches, 0

    def __iter__(self):
        self.n_passes += 1
        return iter(self.batches)


def reused_memory(batches):
    """A loader that writes every batch to the same place."""
    memory = np.empty((10, 2), np.float32)
    for batch in batches:
        memory[: len(batch)] = batch
        yield memory[: len(batch)]


def contents(source, start=0, batch_size=4):
    batches = list(source.batches(start, batch_size))
    return np.concatenate([batch.inputs["x"] for batch in batches])


@given(
    cuts=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    batch_size=st.integers(1, 9),
    start=st.integers(0, 50),
    one_shot=st.booleans(),
)
def test_batches_of_any_size_are_cut_anew(cuts, batch_size, start, one_shot):
    x = np.arange(2 * sum(cuts)).reshape(-1, 2)
    parts = np.split(x, np.cumsum(cuts)[:-1])
    source = BatchSource(iter(parts) if one_shot else parts, len(x), input_name="x")
    expected = ArraySource({"x": x})
    start = min(start, len(x) - 1)
    found = source.batches(start, batch_size)
    for ours, theirs in zip(found, expected.batches(start, batch_size), strict=True):
        assert np.array_equal(ours.rows, theirs.rows)
        assert np.array_equal(ours.inputs["x"], theirs.inputs["x"])


@pytest.mark.parametrize("kind", [list, tuple])
def test_the_samples_of_a_list_are_counted(kind):
    source = open_data(kind(PARTS), ONE)
    assert len(source) == 10
    assert source.sample_id is None
    assert np.array_equal(contents(source), X)


@pytest.mark.parametrize("kind", [dict, UserDict])
def test_mappings_feed_inputs_by_name(kind):
    source = open_data([kind(x=part, y=part[:, 0]) for part in PARTS], TWO)
    (batch,) = source.batches(0, 10)
    assert set(batch.inputs) == {"x", "y"}
    assert np.array_equal(batch.inputs["y"], X[:, 0])


@pytest.mark.parametrize("n_examples", [0, 1, 3])
def test_looking_at_an_example_loses_no_rows_of_an_iterator(n_examples):
    source = BatchSource(reused_memory(PARTS), 10, input_name="x")
    for _ in range(n_examples):
        assert np.array_equal(source.example()["x"], X[:1])
    assert np.array_equal(contents(source), X)
    assert np.array_equal(source.example()["x"], X[:1])


def test_an_iterator_that_was_used_is_not_taken_for_empty():
    source = BatchSource(iter(PARTS), 10, input_name="x")
    contents(source)
    with pytest.raises(DataError, match="was used before"):
        contents(source)


def test_what_can_be_iterated_again_is_for_every_pass():
    data = Again(PARTS)
    source = BatchSource(data, 10, input_name="x")
    source.example()
    source.example()
    assert np.array_equal(contents(source), X)
    assert np.array_equal(contents(source, 8), X[8:])
    assert data.n_passes == 3


def test_batches_are_copied_before_a_loader_uses_their_memory_again():
    source = BatchSource(reused_memory(PARTS), 10, input_name="x")
    assert np.array_equal(contents(source, batch_size=10), X)


@pytest.mark.parametrize(("claimed", "found"), [(9, "more"), (11, "only 10")])
def test_a_wrong_number_of_samples_is_noticed(claimed, found):
    with pytest.raises(DataError, match=f"bring {found} samples .* {claimed}"):
        contents(BatchSource(PARTS, claimed, input_name="x"))


def test_an_iterator_without_batches_is_refused():
    with pytest.raises(DataError, match="bring no samples"):
        BatchSource(iter([]), 3, input_name="x").example()


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        ([(X, X)], "Batch 0 is a tuple of 2.*for x, label in loader"),
        ([[X, X]], "Batch 0 is a list of 2"),
        ([X, "abc"], "'x' of batch 1 is not an array of numbers .it is a str"),
        ([{"x": None}], "'x' of batch 0 .*NoneType"),
        ([{"x": np.array([{}])}], "'x' of batch 0 .*type object"),
        ([{"x": np.array(3.0)}], "Batch 0 has these numbers of samples: none"),
        ([{"x": X, "y": X[:3]}], "Batch 0 has these numbers of samples.*'x': 10, 'y': 3"),
        ([X, X[:0]], "Batch 1 has these numbers of samples"),
        ([{}], "Batch 0 has these numbers of samples: none"),
        ([X, X.astype("f8")], "'x': .'float32', .2,.*'float64'"),
        ([X, X[:, :1]], "do not fit together"),
        ([X, {"y": X}], "do not fit together"),
    ],
)
def test_what_is_no_batch_is_named(batches, words):
    with pytest.raises(DataError, match=words):
        contents(BatchSource(batches, 20, input_name="x"), batch_size=100)


def test_batches_that_need_not_be_joined_may_differ_in_length_of_text():
    parts = [np.ones((4, 5)), np.ones((4, 7)), np.ones((2, 3))]
    batches = BatchSource(parts, input_name="x").batches(0, 4)
    assert [batch.inputs["x"].shape for batch in batches] == [(4, 5), (4, 7), (2, 3)]


def test_batches_without_names_do_for_models_of_one_input_only():
    with pytest.raises(DataError, match="which input of the model"):
        open_data(PARTS, TWO)


@pytest.mark.parametrize("data", [b"abc", 3, None])
def test_what_is_no_iterable_of_batches_is_refused(data):
    with pytest.raises(DataError, match=type(data).__name__):
        open_data(data, ONE)


def test_a_generator_of_unknown_length_needs_its_number_of_samples():
    with pytest.raises(
        DataError, match=r"'generator'.* invert_core\.data\.BatchSource\(.*n_samples"
    ):
        open_data((part for part in PARTS), ONE)


def test_ids_name_the_samples():
    ids = [f"s{i}" for i in range(10)]
    assert BatchSource(PARTS, sample_id=ids, input_name="x").sample_id == tuple(ids)
    with pytest.raises(DataError, match="10 samples and 9 ids"):
        BatchSource(PARTS, sample_id=ids[:9], input_name="x")
    with pytest.raises(DataError, match="repeats"):
        BatchSource(PARTS, sample_id=["a"] * 10, input_name="x")


def test_a_list_is_identified_by_its_contents():
    def manifest(batches, **more):
        return BatchSource(batches, input_name="x", **more).manifest

    same = [manifest(PARTS), manifest([part.copy() for part in PARTS])]
    others = [
        manifest(PARTS[::-1]),
        manifest([X[:3] + 1, *PARTS[1:]]),
        manifest([part.astype("f8") for part in PARTS]),
        manifest([{"y": part} for part in PARTS]),
        manifest(PARTS, sample_id=[str(i) for i in range(10)]),
        manifest(PARTS, manifest="v1"),
    ]
    assert same[0] == same[1]
    assert len({*same, *others}) == 7


def test_other_iterables_are_identified_by_what_the_user_says_or_not_at_all():
    def manifest(**more):
        return BatchSource(Again(PARTS), 10, input_name="x", **more).manifest

    assert manifest() != manifest()
    assert manifest(manifest="v1") == manifest(manifest="v1") != manifest(manifest="v2")
    source = BatchSource(iter(PARTS), 10, input_name="x")
    assert source.manifest == source.manifest


def test_an_interrupted_extraction_goes_on_where_the_identity_is_given(tmp_path):
    x = samples(3000)

    def data():
        return BatchSource(iter(np.array_split(x, 7)), len(x), manifest="v1", input_name="x")

    def stop_late(batch):
        if np.array_equal(batch[-1], x[2499]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(FakeModel(fail=stop_late), data(), tmp_path / "a.h5", ["out"], batch_size=50)
    model = FakeModel()
    report = extract(model, data(), tmp_path / "a.h5", ["out"], batch_size=50)
    assert 0 < report.resumed_from < 2500
    assert model.opened[-1].rows <= 3000 - report.resumed_from + 50 + trial_rows(50)
    extract(FakeModel(), x, tmp_path / "b.h5", ["out"], batch_size=50)
    assert np.array_equal(stored(tmp_path / "a.h5"), stored(tmp_path / "b.h5"))


def stored(path):
    with h5py.File(path) as file:
        return file["layers/out/activations"][:]


class Sampler:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count


class RandomSampler(Sampler):
    pass


class Loader:
    """A stand-in for a DataLoader of torch."""

    def __init__(self, batch_size=4, drop_last=False, **more):
        self.dataset, self.batch_size, self.drop_last = X, batch_size, drop_last
        vars(self).update(more)

    def __iter__(self):
        stop = len(X) - len(X) % self.batch_size if self.drop_last else len(X)
        return (X[row : row + self.batch_size] for row in range(0, stop, self.batch_size))


@pytest.mark.parametrize(("drop_last", "count"), [(False, 10), (True, 8)])
def test_the_samples_of_a_loader_are_those_of_its_data_set(drop_last, count):
    source = open_data(Loader(drop_last=drop_last), ONE)
    assert len(source) == count
    assert np.array_equal(contents(source, batch_size=3), X[:count])


def test_a_sampler_says_how_many_samples_a_loader_gives():
    assert len(BatchSource(Loader(sampler=Sampler(7)))) == 7
    assert len(BatchSource(Loader(sampler=object()))) == 10


@pytest.mark.parametrize("more", [{"batch_size": None}, {"dataset": iter(X)}])
def test_a_loader_that_does_not_say_its_length_needs_it(more):
    with pytest.raises(DataError, match=r"'Loader'.*n_samples="):
        BatchSource(Loader(**more))


@pytest.mark.parametrize(
    "more",
    [
        {"sampler": RandomSampler(10)},
        {"batch_sampler": RandomSampler(10)},
        {"batch_sampler": type("Groups", (), {"sampler": RandomSampler(10)})()},
        {"sampler": type("Distributed", (), {"shuffle": True})()},
    ],
)
def test_a_shuffling_loader_is_refused(more):
    with pytest.raises(DataError, match="shuffles"):
        BatchSource(Loader(**more), 10)
