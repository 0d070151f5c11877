"""Devices: CUDA is used if it works, and that is always checked."""

import logging
from importlib import metadata

import onnx
import onnxruntime
import pytest

from invert_core.backends.onnx import OnnxBackend, session
from invert_core.errors import MissingDependencyError, ModelError
from tests.backends import models

BOTH = [session.CUDA, session.CPU]


class Pretender:
    """An ONNX Runtime built with CUDA, on a machine with the given providers."""

    def __init__(self, monkeypatch, working):
        self.asked = []
        self.preloaded = 0
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: BOTH)
        monkeypatch.setattr(onnxruntime, "preload_dlls", self.preload)
        monkeypatch.setattr(session, "_version", lambda name: "1" * (name == "onnxruntime-gpu"))
        real = onnxruntime.InferenceSession

        def create(content, options, providers, **more):
            self.asked.append(providers)
            made = real(content, options, providers=[session.CPU], **more)
            if working and providers != [session.CPU]:
                monkeypatch.setattr(type(made), "get_providers", lambda self: BOTH)
            return made

        monkeypatch.setattr(onnxruntime, "InferenceSession", create)

    def preload(self):
        self.preloaded += 1
        print("Failed to load libcudnn")


@pytest.fixture
def model(tmp_path):
    return OnnxBackend.open(models.save(models.network(), tmp_path))


def test_cuda_without_a_build_for_it_says_what_to_install(model, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [session.CPU])
    with pytest.raises(MissingDependencyError, match=r'pip install "invert-core\[onnx-gpu\]"'):
        model.extractor(["relu"], device="cuda")


def test_cuda_that_is_silently_not_used_is_an_error(model, monkeypatch):
    Pretender(monkeypatch, working=False)
    with pytest.raises(MissingDependencyError, match="cannot use CUDA on this machine") as caught:
        model.extractor(["relu"], device="cuda")
    assert "onnx-gpu-libs" in caught.value.hint


def test_auto_warns_once_and_takes_the_cpu(model, monkeypatch, caplog, capsys):
    Pretender(monkeypatch, working=False)
    with caplog.at_level(logging.WARNING, "invert"), model.extractor(["relu"]) as extractor:
        assert extractor.device == "cpu"
    assert len(caplog.records) == 1
    assert "runs on the CPU" in caplog.text
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_cuda_that_works_is_used_without_tf32(model, monkeypatch, device):
    runtime = Pretender(monkeypatch, working=True)
    with model.extractor(["relu"], device=device) as extractor:
        assert extractor.device == "cuda"
    assert runtime.asked[-1] == [(session.CUDA, {"use_tf32": "0"}), session.CPU]
    assert runtime.preloaded == 1


def test_the_cpu_is_used_when_it_is_asked_for(model, monkeypatch):
    runtime = Pretender(monkeypatch, working=True)
    with model.extractor(["relu"], device="cpu") as extractor:
        assert extractor.device == "cpu"
    assert runtime.asked == [[session.CPU]]
    assert runtime.preloaded == 0


def test_auto_does_not_warn_where_there_is_no_cuda_build(model, monkeypatch, caplog):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [session.CPU])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: pytest.fail("DLLs were loaded"))
    with caplog.at_level(logging.DEBUG, "invert"), model.extractor(["relu"]) as extractor:
        assert extractor.device == "cpu"
    (said,) = (record for record in caplog.records if "no CUDA" in record.message)
    assert said.levelno == logging.INFO


def test_a_driver_that_fails_is_reported_as_such(model, monkeypatch):
    Pretender(monkeypatch, working=True)

    def fail(*_, **__):
        raise RuntimeError("CUDA failure 35: driver version is insufficient")

    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    with pytest.raises(MissingDependencyError, match="CUDA failure 35"):
        model.extractor(["relu"], device="cuda")


def test_two_builds_at_once_are_found_and_refused_for_cuda(model, monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "1.27.0")
    with pytest.raises(MissingDependencyError, match="overwrite each other") as caught:
        OnnxBackend.check()
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in caught.value.hint
    with pytest.raises(MissingDependencyError, match="overwrite each other"):
        model.extractor(["relu"], device="cuda")


@pytest.mark.parametrize("built", [[session.CPU], BOTH])
@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_two_builds_at_once_are_one_warning_on_the_cpu(model, monkeypatch, caplog, device, built):
    Pretender(monkeypatch, working=True)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: built)
    monkeypatch.setattr(session, "_version", lambda name: "1.27.0")
    with (
        caplog.at_level(logging.INFO, "invert"),
        model.extractor(["logits"], device=device) as extractor,
    ):
        assert extractor.device == "cpu"
    (said,) = caplog.records
    assert said.levelno == logging.WARNING
    assert "overwrite each other. Repair with `pip uninstall -y onnxruntime" in said.message


@pytest.mark.parametrize(("working", "state"), [(True, "ok"), (False, "absent")])
def test_the_check_names_versions_and_says_whether_cuda_works(monkeypatch, working, state):
    Pretender(monkeypatch, working)
    found = {finding.subject: finding for finding in OnnxBackend.check()}
    assert found["onnx"].finding == onnx.__version__
    assert found["ONNX Runtime"].finding == "onnxruntime-gpu 1"
    assert found["CUDA"].state == state
    assert "pip" not in found["CUDA"].finding


@pytest.mark.parametrize(
    ("operator", "read", "made"),
    [("Split", ["x"], ["", "y"]), ("Sum", ["x", "", "x"], ["y"]), ("Concat", ["", "x"], ["y"])],
)
def test_a_list_of_tensors_with_a_gap_is_refused_and_does_not_crash(tmp_path, operator, read, made):
    axis = {} if operator == "Sum" else {"axis": 1}
    gap = onnx.helper.make_node(operator, read, made, **axis)
    proto = models.model([gap], [models.value("x", ["n", 4, 8])], [models.value("y", None)])
    with pytest.raises(ModelError, match=f"A node {operator} .* without a name"):
        session.create_session(proto, tmp_path, [session.CPU])


@pytest.mark.parametrize("version", [2**40, -(2**40)])
def test_an_absurd_version_of_the_operators_is_the_fault_of_the_model(tmp_path, version):
    proto = models.network()
    proto.opset_import[0].version = version
    with pytest.raises(ModelError, match="cannot run this model"):
        session.create_session(proto, tmp_path, [session.CPU])
