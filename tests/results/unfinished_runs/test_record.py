"""A broken unfinished run is refused, or gives the right rows."""

import contextlib
import hashlib
import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.errors import (
    FileFormatError,
    StaleFileError,
)
from invert_core.results.unfinished_record import FILES
from tests.command_line import tree
from tests.results.changed_files import seal
from tests.results.unfinished_runs.stopped_runs import (
    finish,
    is_whole,
    stop,
    write_inputs,
)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A folder with inputs and a labelling that was stopped after eight units of twelve."""
    folder = tmp_path_factory.mktemp("stopped")
    write_inputs(folder)
    with contextlib.chdir(folder):
        stop(8)
        finish("whole")
    return folder


def finish_or_refuse(stopped, folder, change):
    """Go on from a changed unfinished run: the right rows, or a sentence and nothing changed."""
    place = folder / "run.partial"
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(stopped, folder)
    change(place)
    before = tree(folder)
    with contextlib.chdir(folder):
        refusal = None
        try:
            finish()
        except (FileFormatError, StaleFileError) as error:
            refusal = error
        if refusal:
            assert "'run.partial'" in refusal.message
            assert "--overwrite" in refusal.hint
            assert tree(folder) == before
            finish(overwrite=True)
        assert is_whole(folder / "run", folder / "whole")
        assert not place.exists()
    return refusal is not None


NAMES = st.sampled_from(["unfinished.json", *FILES])


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(name=NAMES, share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_off_is_refused(stopped, tmp_path_factory, name, share):
    def cut(place):
        content = (place / name).read_bytes().rstrip()
        (place / name).write_bytes(content[: int(share * len(content))])

    assert finish_or_refuse(stopped, tmp_path_factory.getbasetemp() / "cut", cut)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(name=NAMES, share=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_byte_that_changed_never_gives_wrong_rows(stopped, tmp_path_factory, name, share, byte):
    def change(place):
        content = bytearray((place / name).read_bytes())
        content[int(share * len(content))] = byte
        (place / name).write_bytes(content)

    finish_or_refuse(stopped, tmp_path_factory.getbasetemp() / "changed", change)


def of_record(**values):
    def change(place):
        record = json.loads((place / "unfinished.json").read_text())
        seal(place / "unfinished.json", record | values)

    return change


def of_file(name, **values):
    def change(place):
        record = json.loads((place / "unfinished.json").read_text())
        record["files"][name] |= values
        seal(place / "unfinished.json", record)

    return change


def of_all_rows(change):
    """Change the rows and make the record fit."""

    def write(place):
        text = change((place / "unfinished.jsonl").read_bytes())
        (place / "unfinished.jsonl").write_bytes(text)
        digest = hashlib.sha256(text).hexdigest()
        of_file("unfinished.jsonl", n_bytes=len(text), sha256=digest)(place)

    return write


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda place: (place / "unfinished.jsonl").unlink(), "unfinished.jsonl is shorter than"),
        (lambda place: (place / "unfinished.csv").unlink(), "unfinished.csv is shorter than"),
        (lambda place: (place / "unfinished.json").write_bytes(b"\xff"), "unfinished.json: "),
        (lambda place: (place / "unfinished.json").write_text("[" * 100_000), "unfinished.json: "),
        (lambda place: (place / "unfinished.json").write_text("{}"), "does not describe"),
        (lambda place: (place / "unfinished.json").write_text("null"), "does not describe"),
        (of_record(n_units=True), "wrong type"),
        (of_record(n_units=-1), "wrong type"),
        (of_record(n_units=7), "not about the first 7 units"),
        (of_record(n_units=13), "not about the first 13 units"),
        (of_record(n_units=10**30), "wrong type"),
        (of_record(files={}), "wrong type"),
        (of_record(files=None), "no files"),
        (of_record(files={"unfinished.jsonl": {"size": 1}}), "unfinished.json: "),
        (of_file("unfinished.jsonl", n_bytes=10**15), "unfinished.jsonl is shorter than"),
        (of_file("unfinished.jsonl", n_bytes=5), "unfinished.jsonl is not what was written"),
        (of_file("unfinished.csv", n_bytes=10**15), "unfinished.csv is shorter than"),
        (of_file("unfinished.csv", n_bytes=5), "unfinished.csv is not what was written"),
        (of_file("unfinished.evidence", n_bytes=10**15), "unfinished.evidence is shorter than"),
        (of_file("unfinished.evidence", n_bytes=5), "unfinished.evidence is not what was written"),
        (of_file("unfinished.csv", n_bytes=-1), "wrong type"),
        (of_file("unfinished.csv", sha256=None), "wrong type"),
        (of_record(fingerprint=[]), "wrong type"),
        (of_record(timings=None), "no timings"),
        (of_record(timings={"resumed_after": []}), "unfinished.json: "),
        (
            of_record(timings={"resumed_after": [], "started": "", "label_seconds": float("nan")}),
            "wrong type",
        ),
        (of_record(more=1), "unfinished.json: "),
        (of_all_rows(lambda text: b""), "not about the first 8 units"),
        (of_all_rows(lambda text: b"[]\n" + text), "line 1 of unfinished.jsonl is not a label"),
        (of_all_rows(lambda text: b"\xff" + text), "not UTF-8"),
        (of_all_rows(lambda text: text[:-9]), "is not a label"),
        (of_all_rows(lambda text: text.replace(b'"b"', b'"x"')), "not about the first 8 units"),
        (of_all_rows(lambda text: text + text), "not about the first 8 units"),
    ],
)
def test_a_broken_unfinished_run_is_refused_with_a_reason(stopped, tmp_path, change, said):
    shutil.copytree(stopped, tmp_path / "changed")
    change(tmp_path / "changed" / "run.partial")
    with (
        contextlib.chdir(tmp_path / "changed"),
        pytest.raises(FileFormatError, match=f"'run.partial' is broken .*{said}"),
    ):
        finish()
    assert finish_or_refuse(stopped, tmp_path / "again", change)


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6, 8, None])
def test_what_another_version_left_is_refused_until_it_is_given_up(stopped, tmp_path, version):
    shutil.copytree(stopped, tmp_path / "changed")
    of_record(format_version=version)(tmp_path / "changed" / "run.partial")
    with contextlib.chdir(tmp_path / "changed"), pytest.raises(FileFormatError) as caught:
        finish()
    assert str(caught.value) == (
        "The unfinished run 'run.partial' was left by another version of invert (format version "
        f"{version!r}, this program reads 7). Finish it with that version, start anew with "
        "--overwrite, or choose another output with -o."
    )
    assert finish_or_refuse(stopped, tmp_path / "again", of_record(format_version=version))
