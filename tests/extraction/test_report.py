"""What an extraction reports about itself, before and after."""

import os
import time

import pytest

from invert_core import extract
from invert_core.data.arrays.array_source import ArraySource
from invert_core.extraction import estimate
from invert_core.parallel import read_ahead
from tests.extraction.extracted import LAYERS, interrupt_at, trial_rows
from tests.fake_model import FakeModel, samples


def test_a_report_says_where_the_time_went(tmp_path):
    report = extract(FakeModel(delay=0.01), samples(320), tmp_path / "x.h5", LAYERS)
    spent = report.spent
    assert spent.in_model >= 0.1
    assert spent.waiting >= 0
    assert spent.waiting + spent.in_model <= spent.total <= report.seconds
    assert report.samples_per_second == 320 / spent.total
    again = extract(FakeModel(), samples(320), tmp_path / "x.h5", LAYERS)
    assert again.samples_per_second is None
    assert report.estimate is None


def test_a_dry_run_runs_some_batches_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(estimate, "SECONDS", 0)
    model = FakeModel(delay=0.01)
    report = extract(model, samples(1000), tmp_path / "x.h5", LAYERS, dry_run=True)
    assert [layer.n_units for layer in report.layers] == [70, 3]
    assert model.opened[-1].rows == trial_rows(32) + 32
    assert os.listdir(tmp_path) == []
    assert report.estimate.seconds >= (32 + 4) * 0.01
    assert report.estimate.memory_bytes > 1000 * 73 * 4
    extract(model, samples(1000), tmp_path / "x.h5", LAYERS)
    size = (tmp_path / "x.h5").stat().st_size
    assert report.estimate.file_bytes == pytest.approx(size, rel=0.1)


class SlowSource(ArraySource):
    """A source that needs 20 ms per batch, and has read some ahead when the first is asked for."""

    def batches(self, start, batch_size):
        def slowly():
            for batch in super(SlowSource, self).batches(start, batch_size):
                time.sleep(0.02)
                yield batch

        return read_ahead(slowly(), depth=2)


def test_reading_counts_even_if_the_first_batch_in_the_model_hides_it(tmp_path):
    warm_up = iter([0.3])
    model = FakeModel(fail=lambda _: time.sleep(next(warm_up, 0)))
    source = SlowSource({"x": samples(960)})
    report = extract(model, source, tmp_path / "x.h5", LAYERS, dry_run=True)
    assert report.estimate.seconds >= 30 * 0.02 / 2


def test_a_dry_run_with_one_batch_runs_it_again(tmp_path):
    model = FakeModel()
    extract(model, samples(5), tmp_path / "x.h5", LAYERS, dry_run=True)
    assert model.opened[-1].rows == trial_rows(5) + 5


def test_a_dry_run_removes_nothing_even_with_overwrite(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        extract(FakeModel(fail=interrupt_at(1500)), samples(2000), tmp_path / "x.h5", LAYERS)
    before = (tmp_path / "x.h5.partial").read_bytes()
    for overwrite, kept in ((True, 0), (False, 1472)):
        report = extract(
            FakeModel(),
            samples(2000),
            tmp_path / "x.h5",
            LAYERS,
            dry_run=True,
            overwrite=overwrite,
        )
        assert report.resumed_from == kept
    assert os.listdir(tmp_path) == ["x.h5.partial"]
    assert (tmp_path / "x.h5.partial").read_bytes() == before


def test_a_dry_run_where_nothing_is_left_to_run_has_no_estimate(tmp_path):
    extract(FakeModel(), samples(10), tmp_path / "x.h5", LAYERS)
    model = FakeModel()
    report = extract(model, samples(10), tmp_path / "x.h5", LAYERS, dry_run=True)
    assert report.already_done
    assert report.estimate is None
    assert model.opened[-1].rows == 0
