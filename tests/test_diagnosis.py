"""What `invert doctor` finds out."""

import pytest

from invert_core import diagnosis
from invert_core.errors import MissingDependencyError
from invert_core.models.backend import Backend, Finding
from invert_core.models.registry import BackendInfo


def found():
    return {finding.subject: finding for finding in diagnosis.diagnose()}


def listed(monkeypatch, **values):
    info = BackendInfo(
        **{"name": "x", "origin": "built-in", "status": "installed", "hint": ""} | values
    )
    monkeypatch.setattr(diagnosis, "backends", lambda: [info])


def test_versions_cores_and_cache_are_told():
    findings = found()
    assert findings["numba"].finding.count(".") >= 2
    assert int(findings["cores"].finding) >= 1
    assert "kernel cache" in findings
    assert findings["backend onnx: ONNX Runtime"].state == "ok"


def test_a_built_in_backend_that_is_not_installed_is_absent(monkeypatch):
    listed(monkeypatch, status="missing", hint="It needs y. Run `pip install y`.")
    assert found()["backend x"].state == "absent"
    assert found()["backend x"].finding == "It needs y. Run `pip install y`."


def test_a_plugin_that_cannot_be_imported_is_broken(monkeypatch):
    listed(monkeypatch, origin="invert-x", status="broken", hint="It fails.")
    assert found()["backend x"] == Finding("backend x", "broken", "It fails.")


def test_a_backend_that_does_not_work_is_broken(monkeypatch):
    class Failing(Backend):
        @classmethod
        def check(cls):
            raise MissingDependencyError("The library is too old.", "Update it.")

    listed(monkeypatch)
    monkeypatch.setattr(diagnosis, "load_backend", lambda name: Failing)
    assert found()["backend x"].state == "broken"
    assert found()["backend x"].finding == "The library is too old. Update it."


@pytest.mark.parametrize(
    ("cache", "warm", "words"),
    [
        (None, False, "NUMBA_CACHE_DIR"),
        ("/cache", True, "/cache (filled)"),
        ("/cache", False, "empty, filled by the first labelling"),
    ],
)
def test_the_state_of_the_kernel_cache_is_told(monkeypatch, cache, warm, words):
    monkeypatch.setattr(diagnosis, "CACHE", cache)
    monkeypatch.setattr(diagnosis, "is_warm", lambda: warm)
    assert words in found()["kernel cache"].finding


@pytest.mark.parametrize(("subject", "package", "extra"), diagnosis.OPTIONAL)
def test_what_needs_a_package_that_is_absent_says_how_to_get_it(
    monkeypatch, subject, package, extra
):
    def find(name):
        return None if name == package else object()

    monkeypatch.setattr(diagnosis.importlib.util, "find_spec", find)
    findings = found()
    hint = f'pip install "invert-core[{extra}]"'
    assert findings[subject] == Finding(subject, "absent", hint)
    assert all(
        findings[other].state == "ok" for other, _, _ in diagnosis.OPTIONAL if other != subject
    )
