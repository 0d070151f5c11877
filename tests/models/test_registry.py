"""How a model finds its backend."""

import subprocess
import sys
from dataclasses import replace

import pytest

from invert_core.errors import (
    MissingDependencyError,
    MissingFileError,
    SettingError,
    UnknownNameError,
)
from invert_core.models import built_in
from invert_core.models.registry import (
    backend_options,
    backends,
    find_backend,
    load_backend,
    open_model,
)
from tests.backends import models


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    """A stand-in for the PyTorch backend, which takes long to import and may be absent."""
    return stand_in(monkeypatch, "a_package_with_torch")


def stand_in(monkeypatch, module):
    there = replace(built_in.BUILT_IN["torch"], target=f"{module}:It")
    monkeypatch.setitem(built_in.BUILT_IN, "torch", there)
    return there


ADOPTING = """
from invert_core.models.backend import Backend, Option

class It(Backend):
    options = (Option("weights", "Weights."), Option("trust_model", "Trust.", bool))
    given = []

    @classmethod
    def open(cls, target, **options):
        cls.given.append((target, options))
        return target

    @classmethod
    def adopt(cls, model, **options):
        cls.given.append((model, options))
        return "adopted"

    check = None
"""


def install(tmp_path, monkeypatch, module):
    """Write a module with a backend that keeps what it is given."""
    (tmp_path / f"{module}.py").write_text(ADOPTING)
    monkeypatch.syspath_prepend(str(tmp_path))
    stand_in(monkeypatch, module)
    return load_backend("torch")


def torch_module():
    """An object of a class that is called like a torch module, without torch."""
    base = type("Module", (), {"__module__": "torch.nn.modules.module"})
    return type("Net", (base,), {})()


@pytest.fixture
def path(tmp_path):
    return models.save(models.network(), tmp_path)


