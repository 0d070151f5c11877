"""Where machine code is kept, and what happens where it cannot be kept or is damaged."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import invert_core
from invert_core.kernels import _cache, _internals, _jit
from invert_core.kernels._jit import kernel

compiled_only = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")


@pytest.fixture(autouse=True)
def nothing_lost(monkeypatch):
    """No kernel could not be written."""
    monkeypatch.setattr(_cache, "_lost", [])


def twice(number):
    return 2 * number


def hits():
    """Call a kernel in the state of a new process: whether its machine code was loaded."""
    again = kernel(twice)
    assert again(21) == 42
    return sum(again.stats.cache_hits.values())


@pytest.fixture
def library(tmp_path):
    """A copy of the library."""
    folder = tmp_path / "invert_core"
    shutil.copytree(
        Path(invert_core.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    return folder


def place(library, **environment):
    """Where a process keeps the machine code of a copy of the library."""
    done = subprocess.run(
        [sys.executable, "-c", "from invert_core.kernels._cache import CACHE; print(CACHE)"],
        cwd=library.parent,
        env=os.environ | {"NUMBA_CACHE_DIR": ""} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


def test_machine_code_of_an_older_source_is_never_used(library):
    before = place(library)
    assert before.parent == library / "kernels" / "__pycache__"
    assert place(library) == before
    # `search_units` stands in another file, but calls what stands here.
    callee = library / "kernels" / "formulas.py"
    callee.write_text(callee.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert place(library) != before


def test_a_source_in_a_folder_below_counts_like_any_other(library):
    before = place(library)
    folder = library / "kernels" / "below"
    folder.mkdir()
    (folder / "added.py").write_text("ADDED = 1")
    after = place(library)
    assert after != before
    (folder / "added.py").write_text("ADDED = 2")
    assert place(library) not in (before, after)


def test_machine_code_for_another_processor_is_never_used(library):
    assert place(library) != place(library, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")


def test_a_read_only_installation_uses_the_folder_of_the_user(library, tmp_path):
    # A file stands where a folder would have to be made: that stops even a superuser.
    (library / "kernels" / "__pycache__").write_text("")
    users = tmp_path / "users"
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    assert place(library, **{variable: str(users)}).parent == users


@compiled_only
@pytest.mark.parametrize(
    "damaged",
    [
        lambda content: b"",
        lambda content: content[:16],
        lambda content: content[:-1],
        lambda content: bytes(len(content)),
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    ],
    ids=["empty", "a stump", "a byte short", "zeros", "one bit"],
)
def test_damaged_machine_code_is_compiled_again(tmp_path, monkeypatch, damaged):
    monkeypatch.setattr(_cache, "CACHE", tmp_path)
    assert hits() == 0
    assert hits() == 1
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damaged(whole))
    assert hits() == 0
    assert hits() == 1


@compiled_only
@pytest.mark.parametrize("cache", ["a full disk", None])
def test_kernels_work_where_nothing_can_be_written(tmp_path, monkeypatch, cache):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(_cache, "CACHE", cache and tmp_path / "file" / "below")
    assert hits() == 0
    assert hits() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@compiled_only
@pytest.mark.parametrize(
    ("kept", "words"), [(True, "but only once for each"), (False, "each time, because no folder")]
)
def test_compiling_is_announced_once(tmp_path, monkeypatch, caplog, kept, words):
    monkeypatch.setattr(_cache, "CACHE", tmp_path if kept else None)
    _cache.announce.cache_clear()
    with caplog.at_level("INFO", "invert"):
        hits()
        hits()
    [message] = caplog.messages
    assert words in message


def test_a_job_is_claimed_by_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(_cache, "CACHE", tmp_path)
    with (
        _cache.claimed("job") as first,
        _cache.claimed("job") as second,
        _cache.claimed("another job") as another,
    ):
        assert (first, second, another) == (True, False, True)
    with _cache.claimed("job") as again:
        assert again


def test_a_job_that_was_done_is_known_to_every_process_that_shares_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(_cache, "CACHE", tmp_path)
    assert not _cache.is_done("job")
    _cache.note_done("job")
    assert _cache.is_done("job")
    assert not _cache.is_done("another job")
    monkeypatch.setattr(_cache, "CACHE", None)
    _cache.note_done("job")
    assert not _cache.is_done("job")


@compiled_only
def test_a_job_with_a_kernel_that_could_not_be_written_is_not_done(tmp_path, monkeypatch):
    monkeypatch.setattr(_cache, "CACHE", tmp_path / "missing")
    assert hits() == 0
    monkeypatch.setattr(_cache, "CACHE", tmp_path)
    _cache.note_done("job")
    assert not _cache.is_done("job")


def refused(file):
    raise OSError(5, "no locks here")


def test_where_locks_do_not_work_nobody_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(_cache, "CACHE", tmp_path)
    monkeypatch.setattr(_cache, "try_lock", refused)
    with _cache.claimed("job") as free:
        assert free
    monkeypatch.setattr(_cache, "CACHE", tmp_path / "missing")
    with _cache.claimed("job") as free:
        assert free


@pytest.fixture
def told(tmp_path, monkeypatch, caplog):
    """Keeps machine code below `tmp_path`; the warnings of what the test does."""
    monkeypatch.setattr(_cache, "CACHE", tmp_path)
    _cache.tell_numbas_own.cache_clear()
    caplog.set_level("WARNING", "invert")
    return caplog


@compiled_only
def test_kernels_are_in_numbas_own_cache_where_its_internals_are_missing(
    tmp_path, monkeypatch, told
):
    for module in (_jit, _internals):
        monkeypatch.setattr(module, "MISSING", ["numba.core.serialize:dumps"])
    assert hits() == 0
    assert hits() == 1
    assert [path.suffix for path in sorted(tmp_path.rglob("*.nb?"))] == [".nbc", ".nbi"]
    [message] = told.messages
    assert message.startswith(
        f"Numba {numba.__version__} lacks numba.core.serialize:dumps: kernels"
    )
    assert not numba.config.CACHE_DIR.startswith(str(tmp_path))


@compiled_only
@pytest.mark.parametrize("writes_files", [False, True])
def test_kernels_are_in_numbas_own_cache_where_its_internals_do_something_else(
    tmp_path, monkeypatch, told, writes_files
):
    if writes_files:
        assert hits() == 0
    for step in ("to_bytes", "from_bytes"):
        monkeypatch.setattr(_internals, step, lambda *given: given[99])
    assert hits() == 0
    assert hits() == 1
    assert list(tmp_path.rglob("*.nbi"))
    [message] = told.messages
    assert "in a way of its own: kernels are kept in Numba's own cache" in message


@compiled_only
def test_kernels_work_where_internals_are_missing_and_nothing_can_be_written(monkeypatch, told):
    monkeypatch.setattr(_cache, "CACHE", None)
    monkeypatch.setattr(_jit, "MISSING", ["numba.core.serialize:dumps"])
    assert hits() == 0
    assert hits() == 0


WITHOUT_AN_INTERNAL = """
import pkgutil
import numpy as np
resolve_name = pkgutil.resolve_name
def look(name):
    return resolve_name(name.replace("serialize:dumps", "serialize:gone"))
pkgutil.resolve_name = look
from invert_core.diagnosis import diagnose
from invert_core.kernels.bits import popcounts
print(popcounts(np.full((1, 2), 7, np.uint64)))
for found in diagnose():
    if found.subject == "kernel cache":
        print(found.finding)
"""


@pytest.mark.slow
@compiled_only
def test_a_numba_without_an_internal_is_told_of_once_and_by_the_doctor(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_AN_INTERNAL],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    counts, place, reason = done.stdout.splitlines()
    assert counts == "[6]"
    assert place.startswith(str(tmp_path))
    assert reason.startswith("that of Numba itself: Numba ")
    assert reason.endswith(" lacks numba.core.serialize:dumps")
    assert done.stderr.count("lacks numba.core.serialize:dumps: kernels are kept in Numba's") == 1
