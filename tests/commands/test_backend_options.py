"""Options that backends declare, as the command line takes them."""

import csv
import io
import json
import logging
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import invert_core.demo
from tests.command_line import call, invert, refused

PLUGINS = Path(__file__).parents[1] / "plugins"
DIGITS = Path(invert_core.demo.__file__).parent / "digits.onnx"
EXTRACT = ("--data", "x.npy", "-l", "logits", "-o", "x.h5", "--device", "cpu", "--overwrite")

EVERY_KIND = """
from pathlib import Path
from invert_core.errors import ModelError
from invert_core.models.backend import Backend, Option

print("imported")  # which is not to be mixed with the data on stdout

def even(text):
    if int(text) % 2:
        raise ValueError(f"{text!r} is odd")
    return int(text)

def failing(text):
    raise {
        "type": TypeError("no curve"),
        "key": KeyError("curve"),
        "system": OSError(2, "No such file"),
        "lines": ValueError("no curve\\nat all"),
        "silent": ValueError(),
    }[text]

class It(Backend):
    suffixes = (".every",)
    options = (
        Option("verbose", "A flag.", bool),
        Option("note", "A text."),
        Option("rounds", "A whole number.", int),
        Option("file", "A path.", Path),
        Option("evens", "An even number; may be repeated.", even, repeated=True, flag="--even"),
        Option("fails", "No value is right.", failing),
        Option("layers", "Like a parameter of the commands.", int),
    )

    @classmethod
    def open(cls, target, **options):
        raise ModelError(f"{target}: {options}.", "It is for a test.")

    check = None
"""


