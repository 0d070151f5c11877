"""Permuted labels: what they are, how many are significant, and what is refused."""

import json
import logging

import numpy as np
import pytest
import scipy.stats

from invert_core import check_permuted_labels
from invert_core.errors import DataError, SettingError
from invert_core.labelling import permuted_labels
from invert_core.labelling.label_files import label_files
from invert_core.labelling.permuted_labels import Share
from invert_core.settings import Settings

QUICK = Settings(objective="auc", permutations=0, direction="both", beam=2)
GROUPS = "id:(.*)/.*"


@pytest.fixture
def files(tmp_path):
    """Activations of 40 units on 130 samples, and six concepts; the first unit detects one."""
    random = np.random.default_rng(3)
    values = np.maximum(random.normal(size=(130, 40)).round(1), 0).astype(np.float32)
    values[:, 7] = 1
    labels = random.random((130, 6)) < 0.3
    values[:, 0] += 2 * labels[:, 0]
    return written(tmp_path, values, labels, [f"s{number}" for number in range(130)])


def written(folder, values, labels, ids):
    id = np.array([f"c{number}" for number in range(labels.shape[1])])
    np.savez(folder / "seen.npz", fc=values, sample_id=np.array(ids))
    np.savez(folder / "seen_concepts.npz", labels=labels, id=id, sample_id=np.array(ids))
    return folder


def labelled(files, settings=QUICK, **told):
    label_files(
        *(files / "seen.npz", files / "seen_concepts.npz", files / "run"),
        **{"settings": settings} | told,
    )
    return files / "run"


@pytest.fixture
def run(files):
    return labelled(files)


def test_permuted_labels_are_as_good_as_noise_and_the_same_for_a_seed(files):
    settings = Settings(objective="auc", length=2, permutations=39)
    told = {"settings": settings, "units": [0, 1, 2]}
    label_files(files / "seen.npz", files / "seen_concepts.npz", files / "run", **told)
    calls = []
    found = check_permuted_labels(
        files / "run", 20, jobs=1, progress=lambda done, total: calls.append((done, total))
    )
    assert calls[-1] == (60, 60)
    assert found.real["auc"][-1] > found.permuted["auc"][-1]
    noise = found.shares["permuted", "p_search"]
    assert noise.n_labels == 60
    # Three units of one permutation are not independent, so the bound is wide.
    assert noise.n_significant <= scipy.stats.binom.isf(1e-6, 60, 0.05)
    assert found.shares["permuted", "p_value"].share > noise.share
    assert noise.low <= noise.share < noise.high
    again = check_permuted_labels(files / "run", 20, jobs=2)
    assert again.shares == found.shares
    other = check_permuted_labels(files / "run", 5, seed=1)
    assert other.permuted["auc"].tolist() != found.permuted["auc"].tolist()


@pytest.fixture
def permuted(monkeypatch):
    """The marks of all labellings with permuted labels, bool [N, C] each."""
    seen = []
    label_again = permuted_labels.label_workload

    def noted(work, *arguments, **options):
        seen.append(work.concepts.dense())
        return label_again(work, *arguments, **options)

    monkeypatch.setattr(permuted_labels, "label_workload", noted)
    return seen


def test_samples_exchange_all_their_marks(run, permuted):
    check_permuted_labels(run, 3)
    with np.load(run.parent / "seen_concepts.npz") as of:
        rows = of["labels"].tolist()
    assert len(permuted) == 3
    for marks_of in permuted:
        assert sorted(marks_of.tolist()) == sorted(rows)
        assert marks_of.tolist() != rows
    assert permuted[0].tolist() != permuted[1].tolist()


@pytest.mark.parametrize("of_run", [True, False])
def test_groups_exchange_their_marks_as_one(files, permuted, of_run):
    groups = "id:(..).*"  # s0 to s9, s1x, s2x, ...
    told = {"settings": QUICK} | ({"groups": groups} if of_run else {})
    label_files(files / "seen.npz", files / "seen_concepts.npz", files / "run", **told)
    check_permuted_labels(files / "run", 2, groups=None if of_run else groups)
    with np.load(files / "seen_concepts.npz") as of:
        names, labels = [id[:2] for id in of["sample_id"]], of["labels"]
    blocks = [labels[np.array(names) == name].tolist() for name in dict.fromkeys(names)]
    for marks_of in permuted:
        again = [marks_of[np.array(names) == name].tolist() for name in dict.fromkeys(names)]
        assert sorted(again) == sorted(blocks)
        assert again != blocks


def test_fewer_than_one_permutation_is_refused(run):
    with pytest.raises(SettingError, match="--permute-labels is 0"):
        check_permuted_labels(run, 0)


@pytest.mark.parametrize(
    ("seed", "message", "hint"),
    [
        (-5, "--seed is -5.", "Give 0 or more, below 2**63."),
        (2**63, "--seed is 9223372036854775808.", "Give 0 or more, below 2**63."),
        (0.5, "--seed is 0.5.", "Give a whole number."),
    ],
)
def test_a_seed_that_cannot_be_one_is_refused(files, seed, message, hint):
    with pytest.raises(SettingError) as caught:
        check_permuted_labels(files / "run", 2, seed=seed)
    assert message in str(caught.value)
    assert caught.value.hint == hint


