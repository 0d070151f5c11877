"""How good a beam search was: what is compared, and which runs are not."""

import json
from pathlib import Path

import numpy as np
import pytest

from invert_core import compare_runs
from invert_core.errors import DataError, FileFormatError, MissingFileError
from invert_core.labelling.label_files import label_files
from invert_core.results.comparison import COLUMNS
from invert_core.search.complete_search import sizes_within
from invert_core.settings import Settings
from tests import naive
from tests.results.changed_files import seal, seal_run

N_SAMPLES = 60
LIMITS = {"length": 2, "min_fraction": 0.1, "max_fraction": 0.5}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Activations of ten units and labels of seven concepts; unit 4 is dead."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(11)
    labels = rng.random((N_SAMPLES, 7)) < 0.4
    values = rng.normal(size=(N_SAMPLES, 10)) + (labels[:, 0] & ~labels[:, 1])[:, None]
    values[:, 4] = 1
    np.save("fc.npy", values)
    np.savez("concepts.npz", labels=labels, id=np.array(list("abcdefg")))
    return values, labels


def make(folder, search, layer="fc.npy", concepts="concepts.npz", units=None, **more):
    how = {name: more.pop(name) for name in ("join", "match", "missing") if name in more}
    settings = Settings(**{**LIMITS, "search": search, "beam": 1, **more})
    label_files(layer, concepts, folder, settings=settings, units=units, **how)
    return folder


@pytest.fixture
def runs(data):
    """A narrow beam search and an exhaustive one."""
    return make("run", "beam"), make("certified", "exhaustive")


def change(folder, unit, **values):
    """Other values in all rows of a unit."""
    path = f"{folder}/labels.jsonl"
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row | (values if row["unit"] == unit else {})) + "\n")
    seal_run(Path(folder))


def change_info(folder, **values):
    with open(f"{folder}/run.json", encoding="utf-8") as file:
        info = json.load(file)
    seal(Path(folder, "run.json"), info | values)


@pytest.mark.parametrize("direction", ["positive", "negative"])
def test_losses_are_the_differences_that_the_oracles_find(data, direction):
    values, labels = data
    runs = [make(search, search, direction=direction) for search in ("beam", "exhaustive")]
    found = {unit.unit: unit for unit in compare_runs(*runs).units}
    assert sorted(found) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    extents = naive.extents(labels)
    n_low, n_high = sizes_within(0.1, 0.5, N_SAMPLES)
    for number, unit in found.items():
        arguments = (values[:, number].tolist(), extents, N_SAMPLES)
        beam = naive.beam_search(*arguments, **LIMITS, beam=1, direction=direction)
        every = naive.exhaustive_search(
            *arguments, length=2, n_low=n_low, n_high=n_high, direction=direction
        )
        best = max if direction == "positive" else min
        of_beam = best(formula.auc for formula in (*beam.beam, *beam.by_length.values()))
        of_all = best(formula.auc for formula in every.values())
        assert (unit.beam.auc, unit.exhaustive.auc) == (of_beam, of_all)
        assert unit.loss == unit.loss_at_most == abs(of_all - of_beam)
        assert unit.status == ("optimal" if of_beam == of_all else "not optimal")
    assert {unit.status for unit in found.values()} == {"optimal", "not optimal"}


def test_the_units_are_counted_and_the_worst_come_first(runs):
    found = compare_runs(*runs)
    assert (found.n_dead, found.n_unknown) == (1, 0)
    assert (found.n_only_beam, found.n_only_exhaustive) == (0, 0)
    assert found.n_optimal + len(found.not_optimal) == len(found.units) == 9
    losses = [unit.loss for unit in found.not_optimal]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) > 1
    assert losses[0] == max(unit.loss for unit in found.units)


def test_the_order_of_the_runs_does_not_matter(runs):
    assert compare_runs(*runs) == compare_runs(*reversed(runs))


