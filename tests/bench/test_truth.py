"""Labels are compared with what is known about their units, and the measures mean what they say."""

import itertools

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bench import objectives
from bench.truth import agreement, encoder, outputs, sanity, strings
from bench.truth.__main__ import main
from invert_core import label
from invert_core.activations import ActivationWriter, Origin


@given(
    values=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    marks=st.integers(0, 63),
    count=st.integers(1, 6),
)
def test_samples_that_tie_at_the_cut_count_as_often_as_chance_takes_them(values, marks, count):
    values, count = np.array(values), min(count, len(values))
    extent = np.array([bool(marks >> k & 1) for k in range(len(values))])
    orders = itertools.permutations(range(len(values)))
    shares = [np.mean(extent[sorted(order, key=lambda k: -values[k])[:count]]) for order in orders]
    assert agreement.share_at_top(values, extent, count) == pytest.approx(np.mean(shares))


def test_the_demo_s_outputs_have_the_digits_as_headlines(tmp_path):
    with outputs.digits(tmp_path) as found:
        by_rule = dict(outputs.agreements(found, "output", min_fraction=0.05))
    assert all(list(of) == list(found.truth.values()) for of in by_rule.values())
    headlines = by_rule["AUC, headline, L = 3"]
    assert np.mean([one.jaccard for one in headlines.values()]) >= 0.95
    assert outputs.disagreeing(headlines, worst=3) == []
    assert any(one.jaccard < 1 for one in by_rule["AUC, rank 1, L = 3"].values())


def test_a_unit_whose_concept_is_too_rare_is_left_out(tmp_path):
    with outputs.digits(tmp_path) as found:
        share = {of: found.concepts.extent(of).mean() for of in found.truth.values()}
        least = float(np.median(list(share.values())))
        for _, of_rule in outputs.agreements(found, "output", least):
            assert list(of_rule) == [of for of in share if share[of] >= least]
            assert 0 < len(of_rule) < 10


def test_the_table_of_the_digits_is_printed(tmp_path):
    done = CliRunner().invoke(main, ["digits", "--keep", str(tmp_path / "kept")])
    assert done.exit_code == 0, done.output
    assert "| AUC, headline, L = 3 | 10 | 1.000 | 1.000 | 10 | 0 |" in done.output
    assert (tmp_path / "kept" / "digits.h5").is_file()


def test_labels_that_miss_the_samples_that_fire_most_are_counted():
    found = [
        agreement.Agreement("a", 0.99, 1.0, 0.5),
        agreement.Agreement("b", 0.96, 0.5, 0.49),
        agreement.Agreement("c", 0.94, 0.6, 0.0),
    ]
    counted = agreement.summary(found)
    assert counted["mean Jaccard"] == "0.700"
    assert (counted["AUC from 0.95"], counted["of these miss the top"]) == ("2", "1")


def test_concepts_of_strings_say_which_characters_and_font_they_have():
    pytest.importorskip("matplotlib")
    made = strings.Strings(['AB\\"&~,', "zzzzzzz"], [0, 5])
    concepts = made.concepts()
    has = dict(zip(concepts.id, concepts.dense().T.tolist(), strict=True))
    assert has["\\"] == has["~"] == has["A"] == [True, False]
    assert has["z"] == [False, True]
    assert has[strings.FONTS[5]] == [False, True]
    images = made.images()
    assert images.shape == (2, 3, 48, 320)
    assert images.min() >= -1
    assert images.max() == 1
    assert np.all(images[:, :, :, -40:] == 1)  # no string is cut off


@pytest.fixture
def halves(tmp_path):
    """Neurons 0 and 2 detect a, and neuron 1 fires most for b without c, which is rare."""
    for part, seed in (("search", 0), ("held_out", 1)):
        rng = np.random.default_rng(seed)
        marks = rng.random((3_000, 3)) < (0.2, 0.04, 0.3)
        peaked = marks[:, 1] & ~marks[:, 2]
        noise = rng.normal(size=(3_000, 3))
        signal = np.stack([3 * marks[:, 0], 9 * peaked, 3 * marks[:, 0]], axis=1)
        ids = tuple(f"{part}-{k}" for k in range(3_000))
        with ActivationWriter(tmp_path / f"{part}.h5", Origin(3_000, {"model": "m"}, ids)) as file:
            file.write({"mlp": (signal + noise).astype(np.float32)})
            file.finish()
        named = [" ".join(np.array(list("abc"))[of]) for of in marks]
        lines = [f"{id},{of}" for id, of in zip(ids, named, strict=True)]
        (tmp_path / f"{part}.csv").write_text("\n".join(["sample_id,concepts", *lines]) + "\n")
    return tmp_path


def test_labels_are_tested_on_samples_that_were_not_searched(halves):
    found = dict(encoder.compare(halves, n_units=3))
    assert list(found) == [
        *("AUC, L = 1", "peak, L = 1", "AUC, rank 1, L = 3", "AUC, headline, L = 3"),
        *("peak, rank 1, L = 3", "peak, headline, L = 3"),
    ]
    whole, peaked, _ = found["peak, headline, L = 3"]
    assert whole.precision > 0.9
    assert whole.fraction == pytest.approx(0.2, abs=0.03)
    assert whole.lift == whole.precision / whole.fraction
    assert peaked.precision == 1.0
    assert peaked.fraction == pytest.approx(0.028, abs=0.01)
    assert found["peak, L = 1"][1].fraction > peaked.fraction
    assert (whole.verdict, peaked.verdict) == ("holds", "holds")


