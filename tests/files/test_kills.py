"""A kill at any step loses nothing, and the next run leaves nothing else than its output."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from invert_core.errors import ExistingOutputError
from invert_core.results.unfinished_place import RECORD
from invert_core.results.unfinished_record import FILES
from tests.command_line import tree
from tests.files.killed_writers import WRITERS, prepare

ROOT = Path(__file__).parents[2]
MOMENTS = ("new", "overwrite")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a child at each step")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    prepare(folder)
    return folder


def output(folder):
    """What a writer has made; run.json holds times."""
    return {
        name: content
        for name, content in tree(folder).items()
        if name.split("/")[0].startswith("out") and not name.endswith("run.json")
    }


def old_beside(folder):
    """The old folder that a kill has left moved aside."""
    found = {"out": None}
    for path in folder.glob(".out*.old/*"):
        if path.name != "run.json":
            found[f"out/{path.name}"] = path.read_bytes()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("writer", WRITERS)
def test_a_kill_at_any_step_loses_nothing_and_leaves_nothing(
    inputs, tmp_path, monkeypatch, writer, moment
):
    start = shutil.copytree(inputs, tmp_path / "start")
    write = WRITERS[writer]
    old = {}
    if moment == "overwrite":
        monkeypatch.chdir(start)
        write("d.npz")
        old = output(start)
    monkeypatch.chdir(shutil.copytree(start, tmp_path / "whole"))
    write(overwrite=moment == "overwrite")
    whole = output(tmp_path / "whole")
    names = set(os.listdir())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "album").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.files.killed_writers", writer, start, "album", moment],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    pictures = sorted((tmp_path / "album").iterdir())
    assert len(pictures) > 3
    for picture in pictures:
        monkeypatch.chdir(picture)
        left = {
            name: content for name, content in output(picture).items() if ".partial" not in name
        }
        for name in (RECORD, *FILES):  # after the move into place
            left.pop(f"out/{name}", None)
        assert left in (old, whole) or old_beside(picture) == old, picture
        try:
            write(overwrite=moment == "overwrite")
        except ExistingOutputError:
            assert left == whole
        assert output(picture) == whole, picture
        assert set(os.listdir()) == names, picture


def test_what_another_process_is_writing_is_not_taken_for_a_leftover(tmp_path):
    from invert_core.files.atomic import new_file
    from invert_core.files.outputs import check_target

    with new_file(tmp_path / "x.csv") as partial:
        partial.write_text("half")
        check_target(tmp_path / "x.csv", overwrite=True)
        assert partial.read_text() == "half"


@pytest.mark.parametrize("newest", [0, 1])
def test_of_several_old_folders_the_newest_comes_back(tmp_path, newest):
    from invert_core.files.outputs import check_target

    for place, name in enumerate((".run.00000000.old", ".run.ffffffff.old")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text(str(place))
        os.utime(tmp_path / name, ns=(0, 10**9 * (2 if place == newest else 1)))
    with pytest.raises(ExistingOutputError):
        check_target(tmp_path / "run", overwrite=False)
    assert (tmp_path / "run" / "labels.csv").read_text() == str(newest)
    assert os.listdir(tmp_path) == ["run"]


def test_a_link_in_the_place_of_a_leftover_is_left_alone(tmp_path):
    from invert_core.files.outputs import check_target

    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    for kind in ("partial", "old"):
        (tmp_path / f".run.0123abcd.{kind}").symlink_to("precious")
    check_target(tmp_path / "run", overwrite=True)
    assert not os.path.lexists(tmp_path / "run")
    assert (tmp_path / "precious" / "thesis.txt").exists()
