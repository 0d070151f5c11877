"""A labelling that stops continues where it stopped, and leaves nothing if nothing was done."""

import errno
import itertools
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest

from invert_core import Settings
from invert_core.errors import (
    DataError,
    MissingFileError,
    SettingError,
    StorageError,
    UnknownNameError,
)
from invert_core.labelling.label import label_workload
from invert_core.labelling.label_files import label_files
from invert_core.results import unfinished
from invert_core.results.run_directory import read_run
from tests.command_line import tree
from tests.results.changed_files import seal
from tests.results.unfinished_runs.stopped_runs import (
    Stop,
    before_unit,
    fail,
    finish,
    is_whole,
    stop,
)


@pytest.mark.parametrize("after", [1, 4, 11])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), Stop(), MemoryError(), DataError("NaN"), StorageError("full")]
)
def test_a_labelling_that_was_stopped_goes_on_and_gives_the_same_bytes(
    here, whole, caplog, error, after
):
    with pytest.raises(type(error)) as caught, before_unit(after, fail(error)):
        finish(jobs=2)
    assert f"{after} of 12 units are kept in 'run.partial'" in caught.value.__notes__[-1]
    assert not (here / "run").exists()
    caplog.set_level("INFO", "invert")
    progress = []
    found = finish(progress=lambda *numbers: progress.append(numbers))
    assert f"Continuing after {after} of 12 units" in caplog.text
    assert progress[0] == (after, 12)
    assert progress[-1] == (12, 12)
    assert is_whole(here / "run", whole)
    assert found.rows == read_run(whole).labels.rows
    assert found.extent(found.rows[0]).sum() == found.rows[0].n_positive
    assert not (here / "run.partial").exists()


def test_a_labelling_may_be_stopped_again_and_again(here, whole):
    for after in (1, 2, 5, 11):
        stop(after)
        stop(after)  # nothing new
    finish()
    assert is_whole(here / "run", whole)
    timings = json.loads((here / "run" / "run.json").read_text())["timings"]
    assert timings["resumed_after"][-1] == 11
    assert set(timings["resumed_after"]) == {1, 2, 5, 11}


def test_the_time_of_all_parts_is_added_up(here):
    stop(3)
    record = json.loads((here / "run.partial" / "unfinished.json").read_text())
    record["timings"] |= {"label_seconds": 5000.0, "started": "2026-01-01T00:00:00Z"}
    seal(here / "run.partial" / "unfinished.json", record)
    finish()
    timings = read_run("run").info["timings"]
    assert timings["started"] == "2026-01-01T00:00:00Z"
    assert 5000 < timings["label_seconds"] < 9000
    finish("other")
    assert read_run("other").info["timings"]["resumed_after"] == []


def test_a_unit_that_cannot_be_labelled_leaves_those_before_it(here, monkeypatch):
    values = np.random.default_rng(0).normal(size=(40, 300)).astype(np.float32)
    values[3, 270] = np.nan
    np.save("a.npy", values)
    monkeypatch.setattr(
        "invert_core.labelling.label_files.label_workload",
        lambda *a, **options: label_workload(*a, **options, block=16),
    )
    settings = Settings(length=1, permutations=0)
    with pytest.raises(DataError) as caught:
        label_files("a.npy", "c.npz", "run", settings=settings, jobs=1)
    assert "unit a:270" in str(caught.value)
    assert "of 300 units are kept in 'run.partial'; the same command continues" in str(caught.value)
    assert "other inputs or settings need --overwrite" in str(caught.value)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Stop(), DataError("NaN")])
def test_nothing_is_left_behind_when_nothing_was_done(here, error):
    before = tree(here)
    with pytest.raises(type(error)) as caught, before_unit(0, fail(error)):
        finish()
    assert not getattr(caught.value, "__notes__", ())
    assert tree(here) == before


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"layers": ["none"]}, UnknownNameError),
        ({"units": [99]}, UnknownNameError),
        ({"jobs": 0}, SettingError),
        ({"settings": Settings(min_fraction=0.499, max_fraction=0.4991)}, DataError),
        ({"names": "none.csv"}, MissingFileError),
    ],
)
@pytest.mark.parametrize("earlier", [False, True])
def test_wrong_arguments_change_nothing_on_disk(here, arguments, error, earlier):
    if earlier:
        stop(3)
    before = tree(here)
    with pytest.raises(error):
        finish(overwrite=earlier, **arguments)
    assert tree(here) == before


