"""From the names that a model brings to the label of a unit, as a user types it."""

import json

import numpy as np
import pytest

from invert_core.backends.onnx import OnnxBackend
from tests.backends.models import network, network_input, save
from tests.command_line import invert, refused

CLASSES = ["person", "traffic light", "crane", "crane", "7", "a:b"]
EXTRACT = ("extract", "model.onnx", "--data", "x.npz", "-l", "logits", "-o", "x.h5")


def shown(unit):
    """Number and name of the unit that `invert show` finds."""
    (found,) = {
        (row["unit"], row["unit_name"])
        for row in json.loads(invert("show", "run", unit, "--format", "json").stdout)
    }
    return found


@pytest.fixture(autouse=True)
def _model(here):
    proto = network()
    for key, value in (
        ("stale", "first"),
        ("stale", "second"),
        ("names", repr(dict(enumerate(CLASSES)))),
        ("character", "\n".join("abcd")),
    ):
        proto.metadata_props.add(key=key, value=value)
    save(proto, here)
    np.savez("x.npz", x=network_input(40))
    labels = np.random.default_rng(0).random((40, 2)) < 0.4
    np.savez("c.npz", labels=labels, id=np.array(["a", "b"]))


def test_metadata_of_an_onnx_file_are_texts_by_key():
    found = OnnxBackend.open("model.onnx").metadata()
    assert found["stale"] == "second"
    assert found["character"] == "a\nb\nc\nd"


def test_units_are_labelled_shown_and_chosen_by_the_names_in_the_model():
    invert(*EXTRACT, "--unit-names", "metadata:names")
    invert("label", "x.h5", "c.npz", "-o", "run")
    for name, number in (("traffic light", 1), ("a:b", 5), ("7", 4)):
        expected = (number, name)
        assert shown(f"logits:{number}") == shown(f"head:{number}") == expected
        assert shown(f"logits:{name}") == shown(f"head:{name}") == expected
    assert "2 units are called 'logits:crane'" in refused("show", "run", "logits:crane")
    probe = ("probe", "x.h5", "c.npz", "--formula", "a", "--format", "json")
    rows = json.loads(invert(*probe, "-l", "head", "--units", "person,traffic light,5").stdout)
    assert {row["unit_name"] for row in rows} == {"person", "traffic light", "a:b"}


def test_a_count_that_does_not_fit_says_what_to_type():
    error = refused(*EXTRACT, "--unit-names", "metadata:character")
    assert "holds 4 names, and layer 'logits' has 6 units" in error
    invert(*EXTRACT, "--unit-names", "metadata:character:first=1")
    invert("label", "x.h5", "c.npz", "-o", "run")
    assert shown("logits:a") == (1, "a")
    assert shown("logits:5") == (5, "")


def test_options_in_a_file_may_name_units(here):
    (here / "names.txt").write_text("\n".join(CLASSES))
    (here / "extract.toml").write_text('unit-names = ["head=names.txt"]\n')
    invert(*EXTRACT, "--config", "extract.toml")
    (here / "label.toml").write_text('units = ["person", 7]\n')
    labelled = ("label", "x.h5", "c.npz", "-o", "run", "--config", "label.toml")
    assert "no unit 7 in layer 'logits'" in refused(*labelled)
    (here / "label.toml").write_text('units = ["person", 4]\n')
    invert(*labelled)
    assert shown("logits:4") == shown("logits:7") == (4, "7")
