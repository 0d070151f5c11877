"""What stops an extraction, what is kept, and that going on makes the same bytes."""

import errno
import os
import re
import threading

import numpy as np
import pytest

from invert_core import extract, open_activations
from invert_core.commands.interrupts import Ended
from invert_core.data import ArraySource, Batch
from invert_core.errors import DataError, StaleFileError
from tests.extraction.extracted import (
    ALL_LAYERS,
    LAYERS,
    assert_same,
    expected,
    interrupt_at,
    read,
    trial_rows,
)
from tests.fake_model import N_UNITS, FakeModel, ShuffledSource, samples


@pytest.mark.parametrize("batch_size", [7, 100, 1024, 1500])
def test_an_interrupted_extraction_goes_on_with_equal_bits(tmp_path, batch_size):
    data = samples(4000)
    with pytest.raises(KeyboardInterrupt) as caught:
        extract(
            FakeModel(fail=interrupt_at(3100, batch_size)),
            data,
            tmp_path / "x.h5",
            LAYERS,
            batch_size=batch_size,
        )
    kept = 3100 // batch_size * batch_size
    assert f"{kept:,} of 4,000 samples are kept in" in caught.value.__notes__[0]
    assert "x.h5.partial" in caught.value.__notes__[0]
    model = FakeModel()
    report = extract(model, data, tmp_path / "x.h5", LAYERS, batch_size=batch_size)
    assert report.resumed_from == kept
    left = 4000 - kept
    assert model.opened[-1].rows == left + trial_rows(min(left, batch_size))
    assert_same(read(tmp_path / "x.h5"), expected(data, batch_size))
    assert os.listdir(tmp_path) == ["x.h5"]


def test_an_interruption_before_the_first_batch_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt) as caught:
        extract(FakeModel(fail=interrupt_at(5)), samples(4000), tmp_path / "x.h5", LAYERS)
    assert not getattr(caught.value, "__notes__", [])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("stops", [[], [700], [33, 1600, 200]])
@pytest.mark.parametrize("save_every", [0, 30])
def test_batches_in_any_order_make_the_same_file_however_often_it_is_stopped(
    tmp_path, stops, save_every
):
    arguments = {"layers": ALL_LAYERS, "sparse": ["lat*", "out"], "batch_size": 32}
    source = ShuffledSource({"x": samples(2000)})
    extract(FakeModel(), source, tmp_path / "whole.h5", **arguments)
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            extract(
                FakeModel(fail=interrupt_at(stop)),
                source,
                tmp_path / "x.h5",
                save_every=save_every,
                **arguments,
            )
    extract(FakeModel(), source, tmp_path / "x.h5", **arguments)
    assert (tmp_path / "x.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    with open_activations(tmp_path / "x.h5") as activations:
        sparse = {name: layer.is_sparse for name, layer in activations.layers.items()}
    assert sparse == {"hidden": False, "out": True, "latents": True}
    extractor = FakeModel().extractor(ALL_LAYERS)
    wanted = {name: np.zeros((2000, N_UNITS[name]), np.float32) for name in ALL_LAYERS}
    for batch in source.batches(0, 32):
        for name, values in extractor.run(batch.inputs).items():
            wanted[name][batch.rows] = values
    assert_same(read(tmp_path / "x.h5"), wanted)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("unexpected"), Ended(15)])
def test_whatever_ends_the_work_rows_that_are_known_are_kept(tmp_path, error):
    def fail(x):
        if model.opened[-1].rows >= 96 + trial_rows(32):
            raise error

    model = FakeModel(fail=fail)
    with pytest.raises(type(error)) as caught:
        extract(model, samples(200), tmp_path / "x.h5", LAYERS)
    assert "96 of 200 samples are kept" in caught.value.__notes__[0]
    assert extract(FakeModel(), samples(200), tmp_path / "x.h5", LAYERS).resumed_from == 96


def test_a_disk_that_is_full_at_the_end_is_said_beside_what_ended_the_work(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "no space")

    def fail(x):
        if model.opened[-1].rows >= 1100 + trial_rows(50):
            monkeypatch.setattr(os, "fsync", full)
            raise KeyboardInterrupt

    model = FakeModel(fail=fail)
    with pytest.raises(KeyboardInterrupt) as caught:
        extract(model, samples(2000), tmp_path / "x.h5", LAYERS, batch_size=50)
    assert "No space left on device" in caught.value.__notes__[0]
    assert "1,024 of 2,000 samples are kept" in caught.value.__notes__[1]
    monkeypatch.undo()
    extract(FakeModel(), samples(2000), tmp_path / "x.h5", LAYERS, batch_size=50)
    assert_same(read(tmp_path / "x.h5"), expected(samples(2000), 50))


