"""The program that plants formulas plants what it says, and counts what each objective finds."""

import numpy as np
import pytest

from bench import objectives
from invert_core import ConceptSet, Formula


@pytest.fixture(scope="module")
def concepts():
    rng = np.random.default_rng(0)
    marks = rng.random((6_000, 24)) < np.append(np.geomspace(0.002, 0.2, 23), 0.5)
    marks[:, 22] |= marks[:, 21]
    return ConceptSet.from_arrays(marks, [f"odd name {number}" for number in range(24)])


def test_planted_concepts_are_those_with_the_nearest_shares(concepts):
    share = {f'"{id}"': concepts.extent(id).mean() for id in concepts.id}
    *single, _ = objectives.formulas(concepts).values()
    for wanted, planted in zip(objectives.SHARES, single, strict=True):
        off = {formula: abs(np.log(share[formula] / wanted)) for formula in share}
        others = off.keys() - set(planted)
        assert len(planted) == objectives.N_FORMULAS
        assert max(off[formula] for formula in planted) <= min(off[other] for other in others)


def test_a_planted_difference_takes_a_part_away_and_leaves_the_share_that_it_says(concepts):
    pairs = objectives.differences(concepts)
    assert len({a for a, _ in pairs}) == len(pairs) > 1
    for a, b in pairs:
        one, other = (concepts.extent(concepts.id[number]) for number in (a, b))
        least, most = objectives.PARTS
        assert least <= np.mean(other[one]) <= most
    formulas = objectives.formulas(concepts)["a & ~b on 5 %"]
    shares = [Formula.parse(formula).evaluate(concepts).mean() for formula in formulas]
    off = [abs(share - objectives.OF_DIFFERENCE) for share in shares]
    assert off == sorted(off)
    assert off[0] < 0.01


def test_a_strong_effect_is_found_and_noise_is_not(concepts, monkeypatch):
    planted = ['"odd name 20"', '"odd name 18" & ~"odd name 23"']
    monkeypatch.setattr(objectives, "SHIFT", 12.0)
    cells = objectives.recovered(concepts, planted, np.random.default_rng(0))
    assert len(cells) == len(objectives.OBJECTIVES) + len(objectives.WITH_HEADLINE)
    assert cells[objectives.OBJECTIVES.index("correlation")] == "1.00 (16)"
    monkeypatch.setattr(objectives, "SHIFT", 0.0)
    cells = objectives.recovered(concepts, planted, np.random.default_rng(0))
    assert all(float(cell.split()[0]) < 0.5 for cell in cells)
