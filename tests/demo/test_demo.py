import json

import pytest

from invert_core import read_evidence, verify_run
from invert_core.demo import LAYERS, run_demo
from invert_core.errors import ExistingOutputError


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    output = tmp_path_factory.mktemp("demo") / "run"
    return output, run_demo(output)


def test_every_output_unit_is_labelled_with_its_own_digit_at_length_1(demo):
    _, labels = demo
    for digit in range(10):
        first = labels.at(f"output:{digit}")[0]
        assert first.by_length[0].length == 1
        assert first.by_length[0].formula == f"digit_{digit}"


def test_hidden_units_have_longer_formulas_that_hold_on_unseen_images(demo):
    _, labels = demo
    longer = [row for row in labels.best() if row.layer == "relu3" and row.length > 1]
    held = [row for row in longer if row.optimism < 0.03]
    assert len(held) >= 10
    (unit,) = (row for row in held if row.address == "relu3:17")
    assert unit.label == "four | five"
    assert unit.auc > unit.by_length[0].auc + 0.05


def test_two_layers_are_labelled_whole_and_the_run_can_be_repeated(demo):
    output, labels = demo
    units = {(row.layer, row.unit) for row in labels}
    assert units == {("relu3", k) for k in range(32)} | {("output", k) for k in range(10)}
    assert LAYERS == ("relu3", "output")
    info = json.loads((output / "run.json").read_text(encoding="utf-8"))
    for found in info["inputs"].values():
        assert (output / found["path"]).stat().st_size == found["bytes"]


def test_the_run_of_the_demo_has_evidence(demo):
    output, labels = demo
    found = read_evidence(output)
    assert len(found.rows["hits"]) == len(labels)
    eight = found.layer.index("output") + 8
    assert found.concept[found.units["share"][eight, 0]] == "digit_8"
    assert set(found.sha256) == {"activations", "held_out", "labels"}


def test_a_second_demo_needs_leave_to_overwrite(demo):
    output, _ = demo
    with pytest.raises(ExistingOutputError, match="--overwrite"):
        run_demo(output)
    assert run_demo(output, overwrite=True).rows == demo[1].rows


def test_the_run_of_the_demo_can_be_verified(demo):
    output, labels = demo
    assert {row.n_samples_held_out for row in labels} == {599, None}  # one unit is dead
    found = verify_run(output)
    assert found.differences == ()
    assert found.inputs["held_out"] == output / "held_out.h5"
