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
    assert "No layer fits 'no*'" in done.stderr


def test_supported_leaves_out_what_cannot_be_extracted():
    kept = listed("--supported")
    assert kept == [row for row in listed() if row["pool"]]
    assert len(kept) > 0


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
