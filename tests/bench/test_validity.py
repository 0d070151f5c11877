"""The studies of validity count what they claim to count, on data small enough for a test."""

import numpy as np
import pytest
from click.testing import CliRunner

from bench.validity import (
    bounds,
    groups,
    labels,
    level,
    objectives,
    optimism,
    page,
    power,
    record,
    runs,
    studies,
    units,
)
from bench.validity.__main__ import main
from bench.validity.record import Record
from bench.validity.study import Sizes
from invert_core import Settings


def test_a_study_makes_a_table_of_its_rows(monkeypatch):
    monkeypatch.setattr(level, "STRUCTURES", ("digits",))
    made = list(level.run(Sizes(repeats=1, units=2)))
    assert {row["structure"] for row in made} == {"digits"}
    header, *lines = page.table_of(Record("level", 1, 2, made))
    assert len(lines) == 1 + len(level.KINDS)
    assert all(line.count("|") == header.count("|") for line in lines)


def test_the_studies_of_groups_held_out_samples_and_intervals_run(monkeypatch):
    monkeypatch.setattr(labels, "CLIPS", labels.CLIPS / "absent")
    monkeypatch.setattr(groups, "CORRELATIONS", (0.9,))
    monkeypatch.setattr(optimism, "STRUCTURES", ("digits",))
    for name, cells in (("groups", 4 * 3), ("optimism", 4), ("intervals", 48)):
        made = Record(name, 1, 4, list(studies.STUDIES[name].run(Sizes(1, 4))))
        assert len(made.rows) == cells
        assert len(page.table_of(made)) > 4


def test_noise_is_counted_for_each_objective(monkeypatch):
    monkeypatch.setattr(objectives, "STRUCTURES", ("digits",))
    monkeypatch.setattr(objectives, "ZEROS", (0.9,))
    made = Record("objectives", 2, 20, list(objectives.run(Sizes(2, 20))))
    assert [(row["objective"], row["units"]) for row in made.rows] == [
        *(("correlation", 40), ("phi", 40), ("mad", 4)),
    ]
    assert all(row["significant"] <= row["bound"] for row in made.rows)
    assert made.rows[0]["bound"] < made.rows[2]["bound"]
    assert len(page.table_of(made)) == 2 + 1


def test_a_planted_concept_is_decided_by_the_headline_and_by_rank_1(monkeypatch):
    monkeypatch.setattr(power, "CURVES_ON", ("digits",))
    monkeypatch.setattr(power, "EFFECTS", (0.0, 2.0))
    monkeypatch.setattr(power, "_SHARES", (0.08, 0.12))
    made = Record("curves", 1, 10, list(studies.STUDIES["curves"].run(Sizes(1, 10))))
    found = {(row["effect"], row["way"]): row["found"] for row in made.rows}
    assert [found[2.0, way] for way in power.WAYS[:4]] == [1.0] * 4
    assert max(found[0.0, way] for way in power.WAYS) < 0.5
    assert len(page.table_of(made)) == 2 + 2


def test_p_by_the_formula_space_is_that_of_a_labelling_without_permutations():
    concepts = labels.digits().concepts
    made = units.noise((concepts.n_samples, 5), 0.9, np.random.default_rng(0))
    made[:, 1] += concepts.extent(concepts.id[0])
    made[:, 4] = 0
    for row in runs.headlines(made, concepts, Settings(objective="auc", permutations=0)):
        found = runs.p_by_space(row, len(concepts.id), Settings.length)
        assert found == pytest.approx(row.p_search, rel=1e-6)


def test_results_do_not_depend_on_threads(monkeypatch):
    monkeypatch.setattr(level, "STRUCTURES", ("digits",))
    monkeypatch.setattr(level, "KINDS", {name: level.KINDS[name] for name in ("98 % zeros",)})
    first, second = (list(level.run(Sizes(2, 5, jobs))) for jobs in (1, 2))
    assert first == second


def test_absent_data_are_said_and_not_recorded(monkeypatch, tmp_path):
    monkeypatch.setattr(labels, "WORDNET", tmp_path / "nothing")
    done = CliRunner().invoke(main, ["fdr", "--record"])
    assert done.exit_code == 1
    assert f"WordNet is left out: {tmp_path / 'nothing'} does not exist." in done.output
    assert "Error: Without these data, fdr would be recorded in part." in done.output


@pytest.mark.parametrize("name", studies.STUDIES)
def test_a_study_that_is_unknown_is_refused_with_the_names_of_all(name):
    done = CliRunner().invoke(main, ["astrology"])
    assert done.exit_code == 2
    assert f"'{name}'" in done.output


def test_a_record_is_read_back_as_it_was_written(tmp_path):
    rows = [{"kind": '90 % "zeros"', "units": 3, "p": 1e-300, "found": 0.25}, {"p": 1.0}]
    made = Record("level", 2, 50, rows)
    made.write(tmp_path / "level.toml")
    assert record.read(tmp_path / "level.toml") == made


def test_the_bound_is_exceeded_as_rarely_as_it_says():
    permutations, n_units, repeats = 39, 30, 3
    rng = np.random.default_rng(0)
    null = np.sort(rng.random((20_000, repeats, permutations)), axis=2)
    threshold = null[:, :, 1]  # the second smallest of 39: p is 2/40 at most
    rejections = rng.binomial(n_units, threshold).sum(axis=1)
    most = bounds.most_rejections(n_units, repeats, permutations)
    above = np.mean(rejections > most)
    assert 0 < above <= bounds.RARE * 1.6
    assert np.mean(rejections >= most) > bounds.RARE / 2


@pytest.mark.parametrize("zeros", [0.0, 0.9])
def test_a_planted_concept_has_the_p_value_that_was_asked_for(zeros):
    rng = np.random.default_rng(0)
    extent = np.arange(2000) < 30
    made = units.planted(rng.standard_normal(2000, np.float32), extent, -8.0, zeros)
    assert -9 < units.log10_p(made, extent) <= -8.0


def test_noise_in_groups_is_correlated_within_them_only():
    group = np.repeat(np.arange(400), 2)
    noise = units.grouped_noise(group, 50, 0.7, np.random.default_rng(0))
    pairs = noise.reshape(400, 2, 50)
    assert np.mean(pairs[:, 0] * pairs[:, 1]) == pytest.approx(0.7, abs=0.03)
    assert np.mean(pairs[1:, 0] * pairs[:-1, 1]) == pytest.approx(0, abs=0.03)
    assert noise.var() == pytest.approx(1, abs=0.03)
