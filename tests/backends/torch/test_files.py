"""Files of weights and of modules: what is read, and that nothing in them runs unasked."""

import logging
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from invert_core.errors import FileFormatError, MissingDependencyError, MissingFileError, ModelError
from invert_core.models.registry import open_model
from tests.needs import need

torch = need("torch")
need("safetensors")

from safetensors import torch as safetensors_torch

from tests.backends import torch_models
from tests.backends.torch_models import TorchBackend

FACTORY = "tests.backends.torch_models:Network"
X = {"x": np.ones((1, 3, 4, 5), np.float32)}


class Touch:
    """Creates a file if it is unpickled by anything that runs code in a pickle."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def values(model):
    with model.settled(X).extractor(["output"], device="cpu") as extractor:
        return extractor.run(X)["output"]


@pytest.fixture
def other():
    """A network with weights other than those of the factory."""
    return torch_models.Network(shift=0.5)


@pytest.fixture
def trace(tmp_path):
    """A file that exists once code of a malicious file has run."""
    return tmp_path / "trace"


def save(content, path, **settings):
    torch.save(content, path, **settings)
    return str(path)


@pytest.mark.parametrize("suffix", ["safetensors", "pt", "pth", "bin"])
def test_weights_are_those_of_the_file(tmp_path, other, suffix):
    path = tmp_path / f"weights.{suffix}"
    if suffix == "safetensors":
        safetensors_torch.save_file(other.state_dict(), path)
    else:
        save(other.state_dict(), path)
    found = open_model(f"torch:{FACTORY}", None, {"weights": path})
    np.testing.assert_array_equal(values(found), values(TorchBackend.adopt(other)))
    assert found.fingerprint == TorchBackend.adopt(other).fingerprint
    assert found.fingerprint != open_model(f"torch:{FACTORY}").fingerprint


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_the_weights_in_a_checkpoint_are_found_and_said(tmp_path, other, key, caplog):
    caplog.set_level(logging.INFO, "invert")
    state = {f"module.{name}": value for name, value in other.state_dict().items()}
    path = save({"epoch": 3, key: state, "optimizer": {"lr": 0.1}}, tmp_path / "check.pt")
    found = TorchBackend.open(FACTORY, weights=path)
    np.testing.assert_array_equal(values(found), values(TorchBackend.adopt(other)))
    assert f"are those under '{key}'" in caplog.text
    assert "prefix 'module.' is left out of the names" in caplog.text


def test_the_old_format_of_files_is_read(tmp_path, other):
    path = save(other.state_dict(), tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    found = TorchBackend.open(FACTORY, weights=path)
    np.testing.assert_array_equal(values(found), values(TorchBackend.adopt(other)))


def test_weights_that_are_shared_are_needed_once(tmp_path):
    path = tmp_path / "w.safetensors"
    safetensors_torch.save_file({"first.weight": torch.full((2, 2), 7.0)}, path)
    (tmp_path / "net.py").write_text(
        "import torch\nclass Tied(torch.nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.first = torch.nn.Linear(2, 2, bias=False)\n"
        "        self.second = torch.nn.Linear(2, 2, bias=False)\n"
        "        self.second.weight = self.first.weight\n"
        "    def forward(self, x):\n        return self.second(x)\n"
    )
    model = TorchBackend.open(f"{tmp_path / 'net.py'}:Tied", weights=path)
    x = {"x": np.ones((1, 2), np.float32)}
    with model.settled(x).extractor(["second"], device="cpu") as extractor:
        np.testing.assert_array_equal(extractor.run(x)["second"], [[14, 14]])


def test_weights_of_another_model_are_refused_with_the_names(tmp_path, other):
    state = other.state_dict()
    del state["head.weight"]
    state |= {f"tail.{i}": torch.zeros(1) for i in range(5)}
    state["conv.weight"] = torch.zeros(2, 3, 1, 1)
    with pytest.raises(ModelError) as caught:
        TorchBackend.open(FACTORY, weights=save(state, tmp_path / "w.pt"))
    said = str(caught.value)
    assert "the file has no 'head.weight'" in said
    assert "the model has no 'tail.0', 'tail.1', 'tail.2' and 2 more" in said
    assert "'conv.weight' has another shape, (2, 3, 1, 1) instead of (4, 3, 1, 1)" in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"epoch": 3}, "holds no state dict"),
        ([1, 2], "holds no state dict"),
        ({}, "holds no state dict"),
        (torch.zeros(3), "holds no state dict"),
    ],
)
def test_files_without_weights_are_refused(tmp_path, content, reason):
    with pytest.raises(FileFormatError, match=reason):
        TorchBackend.open(FACTORY, weights=save(content, tmp_path / "w.pt"))


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_broken_weights_are_refused(tmp_path, other, name):
    path = tmp_path / name
    for content in (b"", b"no weights\n" * 9, b"PK\x03\x04 broken", b"\x80\x02 broken"):
        path.write_bytes(content)
        with pytest.raises(FileFormatError) as caught:
            TorchBackend.open(FACTORY, weights=path)
        assert caught.value.hint
    whole = Path(save(other.state_dict(), tmp_path / "whole.pt")).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError):
        TorchBackend.open(FACTORY, weights=path)
    with pytest.raises(MissingFileError):
        TorchBackend.open(FACTORY, weights=tmp_path / "nothing.pt")


def test_safetensors_that_is_not_installed_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"")
    with pytest.raises(MissingDependencyError, match=r"invert-core\[safetensors\]"):
        TorchBackend.open(FACTORY, weights=path)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("forced", [False, True])
def test_weights_with_code_are_refused_and_the_code_does_not_run(
    tmp_path, other, trace, monkeypatch, old, forced
):
    if forced:
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    content = {"state_dict": other.state_dict(), "epoch": Touch(trace)}
    path = save(content, tmp_path / "w.pt", _use_new_zipfile_serialization=not old)
    with pytest.raises(FileFormatError, match=r"holds Python objects.*would run code"):
        TorchBackend.open(FACTORY, weights=path, trust_model=True)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists(), "the file is not hostile"


def test_a_plain_pickle_does_not_run(tmp_path, trace):
    for protocol in (2, 4):
        path = tmp_path / "model.pt"
        path.write_bytes(pickle.dumps(Touch(trace), protocol))
        with pytest.raises(ModelError, match=r"--trust-model|is broken"):
            TorchBackend.open(str(path))
        with pytest.raises(FileFormatError):
            TorchBackend.open(FACTORY, weights=path)
    assert not trace.exists()


def test_a_state_dict_is_no_model_and_says_what_to_name(tmp_path, other):
    for content in (other.state_dict(), {"state_dict": other.state_dict()}):
        path = save(content, tmp_path / "w.pt")
        with pytest.raises(
            ModelError, match=r"holds weights, but no module\..*--weights '.*w\.pt'"
        ):
            open_model(path, None, {"trust_model": True})
    with pytest.raises(ModelError, match="holds no module"):
        open_model(save(torch.zeros(2), tmp_path / "w.pt"))


def test_a_pickled_module_is_read_only_when_it_is_trusted(tmp_path, other):
    path = save(other, tmp_path / "model.pt")
    with pytest.raises(ModelError, match=r"would run code.*--trust-model, which runs any code"):
        open_model(path)
    found = open_model(path, None, {"trust_model": True})
    np.testing.assert_array_equal(values(found), values(TorchBackend.adopt(other)))
    with pytest.raises(ModelError, match="--trust-model"):
        open_model(path, None, {"trust_model": False})


def test_code_in_a_pickled_module_runs_only_when_it_is_trusted(tmp_path, trace, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path = save({"model": Touch(trace)}, tmp_path / "model.pt")
    with pytest.raises(ModelError, match="--trust-model"):
        open_model(path)
    assert not trace.exists()
    with pytest.raises(ModelError, match="holds no module"):
        open_model(path, None, {"trust_model": True})
    assert trace.exists()


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file nobody can read")
def test_a_file_that_cannot_be_read_is_told():
    with pytest.raises(ModelError, match="cannot be read: Input/output error"):
        open_model("/proc/self/mem", "torch")
    with pytest.raises(FileFormatError, match="cannot be read: Input/output error"):
        TorchBackend.open(FACTORY, weights="/proc/self/mem")


def test_a_trusted_file_that_fails_is_told(tmp_path, trace):
    path = save({"model": Touch(trace / "in" / "no" / "folder")}, tmp_path / "model.pt")
    with pytest.raises(ModelError, match="cannot be read: it fails with FileNotFoundError"):
        open_model(path, None, {"trust_model": True})


@pytest.fixture(params=["script.pt", "script.torchscript", "program.pt2", "program.pt"])
def archive(request, tmp_path):
    """TorchScript archives and exported programs, with their own and with other suffixes."""
    path = tmp_path / request.param
    module = torch.nn.Linear(2, 2)
    if request.param.startswith("script"):
        torch.jit.script(module).save(path)
    else:
        program = torch.export.export(module, (torch.zeros(1, 2),))
        with open(path, "wb") as file:
            torch.export.save(program, file)
    return path


@pytest.mark.filterwarnings("ignore:`torch.jit.*:DeprecationWarning")
def test_torchscript_and_exported_programs_are_refused_unread(archive, monkeypatch):
    def run(*_args, **_settings):
        raise AssertionError("the file was read")

    for place, name in ((torch, "load"), (torch.jit, "load"), (torch.export, "load")):
        monkeypatch.setattr(place, name, run)
    for options in ({}, {"trust_model": True}):
        with pytest.raises(
            ModelError, match=r"whose layers cannot be reached.*export that to ONNX"
        ):
            open_model(archive, "torch", options)
    with pytest.raises(FileFormatError, match="holds no weights: it is"):
        TorchBackend.open(FACTORY, weights=archive)


@pytest.mark.parametrize("member", ["m/models/model.json", "serialized_exported_program.json"])
def test_an_exported_program_of_any_version_is_known_by_its_members(tmp_path, member):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(member, "{}")
        file.writestr("m/data.pkl", b"")
    with pytest.raises(ModelError, match=r"a program of torch.export"):
        open_model(path)


@pytest.mark.parametrize("suffix", ["pt", "pth", "pt2", "torchscript"])
def test_a_file_that_is_nothing_is_refused(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    for content in (b"", b"nothing\n" * 9, b"PK\x05\x06" + bytes(18)):
        path.write_bytes(content)
        with pytest.raises(ModelError) as caught:
            open_model(path, None, {"trust_model": True})
        assert caught.value.hint


def test_complex_weights_do_not_become_their_real_parts(tmp_path, other):
    state = other.state_dict()
    state["head.weight"] = state["head.weight"] * 1j
    weights = save(state, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"'head.weight' in .* is complex"):
        open_model(f"torch:{FACTORY}", None, {"weights": weights})