def test_each_direction_is_a_search_of_its_own(data):
    both = [make(search, search, direction="both") for search in ("beam", "exhaustive")]
    found = compare_runs(*both)
    assert found.n_dead == 1
    assert [(unit.unit, unit.direction) for unit in found.units[:2]] == [
        (0, "positive"),
        (0, "negative"),
    ]
    for direction in ("positive", "negative"):
        alone = [
            make(f"{search} {direction}", search, direction=direction)
            for search in ("beam", "exhaustive")
        ]
        assert compare_runs(*alone).units == tuple(
            unit for unit in found.units if unit.direction == direction
        )


def test_formulas_that_min_gain_hides_are_compared_too(runs):
    usual = compare_runs(*runs)
    for hidden in (make("hidden", "beam", min_gain=0.9), make("less", "exhaustive", min_gain=0.9)):
        other = runs[0] if hidden == "less" else runs[1]
        assert compare_runs(hidden, other).units == usual.units


def test_units_that_one_run_lacks_are_left_out_and_counted(runs):
    few = make("few", "exhaustive", units=[2, 4, 5])
    found = compare_runs(runs[0], few)
    assert [unit.unit for unit in found.units] == [2, 5]
    assert (found.n_dead, found.n_only_beam, found.n_only_exhaustive) == (1, 7, 0)
    found = compare_runs(make("fewer", "beam", units=[5]), runs[1])
    assert [unit.unit for unit in found.units] == [5]
    assert (found.n_dead, found.n_only_beam, found.n_only_exhaustive) == (0, 0, 9)


def test_runs_without_a_common_unit_are_refused(data):
    runs = make("run", "beam", units=[1]), make("certified", "exhaustive", units=[2])
    with pytest.raises(DataError, match="No unit is in both 'run' and 'certified'") as caught:
        compare_runs(*runs)
    assert "--units" in caught.value.hint


@pytest.mark.parametrize(
    ("direction", "beam", "exhaustive", "gap", "status", "loss", "loss_at_most"),
    [
        ("positive", 0.75, 0.75, 0.0, "optimal", 0.0, 0.0),
        ("positive", 0.75, 0.75, 0.125, "unknown", 0.0, 0.125),
        ("positive", 0.5, 0.75, 0.125, "not optimal", 0.25, 0.375),
        # Where the limit struck early, the beam search may have found more.
        ("positive", 0.75, 0.5, 0.375, "unknown", 0.0, 0.125),
        ("positive", 1.0, 0.75, 0.25, "optimal", 0.0, 0.0),
        ("negative", 0.25, 0.25, 0.125, "unknown", 0.0, 0.125),
        ("negative", 0.25, 0.125, 0.0, "not optimal", 0.125, 0.125),
        ("negative", 0.0, 0.25, 0.25, "optimal", 0.0, 0.0),
    ],
)
def test_a_gap_bounds_what_is_not_known(
    data, direction, beam, exhaustive, gap, status, loss, loss_at_most
):
    options = {"units": [0], "direction": direction}
    runs = make("run", "beam", **options), make("certified", "exhaustive", **options)
    change("run", 0, auc=beam, by_length=[])
    change("certified", 0, auc=exhaustive, by_length=[], gap=gap)
    found = compare_runs(*runs)
    (unit,) = found.units
    assert (unit.status, unit.loss, unit.loss_at_most) == (status, loss, loss_at_most)
    assert found.n_optimal == (status == "optimal")
    assert found.n_unknown == (status == "unknown")
    assert list(unit.row()) == list(COLUMNS)


@pytest.mark.parametrize(
    ("direction", "beam", "exhaustive", "gap"),
    [
        ("positive", 0.75, 0.625, 0.0),
        ("positive", 0.75, 0.625, 0.1),
        ("negative", 0.25, 0.375, 0.0),
    ],
)
def test_a_beam_that_is_better_than_the_certificate_allows_is_refused(
    data, direction, beam, exhaustive, gap
):
    options = {"units": [0], "direction": direction}
    runs = make("run", "beam", **options), make("certified", "exhaustive", **options)
    change("run", 0, auc=beam, by_length=[])
    change("certified", 0, auc=exhaustive, by_length=[], gap=gap)
    with pytest.raises(DataError, match=r"fc:0.* rules out an AUC better than 0\.[36].*") as caught:
        compare_runs(*runs)
    assert "report it" in caught.value.hint


