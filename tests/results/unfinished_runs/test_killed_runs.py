"""Whenever a labelling is killed, the same command continues it."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from invert_core import Settings
from invert_core.results import unfinished
from invert_core.results.run_directory import read_run
from invert_core.results.unfinished_place import clear_record
from tests.results.unfinished_runs.stopped_runs import (
    N_UNITS,
    before_unit,
    finish,
    is_whole,
    stop,
    units_on_disk,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def slow(monkeypatch):
    """Five units take a little more than a second."""
    clock = itertools.count()
    ticking = SimpleNamespace(monotonic=lambda: 0.21 * next(clock))
    monkeypatch.setattr(unfinished, "time", ticking)


CALLS = ("fsync", "replace", "mkdir", "unlink", "truncate", "rmdir")


HALVES = {
    "unfinished.jsonl": b'{"half": "a l',
    "unfinished.csv": b'a,0,1,"half a l',
    "unfinished.evidence": b"\x01\x00",
}
"""What a kill in the middle of a write leaves behind the saved rows."""


@contextlib.contextmanager
def pictures_of(folder, album):
    """Copy a folder whenever it is about to change, and when it has."""
    taken = []
    patch = pytest.MonkeyPatch()

    def take():
        place = album / f"{len(taken):03}"
        patch.undo()  # the copy is no change
        shutil.copytree(folder, place, symlinks=True)
        begin()
        taken.append(place)

    def begin():
        for name in CALLS:
            patch.setattr(os, name, noting(getattr(os, name)))

    def noting(call):
        def noted(*arguments, **options):
            take()
            result = call(*arguments, **options)
            take()
            return result

        return noted

    begin()
    yield taken
    patch.undo()


@pytest.mark.slow
@pytest.mark.parametrize("state", ["new", "resumed", "overwritten", "begun anew"])
def test_the_same_command_goes_on_from_every_moment_at_which_it_may_be_killed(
    here, whole, slow, tmp_path_factory, monkeypatch, state
):
    overwrite = state in ("overwritten", "begun anew")
    old = None
    if state == "resumed":
        stop(8)
    if state == "overwritten":
        old = finish(settings=Settings(length=1, permutations=0)).rows
    if state == "begun anew":
        stop(10, settings=Settings(length=1, permutations=0))
    with (
        before_unit(0, lambda: None),
        pictures_of(here, tmp_path_factory.mktemp("album")) as pictures,
    ):
        finish(overwrite=overwrite)
    assert is_whole(here / "run", whole)
    resumed = set()
    for picture in pictures:
        monkeypatch.chdir(picture)
        for path in picture.glob("run.partial/*"):  # killed in the middle of a write
            if path.name in HALVES:
                path.write_bytes(path.read_bytes() + HALVES[path.name])
            elif path.name != "unfinished.json":
                path.write_bytes(path.read_bytes()[:50])
        finished = (picture / "run").is_dir()
        if finished and read_run("run").labels.rows != old:
            clear_record(picture / "run")  # as the next labelling does
            assert is_whole(picture / "run", whole)
            continue
        if overwrite and not finished:  # between the two moves of folders
            assert state == "begun anew" or list(picture.glob(".run.*.old"))
        finish(overwrite=overwrite)
        assert is_whole(picture / "run", whole)
        resumed.add(tuple(read_run("run").info["timings"]["resumed_after"][-1:]))
    expected = {(8,), (12,)} if state == "resumed" else {(), (5,), (10,), (12,)}
    assert resumed == expected


@pytest.mark.skipif(os.name != "posix", reason="other systems do not open folders")
def test_rows_are_on_disk_before_the_record_says_so(here, monkeypatch):
    monkeypatch.setattr(unfinished, "SECONDS_BETWEEN_SAVES", 0.0)
    sync, move = os.fsync, os.replace
    synced = {}
    recorded = []

    def note_sync(number):
        sync(number)
        status = os.fstat(number)
        synced[status.st_ino] = status.st_size
        if recorded and status.st_ino == recorded[-1][0]:
            recorded[-1] = (None, recorded[-1][1])

    def note_move(source, target):
        if Path(target).name == "unfinished.json":
            assert all(folder is None for folder, _ in recorded), "its name was not synced"
            assert synced[os.stat(source).st_ino] == os.stat(source).st_size
            files = json.loads(Path(source).read_text())["files"]
            sizes = tuple(files[name]["n_bytes"] for name in HALVES)
            for name, size in zip(HALVES, sizes, strict=True):
                if size:
                    assert synced[(here / "run.partial" / name).stat().st_ino] == size
            recorded.append(((here / "run.partial").stat().st_ino, sizes))
        move(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_move)
    with before_unit(0, lambda: None):
        finish()
    for sizes in zip(*{sizes for _, sizes in recorded}, strict=True):
        assert len(set(sizes)) == N_UNITS + 1


CHILD = """
import sys
from invert_core.results import unfinished
from tests.results.unfinished_runs.stopped_runs import before_unit, finish
unfinished.SECONDS_BETWEEN_SAVES = 0.0
with before_unit(0, lambda: None):
    finish(jobs=int(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_labelling_killed_at_any_moment_goes_on(here):
    random = np.random.default_rng(1)
    np.savez("a.npz", a=random.normal(size=(40, 600)).astype(np.float32))
    finish("whole")
    kept = [0]
    for number, jobs in enumerate((1, 2, 1)):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(jobs)], env=os.environ | {"PYTHONPATH": str(ROOT)}
        ) as child:
            goal = kept[-1] + random.integers(1, 100) if number else 1
            end = time.monotonic() + 60
            while units_on_disk(here) < goal and child.poll() is None:
                assert time.monotonic() < end
            child.send_signal(signal.SIGKILL)
        kept.append(units_on_disk(here) or kept[-1])
        assert child.returncode == -signal.SIGKILL
        assert kept[-2] < kept[-1] < 600
    finish()
    assert is_whole(here / "run", here / "whole")
