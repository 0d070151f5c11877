"""What trial runs find out about a model, what they say, and what the file keeps of it."""

import itertools
import logging
import math

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from invert_core import extract, open_activations
from invert_core.activations.steadiness import Steadiness
from invert_core.errors import FileFormatError, ModelError
from invert_core.extraction.trial_runs import largest_difference, try_out
from tests.extraction.extracted import interrupt_at, trial_rows
from tests.extraction.unsteady import LAYER, Computed, counted, drawn, normalized
from tests.fake_model import FakeModel, samples
from tests.files.checksums import without_checksums

X = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)


def tried(compute, x=X[:8], **settings):
    return try_out(Computed(compute, **settings).extractor([LAYER]), {"x": x}).layers[LAYER]


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.INFO, "invert")
    return lambda: [
        record.message for record in caplog.records if record.levelno >= logging.WARNING
    ]


@pytest.mark.parametrize("count", [2, 3, 8])
def test_a_function_of_one_sample_is_steady_and_nothing_is_said(warnings, count):
    assert tried(np.tanh, X[:count]) == Steadiness(repeat=0, split=0)
    assert not warnings()


@pytest.mark.parametrize("compute", [drawn(), counted()])
@pytest.mark.parametrize("count", [1, 2, 8])
def test_what_does_not_repeat_itself_is_told_and_nothing_is_claimed_about_a_split(
    warnings, compute, count
):
    found = tried(compute, X[:count], varying=("Dropout in training mode",))
    assert found.varies
    assert (found.split, found.others) == (None, None)
    [said] = warnings()
    assert (
        f"does not repeat itself: if a batch runs again, the activations differ in '{LAYER}'"
        in said
    )
    assert "keeps state (Dropout in training mode); export" in said


def before(x):
    """Every sample adds those before it."""
    return np.cumsum(x, axis=0)


def after(x):
    return np.cumsum(x[::-1], axis=0)[::-1]


@pytest.mark.parametrize("compute", [normalized, before, after, lambda x: x - x.max(0)])
@pytest.mark.parametrize("count", [2, 3, 8])
def test_what_mixes_samples_is_told_whichever_samples_these_are(warnings, compute, count):
    found = tried(compute, X[:count], mixing=("BatchNorm1d 'bn' without running statistics",))
    assert found.repeat == 0
    assert found.mixes
    [said] = warnings()
    assert (
        f"mixes the samples of a batch: if a batch is split, the activations differ in '{LAYER}'"
        in said
    )
    assert "other samples of a batch (BatchNorm1d 'bn' without running statistics);" in said
    assert f"by up to {found.split:.2g} of the spread" in said


