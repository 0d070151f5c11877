"""The digit network as a PyTorch module gives the labels of its ONNX form."""

from pathlib import Path

import pytest

import invert_core.demo
from invert_core import Settings, label, open_activations
from tests.command_line import invert
from tests.needs import need

torch = need("torch")

DEMO = Path(invert_core.demo.__file__).parent
EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
FORMS = {"onnx": str(DEMO / "digits.onnx"), "torch": f"torch:{EXAMPLE / 'digit_net.py'}:trained"}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    """An activation file of each form."""
    folder = tmp_path_factory.mktemp("digits")
    torch.set_num_threads(1)
    for form, model in FORMS.items():
        data = ("--data", DEMO / "search.npz", "-l", "relu3", "-l", "output")
        invert("extract", model, *data, "-o", folder / f"{form}.h5", "--device", "cpu")
    return {form: folder / f"{form}.h5" for form in FORMS}


def test_both_forms_give_the_same_labels(extracted):
    found = {
        form: label(
            path,
            DEMO / "concepts.csv",
            names=DEMO / "names.csv",
            settings=Settings(min_fraction=0.05, permutations=0),
            join="inner",
        )
        for form, path in extracted.items()
    }
    assert len(found["onnx"]) > 42
    for first, second in zip(found["onnx"], found["torch"], strict=True):
        assert (first.address, first.rank, first.formula) == (
            second.address,
            second.rank,
            second.formula,
        )
        assert second.auc == pytest.approx(first.auc, abs=1e-4)


def test_both_forms_know_the_samples_by_name(extracted):
    ids = []
    for path in extracted.values():
        with open_activations(path) as activations:
            ids.append(activations.sample_id)
    assert ids[0] is not None
    assert ids[0] == ids[1]