class BrokenSource(ArraySource):
    """A source that fails at one batch, which a thread reads ahead of the model."""

    def batches(self, start, batch_size):
        for batch in super().batches(start, batch_size):
            if 320 in batch.rows:
                raise DataError("Sample 320 cannot be read.", "Repair it.")
            yield batch


def test_a_sample_that_cannot_be_read_loses_none_before_it(tmp_path):
    source = BrokenSource({"x": samples(1000)})
    threads = threading.active_count()
    with pytest.raises(DataError, match="Sample 320 cannot be read") as caught:
        extract(FakeModel(), source, tmp_path / "x.h5", LAYERS)
    assert "320 of 1,000 samples are kept" in str(caught.value)
    assert threading.active_count() == threads
    report = extract(FakeModel(), samples(1000), tmp_path / "x.h5", LAYERS)
    assert report.resumed_from == 320
    assert_same(read(tmp_path / "x.h5"), expected(samples(1000), 32))


class WrongSource(ArraySource):
    """A source that says of every batch that it is the first."""

    def batches(self, start, batch_size):
        for batch in super().batches(start, batch_size):
            yield Batch(np.arange(len(batch.rows)), batch.inputs)


class ShortSource(ArraySource):
    """A source whose batches name fewer samples than they bring."""

    def batches(self, start, batch_size):
        for batch in super().batches(start, batch_size):
            yield Batch(batch.rows[1:], batch.inputs)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (WrongSource, "brought a sample twice"),
        (ShortSource, "names 31 samples but brings 32.*--batch-axis"),
    ],
)
def test_samples_that_are_not_what_they_should_be_are_refused(tmp_path, source, said):
    with pytest.raises(DataError, match=said):
        extract(FakeModel(), source({"x": samples(100)}), tmp_path / "x.h5", LAYERS)


def nan_model(at):
    model = FakeModel()

    def fail(x):
        if np.any(np.isclose(x[:, 0], at)):
            x[:] = np.nan

    model.fail = fail
    return model


def test_nan_names_layer_unit_and_sample_and_keeps_all_rows_before_its_batch(tmp_path):
    data = samples(3000)
    source = ArraySource({"x": data.copy()}, [f"{i}.png" for i in range(3000)])
    with pytest.raises(DataError, match=r"hidden:0 is NaN for sample '2080\.png'") as caught:
        extract(nan_model(at=data[2100, 0]), source, tmp_path / "x.h5", LAYERS)
    assert "2,080 of 3,000 samples are kept" in str(caught.value)
    assert "goes on from there once that is repaired." in str(caught.value)
    assert "such as --skip-bad or another --pool, need --overwrite" in str(caught.value)
    assert os.listdir(tmp_path) == ["x.h5.partial"]


def spoiled(data, *rows):
    data = data.copy()
    data[list(rows)] = np.nan
    return data


@pytest.mark.parametrize("ids", [None, [f"{i}.wav" for i in range(100)]])
def test_an_extraction_goes_on_after_a_sample_of_an_array_was_corrected(tmp_path, ids):
    data = samples(100)
    bad = ArraySource({"x": spoiled(data, 43, 70)}, ids)
    with pytest.raises(DataError, match="goes on from there once that is repaired"):
        extract(FakeModel(), bad, tmp_path / "x.h5", LAYERS, batch_size=10)
    corrected = ArraySource({"x": data}, ids)
    report = extract(FakeModel(), corrected, tmp_path / "x.h5", LAYERS, batch_size=10)
    assert report.resumed_from == 40
    extract(FakeModel(), corrected, tmp_path / "whole.h5", LAYERS, batch_size=10)
    assert_same(read(tmp_path / "x.h5"), read(tmp_path / "whole.h5"))
    for name in ("x.h5", "whole.h5"):
        again = extract(FakeModel(), corrected, tmp_path / name, LAYERS, batch_size=10)
        assert again.already_done


def test_rows_of_an_array_that_are_done_may_not_change(tmp_path):
    data = samples(100)
    with pytest.raises(DataError):
        extract(FakeModel(), spoiled(data, 43), tmp_path / "x.h5", LAYERS, batch_size=10)
    changed = data + (np.arange(100) == 7)[:, np.newaxis].astype(np.float32)
    for other, why in (
        (changed, r"have changed since: row 7\."),
        (data[:-1], "made with data"),
        (np.concatenate([data, data]), "made with data"),
        (data.astype(np.float16), r"have changed since: row 0, row 1, row 2 and 37 more"),
    ):
        with pytest.raises(StaleFileError, match=why):
            extract(FakeModel(), other, tmp_path / "x.h5", LAYERS, batch_size=10)


def test_no_promise_is_made_for_data_that_cannot_be_told_apart_by_sample(tmp_path):
    data = samples(100)
    batches = np.split(spoiled(data, 43), 10)
    with pytest.raises(DataError, match="are of use only if the data stay the same") as caught:
        extract(FakeModel(), batches, tmp_path / "x.h5", LAYERS, batch_size=10)
    assert "goes on" not in str(caught.value)