@pytest.mark.parametrize("groups_of", [2, 4, 8])
def test_samples_that_mix_within_groups_of_a_fixed_size_are_told(warnings, groups_of):
    def in_groups(x):
        padded = np.concatenate([x, np.repeat(x[-1:], -len(x) % groups_of, axis=0)])
        parts = np.split(padded, len(padded) // groups_of)
        return np.concatenate([normalized(part) for part in parts])[: len(x)]

    assert tried(in_groups, X[:16]).mixes
    assert len(warnings()) == 1


def test_one_sample_alone_is_not_split(warnings):
    model = Computed(normalized)
    found = try_out(model.extractor([LAYER]), {"x": X[:1]}).layers[LAYER]
    assert found == Steadiness(repeat=0)
    assert model.sizes == [1, 1]
    assert not warnings()


def test_a_difference_that_no_other_sample_makes_is_told_as_one_of_size_or_place(warnings):
    for compute in (lambda x: x * len(x), lambda x: x + np.arange(len(x))[:, None]):
        found = tried(compute)
        assert found.split > 0.05
        assert found.others == 0
        assert not found.mixes
    assert len(warnings()) == 2
    assert all("depend on --batch-size, or on the place of a sample" in each for each in warnings())


def test_rounding_that_depends_on_the_number_of_samples_is_not_told(warnings):
    for size in (1e-6, 1e-3):
        found = tried(lambda x, size=size: x * (1 + size * len(x)))
        assert 0 < found.split < 0.05
        assert not found.mixes
    assert not warnings()


def test_rounding_that_differs_from_run_to_run_is_recorded_but_not_told(warnings):
    calls = itertools.count()
    found = tried(lambda x: x * (1 + np.float32(1e-7) * (next(calls) % 2)))
    assert 0 < found.repeat < 1e-5
    assert not found.varies
    assert not warnings()


def test_a_model_that_does_not_run_on_one_sample_is_told_and_not_split(warnings):
    def picky(x):
        if len(x) < 2:
            raise ModelError("More than one sample is needed.", "")
        return x

    assert tried(picky) == Steadiness(repeat=0)
    [said] = warnings()
    assert "not known whether it mixes samples. More than one sample is needed" in said


values = st.sampled_from([0, 1, -2.5, 1e30, np.inf, -np.inf, np.nan]) | st.floats(-9, 9, width=32)
matrices = arrays.arrays(np.float32, (3, 2), elements=values)


def naive_difference(before, after, layer):
    finite = [float(value) for value in layer.flat if math.isfinite(value)]
    largest = 0.0
    for one, other in zip(before.flat, after.flat, strict=True):
        one, other = float(one), float(other)
        if one != other and not (math.isnan(one) and math.isnan(other)):
            gap = abs(one - other)
            largest = max(largest, math.inf if math.isnan(gap) else gap)
    mean = sum(finite) / len(finite) if finite else 0
    spread = math.sqrt(sum((v - mean) ** 2 for v in finite) / len(finite)) if finite else 0
    if largest == 0:
        return 0.0
    return largest / spread if spread else math.inf


@given(matrices, matrices)
def test_the_largest_difference_is_what_the_definition_says(first, second):
    assert largest_difference(first, second, first) == pytest.approx(
        naive_difference(first, second, first), rel=1e-9
    )
    assert largest_difference(first, first, first) == 0


@pytest.mark.parametrize("sparse", [(), (LAYER,)])
@pytest.mark.parametrize("pool", ["none", "flatten"])
def test_the_file_keeps_what_was_found_of_every_layer(tmp_path, sparse, pool):
    model = Computed(normalized, pool=pool)
    extract(model, X, tmp_path / "x.h5", [LAYER], batch_size=8, sparse=sparse)
    with open_activations(tmp_path / "x.h5") as activations:
        layer = activations.layers[LAYER]
        assert layer.steadiness.repeat == 0
        assert layer.steadiness.split > 0.05
        assert layer.steadiness.mixes
        assert (layer.unit is not None) == (pool == "flatten")
    with h5py.File(tmp_path / "x.h5") as file:
        stored = dict(file["layers"][LAYER].attrs)
    assert stored["repeat_difference"] == 0
    assert {"split_difference", "others_difference"} < set(stored)


def test_what_was_not_tried_is_not_in_the_file(tmp_path):
    extract(Computed(normalized), X, tmp_path / "x.h5", [LAYER], batch_size=1)
    with open_activations(tmp_path / "x.h5") as activations:
        assert activations.layers[LAYER].steadiness == Steadiness(repeat=0)


@pytest.mark.parametrize("value", ["much", -1.0, np.nan, [0.5, 0.5]])
def test_a_difference_in_a_file_that_is_no_number_is_refused(tmp_path, value):
    extract(Computed(np.tanh), X, tmp_path / "x.h5", [LAYER])
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        without_checksums(file, 1)
        file["layers"][LAYER].attrs["split_difference"] = value
    with pytest.raises(
        FileFormatError, match=r"'split_difference' of layer 'layer' is not a number"
    ):
        open_activations(tmp_path / "x.h5")


def interrupted(compute, rows):
    """Interrupt a model once it has run on so many batches."""
    calls = itertools.count()

    def run(x):
        if next(calls) == rows:
            raise KeyboardInterrupt
        return compute(x)

    return run


def test_a_run_that_goes_on_says_that_bits_may_differ_if_the_model_does_not_repeat_itself(
    tmp_path, warnings, caplog
):
    for compute, expected in ((drawn(), True), (normalized, False)):
        caplog.clear()
        output = tmp_path / f"{expected}.h5"
        with pytest.raises(KeyboardInterrupt):
            extract(Computed(interrupted(compute, 8)), X, output, [LAYER], batch_size=8)
        assert not any("earlier run" in each for each in warnings())
        assert extract(Computed(compute), X, output, [LAYER], batch_size=8).resumed_from > 0
        said = [
            each for each in warnings() if "rows that an earlier run has left may differ" in each
        ]
        assert bool(said) == expected


def test_trial_runs_are_timed_apart_and_not_repeated_for_a_finished_file(tmp_path):
    model = FakeModel(delay=0.01)
    report = extract(model, samples(320), tmp_path / "x.h5", ["out"])
    assert model.opened[-1].rows == 320 + trial_rows(32)
    assert report.spent.trial >= 4 * 0.01
    assert report.spent.in_model < report.spent.total < report.seconds - report.spent.trial
    again = extract(model, samples(320), tmp_path / "x.h5", ["out"])
    assert again.spent.trial == 0
    assert model.opened[-1].rows == 0


def test_an_interruption_of_the_trial_runs_leaves_nothing_and_loses_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        extract(FakeModel(fail=interrupt_at(-50)), samples(200), tmp_path / "x.h5", ["out"])
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        extract(FakeModel(fail=interrupt_at(100)), samples(200), tmp_path / "x.h5", ["out"])
    kept = (tmp_path / "x.h5.partial").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        extract(FakeModel(fail=interrupt_at(-50)), samples(200), tmp_path / "x.h5", ["out"])
    assert (tmp_path / "x.h5.partial").read_bytes() == kept


def test_a_dry_run_says_what_trial_runs_found(tmp_path, warnings):
    extract(Computed(normalized), X, tmp_path / "x.h5", [LAYER], batch_size=8, dry_run=True)
    assert len(warnings()) == 1
    assert "mixes the samples" in warnings()[0]