def test_a_rule_takes_one_row_of_each_unit_by_its_own_objective():
    rng = np.random.default_rng(0)
    marks = rng.random((2_000, 8)) < 0.1
    peaked = marks[:, 0] & ~marks[:, 1]
    values = rng.normal(size=(2_000, 3)) + 6 * peaked[:, None] + 2 * marks[:, [2]]
    settings = agreement.settings_of(3, permutations=0)
    concepts = {f"c{number}": of for number, of in enumerate(marks.T)}
    rows = list(label(values.astype(np.float32), concepts, settings=settings))
    for rule in agreement.RULES[3].values():
        chosen = rule.chosen(rows)
        assert list(chosen) == [("activations", unit) for unit in range(3)]
        for row in chosen.values():
            of_unit = [
                one for one in rows if (one.unit, one.objective) == (row.unit, row.objective)
            ]
            assert row.objective == rule.objective
            if rule.takes_headline:
                assert row.headline
            else:
                assert row.score == max(one.score for one in of_unit)


def test_neurons_are_drawn_once_and_by_seed(halves):
    from invert_core import open_activations

    with open_activations(halves / "search.h5") as activations:
        assert encoder.drawn(activations, 3, seed=0) == [("mlp", unit) for unit in range(3)]
        two = [tuple(encoder.drawn(activations, 2, seed)) for seed in range(20)]
    assert len(set(two)) == 3


def test_a_label_that_holds_nowhere_has_no_lift():
    assert encoder.Unseen(0.0, 0.0, "bulk").lift == 0.0


def test_the_interval_of_a_ratio_narrows_with_the_number_of_neurons():
    rng = np.random.default_rng(0)
    widths = []
    for n_neurons in (20, 2_000):
        over = rng.exponential(size=n_neurons)
        of = 3 * over * rng.lognormal(0, 0.2, n_neurons)
        found, low, high = encoder.ratio(np.median, of, over)
        assert low < found < high
        assert low < 3 < high
        widths.append(high - low)
    assert widths[1] < 0.3 * widths[0]
    none = encoder.ratio(np.median, np.ones(3), np.zeros(3))
    assert none == (np.inf, np.inf, np.inf)


def test_labels_are_told_apart_by_their_verdict():
    found = [encoder.Unseen(share, 0.1, of) for share, of in ((0.2, "bulk"), (0.9, "holds"))]
    assert encoder.by_verdict([*found, found[0]]) == {
        "holds": [found[1]],
        "bulk": [found[0], found[0]],
    }


def test_the_table_of_the_encoder_is_printed(halves):
    done = CliRunner().invoke(main, ["encoder", str(halves), "--units", "2"])
    assert done.exit_code == 0, done.output
    assert "| peak, headline, L = 3 |" in done.output
    assert "| peak, headline, L = 3 over AUC, headline, L = 3 |" in done.output
    assert "| peak, headline, L = 3 | holds | 2 |" in done.output


def test_the_help_of_every_comparison_is_printed():
    for name in ("digits", "ocr", "encoder", "sanity"):
        done = CliRunner().invoke(main, [name, "--help"])
        assert done.exit_code == 0, done.output


@pytest.fixture
def planted(monkeypatch):
    """Return units in which concepts on 1 % of the samples are planted."""
    monkeypatch.setattr(objectives, "N_SAMPLES", 20_000)
    monkeypatch.setattr(objectives, "N_UNITS", 4)
    return dict(sanity.planted())["concept on 1 % of the samples"]


def test_labels_get_worse_by_half_or_by_as_many_again():
    truth = np.random.default_rng(0).random(100_000) < 0.1
    narrow, broad = (
        sanity.worsened(truth, check, np.random.default_rng(1)) for check in sanity.CHECKS
    )
    assert not np.any(narrow & ~truth)
    assert np.all(broad[truth])
    assert narrow.sum() == pytest.approx(truth.sum() / 2, rel=0.05)
    assert broad.sum() == pytest.approx(2 * truth.sum(), rel=0.05)


def test_the_correlation_falls_with_missing_labels_where_the_auc_does_not(planted):
    shares = sanity.shares_fallen(planted, "activations")
    assert set(shares) == set(itertools.product(sanity.OBJECTIVES, sanity.CHECKS))
    assert shares["correlation", "missing"] == shares["correlation", "extra"] == 1.0
    assert 0.2 < shares["auc", "missing"] < 0.8
    assert shares["auc", "extra"] == 1.0


def test_what_is_called_a_fall_is_one_of_the_objective_by_its_definition(planted):
    (scores, *_) = sanity.scores_of(planted, "activations", np.random.default_rng(0))
    (values,) = planted.activations.layers["activations"].read(0, 1)
    truth = planted.concepts.extent(planted.truth[0])
    highest = values >= np.sort(values)[-200]
    for objective, other in (("pearson", values), ("phi", highest)):
        expected = np.corrcoef(truth, other)[0, 1]
        assert scores[objective, "truth"] == pytest.approx(expected, abs=1e-6)
