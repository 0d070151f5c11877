import json

import pytest

from invert_core.demo import LAYERS, run_demo
from invert_core.errors import ExistingOutputError


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    output = tmp_path_factory.mktemp("demo") / "run"
    return output, run_demo(output)


def test_every_output_unit_is_labelled_with_its_own_digit_at_length_1(demo):
    _, report = demo
    for digit in range(10):
        first = report.labels.at(f"output:{digit}")[0]
        assert first.by_length[0].length == 1
        assert first.by_length[0].formula == f"digit_{digit}"


def test_hidden_units_have_longer_formulas_that_hold_on_unseen_images(demo):
    _, report = demo
    longer = [row for row in report.labels.best() if row.layer == "relu3" and row.length > 1]
    held = [row for row in longer if report.held_out_auc[row.address] > row.auc - 0.03]
    assert len(held) >= 10
    (unit,) = (row for row in held if row.address == "relu3:17")
    assert unit.label == "four | five"
    assert unit.auc > unit.by_length[0].auc + 0.05


def test_two_layers_are_labelled_whole_and_the_run_can_be_repeated(demo):
    output, report = demo
    units = {(row.layer, row.unit) for row in report.labels}
    assert units == {("relu3", k) for k in range(32)} | {("output", k) for k in range(10)}
    assert LAYERS == ("relu3", "output")
    info = json.loads((output / "run.json").read_text(encoding="utf-8"))
    for found in info["inputs"].values():
        assert (output / found["path"]).stat().st_size == found["bytes"]


def test_a_second_demo_needs_leave_to_overwrite(demo):
    output, _ = demo
    with pytest.raises(ExistingOutputError, match="--overwrite"):
        run_demo(output)
    assert run_demo(output, overwrite=True).labels.rows == demo[1].labels.rows
