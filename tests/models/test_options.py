"""What a backend declares of its options."""

from pathlib import Path

import numpy as np
import pytest

from invert_core.errors import SettingError
from invert_core.models.backend import ModelInput, Option
from invert_core.models.built_in import model_input


def test_a_flag_is_spelled_like_the_argument_unless_another_is_given():
    assert Option("trust_model", "Trust it.", bool).flag == "--trust-model"
    assert Option("nCtx", "Tokens.", int).flag == "--nctx"
    assert Option("inputs", "An input.", flag="--input").flag == "--input"


@pytest.mark.parametrize(
    ("name", "flag"),
    [("no name", ""), ("trust-model", ""), ("", ""), ("_", ""), ("é", ""), ("fine", "fine")],
)
def test_a_name_that_is_no_argument_or_no_flag_is_refused(name, flag):
    with pytest.raises(SettingError, match=r"cannot have the name.*Name it like a Python argument"):
        Option(name, "Help.", flag=flag)


@pytest.mark.parametrize("kind", [None, "number", (), 3])
def test_a_kind_that_there_is_not_is_refused(kind):
    with pytest.raises(SettingError, match=r"the kind.*Give bool, str, int, float, Path"):
        Option("depth", "How deep.", kind)


def test_a_flag_cannot_be_repeated():
    with pytest.raises(SettingError, match="'verbose' is a flag, and a flag cannot be repeated"):
        Option("verbose", "Say more.", bool, repeated=True)
    assert Option("files", "More weights.", Path, repeated=True).repeated


@pytest.mark.parametrize(
    ("text", "shape", "dtype"),
    [
        ("x=3x224x?", (None, 3, 224, None), "float32"),
        ("x=?:int64", (None, None), "int64"),
        ("x=7:", (None, 7), "float32"),
    ],
)
def test_an_input_is_read_without_the_axis_of_the_samples(text, shape, dtype):
    assert model_input(text) == ModelInput("x", shape, np.dtype(dtype))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3x224", "'3x224' is not of the form x=3x224x224"),
        ("=3", "not of the form"),
        ("x=", "not of the form"),
        ("x=3x", "not of the form"),
        ("x=-3", "not of the form"),
        ("x=" + "9" * 5000, "not of the form"),
        ("x=3:int7", "'int7' is not a type such as float32"),
        ("x=3:str", "'str' is not a type of numbers"),
    ],
)
def test_a_text_that_describes_no_input_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        model_input(text)
