"""Units with names, as flattened layers have them, are shown and found by name."""

import h5py
import numpy as np
import pytest

from invert_core import label, read_run, score
from invert_core.activations import open_activations
from invert_core.errors import UnknownNameError
from invert_core.results.labels import Labels
from tests.command_line import invert, refused
from tests.results.changed_files import seal_run

NAMES = ("0@0,0", "0@0,1", "0@1,0")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Activations of a layer with named units and of one without, and concepts."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    labels = random.random((40, 2)) < 0.4
    values = random.normal(size=(40, 3)).astype(np.float32)
    values[:, 1] += 10 * labels[:, 0]
    values[:, 2] = 1
    with h5py.File("x.h5", "w") as file:
        file.attrs.update(format="invert-activations", format_version=1, rows_done=40)
        for name in ("flat", "plain"):
            file[f"layers/{name}/activations"] = values
        file["layers/flat"].create_dataset("unit", data=NAMES, dtype=h5py.string_dtype())
    np.savez("c.npz", labels=labels, id=np.array(["a", "b"]))
    return tmp_path


def test_rows_hold_the_name_of_their_unit_dead_ones_too(here):
    rows = label(here / "x.h5", here / "c.npz").rows
    named = {row.unit: row.unit_name for row in rows if row.layer == "flat"}
    assert named == dict(enumerate(NAMES))
    assert {row.unit_name for row in rows if row.layer == "plain"} == {""}


def test_some_units_alone_keep_their_names(here):
    found = label(here / "x.h5", here / "c.npz", layers=["flat"], units=[2, 1]).rows
    assert {row.unit: row.unit_name for row in found} == {1: NAMES[1], 2: NAMES[2]}
    with open_activations(here / "x.h5") as activations:
        (row,) = score(activations, here / "c.npz", "a", layers=["flat"], units=[1]).rows
    assert row.unit_name == NAMES[1]


def test_a_unit_is_found_by_its_name(here):
    invert("label", "x.h5", "c.npz", "-o", "run")
    by_number = invert("show", "run", "flat:1").stdout
    assert invert("show", "run", "flat:0@0,1").stdout == by_number


def test_a_name_that_is_the_number_of_another_unit_means_that_one(here):
    with h5py.File("x.h5", "r+") as file:
        file["layers/flat/unit"][:] = ["2", "1", "7"]
    labels = label(here / "x.h5", here / "c.npz")
    assert {row.unit for row in labels.at("flat:2")} == {2}
    assert {row.unit for row in labels.at("flat:7")} == {2}


def test_a_layer_is_found_by_its_alias(here):
    with h5py.File("x.h5", "r+") as file:
        file["layers/flat"].attrs["alias"] = "plain"
        file["layers/plain"].attrs["alias"] = "block.0:relu"
    labels = label(here / "x.h5", here / "c.npz")
    assert {row.layer for row in labels.at("plain:1")} == {"plain"}
    assert labels.at("block.0:relu:1") == labels.at("plain:1")
    with pytest.raises(UnknownNameError):
        labels.at("plain:0@0,1")
    invert("label", "x.h5", "c.npz", "-l", "block.*", "-o", "run")
    by_name = invert("show", "run", "plain:2").stdout
    assert invert("show", "run", "block.0:relu:2").stdout == by_name
    assert read_run("run").labels.aliases == {"plain": "block.0:relu"}
    scored = invert("score", "x.h5", "c.npz", "-l", "block.0:relu", "--formula", "a").stdout
    assert "plain:1 " in scored
    assert "flat" not in scored


@pytest.mark.parametrize("broken", ["5", "[]", '{"plain": 1}'])
def test_aliases_in_a_run_that_are_not_names_are_refused(here, broken):
    invert("label", "x.h5", "c.npz", "-o", "run")
    text = (here / "run/run.json").read_text()
    (here / "run/run.json").write_text(text.replace("{", f'{{"aliases": {broken}, ', 1))
    seal_run(here / "run")
    assert "has aliases that are not names" in refused("show", "run", "plain:1")


def test_a_name_of_several_units_is_refused_with_their_numbers(here):
    with h5py.File("x.h5", "r+") as file:
        file["layers/flat/unit"][:] = ["crane", "sea: crane", "crane"]
    labels = label(here / "x.h5", here / "c.npz")
    with pytest.raises(UnknownNameError, match=r"2 units are called 'flat:crane'.*flat:0, flat:2"):
        labels.at("flat:crane")
    assert {row.unit for row in labels.at("flat:sea: crane")} == {1}
    with pytest.raises(UnknownNameError, match="Did you mean 'crane'"):
        labels.at("flat:cranes")


def test_commands_take_the_name_of_a_unit(here):
    for command in ("score", "probe"):
        given = (command, "x.h5", "c.npz", "--formula", "a", "-l", "flat", "--format", "csv")
        by_number = invert(*given, "--units", "1,2").stdout
        assert invert(*given, "--units", "0@0,1,2").stdout == by_number
    invert("label", "x.h5", "c.npz", "-l", "flat", "--units", "0@0,1", "-o", "run")
    assert read_run("run").info["arguments"]["units"] == "0@0,1"
    assert {row.unit for row in read_run("run").labels} == {1}


def test_the_name_is_printed_beside_the_number(here):
    printed = invert("label", "x.h5", "c.npz", "-o", "run").stdout
    assert "flat:1 (0@0,1)" in printed
    assert "plain:1 " in printed


def test_names_survive_a_file(here):
    labels = label(here / "x.h5", here / "c.npz")
    assert Labels.from_jsonl(labels.to_jsonl().splitlines()).rows == labels.rows