@pytest.fixture
def model(here, monkeypatch):
    """A model of the backend that `tests/plugins` holds, and data for it."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    random = np.random.default_rng(0)
    weights = {"first": random.normal(size=(4, 6)), "second": random.normal(size=(6, 3))}
    np.savez("model.npz", **{name: array.astype(np.float32) for name, array in weights.items()})
    np.save("x.npy", random.normal(size=(5, 2, 4)).astype(np.float32))
    return "model.npz"


@pytest.fixture
def every(here, monkeypatch):
    """A model of a backend with an option of every kind; opening it tells what was given."""
    site = here / "site"
    (site / "every-1.0.dist-info").mkdir(parents=True)
    (site / "every-1.0.dist-info" / "METADATA").write_text("Name: every\nVersion: 1.0\n")
    entry = "[invert.backends]\nevery = backend_of_every_kind:It\n"
    (site / "every-1.0.dist-info" / "entry_points.txt").write_text(entry)
    (site / "backend_of_every_kind.py").write_text(EVERY_KIND)
    # A cache beside the plug-in would count as left behind.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(site))
    (here / "model.every").touch()
    yield "model.every"
    sys.modules.pop("backend_of_every_kind", None)


def first_and_second():
    with np.load("model.npz") as arrays:
        return arrays["first"], arrays["second"]


def logits():
    with h5py.File("x.h5") as file:
        return file["layers/logits/activations"][:]


def operator(*arguments):
    rows = json.loads(invert("layers", "--format", "json", *arguments).stdout)
    return {row["name"]: row["op"] for row in rows}["hidden"]


@pytest.mark.parametrize(
    "words",
    [
        ("model.npz", "--curve", "relu"),
        ("model.npz", "--curve=relu"),
        ("--curve", "relu", "model.npz"),
        ("--curve=relu", "--", "model.npz"),
        ("--negated", "model.npz", "--curve", "relu"),
        ("--negated", "--curve", "relu", "model.npz", "hid*"),
        ("numpy:model.npz", "--curve", "relu"),
        ("--backend", "numpy", "--curve", "relu", "model.npz"),
    ],
)
def test_an_option_of_a_plugin_may_stand_wherever_options_may(model, words):
    assert operator(*words) == "relu"
    assert operator(model) == "tanh"


def test_options_of_a_plugin_change_the_activations(model):
    first, second = first_and_second()
    sums = np.load("x.npy") @ first
    for words, hidden in {
        (): np.tanh(sums),
        ("--curve", "relu", "--negated"): np.maximum(-sums, 0),
        ("--numpy-scale", "-2"): np.tanh(-2 * sums),
        ("--numpy-scale", "0"): 0 * sums,
    }.items():
        invert("extract", *words, model, *EXTRACT)
        np.testing.assert_allclose(logits(), hidden.mean(1) @ second, rtol=1e-4, atol=1e-6)


def test_an_extraction_with_other_options_is_another_one(model):
    invert("extract", model, *EXTRACT[:-1])
    assert "--overwrite" in refused("extract", model, *EXTRACT[:-1], "--negated")


def test_an_option_that_the_commands_have_gets_the_name_of_the_backend(model):
    assert "It is for images" in refused("extract", model, *EXTRACT, "--scale", "2", code=2)
    assert "'--scale' is an option of neither" in refused("layers", model, "--scale", "2", code=2)
    assert "--numpy-scale FLOAT" in invert("backends", "numpy").stdout
    invert("layers", model, "--numpy-scale", "2")


def test_options_of_every_kind_reach_the_backend(every):
    words = ("--verbose", "--note", "a b", "--rounds", "3", "--file", "f", "--even", "2")
    told = refused("layers", every, *words, "--even", "4", "--every-layers", "1")
    for given in (
        "'verbose': True",
        "'note': 'a b'",
        "'rounds': 3",
        "'file': PosixPath('f')",
        "'evens': (2, 4)",
        "'layers': 1",
    ):
        assert given.replace("PosixPath", type(Path()).__name__) in told
    assert "model.every: {}." in refused("layers", every)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--rounds", "deep"), "Invalid value for '--rounds': 'deep' is not a valid integer"),
        (("--even", "3"), "Invalid value for '--even': '3' is odd"),
        (("--rounds",), "Option '--rounds' requires an argument"),
        (("--verbose=yes",), "Option '--verbose' does not take a value"),
    ],
)
def test_a_wrong_value_of_an_option_is_wrong_usage(every, words, told):
    assert told in refused("layers", every, *words, code=2)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("type", "no curve"),
        ("key", "'curve'"),
        ("system", "[Errno 2] No such file"),
        ("lines", "no curve"),
        ("silent", "ValueError"),
    ],
)
def test_an_option_whose_function_fails_in_any_way_is_wrong_usage(every, value, reason):
    error = refused("layers", every, "--fails", value, code=2)
    assert error.endswith(f"Invalid value for '--fails': {reason}")


def test_a_choice_that_there_is_not_is_wrong_usage(model):
    error = refused("layers", model, "--curve", "sine", code=2)
    assert "Invalid value for '--curve': 'sine' is not one of 'tanh', 'relu'" in error


def test_an_unknown_option_gets_the_nearest_and_those_of_the_backend(model):
    error = refused("extract", model, *EXTRACT, "--crve", "relu", code=2)
    assert "'--crve' is an option of neither 'invert extract' nor the backend 'numpy'" in error
    assert "Did you mean '--curve'" in error
    assert error.endswith("options of this backend are: --numpy-scale, --curve, --negated.")
    assert "Did you mean '--format'" in refused("layers", model, "--fromat", "csv", code=2)


@pytest.mark.parametrize("words", [("--input", "x=3"), ("--trust-model",), ("--weights", "w.pt")])
def test_an_option_of_another_backend_is_refused_as_it_was_typed(here, words):
    for arguments in ((DIGITS, *words), (*words, DIGITS), (*words, "--backend", "onnx", "m")):
        error = refused("layers", *arguments, code=2)
        assert f"'{words[0]}' is an option of neither 'invert layers' nor the backend" in error
        assert error.endswith("'onnx'. Leave it out. The options of this backend are: none.")


def test_an_unknown_option_without_a_model_gets_the_nearest_of_all(here):
    assert "Did you mean '--weights'" in refused("layers", "--wieghts", code=2)
    assert "See --help." in refused("layers", "--xyzxyz", code=2)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("model.xyz",), "No backend is known to open 'model.xyz'"),
        (("none.xyz",), "There is no model 'none.xyz'"),
        (("onx:model.xyz",), "There is no backend 'onx'. Did you mean 'onnx'?"),
        (("model.xyz", "--backend", "onx"), "There is no backend 'onx'. Did you mean 'onnx'?"),
    ],
)
@pytest.mark.parametrize("in_file", [False, True])
def test_where_the_backend_is_not_known_that_is_said_and_not_the_option(here, words, told, in_file):
    (here / "model.xyz").touch()
    (here / "options.toml").write_text("rounds = 2\n")
    option = ("--config", "options.toml") if in_file else ("--rounds", "2")
    assert told in refused("layers", *words, *option)
    assert told in refused("layers", *option, *words)


def test_an_option_of_a_backend_without_a_model_is_wrong_usage(model):
    error = refused("layers", "--curve", "relu", code=2)
    assert "Missing argument 'MODEL'. 'relu' is taken for the value of an option." in error
    missing = "Missing argument 'MODEL'. Without it, "
    assert f"{missing}'--curve' is not an option" in refused("layers", "--curve=relu", code=2)
    Path("options.toml").write_text("curve = 'relu'\n")
    error = refused("layers", "--config", "options.toml", code=2)
    assert f"{missing}'options.toml': 'curve' is not an option of 'invert layers'" in error


def test_options_of_a_backend_may_stand_in_a_file(model):
    (Path() / "options.toml").write_text('curve = "relu"\nnegated = true\nnumpy-scale = 2\n')
    assert operator(model, "--config", "options.toml") == "relu"
    assert operator(model, "--config", "options.toml", "--curve", "tanh") == "tanh"
    first, second = first_and_second()
    invert("extract", model, *EXTRACT, "--config", "options.toml")
    hidden = np.maximum(np.load("x.npy") @ first * -2, 0).mean(1)
    np.testing.assert_allclose(logits(), hidden @ second, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("words", [("--config", "options.toml"), ("--backend", "numpy")])
def test_a_backend_that_is_named_twice_is_wrong_usage(model, words):
    Path("options.toml").write_text('backend = "numpy"\n')
    error = refused("layers", f"numpy:{model}", *words, code=2)
    assert "The backend 'numpy' is named twice" in error
    assert error.endswith("Leave out the prefix: 'model.npz'.")


def test_a_file_whose_name_begins_like_a_backend_is_opened_with_that_backend(model):
    Path(model).rename("numpy:model.npz")
    assert operator("numpy:model.npz", "--backend", "numpy") == "tanh"


def test_a_file_may_name_the_backend_whose_options_it_holds(model):
    Path(model).rename("model")
    (Path() / "options.toml").write_text('backend = "numpy"\ncurve = "relu"\n')
    assert operator("model", "--config", "options.toml") == "relu"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("crve = 'relu'", "Did you mean 'curve'"),
        ("xyz = 3", "Leave it out. The options of this backend are: numpy-scale, curve"),
        ("weights = 'w.pt'", "'weights' is an option of neither 'invert layers' nor the backend"),
        ("curve = 'sine'", "'sine' is not one of 'tanh', 'relu'"),
        ("negated = 'yes'", "negated must be true or false"),
    ],
)
def test_a_bad_file_of_options_of_a_backend_is_wrong_usage(model, text, told):
    (Path() / "options.toml").write_text(text)
    assert told in refused("layers", model, "--config", "options.toml", code=2)


def test_the_options_of_a_backend_are_listed_alike_in_all_formats(model):
    rows = json.loads(invert("backends", "numpy", "--format", "json").stdout)
    assert rows[1] == {
        "option": "--curve [tanh|relu]",
        "keyword": "curve",
        "help": "What follows the first layer. [default: tanh]",
    }
    printed = invert("backends", "numpy", "--format", "csv").stdout
    assert list(csv.DictReader(io.StringIO(printed))) == rows
    assert "--negated" in invert("backends", "numpy").stdout


def test_a_backend_without_options_says_so(here):
    assert "The backend 'onnx' has no options." in invert("backends", "onnx").stderr
    assert json.loads(invert("backends", "onnx", "--format", "json").stdout) == []
    assert "Did you mean 'onnx'?" in refused("backends", "onx")


def test_help_has_the_options_of_the_built_in_backends_or_of_the_one_that_is_named(model):
    usual = invert("layers", "--help").stdout
    assert "Options of the backend 'torch':" in usual
    assert "--trust-model" in usual
    assert "'numpy'" not in usual
    for words in ((model,), ("--backend", "numpy")):
        own = invert("layers", *words, "--help").stdout
        assert "Options of the backend 'numpy':" in own
        assert "--curve [tanh|relu]" in own
        assert "'torch'" not in own
    assert invert("layers", "none.xyz", "--help").stdout == usual


def test_a_plugin_that_is_not_used_is_warned_of_once(every, caplog):
    entry = Path("site/every-1.0.dist-info/entry_points.txt")
    entry.write_text(entry.read_text() + "onnx = backend_of_every_kind:It\n")
    with caplog.at_level(logging.WARNING, "invert"):
        result = call("layers", DIGITS)
    assert (result.stderr + caplog.text).count("is not used") == 1


def test_a_slip_in_an_option_of_another_backend_suggests_nothing_that_is_refused_too(here):
    digits = str(Path(invert_core.demo.__file__).parent / "digits.onnx")
    error = refused("layers", digits, "--weigths", "x.safetensors", code=2)
    assert "Did you mean" not in error
    assert "Leave it out. The options of this backend are: none." in error


def test_the_value_of_an_option_is_not_taken_for_the_model_that_is_missing(here):
    digits = str(Path(invert_core.demo.__file__).parent / "digits.onnx")
    assert "There is no model 'nope:thing'" in refused("layers", "nope:thing", "--weights", digits)
