"""The comparison of two forms of an encoder in `examples/sentence_encoder/`."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from invert_core import ConceptSet
from invert_core.errors import MissingFileError

EXAMPLE = Path(__file__).parents[2] / "examples" / "sentence_encoder"


@pytest.fixture(scope="module")
def parity():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        yield importlib.import_module("parity")


@pytest.fixture
def compare(parity, tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "LAYERS", {"mine": "their"})
    rng = np.random.default_rng(0)
    kinds = rng.random((200, 2)) < 0.3
    values = (rng.normal(size=(200, 2)) + 9 * kinds).astype(np.float32)
    concepts = ConceptSet.from_arrays(kinds, id=["x", "y"])

    def run(changed):
        np.savez(tmp_path / "first.npz", mine=values)
        np.savez(tmp_path / "second.npz", their=changed(values))
        (row,) = parity.compare(tmp_path / "first.npz", tmp_path / "second.npz", concepts)
        return row

    return run


def test_the_same_activations_differ_in_nothing(parity, compare):
    assert compare(np.copy) == parity.Comparison("mine", 2, 0.0, 0, 0.0)


def test_the_difference_is_relative_to_the_layer(compare):
    def one_changed(values):
        changed = values.copy()
        changed[7, 1] += np.sqrt(np.mean(values**2)) / 2
        return changed

    assert compare(one_changed).difference == pytest.approx(0.5, rel=1e-5)


def test_a_label_that_differs_is_counted_with_what_it_loses(compare):
    def second_is_first(values):
        return values[:, [0, 0]]

    row = compare(second_is_first)
    assert row.labels_that_differ == 1
    assert row.loss == pytest.approx(0.5, abs=0.1)


def test_the_first_samples_are_a_table_of_their_own(parity, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text('sample_id,text\na,"one, two"\nb,three\nc,four\n')
    written = parity.write_first(table, 2, tmp_path / "first.csv")
    assert written.read_text() == 'sample_id,text\na,"one, two"\nb,three\n'


def test_a_folder_of_something_else_is_refused(parity, tmp_path):
    with pytest.raises(MissingFileError, match=r"no file .*search.csv.*label_encoder\.py"):
        parity.write_first(tmp_path / "search.csv", 5, tmp_path / "parity.csv")
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_said_in_a_sentence(parity, tmp_path, monkeypatch, capsys):
    def lacking(_):
        raise ModuleNotFoundError("No module named 'transformers'", name="transformers")

    monkeypatch.setattr(parity, "run", lacking)
    monkeypatch.setattr("sys.argv", ["parity.py", str(tmp_path), str(tmp_path)])
    with pytest.raises(SystemExit, match=r"Error: transformers is not installed\."):
        parity.main()
    monkeypatch.setattr("sys.argv", ["parity.py", str(tmp_path), str(tmp_path), "--samples", "-1"])
    with pytest.raises(SystemExit) as caught:
        parity.main()
    assert caught.value.code == 2
    assert "--samples has to be 2 or more" in capsys.readouterr().err
