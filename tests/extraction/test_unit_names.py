"""The names of units that an extraction stores: which layer and which source they are of."""

import json
import os

import h5py
import pytest

from invert_core import extract, open_activations
from invert_core.errors import DataError, InvertError, SettingError, StaleFileError
from invert_core.models.backend import Layer
from tests.extraction.extracted import interrupt_at
from tests.fake_model import N_UNITS, FakeModel, samples

OUT = ["cat", "dog", "cat"]


class NamingModel(FakeModel):
    """A model with metadata and module paths."""

    def metadata(self):
        return {"names": "{0: 'cat', 1: 'dog', 2: 'cat'}", "character": "a\nb", "stride": "32"}

    def layers(self):
        return [
            Layer(name, f"net.{name}", "Linear", (None, count), count, "none")
            for name, count in N_UNITS.items()
        ]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text("cat\ndog\ncat\n")
    (tmp_path / "a=b.txt").write_text("cat\ndog\ncat\n")
    (tmp_path / "two.csv").write_text("layer,unit,name\nnet.out,1,dog\nhidden,0,edge\nother,0,x\n")
    (tmp_path / "other.csv").write_text("layer,name\nother,x\n")
    return tmp_path


def stored(*unit_names, layers=("out",), **options):
    extract(NamingModel(), samples(9), "x.h5", layers, unit_names=unit_names, **options)
    with open_activations("x.h5") as activations:
        return {name: layer.unit for name, layer in activations.layers.items()}


@pytest.mark.parametrize(
    "source",
    ["names.txt", "metadata:names", "out=names.txt", "net.out=names.txt", "a=b.txt", "out=a=b.txt"],
)
def test_names_come_from_a_file_or_from_the_model(here, source):
    assert stored(source) == {"out": ("cat", "dog", "cat")}


def test_each_layer_has_its_own_source(here):
    found = stored("out=names.txt", "hidden=metadata:names:first=67", layers=("hidden", "out"))
    assert found["out"] == ("cat", "dog", "cat")
    assert found["hidden"] == ("",) * 67 + ("cat", "dog", "cat")


def test_a_table_names_several_layers(here):
    found = stored("two.csv", layers=("hidden", "out"))
    assert found == {"hidden": ("edge",) + ("",) * 69, "out": ("", "dog", "")}


def test_the_first_name_may_belong_to_another_unit(here):
    assert stored("metadata:character:first=1") == {"out": ("", "a", "b")}


def test_a_sparse_and_a_flattened_layer_have_names(here):
    names = [f"n{unit}" for unit in range(N_UNITS["latents"])]
    extract(
        NamingModel(),
        samples(9),
        "x.h5",
        ["latents", "out"],
        pool="flatten",
        sparse=["latents"],
        unit_names={"latents": names, "net.out": ["cat", "", "dog"]},
    )
    with open_activations("x.h5") as activations:
        assert activations.layers["latents"].unit == tuple(f"{name}@0" for name in names)
        assert activations.layers["out"].unit == ("cat@0", "1@0", "dog@0")


@pytest.mark.parametrize(
    ("sources", "layers", "words"),
    [
        (["metadata:character"], ["out"], "holds 2 names, and layer 'out' has 3 units"),
        (["metadata:character:first=2"], ["out"], "names unit 3, and layer 'out' has 3 units"),
        (["metadata:name"], ["out"], "no metadata 'name'. Did you mean 'names'? It has"),
        (["names.txt"], ["out", "hidden"], "Write --unit-names out=names.txt"),
        (["names.txt", "out=names.txt"], ["out"], "two sources of unit names for layer 'out'"),
        (["names.txt:first=x"], ["out"], "says first=x, which is not the number of a unit"),
        (["none.txt"], ["out"], "There is no file 'none.txt'"),
        (["hiden=names.txt"], ["hidden"], "no layer 'hiden' is extracted. Did you mean 'hidden'"),
        (["out=two.csv"], ["out"], "Leave out out=."),
        (["two.csv:first=1"], ["out"], "so none can be the first"),
        (["other.csv"], ["out"], "unit names for layer 'other', which is not extracted"),
        ("names.txt", ["out"], "not in a list"),
        ({"hidden": OUT}, ["out"], "unit names for layer 'hidden', which is not extracted"),
        ({"out": ["a"]}, ["out"], "The list for layer 'out' holds 1 name, and"),
        ({"out": [1, 2, 3]}, ["out"], "name 0 is 1, not a text"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_names_that_do_not_fit_are_refused_before_anything_is_written(
    here, sources, layers, words, dry_run
):
    with pytest.raises(InvertError) as caught:
        extract(NamingModel(), samples(9), "x.h5", layers, unit_names=sources, dry_run=dry_run)
    assert words in str(caught.value)
    assert caught.value.hint
    assert not [name for name in os.listdir() if name.startswith("x.h5")]


def test_a_model_without_metadata_says_so(here):
    with pytest.raises(InvertError, match=r"has no metadata 'names'. It has none at all"):
        extract(FakeModel(), samples(9), "x.h5", ["out"], unit_names=["metadata:names"])


def test_other_names_are_another_extraction(here):
    stored("names.txt")
    assert stored("metadata:names")["out"] == ("cat", "dog", "cat")  # the same names: nothing to do
    with pytest.raises(StaleFileError, match="unit_names"):
        stored("out=metadata:character:first=0")
    with pytest.raises(StaleFileError, match="unit_names"):
        stored()


def test_names_do_not_change_the_fingerprint_of_a_file_without_any(here):
    stored()
    with h5py.File("x.h5") as file:
        assert "unit_names" not in json.loads(file.attrs["fingerprint"])


def test_an_interrupted_extraction_keeps_its_names(here):
    model = NamingModel(fail=interrupt_at(4, batch_size=2))
    arguments = {"unit_names": ["names.txt"], "batch_size": 2}
    with pytest.raises(KeyboardInterrupt):
        extract(model, samples(9), "x.h5", ["out"], **arguments)
    assert stored("names.txt", batch_size=2) == {"out": ("cat", "dog", "cat")}


def test_a_wrong_count_keeps_nothing(here):
    with pytest.raises(DataError):
        stored("metadata:character")
    assert not os.path.exists("x.h5.partial")


@pytest.mark.parametrize("wanted", ["names.txt", 3, [3], [None]], ids=repr)
def test_sources_of_names_that_are_no_list_of_texts_are_refused(here, wanted):
    with pytest.raises(SettingError, match=r"not in a list.*names\.txt"):
        extract(FakeModel(), samples(5), "x.h5", ["out"], unit_names=wanted)


@pytest.mark.parametrize("names", ["abcd", None, 3], ids=repr)
def test_names_that_are_no_list_are_refused(here, names):
    with pytest.raises(DataError, match="not a list of names"):
        extract(FakeModel(), samples(5), "x.h5", ["out"], unit_names={"out": names})
