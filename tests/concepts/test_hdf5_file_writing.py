"""A concept file that cannot be written leaves nothing, wherever the writing stops."""

import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest

from invert_core.concepts import ConceptSet, hdf5_file, write_concepts
from invert_core.concepts.hdf5_file import read_hdf5
from invert_core.errors import StorageError
from tests.concepts.contents import contents

resource = pytest.importorskip("resource", reason="sets the system's limit of file sizes")

LABELS = np.random.default_rng(0).integers(-1, 2, (2_000, 30))
CONCEPTS = ConceptSet.from_arrays(
    LABELS,
    id=[f"c{k}" for k in range(30)],
    sample_id=[f"sample {row}" for row in range(2_000)],
)


def test_no_room_at_any_place_leaves_nothing_behind(tmp_path):
    path = tmp_path / "concepts.h5"
    write_concepts(path, CONCEPTS)
    size = path.stat().st_size
    assert contents(read_hdf5(path)) == contents(CONCEPTS)
    path.unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in [*range(0, size, size // 12), size - 1]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        try:
            with pytest.raises(StorageError, match=r"Cannot write .*concepts\.h5.: File too large"):
                write_concepts(path, CONCEPTS)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_when_it_cannot_be_replaced(tmp_path):
    path = tmp_path / "concepts.h5"
    write_concepts(path, CONCEPTS)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(StorageError):
            write_concepts(path, replace(CONCEPTS, name=("x",) * 30), overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert read_hdf5(path).name == CONCEPTS.name
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_waits_for_the_end_of_the_writing_and_leaves_nothing(tmp_path, monkeypatch):
    whole = hdf5_file._fill
    ended = []

    def interrupted(file, concepts):
        os.kill(os.getpid(), signal.SIGINT)
        whole(file, concepts)
        ended.append(True)

    monkeypatch.setattr(hdf5_file, "_fill", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_concepts(tmp_path / "concepts.h5", CONCEPTS)
    assert ended == [True]
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_the_thread_starts_comes_before_any_writing(tmp_path, monkeypatch):
    start = threading.Thread.start
    threads, begun = [], []

    def interrupted(thread):
        start(thread)
        threads.append(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    monkeypatch.setattr(hdf5_file, "_fill", lambda file, concepts: begun.append(True))
    with pytest.raises(KeyboardInterrupt):
        write_concepts(tmp_path / "concepts.h5", CONCEPTS)
    for thread in threads:
        thread.join()
    assert begun == []
    assert list(tmp_path.iterdir()) == []
