"""Which unfinished run fits, which is refused, and what is never touched."""

import itertools
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from invert_core import Settings
from invert_core.errors import (
    ExistingOutputError,
    InvertError,
    MissingFileError,
    StaleFileError,
    StorageError,
)
from invert_core.files import write_lock
from invert_core.labelling.label_files import label_files
from invert_core.results.run_directory import read_run
from invert_core.results.unfinished_record import FILES
from tests.command_line import tree
from tests.results.unfinished_runs.stopped_runs import (
    SETTINGS,
    add,
    before_unit,
    finish,
    is_whole,
    stop,
    units_on_disk,
)


def changed_input(name):
    with np.load(name) as file:
        arrays = dict(file)
    first = next(iter(arrays))
    arrays[first] = ~arrays[first] if arrays[first].dtype == bool else arrays[first] + 1
    np.savez(name, **arrays)


@pytest.mark.parametrize(
    ("arguments", "change", "said"),
    [
        ({"settings": replace(SETTINGS, length=3)}, None, "settings.length 2, now it is 3"),
        ({"settings": replace(SETTINGS, beam=3)}, None, "settings.beam 2, now it is 3"),
        ({"units": [0]}, None, r"units null, now it is \[0\]"),
        ({"layers": ["a"]}, None, r'layers \["b", "a"\], now it is \["a"\]'),
        ({"join": "inner"}, None, 'join "strict", now it is "inner"'),
        ({"names": "names.csv"}, None, "inputs.names null, now it is"),
        ({}, lambda: changed_input("a.npz"), "inputs.activations "),
        ({}, lambda: changed_input("c.npz"), "inputs.concepts "),
        ({}, "versions", r"versions\.numpy .*, now it is \"0\""),
    ],
)
def test_other_inputs_or_settings_are_refused_by_name(here, monkeypatch, arguments, change, said):
    (here / "names.csv").write_text("concept_id,name\nconcept 1,one\n")
    stop(3)
    if change == "versions":
        monkeypatch.setattr("invert_core.labelling.label_files.versions", lambda: {"numpy": "0"})
    elif change:
        change()
    before = tree(here)
    with pytest.raises(StaleFileError, match=said) as caught:
        finish(**arguments)
    assert "'run.partial' was made with" in str(caught.value)
    assert "start anew with --overwrite" in str(caught.value)
    assert "would continue after 3 units" in str(caught.value)
    assert tree(here) == before

    found = finish(overwrite=True, **arguments)
    assert read_run("run").info["timings"]["resumed_after"] == []
    assert found.rows == finish("other", **arguments).rows
    assert not (here / "run.partial").exists()


def test_inputs_may_move_and_units_and_layers_may_be_named_in_any_order(here):
    chosen = {"units": [3, 0, 1], "layers": ["a", "b"]}
    stop(2, **chosen)
    (here / "moved").mkdir()
    for name in ("a.npz", "c.npz"):
        (here / name).rename(here / "moved" / name)
    label_files(
        here / "moved" / "a.npz",
        here / "moved" / "c.npz",
        here / "run",
        settings=SETTINGS,
        units=np.array([0, 1, 3, 3]),
        layers=("b", "a"),
    )
    assert read_run("run").info["timings"]["resumed_after"] == [2]


def test_a_whole_run_stays_until_the_one_that_replaces_it_is_whole(here, whole):
    finish(settings=Settings(length=1, permutations=0))
    before = tree(here / "run")
    stop(7, overwrite=True)
    assert tree(here / "run") == before
    with pytest.raises(ExistingOutputError, match=r"'run' exists.*--overwrite"):
        finish()
    assert tree(here / "run") == before
    finish(overwrite=True)
    assert is_whole(here / "run", whole)
    assert read_run("run").info["timings"]["resumed_after"] == [7]
    finish(overwrite=True)
    assert read_run("run").info["timings"]["resumed_after"] == []


def test_an_unfinished_run_is_given_up_only_for_units_of_another(here, whole):
    stop(7)
    other = {"settings": Settings(length=1, permutations=0), "overwrite": True}
    stop(0, **other)
    finish("first")
    assert units_on_disk(here) == 7
    stop(2, **other)
    assert units_on_disk(here) == 2
    with pytest.raises(StaleFileError, match="length 1, now it is 2"):
        finish()


def test_a_run_that_appears_meanwhile_is_not_replaced(here, whole):
    with before_unit(5, lambda: shutil.copytree(here / "whole", here / "run")):
        before = tree(here / "whole")
        with pytest.raises(ExistingOutputError, match="12 of 12 units are kept"):
            finish()
    assert tree(here / "run") == before
    shutil.rmtree(here / "run")
    add(here / "run.partial", "unfinished.json.new")
    finish()
    assert is_whole(here / "run", whole)


def test_nothing_of_a_run_that_was_given_up_is_left(here, whole):
    with (
        before_unit(5, lambda: shutil.copytree(here / "whole", here / "run")),
        pytest.raises(ExistingOutputError),
    ):
        finish()
    assert (here / "run.partial" / "run.json").exists()
    stop(3, settings=Settings(length=1, permutations=0), overwrite=True)
    names = {path.name for path in (here / "run.partial").iterdir()}
    assert names == {"unfinished.json", *FILES}
    assert (here / "run.partial" / "unfinished.jsonl").read_text().count("\n") >= 3


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda place: place.write_text("precious"), "is not a folder"),
        (lambda place: place.symlink_to("elsewhere"), "is not a folder"),
        (lambda place: place.symlink_to("nowhere"), "is not a folder"),
        (lambda place: add(place, "thesis.txt"), "holds 'thesis.txt'"),
        (lambda place: add(place, "unfinished.jsonl"), r"has no unfinished\.json"),
        (lambda place: add(place, "labels.jsonl"), r"has no unfinished\.json"),
        (lambda place: add(place, "labels.csv"), r"has no unfinished\.json"),
        (lambda place: add(place, "run.json"), r"has no unfinished\.json"),
        (lambda place: (place / "labels.jsonl").mkdir(parents=True), "holds 'labels.jsonl'"),
        (
            lambda place: (
                add(place, "unfinished.json"),
                (place / "labels.jsonl").symlink_to("../elsewhere/thesis.txt"),
            ),
            "holds 'labels.jsonl'",
        ),
    ],
)
def test_what_is_no_unfinished_run_is_left_alone(here, overwrite, make, said):
    add(here / "elsewhere", "thesis.txt")
    make(here / "run.partial")
    before = tree(here)
    with pytest.raises(ExistingOutputError, match=f"'run.partial' {said}.*Move it away"):
        finish(overwrite=overwrite)
    assert tree(here) == before


