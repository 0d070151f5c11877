"""Devices that work or do not, and the precision of PyTorch."""

import logging
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from invert_core.errors import MissingDependencyError
from tests.needs import need

torch = need("torch")

from invert_core.backends.torch import device
from invert_core.backends.torch.running import to_tensors
from tests.backends.torch_models import Chain, Passing, TorchBackend, X, opened, run


def precisions():
    return [getattr(place, name) for place, name, _ in device._switches()]


def test_reduced_precision_is_off_while_a_module_runs_and_as_before_afterwards():
    before = torch.get_float32_matmul_precision()
    seen = []
    try:
        torch.set_float32_matmul_precision("medium")
        outside = precisions()
        run(Chain(between=lambda x: seen.append(precisions()) or x), ["second"], X)
        assert precisions() == outside
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    exact = [value for _, _, value in device._switches()]
    assert exact != outside
    assert seen == [exact] * len(seen) != []


def test_older_versions_of_pytorch_have_other_switches_for_it(monkeypatch):
    old = SimpleNamespace(
        cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=True)),
        cudnn=SimpleNamespace(allow_tf32=True),
        mha=torch.backends.mha,
    )
    monkeypatch.setattr(torch, "backends", old)
    with device.exact():
        assert precisions() == [False, False]
    assert precisions() == [True, True]


def test_cuda_that_was_not_built_in_is_refused_with_the_repair(monkeypatch, caplog):
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    caplog.set_level(logging.INFO, "invert")
    with pytest.raises(MissingDependencyError, match=r"has no CUDA.*pip uninstall -y torch"):
        opened(Passing(), X, ["same"], device="cuda")
    with opened(Passing(), X, ["same"], device="auto") as extractor:
        assert extractor.device == "cpu"
    assert [each.levelname for each in caplog.records] == ["INFO"]


def test_cuda_that_does_not_work_is_refused_with_the_reason(monkeypatch, caplog):
    def absent():
        warnings.warn("the driver is too old", UserWarning, stacklevel=1)
        return False

    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", absent)
    with pytest.raises(MissingDependencyError, match=r"the driver is too old.*nvidia-smi"):
        opened(Passing(), X, ["same"], device="cuda")
    with opened(Passing(), X, ["same"], device="auto") as extractor:
        assert extractor.device == "cpu"
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    assert "the driver is too old" in caplog.text


def test_a_device_that_is_found_but_fails_is_refused(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", fail_with("no kernel image\nis available"))
    with pytest.raises(MissingDependencyError, match=r"on this machine\. no kernel image Check"):
        device.choose_device("cuda")


def fail_with(said):
    def raise_it(*_args, **_settings):
        raise RuntimeError(said)

    return raise_it


def test_the_check_names_versions_and_devices():
    findings = {each.subject: each for each in TorchBackend.check()}
    assert list(findings) == ["PyTorch", "CUDA", "safetensors"]
    assert findings["PyTorch"].finding == torch.__version__
    works = torch.cuda.is_available()
    assert findings["CUDA"].state == ("ok" if works else "absent")


@pytest.mark.parametrize("writeable", [True, False])
def test_arrays_that_are_copied_to_another_device_may_be_read_only_or_not(writeable):
    array = np.ones((2, 3), np.float32)
    array.flags.writeable = writeable
    (tensor,) = to_tensors({"x": array}, "meta", None).values()
    assert (tensor.device.type, tuple(tensor.shape)) == ("meta", (2, 3))
