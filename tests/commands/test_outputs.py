"""What may be an output, and what --overwrite replaces: the same rules in every command."""

import json
import os
import shutil

import h5py
import numpy as np
import pytest

from tests.command_line import invert, refused, tree
from tests.commands.test_model_commands import DEMO, DIGITS

FILES = {
    "extract": ("x.h5", "extract", DIGITS, "--data", "data.npz", "-l", "relu3", "-o"),
    "build": ("x.h5", "concepts", "build", "concepts.csv", "-o"),
    "add": ("x.h5", "concepts", "add", "old.h5", "more.csv", "-o"),
    "arrays": ("x.npz", "concepts", "export", "concepts.csv", "-o"),
    "export": ("x.csv", "export", "run", "-o"),
    "picture": ("x.svg", "probe", "activations.npz", "concepts.csv", "--formula", "a", "--picture"),
}
FOLDERS = {
    "label": ("x", "label", "activations.npz", "concepts.csv", "--length", 1, "-o"),
    "tables": ("x", "concepts", "export", "concepts.csv", "-o"),
    "demo": ("x", "demo", "-o"),
}
ALL = FILES | FOLDERS


@pytest.fixture
def ready(run):
    """Inputs for every command that writes."""
    with np.load(DEMO / "search.npz") as arrays:
        np.savez("data.npz", **{name: values[:20] for name, values in arrays.items()})
    invert("concepts", "build", "concepts.csv", "-o", "old.h5")
    (run.parent / "more.csv").write_text("sample_id,a,b,c\nt1,1,0,0\n")
    return run.parent


def target_of(writer, name=None):
    usual, *words = ALL[writer]
    if writer == "picture":
        pytest.importorskip("matplotlib")
    return name or usual, tuple(words)


@pytest.mark.parametrize("writer", ["extract", "build", "add"])
@pytest.mark.parametrize("kind", ["text", "other hdf5", "the other kind", "a copy of the other"])
def test_overwrite_replaces_no_hdf5_file_of_another_kind(ready, writer, kind):
    name, words = target_of(writer)
    if kind == "text":
        (ready / name).write_text("years of work")
    elif kind == "other hdf5":
        with h5py.File(name, "w") as file:
            file["thesis"] = np.arange(9)
    elif kind == "the other kind" and writer == "extract":
        shutil.copy("old.h5", name)
    else:
        with h5py.File(name, "w") as file:
            file.attrs["format"] = "invert-concepts" if writer == "extract" else b"invert-run"
    for more in ((), ("--overwrite",)):
        error = refused(*words, name, *more)
        assert f"'{name}' exists and is not an invert-" in error
        assert "--overwrite" not in error


@pytest.mark.parametrize("writer", FILES)
@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_a_folder_is_never_replaced_by_a_file(ready, writer, more):
    name, words = target_of(writer)
    (ready / name).mkdir()
    error = refused(*words, name, *more)
    assert "is a folder" in error
    assert "--overwrite" not in error


@pytest.mark.parametrize("writer", FOLDERS)
@pytest.mark.parametrize("root", ["/", "/.."])
def test_the_root_of_the_file_system_is_never_replaced(ready, writer, root):
    _, words = target_of(writer)
    error = refused(*words, root, "--overwrite")
    assert "is the root of the file system" in error
    assert "move away" not in error


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes in folders")
@pytest.mark.parametrize("writer", FILES)
def test_what_is_no_plain_file_is_never_replaced(ready, writer):
    name, words = target_of(writer)
    os.mkfifo(name)
    assert "is not a plain file" in refused(*words, name, "--overwrite")


@pytest.mark.parametrize("writer", ["build", "add", "arrays", "export", "picture"])
def test_an_empty_file_is_nobodys_data(ready, writer):
    name, words = target_of(writer)
    (ready / name).touch()
    assert "--overwrite" in refused(*words, name)
    invert(*words, name, "--overwrite")
    assert (ready / name).stat().st_size


def test_an_export_replaces_only_a_file_that_is_named_like_its_format(ready):
    (ready / "thesis.docx").write_text("years of work")
    error = refused("export", "run", "--format", "csv", "-o", "thesis.docx", "--overwrite")
    assert "'thesis.docx' exists and does not end in .csv" in error
    (ready / "x.csv").write_text("old")
    invert("export", "run", "-o", "x.csv", "--overwrite")
    assert (ready / "x.csv").read_text().startswith("layer,unit")