@pytest.fixture
def slow(monkeypatch):
    """Five units take a little more than a second."""
    clock = itertools.count()
    ticking = SimpleNamespace(monotonic=lambda: 0.21 * next(clock))
    monkeypatch.setattr(unfinished, "time", ticking)


def test_rows_are_saved_once_a_second_at_most(here, slow, monkeypatch):
    saved = []
    save = unfinished.UnfinishedRun._write_record

    def note(run, record):
        saved.append(record.n_units)
        save(run, record)

    monkeypatch.setattr(unfinished.UnfinishedRun, "_write_record", note)
    with before_unit(0, lambda: None):
        finish()
    assert saved == [0, 5, 10, 12]


def no_space():
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("part", ["_write_rows", "_write_record"])
def test_a_full_disk_leaves_what_was_saved_before(here, whole, monkeypatch, part):
    monkeypatch.setattr(unfinished, "SECONDS_BETWEEN_SAVES", 0.0)
    write = getattr(unfinished.UnfinishedRun, part)

    def refuse(run, *arguments):
        if run.n_done >= 5:
            no_space()
        write(run, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(unfinished.UnfinishedRun, part, refuse)
        with pytest.raises(StorageError) as caught, before_unit(0, lambda: None):
            finish()
    assert str(caught.value) == (
        "Cannot write 'run': No space left on device. Free space there or choose another output "
        "with -o. 5 of 12 units are kept in 'run.partial'; the same command continues from there."
    )
    finish()
    assert is_whole(here / "run", whole)


@pytest.mark.parametrize("part", ["_write_rows", "_write_record"])
def test_a_disk_that_is_full_from_the_start_keeps_nothing(here, monkeypatch, part):
    before = tree(here)
    monkeypatch.setattr(unfinished.UnfinishedRun, part, lambda *_: no_space())
    with pytest.raises(StorageError, match="No space left"):
        finish()
    assert tree(here) == before


def test_a_disk_that_fills_up_at_the_end_keeps_all_units(here, whole, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("invert_core.labelling.label_files.write_info", lambda *_: no_space())
        with pytest.raises(StorageError, match="12 of 12 units are"):
            finish()
    finish()
    assert is_whole(here / "run", whole)


def test_an_interrupt_stays_one_when_the_disk_is_full(here, whole, monkeypatch):
    # On a busy machine, rows would be saved before the interrupt.
    monkeypatch.setattr(unfinished, "SECONDS_BETWEEN_SAVES", float("inf"))
    stop(3)
    with monkeypatch.context() as patch, before_unit(7, fail(KeyboardInterrupt())):
        patch.setattr(unfinished.UnfinishedRun, "_write_rows", lambda *_: no_space())
        with pytest.raises(KeyboardInterrupt) as caught:
            finish()
    assert "3 of 12 units are kept" in caught.value.__notes__[-1]
    finish()
    assert is_whole(here / "run", whole)


def test_a_second_interrupt_while_rows_are_saved_loses_only_those(here, whole, monkeypatch):
    stop(3)

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, before_unit(7, interrupted):
        patch.setattr(unfinished.UnfinishedRun, "_write_record", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught, before_unit(0, lambda: None):
            finish()
    assert "3 of 12 units are kept" in caught.value.__notes__[-1]
    finish()
    assert is_whole(here / "run", whole)


def test_an_interrupt_behind_the_record_is_no_gap(here, whole, monkeypatch):
    # Saved, but not yet noted as saved: the rows are saved again, with those that follow.
    monkeypatch.setattr(unfinished, "SECONDS_BETWEEN_SAVES", 0.0)
    write = unfinished.UnfinishedRun._write_record
    interrupts = iter([None, None, KeyboardInterrupt()])

    def interrupted(run, record):
        write(run, record)
        if interrupt := next(interrupts, None):
            raise interrupt

    with monkeypatch.context() as patch:
        patch.setattr(unfinished.UnfinishedRun, "_write_record", interrupted)
        with pytest.raises(KeyboardInterrupt) as caught, before_unit(0, lambda: None):
            finish()
    assert "2 of 12 units are kept" in caught.value.__notes__[-1]
    finish()
    assert is_whole(here / "run", whole)
