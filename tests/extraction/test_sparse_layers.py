"""Sparse layers and unit names in extracted files."""

import os
from dataclasses import replace

import numpy as np
import pytest

from invert_core import extract, label, open_activations
from invert_core.errors import ModelError, SettingError, UnknownNameError
from invert_core.settings import Settings
from tests.extraction.extracted import ALL_LAYERS, LAYERS
from tests.fake_model import FakeExtractor, FakeModel, samples


def test_sparse_layers_are_named_by_patterns_and_by_other_names(tmp_path):
    model = FakeModel()
    layers = [replace(layer, module=f"net.{layer.name}") for layer in model.layers()]
    model.layers = lambda: layers
    for sparse, found in (
        (["lat*"], ["latents"]),
        (["*"], ALL_LAYERS),
        (["net.out", "hidden"], ["hidden", "out"]),
        ([], []),
    ):
        report = extract(
            model, samples(9), tmp_path / "x.h5", ALL_LAYERS, sparse=sparse, overwrite=True
        )
        assert [layer.name for layer in report.layers if layer.sparse] == found


@pytest.mark.parametrize(
    ("sparse", "kind", "said"),
    [
        (["latent"], UnknownNameError, "fits 'latent'.*Did you mean 'latents'"),
        (["hidden"], UnknownNameError, "fits 'hidden'.*The layers are 'out', 'latents'"),
        (["no*"], UnknownNameError, r"fits 'no\*'"),
        ("latents", SettingError, "not in a list"),
    ],
)
def test_sparse_layers_that_are_not_extracted_are_refused(tmp_path, sparse, kind, said):
    with pytest.raises(kind, match=said):
        extract(FakeModel(), samples(9), tmp_path / "x.h5", ["out", "latents"], sparse=sparse)
    assert os.listdir(tmp_path) == []


def test_labels_of_sparse_and_dense_files_are_the_same(tmp_path):
    random = np.random.default_rng(0)
    concepts = {name: random.random(200) < 0.3 for name in "abcde"}
    found = []
    for sparse in ([], ["latents"]):
        path = tmp_path / f"{len(sparse)}.h5"
        extract(FakeModel(), samples(200), path, ["latents"], sparse=sparse)
        with open_activations(path) as activations:
            found.append(label(activations, concepts, settings=Settings(length=2), jobs=1).rows)
    assert found[0] == found[1]


def test_units_of_flattened_layers_have_names(tmp_path):
    extract(FakeModel(), samples(9), tmp_path / "x.h5", LAYERS, pool="flatten", sparse=["out"])
    with open_activations(tmp_path / "x.h5") as activations:
        assert activations.layers["out"].unit == ("0@0", "1@0", "2@0")
        assert activations.layers["hidden"].unit[-1] == "69@0"


def test_names_for_other_units_than_there_are_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeExtractor, "unit_names", lambda _: {"out": ("a",)})
    with pytest.raises(ModelError, match="has 3 units, but the backend names 1"):
        extract(FakeModel(), samples(9), tmp_path / "x.h5", LAYERS)


def test_a_layer_gets_its_other_name_as_alias(tmp_path):
    model = FakeModel()
    layers = [replace(layer, module=f"net.{layer.name}") for layer in model.layers()]
    model.layers = lambda: layers
    extract(model, samples(9), tmp_path / "x.h5", ["hidden", "latents"], sparse=["latents"])
    with open_activations(tmp_path / "x.h5") as activations:
        aliases = {layer.name: layer.alias for layer in activations.layers.values()}
    assert aliases == {"hidden": "net.hidden", "latents": "net.latents"}
    extract(FakeModel(), samples(9), tmp_path / "y.h5", ["out"])
    with open_activations(tmp_path / "y.h5") as activations:
        assert activations.layers["out"].alias == ""