@pytest.mark.parametrize("writer", FOLDERS)
def test_a_foreign_file_in_an_output_folder_is_named_and_nothing_is_deleted(ready, writer):
    name, words = target_of(writer)
    invert(*words, name)
    (ready / name / "thesis.txt").write_text("years of work")
    for more in ((), ("--overwrite",)):
        assert "holds 'thesis.txt', which is not part of" in refused(*words, name, *more)
    (ready / name / "thesis.txt").unlink()
    assert "--overwrite" in refused(*words, name)
    invert(*words, name, "--overwrite")
    assert not list(ready.glob(".x*"))


def test_a_run_json_of_another_program_marks_no_run(ready):
    (ready / "x").mkdir()
    (ready / "x" / "run.json").write_text(json.dumps({"format": "marathon"}))
    (ready / "x" / "labels.csv").write_text("runner,seconds\n")
    _, words = target_of("label")
    assert "its run.json does not describe a run" in refused(*words, "x", "--overwrite")


def test_a_folder_of_labels_that_people_made_is_not_replaced_by_an_export(ready):
    (ready / "x").mkdir()
    (ready / "x" / "labels.csv").write_text("sample_id,cat,dog\n1,0,1\n")
    _, words = target_of("tables")
    error = refused(*words, "x", "--overwrite")
    assert "its labels.csv does not begin as an export does" in error


def test_what_the_demo_keeps_in_its_run_is_part_of_it_until_it_changes(ready):
    invert("demo", "-o", "x")
    (ready / "x" / "concepts.h5").write_bytes((ready / "old.h5").read_bytes())
    error = refused("demo", "-o", "x", "--overwrite")
    assert "holds 'concepts.h5', which is not part of a run" in error


@pytest.mark.parametrize("writer", ALL)
def test_a_link_is_followed_and_stays(ready, writer):
    name, words = target_of(writer)
    (ready / "real").mkdir()
    invert(*words, f"real/{name}")
    os.symlink(f"real/{name}", name)
    if writer != "extract":  # which finds that its work is done
        assert f"'{name}' exists" in refused(*words, name)
    before = (ready / "real" / name).lstat().st_ino
    invert(*words, name, "--overwrite")
    assert (ready / name).is_symlink()
    assert (ready / "real" / name).lstat().st_ino != before
    assert os.listdir("real") == [name]
    assert not list(ready.glob(f".{name}*"))


@pytest.mark.parametrize("writer", ALL)
@pytest.mark.parametrize("more", [(), ("--overwrite",)])
@pytest.mark.parametrize("kind", ["nowhere", "itself"])
def test_a_link_that_leads_nowhere_is_refused(ready, writer, more, kind):
    name, words = target_of(writer)
    os.symlink(f"none-{name}" if kind == "nowhere" else name, name)
    assert f"'{name}' exists and is a link that leads nowhere" in refused(*words, name, *more)
    assert os.path.islink(name)
    assert not os.path.exists(f"none-{name}")


@pytest.mark.parametrize("writer", ["extract", "label"])
@pytest.mark.parametrize("more", [(), ("--overwrite",)])
@pytest.mark.parametrize("aim", ["thesis.txt", "none.txt", "papers"])
def test_locks_and_unfinished_files_follow_no_links(ready, writer, more, aim):
    (ready / "thesis.txt").write_text("years of work")
    (ready / "papers").mkdir()
    (ready / "papers" / "thesis.txt").write_text("years of work")
    name, words = target_of(writer)
    tails = (".partial", ".partial.new", ".partial.rows") if writer == "extract" else (".partial",)
    for part in (f".{name}.lock", *(name + tail for tail in tails)):
        os.symlink(aim, part)
        before = tree(ready)
        assert "link" in refused(*words, name, *more) or "not a folder" in refused(*words, name)
        assert tree(ready) == before
        os.unlink(part)
    invert(*words, name)


@pytest.mark.parametrize("writer", ["build", "arrays", "export", "tables", "demo", "picture"])
def test_a_lock_that_is_a_link_is_refused_everywhere(ready, writer):
    name, words = target_of(writer)
    os.symlink("none.txt", f".{name}.lock")
    assert f"The lock '.{name}.lock' is a link" in refused(*words, name)
    assert not os.path.lexists("none.txt")
