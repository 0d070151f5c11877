"""`invert layers`: patterns, the tree, and what can be extracted."""

import json
from pathlib import Path

import pytest

import invert_core.demo
from tests.command_line import invert, refused

DIGITS = Path(invert_core.demo.__file__).parent / "digits.onnx"


def listed(*arguments):
    return json.loads(invert("layers", DIGITS, *arguments, "--format", "json").stdout)


def test_patterns_choose_by_module_or_by_tensor():
    assert [row["module"] for row in listed("relu?")] == ["relu1", "relu2", "relu3"]
    by_tensor = [row["name"] for row in listed("conv2d*")]
    assert by_tensor == ["conv2d", "conv2d_1"]
    assert listed("relu1", "conv1") == [
        row for row in listed() if row["module"] in ("relu1", "conv1")
    ]


def test_a_pattern_that_fits_nothing_gives_an_empty_list_and_says_so():
    done = invert("layers", DIGITS, "no*", "--format", "json")
    assert json.loads(done.stdout) == []
    assert "No layer fits 'no*'. Leave out the pattern to list all layers." in done.stderr
    done = invert("layers", DIGITS, "rellu*", "no*")
    assert "No layer fits 'rellu*' or 'no*'. Did you mean" in done.stderr
    assert "Leave out the patterns" in done.stderr


def test_supported_leaves_out_what_cannot_be_extracted():
    kept = listed("--supported")
    assert kept == [row for row in listed() if row["pool"]]
    assert len(kept) > 0


def test_if_nothing_that_fits_can_be_extracted_a_line_says_what_shows_why():
    done = invert("layers", DIGITS, "relu1:axis=7", "--supported")
    assert "None of these layers can be extracted; leave out --supported" in done.stderr
    assert "No layer fits" not in done.stderr


def test_layers_are_listed_as_they_would_be_read():
    (usual,), (flat,) = listed("relu1"), listed("relu1:axis=-1,pool=flatten")
    assert (usual["axis"], usual["batch_axis"], usual["n_units"], usual["pool"]) == (
        1,
        0,
        16,
        "mean",
    )
    assert "Conv" in usual["reason"]
    assert usual["certain"] is True
    assert usual["problem"] == ""
    assert (flat["axis"], flat["n_units"], flat["pool"]) == (3, 16 * 8 * 8, "flatten")
    assert (flat["reason"], flat["certain"]) == ("as asked", True)
    by_option = listed("relu?", "--channel-axis", "-1")
    assert [row["axis"] for row in by_option] == [3, 3, 1]


def test_the_first_pattern_that_fits_says_how_a_layer_is_read():
    rows = listed("relu1:pool=max", "relu*")
    assert {row["module"]: row["pool"] for row in rows} == {
        "relu1": "max",
        "relu2": "mean",
        "relu3": "none",
    }


def test_a_name_counts_before_a_pattern():
    assert listed("relu*:pool=max", "relu1:pool=flatten")[0]["pool"] == "flatten"


def test_a_layer_that_cannot_be_read_as_asked_says_why():
    (row,) = listed("relu1:axis=4")
    assert (row["pool"], row["n_units"]) == ("", None)
    assert row["problem"] == "has 4 axes, and the channel axis cannot be 4"
    assert listed("relu1:axis=4", "--supported") == []


def test_the_table_shows_which_axis_is_read():
    line = invert("layers", DIGITS, "relu1").stdout.splitlines()
    assert line[0].split()[:6] == ["name", "module", "op", "shape", "axis", "n"]
    assert "[?, 16, 8, 8]  1          16  mean" in line[1]


def test_an_option_of_a_layer_that_is_not_known_is_named(here):
    assert "Did you mean 'axis'" in refused("layers", DIGITS, "relu1:axes=1", code=2)


def test_the_table_has_no_column_of_modules_if_there_are_none(here):
    from tests.backends.models import model, node, save, value

    inputs, outputs = [value("x", ["n", 3])], [value("y", ["n", 3]), value("k", [2])]
    save(model([node("Neg", "x", "y"), node("Shape", "x", "k")], inputs, outputs), here)
    titles, *lines = invert("layers", "model.onnx").stdout.splitlines()
    assert titles.split()[:3] == ["name", "op", "shape"]
    assert lines[1].split() == ["k", "Shape", "[2]", "-", "-", "-", "0"]
    csv = invert("layers", "model.onnx", "--format", "csv").stdout
    assert csv.startswith("name,module,op")


def test_weights_are_counted():
    counts = {row["module"]: row["n_parameters"] for row in listed()}
    assert counts["conv1"] == 16 * 9 + 16
    assert counts["hidden"] == 32 * 512 + 32
    assert counts["relu1"] == 0


def test_the_tree_shows_modules_below_each_other(here):
    from tests.backends.models import network, save

    save(network(), here)
    lines = invert("layers", "model.onnx", "--tree").stdout.splitlines()
    assert [line.split("  [")[0].split() for line in lines[1:4]] == [
        ["stem", "-", "-"],
        ["conv", "Conv"],
        ["act", "Relu"],
    ]
    assert lines[2].startswith("  conv")


def test_the_tree_is_for_people(here):
    error = refused("layers", DIGITS, "--tree", "--format", "json", code=2)
    assert "leave it out with --format json" in error


@pytest.mark.parametrize("style", ["table", "csv"])
def test_every_style_has_a_line_for_each_layer(style):
    lines = invert("layers", DIGITS, "--format", style).stdout.splitlines()
    assert len(lines) == 1 + len(listed())
    assert lines[0].split("," if style == "csv" else None)[0] == "name"