def test_rows_are_said_to_be_kept_only_if_they_are(tmp_path):
    def remove_and_stop(x):
        if (tmp_path / "x.h5.partial").exists():
            (tmp_path / "x.h5.partial").unlink()
        if model.opened[-1].rows >= 2048 + trial_rows(1024):
            raise KeyboardInterrupt

    model = FakeModel(fail=remove_and_stop)
    with pytest.raises(KeyboardInterrupt) as caught:
        extract(model, samples(4000), tmp_path / "x.h5", LAYERS, batch_size=1024)
    assert not getattr(caught.value, "__notes__", [])


def with_settings(**settings):
    model = FakeModel()
    model.settings = settings
    return model


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("model", {"model": FakeModel(fingerprint="e" * 64)}),
        ("model_settings.autocast", {"model": with_settings(autocast=True)}),
        ("sparse", {"sparse": ["out"]}),
        ("layers", {"layers": ["out"]}),
        ("layers", {"layers": ["out", "hidden"]}),
        ("pooling.hidden", {"pool": "max"}),
        ("axes.hidden", {"channel_axis": 2}),
        ("dtype", {"dtype": "float16"}),
        ("device", {"device": "cuda"}),
        ("batch_size", {"batch_size": 33}),
        ("data", {"data": samples(2000) + 1}),
    ],
)
def test_another_setting_is_named(tmp_path, field, change):
    first = {"model": FakeModel(), "data": samples(2000), "layers": LAYERS}
    extract(output=tmp_path / "x.h5", **first)
    before = (tmp_path / "x.h5").read_bytes()
    with pytest.raises(StaleFileError, match=f"made with {re.escape(field)} ") as caught:
        extract(output=tmp_path / "x.h5", **first | change)
    assert "--overwrite" in caught.value.hint
    assert (tmp_path / "x.h5").read_bytes() == before
    extract(output=tmp_path / "x.h5", overwrite=True, **first | change)


def test_automatic_settings_are_compared_as_they_were_resolved(tmp_path):
    extract(FakeModel(), samples(10), tmp_path / "x.h5", LAYERS)
    settings = {"pool": "none", "device": "cpu"}
    assert extract(FakeModel(), samples(10), tmp_path / "x.h5", LAYERS, **settings).already_done


@pytest.mark.parametrize("sparse", [[], ["latents"]])
def test_a_run_that_ended_when_all_rows_were_done_is_finished_by_the_next(
    tmp_path, sparse, monkeypatch
):
    def end(partial, path):
        if path == tmp_path / "x.h5":
            raise KeyboardInterrupt
        os.replace(partial, path)

    arguments = (samples(2001), tmp_path / "x.h5", ALL_LAYERS)
    with monkeypatch.context() as patched:
        patched.setattr("invert_core.files.atomic.move_into_place", end)
        with pytest.raises(KeyboardInterrupt) as caught:
            extract(FakeModel(), *arguments, sparse=sparse)
    assert "2,001 of 2,001 samples are kept" in caught.value.__notes__[0]
    extract(FakeModel(), *arguments, sparse=sparse)
    assert_same(read(tmp_path / "x.h5"), expected(samples(2001), 32, ALL_LAYERS))
    assert os.listdir(tmp_path) == ["x.h5"]


class SlowSource(ArraySource):
    """A source that takes long for every batch but the first, until it is stopped."""

    def __init__(self, arrays):
        super().__init__(arrays)
        self.begun, self.stopped, self.waited = threading.Event(), threading.Event(), []

    def batches(self, start, batch_size):
        yield next(super().batches(start, batch_size))
        self.begun.set()
        self.waited.append(self.stopped.wait(30))

    def stop(self):
        self.stopped.set()


def test_an_interrupt_does_not_wait_for_a_batch_that_takes_long(tmp_path):
    def interrupt(_):
        assert source.begun.wait(30)
        raise KeyboardInterrupt

    source = SlowSource({"x": samples(100)})
    with pytest.raises(KeyboardInterrupt):
        extract(FakeModel(fail=interrupt), source, tmp_path / "x.h5", LAYERS)
    assert source.waited == [True]


def test_a_lock_that_a_kill_left_beside_the_finished_file_is_cleared_by_the_next(tmp_path):
    path = tmp_path / "x.h5"
    for _ in range(2):
        extract(FakeModel(), ShuffledSource({"x": samples(40)}), path, LAYERS)
        assert [each.name for each in tmp_path.iterdir()] == ["x.h5"]
        (tmp_path / ".x.h5.lock").touch()  # the kill came between the last rename and the end
    extract(FakeModel(), ShuffledSource({"x": samples(40)}), path, LAYERS)
    assert [each.name for each in tmp_path.iterdir()] == ["x.h5"]
