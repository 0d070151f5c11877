"""Null distributions on disk: what is damaged, foreign or of another search is not used."""

import os

import numpy as np
import pytest

from invert_core.nulls import kept
from invert_core.nulls.kept import Kept
from invert_core.nulls.nodes import Node

NULL = -np.random.default_rng(0).random((20, 3))
NODE = Node(500)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    return tmp_path / "invert" / "nulls"


def test_what_was_written_is_read_again():
    Kept("a").write(NODE, NULL)
    np.testing.assert_array_equal(Kept("a").read(NODE, (20, 3)), NULL)


def test_another_search_node_or_shape_finds_nothing():
    Kept("a").write(NODE, NULL)
    assert Kept("b").read(NODE, (20, 3)) is None
    assert Kept("a").read(Node(501), (20, 3)) is None
    assert Kept("a").read(Node(500, is_highest=True), (20, 3)) is None
    assert Kept("a").read(NODE, (20, 2)) is None


@pytest.mark.parametrize("harm", ["cut", "longer", "flipped", "empty"])
def test_a_damaged_file_counts_as_absent(folder, harm):
    Kept("a").write(NODE, NULL)
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    if harm == "flipped":
        content[100] ^= 1
    changed = {"cut": content[:-1], "longer": content + b"x", "empty": b""}
    file.write_bytes(changed.get(harm, content))
    assert Kept("a").read(NODE, (20, 3)) is None


def test_the_whole_file_of_another_search_counts_as_absent(folder):
    Kept("a").write(NODE, NULL)
    (own,) = folder.iterdir()
    Kept("b").write(NODE, NULL - 1)
    (other,) = set(folder.iterdir()) - {own}
    other.replace(own)
    assert Kept("a").read(NODE, (20, 3)) is None


def test_numbers_that_no_search_returns_count_as_absent():
    Kept("a").write(NODE, np.full((20, 3), np.nan))
    assert Kept("a").read(NODE, (20, 3)) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(folder):
    Kept("a").write(NODE, NULL)
    (file,) = folder.iterdir()
    file.unlink()
    os.mkfifo(file)
    assert Kept("a").read(NODE, (20, 3)) is None


def test_a_search_that_depends_on_time_is_not_kept(folder):
    Kept(None).write(NODE, NULL)
    assert Kept(None).read(NODE, (20, 3)) is None
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_keeps_nothing_and_harms_nothing(folder):
    folder.parent.write_bytes(b"a file")
    Kept("a").write(NODE, NULL)
    assert Kept("a").read(NODE, (20, 3)) is None


def test_the_oldest_files_make_room(folder, monkeypatch):
    monkeypatch.setattr(kept, "_MOST_FILES", 4)
    for number, identity in enumerate("abcde"):
        Kept(identity).write(NODE, NULL)
        for file in folder.iterdir():
            if file.stat().st_mtime > 1e6:
                os.utime(file, (number, number))
    there = [Kept(one).read(NODE, (20, 3)) is not None for one in "abcde"]
    assert there == [False, False, True, True, True]


def test_what_would_leave_no_room_for_others_is_not_kept(folder, monkeypatch):
    monkeypatch.setattr(kept, "_MOST_BYTES", 4 * NULL.nbytes - 1)
    Kept("a").write(NODE, NULL)
    assert not folder.exists()