@pytest.mark.parametrize("names", [(), ("unfinished.json.new",)])
def test_a_folder_that_was_only_just_made_is_taken(here, whole, names):
    (here / "run.partial").mkdir()
    for name in names:
        add(here / "run.partial", name)
    finish()
    assert is_whole(here / "run", whole)


def test_inputs_in_an_unfinished_run_are_refused(here):
    stop(3)
    (here / "run.partial" / "labels.csv").write_text((here / "a.npz").name)
    with pytest.raises(ExistingOutputError, match="which would be lost"):
        label_files("a.npz", "run.partial/labels.csv", "run")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("same", ["run", "link", "x/../run"])
def test_of_two_labellings_with_one_output_the_second_is_refused(here, whole, overwrite, same):
    (here / "x").mkdir()
    (here / "link").symlink_to("run")
    refusals = []

    def work():
        with pytest.raises(InvertError) as caught:
            finish(same, overwrite=overwrite)
        refusals.append(str(caught.value))

    with before_unit(2, work):
        finish()
    (said,) = refusals
    if same != "link":
        assert "Another process is writing" in said
        assert "Wait until it has finished, or choose another output with -o." in said
    else:
        assert "'link' exists and is a link that leads nowhere" in said
    assert is_whole(here / "run", whole)


def test_an_output_behind_a_link_goes_on_beside_its_target(here, whole):
    (here / "real").mkdir()
    finish("real/run", settings=Settings(length=1, permutations=0))
    (here / "link").symlink_to("real/run", target_is_directory=True)
    stop(4, "link", overwrite=True)
    assert (here / "real" / "run.partial").is_dir()
    finish("real/run", overwrite=True)
    assert is_whole(here / "real" / "run", whole)
    assert (here / "link").is_symlink()


def test_a_name_that_leaves_no_room_is_refused_before_the_work(here):
    with (
        before_unit(0, lambda: pytest.fail("it searched")),
        pytest.raises(StorageError, match="too long"),
    ):
        finish("n" * 249)


def test_odd_names_stay_what_they_are(here, whole):
    output = "caf\udce9 \n run"
    error = stop(4, output)
    assert r"'caf\udce9 \n run.partial'" in error.__notes__[-1]
    finish(output)
    assert is_whole(here / output, whole)


def test_a_link_to_itself_is_no_run_to_read(here):
    (here / "run").symlink_to("run")
    with pytest.raises(MissingFileError, match="cannot be looked up: Too many levels"):
        read_run("run")


def test_an_unfinished_run_is_no_run_to_read(here):
    stop(4)
    for path in ("run.partial", "run"):
        with pytest.raises(MissingFileError) as caught:
            read_run(path)
        assert str(caught.value) == (
            "The run 'run.partial' is unfinished. "
            "Finish it: the same 'invert label' command continues where it stopped."
        )


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interrupt_after_the_move_leaves_a_complete_run_and_says_so(
    here, whole, monkeypatch, overwrite
):
    """The n-th change of the disk after the run has got its final name is interrupted."""
    said = []
    for number in itertools.count():
        if overwrite:
            finish(overwrite=True, settings=replace(SETTINGS, length=1))
        with monkeypatch.context() as patch:
            left = interrupt_after_the_move(patch, here, number)
            try:
                finish(overwrite=overwrite)
            except KeyboardInterrupt as interrupt:
                said.append(interrupt.__notes__[-1])
        assert is_whole(here / "run", whole)
        if left[0] >= 0:
            break
        for folder in [*here.glob(".run.*.old"), here / "run"]:
            shutil.rmtree(folder)
    assert set(said) == {"The run in 'run' is complete."}
    # The folder is synced, four files go, and those of an old run and their folder.
    assert len(said) == (10 if overwrite else 5)


def interrupt_after_the_move(patch, here, number):
    """Interrupt one call that changes the disk, except for locks; return how many more to wait."""
    left = [number]

    def interrupting(call):
        def called(path, *arguments, **options):
            is_moved = (here / "run").is_dir() and not (here / "run.partial").exists()
            if is_moved and left[0] >= 0 and not str(path).endswith(".lock"):
                left[0] -= 1
                if left[0] < 0:
                    raise KeyboardInterrupt
            return call(path, *arguments, **options)

        return called

    for name in ("fsync", "unlink", "rmdir"):
        patch.setattr(os, name, interrupting(getattr(os, name)))
    return left


def test_an_interrupt_while_inputs_and_the_lock_are_let_go_says_that_the_run_is_complete(
    here, whole, monkeypatch
):
    def released_and_interrupted(*arguments):
        release(*arguments)
        raise KeyboardInterrupt

    release = write_lock._release
    monkeypatch.setattr(write_lock, "_release", released_and_interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        finish()
    assert caught.value.__notes__ == ["The run in 'run' is complete."]
    assert is_whole(here / "run", whole)
