"""Opening a module that the user names or has: factories, and modules in memory."""

import sys
from pathlib import Path

import numpy as np
import pytest

from invert_core.errors import MissingFileError, ModelError
from invert_core.models.backend import ModelInput
from invert_core.models.built_in import BUILT_IN
from invert_core.models.registry import open_model
from tests.needs import need

torch = need("torch")

from tests.backends import torch_models
from tests.backends.torch_models import TorchBackend

SOURCE = """
import numpy as np
import torch
from invert_core.models.backend import ModelInput

class Net(torch.nn.Linear):
    def __init__(self):
        super().__init__(3, 2)

def make():
    return Net()

def with_inputs():
    return Net(), [ModelInput("input", (None, 3), np.dtype(np.float32))]

def broken():
    raise ValueError("no disk\\nat all")

def leaving():
    raise SystemExit(2)

def moving():
    import os
    os.chdir("/")
    return Net()

def with_a_number():
    return Net(), 3

def picky(size):
    return Net()

def wrong():
    return {"a": 1}

class Zoo:
    make = staticmethod(make)

made = Net()
number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "nets_of_a_test.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("nets_of_a_test", None)


def test_a_factory_in_a_module_of_the_working_folder_is_called(folder):
    path = list(sys.path)
    for name in ("make", "Net", "Zoo.make", "made"):
        model = open_model(f"torch:nets_of_a_test:{name}")
        assert [each.name for each in model.inputs] == ["input"]
        assert model.inputs[0].shape is None
    assert sys.path == path


def test_a_factory_that_changes_the_working_folder_changes_it_for_itself(folder):
    open_model("torch:nets_of_a_test:moving")
    assert Path.cwd() == folder


def test_a_factory_in_a_file_is_called_and_finds_its_neighbours(folder, monkeypatch):
    (folder / "inner").mkdir()
    (folder / "inner" / "neighbour_of_a_test.py").write_text("SIZE = 5")
    (folder / "inner" / "net.py").write_text(
        "import torch\nfrom neighbour_of_a_test import SIZE\n"
        "def make():\n    return torch.nn.Linear(SIZE, 1)\n"
    )
    path = list(sys.path)
    model = open_model("torch:inner/net.py:make").settled({"input": np.ones((1, 5), np.float32)})
    assert model.layers()[0].n_units == 1
    assert sys.path == path
    sys.modules.pop("neighbour_of_a_test")


def test_two_files_of_one_name_are_two_modules(folder):
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "net.py").write_text(
            f"import torch\nclass Net(torch.nn.Linear):\n    '''{name}'''\n"
            "def make():\n    torch.manual_seed(0)\n    return Net(2, 2)\n"
        )
    first, second = (TorchBackend.open(f"{name}/net.py:make") for name in ("a", "b"))
    assert first.fingerprint != second.fingerprint
    assert TorchBackend.open("a/net.py:make").fingerprint == first.fingerprint


def test_inputs_come_from_the_factory_unless_they_are_given(folder):
    given = ModelInput("input", (None, 3), np.dtype(np.float64))
    assert open_model("torch:nets_of_a_test:with_inputs").inputs[0].dtype == np.float32
    options = {"inputs": [given]}
    assert open_model("torch:nets_of_a_test:with_inputs", None, options).inputs == (given,)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("nets_of_another_test:make", r"no Python module 'nets_of_another_test'\. Run this in"),
        ("nets_of_a_test.inner:make", r"no Python module 'nets_of_a_test.inner'"),
        ("nets of a test:make", "is not the name of a Python module"),
        (":make", "is not the name of a Python module"),
        ("nets_of_a_test:mak", r"no 'mak' in 'nets_of_a_test'\. Did you mean 'make'"),
        ("nets_of_a_test:number", r"'number' in 'nets_of_a_test' is not a function"),
        ("nets_of_a_test:broken", r"'broken' fails with ValueError: no disk\. It is called"),
        ("nets_of_a_test:leaving", "'leaving' fails with SystemExit: 2"),
        ("nets_of_a_test:picky", r"fails with TypeError: .*'size'\. It is called without"),
        ("nets_of_a_test:wrong", "'wrong' returns 'dict', not a torch.nn.Module"),
        ("nets_of_a_test:with_a_number", "'with_a_number' returns 'tuple', not .* ModelInput"),
        ("nets_of_a_test.py", "names no function that makes the model"),
    ],
)
def test_a_factory_that_does_not_work_is_refused_with_a_sentence(folder, target, reason):
    with pytest.raises(ModelError, match=reason) as caught:
        TorchBackend.open(target)
    assert caught.value.hint
    assert "  " not in str(caught.value)


@pytest.mark.parametrize("target", ["inner/net.py:make", "net.pt", "net.pt2", "nothing", ""])
def test_what_does_not_exist_is_missing(folder, target):
    with pytest.raises(MissingFileError) as caught:
        TorchBackend.open(target)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import torch_of_nobody", "it fails with ModuleNotFoundError: No module named 'torch_of_"),
        ("def", "it fails with SyntaxError"),
        ("raise SystemExit", "it fails with SystemExit"),
    ],
)
@pytest.mark.parametrize("target", ["broken_of_a_test:make", "broken_of_a_test.py:make"])
def test_code_that_cannot_be_imported_is_refused(folder, source, reason, target):
    (folder / "broken_of_a_test.py").write_text(source)
    with pytest.raises(ModelError, match=reason):
        TorchBackend.open(target)
    assert not [name for name in sys.modules if name.startswith("broken_of_a_test")]


def test_the_table_of_backends_names_its_files_options_and_classes():
    entry = BUILT_IN["torch"]
    assert entry.suffixes == TorchBackend.suffixes
    assert entry.options == TorchBackend.options
    assert entry.classes == (f"{torch.nn.Module.__module__}.{torch.nn.Module.__qualname__}",)


def test_a_module_in_memory_is_taken_over_and_nothing_else():
    module = torch.nn.Linear(3, 2)
    assert open_model(module).inputs == (ModelInput("input"),)
    assert TorchBackend.adopt(3) is None
    with pytest.raises(ModelError, match="load_state_dict"):
        TorchBackend.adopt(module, weights="w.pt")


def test_what_spreads_a_module_over_devices_is_taken_off():
    inner = torch.nn.Linear(3, 2)
    model = TorchBackend.adopt(torch.nn.DataParallel(inner))
    assert model.inputs == (ModelInput("input"),)
    assert model.fingerprint == TorchBackend.adopt(inner).fingerprint


@pytest.mark.parametrize("inside", [False, True])
def test_a_compiled_module_is_read_as_it_was_before(inside):
    plain = torch_models.Network(shift=0.5)
    compiled = torch.compile(plain, backend="eager")
    if inside:
        compiled = torch.nn.DataParallel(compiled)
    model = TorchBackend.adopt(compiled)
    assert model.fingerprint == TorchBackend.adopt(plain).fingerprint
    x = {"x": np.ones((1, 3, 4, 5), np.float32)}
    found, right = (torch_models.run(each, ["act"], x)["act"] for each in (compiled, plain))
    np.testing.assert_array_equal(found, right)


class Inner(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


def compiled_in_place():
    module = torch.nn.Linear(2, 2)
    module.compile(backend="eager")
    return module


@pytest.mark.filterwarnings("ignore:`torch.jit.*:DeprecationWarning")
def test_torchscript_is_refused_and_a_part_of_it_is_not_listed_as_a_layer():
    scripted = torch.jit.script(torch.nn.Linear(2, 2))
    with pytest.raises(ModelError, match=r"is TorchScript.*export that to ONNX"):
        TorchBackend.adopt(scripted)
    model = torch_models.settled(Inner(scripted), {"x": np.ones((1, 2), np.float32)})
    pools = {layer.name: layer.pool for layer in model.layers()}
    assert pools == {"inner": "", "output": "none"}
    with pytest.raises(ModelError, match="'inner' is compiled to TorchScript"):
        model.extractor(["inner"])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            lambda: Inner(torch.compile(torch.nn.Linear(2, 2), backend="eager")),
            "The module 'inner' was compiled.*`_orig_mod`",
        ),
        (compiled_in_place, "The model was compiled in place.*method `compile`"),
        (lambda: Inner(compiled_in_place()), "The module 'inner' was compiled in place"),
        (lambda: torch.nn.LazyLinear(2), "'weight' is made when the model runs for the first"),
        (lambda: torch.nn.Linear(2, 2, device="meta"), "'weight' has no values.*'meta'"),
    ],
)
def test_modules_that_cannot_be_read_are_refused_with_what_to_do(make, reason):
    with pytest.raises(ModelError, match=reason):
        TorchBackend.adopt(make())