def test_two_runs_of_one_search_are_refused(runs):
    with pytest.raises(DataError, match=r"Both 'run' and 'run' are runs .* 'beam'") as caught:
        compare_runs("run", "run")
    assert caught.value.hint.endswith("-o RUN --search exhaustive")
    with pytest.raises(DataError, match=r"Both .* are runs .* 'exhaustive'") as caught:
        compare_runs("certified", "certified")
    assert caught.value.hint.endswith("-o RUN")


@pytest.mark.parametrize(
    ("other", "words", "hint"),
    [
        ({"length": 3}, "length is 3 and 2", "--length 2"),
        ({"min_fraction": 0.2}, "min-fraction is 0.2 and 0.1", "--min-fraction 0.1"),
        ({"max_fraction": 0.4}, "max-fraction is 0.4 and 0.5", "--max-fraction 0.5"),
        ({"direction": "both"}, "direction is both and positive", "--direction positive"),
        ({"join": "inner"}, "join is inner and strict", "--join strict"),
        ({"match": "name"}, "match is name and exact", "--match exact"),
        ({"missing": "exclude"}, "missing is exclude and error", "--missing error"),
        ({"length": 1, "join": "inner"}, "length is 1 and 2, join is inner", "--length 2, --join"),
    ],
)
def test_runs_with_other_settings_are_refused_with_both_values(runs, other, words, hint):
    make("other", "beam", **other)
    for pair in (("other", "certified"), ("certified", "other")):
        with pytest.raises(DataError, match=f"'other' and 'certified' differ: {words}") as caught:
            compare_runs(*pair)
        assert f"Make the first again with {hint}" in caught.value.hint


def test_runs_of_other_inputs_are_refused_whatever_their_names(runs, data):
    values, labels = data
    np.save("fc2.npy", values + 1)
    np.savez("concepts2.npz", labels=~labels, id=np.array(list("abcdefg")))
    make("other", "beam", layer="fc2.npy", concepts="concepts2.npz")
    with pytest.raises(DataError, match=r"activations are \w{12} and \w{12} \(SHA-256\), the conc"):
        compare_runs("other", "certified")


def test_the_same_inputs_may_have_other_names(runs):
    with open("concepts.npz", "rb") as file, open("copy.npz", "wb") as copy:
        copy.write(file.read())
    make("other", "beam", concepts="copy.npz")
    assert compare_runs("other", "certified") == compare_runs(*runs)


def test_runs_that_know_no_search_are_of_the_beam_and_lack_no_labels(runs):
    with open("run/run.json", encoding="utf-8") as file:
        info = json.load(file)
    settings, arguments = info["settings"], info["arguments"]
    del (
        settings["search"],
        settings["time_limit"],
        settings["min_defined"],
        arguments["missing"],
        arguments["match"],
    )
    usual = compare_runs(*runs)
    change_info("run", settings=settings, arguments=arguments)
    assert compare_runs(*runs) == usual


@pytest.mark.parametrize(
    "values",
    [
        {"settings": {}},
        {"settings": []},
        {"settings": None},
        {"settings": LIMITS | {"direction": "positive", "search": "random"}},
        {"inputs": {}},
        {"inputs": {"activations": "fc.npy", "concepts": "concepts.npz"}},
        {"arguments": {}},
    ],
)
def test_a_run_that_does_not_say_how_it_was_made_is_refused(runs, values):
    change_info("run", **values)
    with pytest.raises(FileFormatError, match=r"'run/run\.json' does not say how") as caught:
        compare_runs(*runs)
    assert "invert label" in caught.value.hint


def test_an_exhaustive_run_without_a_gap_is_refused(runs):
    change("certified", 3, gap=None)
    with pytest.raises(FileFormatError, match="has no gap for unit fc:3"):
        compare_runs(*runs)


def test_a_run_that_is_not_there_is_named(runs):
    with pytest.raises(MissingFileError, match="no run directory 'none'"):
        compare_runs("run", "none")