def test_importing_the_registry_imports_no_backend():
    code = (
        "import sys, invert_core.models.registry; "
        "heavy = {'onnx', 'onnxruntime', 'invert_core.backends', 'torch', 'numba', 'scipy'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_table_says_of_a_backend_what_it_says_itself():
    backend = load_backend("onnx")
    assert built_in.BUILT_IN["onnx"].suffixes == backend.suffixes
    assert built_in.BUILT_IN["onnx"].options == backend.options


def test_the_built_in_backends_are_listed_first():
    onnx, torch = backends()[:2]
    assert (onnx.name, onnx.origin, onnx.status, onnx.hint) == ("onnx", "built-in", "installed", "")
    assert (torch.name, torch.origin, torch.status) == ("torch", "built-in", "missing")


def test_a_model_is_opened_by_suffix_by_name_and_by_argument(path, tmp_path):
    bare = tmp_path / "without_suffix"
    bare.write_bytes((tmp_path / "model.onnx").read_bytes())
    loud = tmp_path / "LOUD.ONNX"
    loud.write_bytes(bare.read_bytes())
    for model in (
        open_model(path),
        open_model(str(loud)),
        open_model(f"onnx:{bare}"),
        open_model(str(bare), backend="onnx"),
    ):
        assert [each.name for each in model.inputs] == ["x"]


@pytest.mark.parametrize("name", ["a:b.onnx", "run:3.onnx", "x:y:z.onnx"])
def test_colons_in_a_file_name_do_no_harm(tmp_path, monkeypatch, name):
    models.save(models.network(), tmp_path, name)
    monkeypatch.chdir(tmp_path)
    assert open_model(name).inputs
    assert open_model(str(tmp_path / name)).inputs


@pytest.mark.parametrize("spec", ["C:\\models\\net.onnx", "C:/models/net.onnx", "runs:3/net.onnx"])
def test_a_missing_file_with_a_colon_is_a_missing_file(spec):
    with pytest.raises(MissingFileError, match="There is no file"):
        open_model(spec)


def test_a_missing_file_without_a_known_suffix_is_a_missing_file():
    with pytest.raises(MissingFileError, match=r"nowhere\.xyz"):
        open_model("nowhere.xyz")


def test_a_misspelt_backend_is_refused_with_the_nearest(path):
    for attempt in (
        lambda: open_model(f"onx:{path}"),
        lambda: open_model(path, backend="onx"),
        lambda: load_backend("onx"),
    ):
        with pytest.raises(UnknownNameError, match=r"'onx'. Did you mean 'onnx'\?"):
            attempt()


def test_an_unlike_backend_is_refused_where_the_rest_is_a_file(path):
    with pytest.raises(UnknownNameError, match=r"There is no backend 'jax'\. `invert backends`"):
        open_model(f"jax:{path}")


def test_a_file_that_no_backend_opens_is_refused(tmp_path):
    file = tmp_path / "model.xyz"
    file.write_bytes(b"?")
    with pytest.raises(UnknownNameError, match=r"No backend is known to open.*`name:.*lists all"):
        open_model(str(file))


def missing(monkeypatch):
    """Make the built-in backend one whose package is not there."""
    absent = built_in.BuiltIn("a_package_that_is_not_there:It", "onnx", (".onnx",))
    monkeypatch.setitem(built_in.BUILT_IN, "onnx", absent)


def test_a_missing_dependency_is_another_message_than_an_unknown_name(path, monkeypatch):
    missing(monkeypatch)
    for attempt in (lambda: open_model(path), lambda: load_backend("onnx")):
        with pytest.raises(MissingDependencyError) as caught:
            attempt()
        assert "a_package_that_is_not_there" in caught.value.message
        assert 'pip install "invert-core[onnx]"' in caught.value.hint


def test_a_backend_whose_package_is_missing_is_listed_with_the_repair(monkeypatch):
    missing(monkeypatch)
    found = backends()[0]
    assert found.status == "missing"
    assert "a_package_that_is_not_there" in found.hint
    assert found.hint.endswith('Run `pip install "invert-core[onnx]"`.')


def test_a_backend_whose_package_cannot_be_loaded_is_broken(tmp_path, monkeypatch):
    missing(monkeypatch)
    (tmp_path / "a_package_that_is_not_there.py").write_text("raise ImportError('libx.so')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert backends()[0].status == "broken"
    assert "libx.so" in backends()[0].hint


def test_a_fault_of_our_own_is_not_taken_for_a_missing_dependency(monkeypatch):
    own = built_in.BuiltIn("invert_core.backends.not_written:It", "onnx", (".onnx",))
    monkeypatch.setitem(built_in.BUILT_IN, "onnx", own)
    with pytest.raises(ModuleNotFoundError) as caught:
        load_backend("onnx")
    assert not isinstance(caught.value, MissingDependencyError)


@pytest.mark.parametrize("suffix", ["pt", "pth", "PT2", "torchscript"])
def test_a_missing_torch_is_said_with_the_repair(tmp_path, suffix):
    for attempt in (
        lambda: open_model(str(tmp_path / f"model.{suffix}")),
        lambda: open_model("torch:package.module:factory"),
        lambda: open_model(torch_module()),
    ):
        with pytest.raises(MissingDependencyError) as caught:
            attempt()
        assert caught.value.hint == 'Run `pip install "invert-core[torch]"`.'


def test_options_reach_the_backend_without_those_not_given(tmp_path, monkeypatch):
    backend = install(tmp_path, monkeypatch, "backend_for_options")
    open_model("torch:a.b:c", options={"weights": "w.safetensors", "trust_model": None})
    open_model("a.b:c", "torch")
    assert backend.given == [("a.b:c", {"weights": "w.safetensors"}), ("a.b:c", {})]


def test_options_that_a_backend_does_not_have_are_refused(path, tmp_path, monkeypatch):
    with pytest.raises(SettingError, match=r"'onnx' has no option 'trust_model'.*are: none"):
        open_model(path, options={"trust_model": True})
    open_model(path, options={"trust_model": None})
    backend = install(tmp_path, monkeypatch, "backend_that_refuses")
    for model in ("torch:a.b:c", torch_module()):
        with pytest.raises(SettingError, match=r"no option 'autocast'.*are: weights, trust_model"):
            open_model(model, options={"autocast": True})
    assert backend.given == []


def test_a_misspelt_option_gets_the_nearest_one(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "backend_with_a_near_name")
    with pytest.raises(SettingError, match=r"Did you mean 'trust_model'\?"):
        open_model("torch:a.b:c", options={"trust-model": True})


def test_the_options_of_a_built_in_backend_are_known_where_it_is_not_installed():
    names = [option.name for option in backend_options("torch")]
    assert names == [option.name for option in built_in.BUILT_IN["torch"].options]
    assert backend_options("onnx") == ()
    with pytest.raises(UnknownNameError, match=r"'onx'. Did you mean 'onnx'\?"):
        backend_options("onx")


def test_the_backend_of_a_model_is_found_without_opening_it(tmp_path):
    assert find_backend("nowhere.onnx") == "onnx"
    assert find_backend("torch:a.b:c") == "torch"
    assert find_backend("nowhere.onnx", "torch") == "torch"
    with pytest.raises(MissingFileError, match=r"nowhere\.xyz"):
        find_backend("nowhere.xyz")


def test_an_object_is_adopted_by_the_backend_of_its_class(tmp_path, monkeypatch):
    backend = install(tmp_path, monkeypatch, "backend_that_adopts")
    module = torch_module()
    assert open_model(module, options={"weights": "w"}) == "adopted"
    assert backend.given == [(module, {"weights": "w"})]


def test_an_object_of_no_known_class_is_refused_without_importing_a_built_in_backend():
    with pytest.raises(UnknownNameError, match=r"class 'dict'.*torch\.nn\.Module"):
        open_model({})


def test_an_object_that_the_named_backend_does_not_know_is_refused():
    with pytest.raises(UnknownNameError, match="class 'dict'"):
        open_model({}, backend="onnx")


def test_a_factory_without_the_name_of_its_backend_gets_it():
    with pytest.raises(MissingFileError, match=r"`torch:package\.module:make`"):
        open_model("package.module:make")
