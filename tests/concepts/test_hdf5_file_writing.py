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
from tests.concepts.file_sizes import room_for

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
    too_large = r"Cannot write .*concepts\.h5.: File too large"
    for room in [*range(0, size, size // 12), size - 1]:
        with room_for(room), pytest.raises(StorageError, match=too_large):
            write_concepts(path, CONCEPTS)
        assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_when_it_cannot_be_replaced(tmp_path):
    path = tmp_path / "concepts.h5"
    write_concepts(path, CONCEPTS)
    with room_for(20_000), pytest.raises(StorageError):
        write_concepts(path, replace(CONCEPTS, name=("x",) * 30), overwrite=True)
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