def noise(folder, sizes):
    """Frames of clips; labels are those of the clips, and units say which clip it is."""
    random = np.random.default_rng(0)
    clip = np.repeat(np.arange(len(sizes)), sizes)
    values = random.normal(size=(len(sizes), 4))[clip] + 0.1 * random.normal(size=(clip.size, 4))
    labels = (random.random((len(sizes), 5)) < 0.3)[clip]
    return written(folder, values, labels, [f"{of}/{row}" for row, of in enumerate(clip)])


def test_groups_choose_how_labels_are_permuted_and_the_run_chooses_its_correction(tmp_path):
    files = noise(tmp_path, [20] * 40)
    settings = Settings(objective="auc", permutations=99, length=2)
    run = labelled(files, settings)
    broken = check_permuted_labels(run, 5, groups=GROUPS).shares["permuted", "p_search"]
    assert broken.share >= 0.95
    assert check_permuted_labels(run, 5).shares["permuted", "p_search"].share <= 0.25
    labelled(files, settings, groups=GROUPS, overwrite=True)
    assert check_permuted_labels(run, 5).shares["permuted", "p_search"].share <= 0.25


def test_what_is_held_out_is_not_permuted_by_other_groups_either(tmp_path, permuted):
    files = noise(tmp_path, [5] * 20)
    run = labelled(files, holdout=0.3)
    check_permuted_labels(run, 1, groups=GROUPS)
    assert len(permuted[0]) == 70


def test_arrangements_of_unequal_groups_that_leave_nothing_to_find_are_drawn_again(
    tmp_path, permuted
):
    clip = np.repeat(np.arange(21), [60, *[2] * 20])
    ids = [f"{of}/{row}" for row, of in enumerate(clip)]
    values = np.random.default_rng(0).normal(size=(100, 2))
    files = written(tmp_path, values, (clip > 14)[:, None], ids)
    run = labelled(
        files, Settings(objective="auc", permutations=0, max_fraction=0.15, length=1), groups=GROUPS
    )
    # Each arrangement gives the long clip the label with a chance of 6 in 21.
    check_permuted_labels(run, 20)
    assert [marks.mean() for marks in permuted] == [0.12] * 20


def test_arrangements_that_nearly_all_leave_nothing_to_find_are_refused(tmp_path):
    sizes = np.array([100, *range(2, 32)])
    clip = np.repeat(np.arange(31), sizes)
    ids = [f"{of}/{row}" for row, of in enumerate(clip)]
    values = np.random.default_rng(0).normal(size=(clip.size, 2))
    files = written(tmp_path, values, (clip == 0)[:, None], ids)
    limits = {"min_fraction": 0.16, "max_fraction": 0.18}
    run = labelled(
        files, Settings(objective="auc", permutations=0, length=1, **limits), groups=GROUPS
    )
    with pytest.raises(DataError, match="none left a concept within the fraction") as caught:
        check_permuted_labels(run, 200)
    assert "--min-fraction" in caught.value.hint


def test_a_run_without_headlines_is_compared_with_a_warning(run, caplog):
    check_permuted_labels(run, 1)
    assert "headlines" not in caplog.text
    rows = [json.loads(line) for line in (run / "labels.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        del row["headline"]
    (run / "labels.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    info = json.loads((run / "run.json").read_text("utf-8")) | {"format_version": 1}
    del info["files"], info["sha256"]
    (run / "run.json").write_text(json.dumps(info), "utf-8")
    check_permuted_labels(run, 1)
    (warning,) = (one for one in caplog.records if one.levelname == "WARNING")
    assert "its rows of rank 1 are compared with headlines" in warning.getMessage()


def test_a_run_of_dead_units_has_nothing_to_compare(files):
    run = labelled(files, units=[7])
    with pytest.raises(DataError, match="All units of the run are dead") as caught:
        check_permuted_labels(run, 2)
    assert caught.value.hint


def test_what_every_round_says_is_said_once(tmp_path, caplog):
    run = labelled(
        noise(tmp_path, [5] * 20), Settings(objective="auc", permutations=20), groups=GROUPS
    )
    caplog.clear()
    with caplog.at_level(logging.INFO, "invert"):
        check_permuted_labels(run, 2)
    told = [one.getMessage() for one in caplog.records]
    assert len([text for text in told if "whole groups change places" in text]) == 1


def test_the_interval_of_a_share_covers_rounds_and_seeds():
    random = np.random.default_rng(0)
    n_permutations, n_rounds, n_units, n_times = 200, 60, 30, 500
    covers = np.zeros((2, n_times), bool)
    for time in range(n_times):
        # The level that P permuted searches make of .05, and units that share half of their noise.
        level = random.beta(0.05 * n_permutations, 0.95 * n_permutations)
        noise = random.normal(size=(n_rounds, n_units)) + random.normal(size=(n_rounds, 1))
        p = scipy.stats.norm.cdf(noise / 2**0.5)
        rounds = list(np.where(p < level, 0.01, 0.5))
        share = Share.of_rounds(rounds, n_permutations)
        covers[0, time] = share.low < 0.05 < share.high
        share = Share.of_rounds(rounds)
        covers[1, time] = share.low < level < share.high
    assert (covers.mean(axis=1) > 0.91).all(), covers.mean(axis=1)
    assert (covers.mean(axis=1) < 0.99).all(), covers.mean(axis=1)


def test_a_share_that_no_round_differs_in_counts_rounds_not_labels():
    found = Share.of_rounds([np.ones(30)] * 10)
    expected = scipy.stats.binomtest(0, 10).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    one = Share.of_rounds([np.array([0.01, 1.0, 1.0])])
    assert one.high - one.low > 0.5
