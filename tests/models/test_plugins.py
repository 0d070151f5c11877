"""Backends that other packages bring, found by their entry points."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from invert_core.errors import MissingDependencyError, SettingError, UnknownNameError
from invert_core.models import built_in
from invert_core.models.backend import MASK, Option
from invert_core.models.registry import backends, load_backend, open_model
from invert_core.testing import BackendSuite
from tests.backends.pooling_oracle import pooled

PLUGINS = Path(__file__).parents[1] / "plugins"
"""Looks like site-packages with one package, which has metadata and a module."""


def write_model(folder: Path, seed: int = 0) -> str:
    random = np.random.default_rng(seed)
    first = random.normal(size=(4, 6)).astype(np.float32)
    second = np.random.default_rng(9).normal(size=(6, 3)).astype(np.float32)
    np.savez(folder / "model.npz", first=first, second=second)
    return str(folder / "model.npz")


def install(folder: Path, distribution: str, name: str, target: str, source: str = "") -> None:
    """Write what an installed package with one backend leaves in site-packages."""
    info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[invert.backends]\n{name} = {target}\n")
    (folder / f"{target.partition(':')[0]}.py").write_text(source)


@pytest.fixture(autouse=True)
def no_torch(monkeypatch):
    """The PyTorch backend takes long to import and may be absent."""
    absent = built_in.BuiltIn("a_package_with_torch:It", "torch", (".pt",))
    monkeypatch.setitem(built_in.BUILT_IN, "torch", absent)


@pytest.fixture
def plugin(monkeypatch):
    monkeypatch.syspath_prepend(str(PLUGINS))


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


class Forgetful(Mapping):
    """Settings that the model itself uses, but that nobody else sees."""

    def __init__(self, settings):
        self._settings = settings

    def __getitem__(self, name):
        return self._settings[name]

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0


@pytest.mark.usefixtures("plugin")
def test_the_suite_notices_an_option_that_the_settings_forget(tmp_path, monkeypatch):
    suite = TestNumpyBackend()
    make = suite._model

    def forgetful(folder, **options):
        model = make(folder, **options)
        model.settings = Forgetful(model.settings)
        return model

    suite.test_an_option_that_changes_activations_changes_the_settings_too(tmp_path)
    monkeypatch.setattr(suite, "_model", forgetful)
    with pytest.raises(AssertionError, match="curve='relu' changes activations, but neither the"):
        suite.test_an_option_that_changes_activations_changes_the_settings_too(tmp_path)


@pytest.mark.usefixtures("plugin")
class TestNumpyBackend(BackendSuite):
    def backend(self):
        return load_backend("numpy")

    def target(self, folder):
        return write_model(folder)

    def changed_target(self, folder):
        return write_model(folder, seed=1)

    def batch(self):
        return {"x": np.random.default_rng(2).normal(size=(7, 5, 4)).astype(np.float32)}

    def hidden(self):
        first = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
        return np.tanh(np.einsum("btf,fh->bth", self.batch()["x"], first))

    def expected(self):
        hidden = self.hidden()
        second = np.random.default_rng(9).normal(size=(6, 3)).astype(np.float32)
        return {
            ("hidden", "mean"): hidden.mean(1),
            ("hidden", "max"): hidden.max(1),
            ("hidden", "first"): hidden[:, 0],
            ("hidden", "last"): hidden[:, -1],
            ("hidden", "flatten"): hidden.transpose(0, 2, 1).reshape(7, 30),
            ("logits", "none"): np.einsum("bth,hk->bk", hidden / 5, second),
        }

    def masked(self):
        mask = np.ones((7, 5), np.int64)
        mask[0, 3:] = mask[1, :2] = mask[2, 2] = 0
        expected = {
            ("hidden", pool): pooled(self.hidden(), pool, 2, mask, (1,))
            for pool in ("mean", "max", "first", "last")
        }
        return {**self.batch(), MASK: mask}, expected


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("ignored", "check"),
    [
        ({"channel_axis": None}, "test_the_channel_axis_counts_the_units"),
        ({"channel_axis": None}, "test_a_channel_axis_that_a_layer_lacks_is_refused"),
        ({"batch_size": 999}, "test_inputs_that_do_not_fit_are_refused"),
        ({"batch_size": 7, "device": "cpu"}, "test_settings_that_do_not_exist_are_refused"),
    ],
)
def test_the_suite_notices_a_backend_that_ignores_an_argument(
    tmp_path, monkeypatch, ignored, check
):
    model = type(load_backend("numpy").open(write_model(tmp_path)))
    right = model.open_layers
    of_layers = {key: ignored[key] for key in ignored.keys() & {"channel_axis"}}
    others = {key: ignored[key] for key in ignored.keys() - {"channel_axis"}}
    monkeypatch.setattr(
        model,
        "open_layers",
        lambda self, readings, **given: right(
            self, [replace(each, **of_layers) for each in readings], **given | others
        ),
    )
    with pytest.raises(AssertionError, match=r"channel_axis|twice the batch size|abacus"):
        getattr(TestNumpyBackend(), check)(tmp_path)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    "check",
    [
        "test_padding_has_no_part_in_the_activations",
        "test_what_padding_holds_has_no_part_in_the_activations",
        "test_longer_padding_has_no_part_in_the_activations",
        "test_masks_that_make_no_sense_are_refused",
    ],
)
def test_the_suite_notices_a_backend_that_counts_padding(tmp_path, monkeypatch, check):
    model = type(load_backend("numpy").open(write_model(tmp_path)))
    extractor = type(model.extractor(load_backend("numpy").open(write_model(tmp_path)), ["hidden"]))
    right = extractor.run
    monkeypatch.setattr(
        extractor,
        "run",
        lambda self, batch: right(self, {**batch, MASK: np.ones(batch["x"].shape[:2], np.int64)}),
    )
    with pytest.raises(AssertionError):
        getattr(TestNumpyBackend(), check)(tmp_path)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    "names",
    [
        lambda right: {},
        lambda right: {"hidden": right["hidden"][::-1]},
        lambda right: {"hidden": right["hidden"][:1] * len(right["hidden"])},
    ],
)
def test_the_suite_notices_wrong_names_of_flattened_units(tmp_path, monkeypatch, names):
    extractor = type(load_backend("numpy").open(write_model(tmp_path)).extractor(["hidden"]))
    right = extractor.unit_names
    monkeypatch.setattr(extractor, "unit_names", lambda self: names(right(self)))
    with pytest.raises((AssertionError, KeyError)):
        TestNumpyBackend().test_flattened_units_are_named_by_channel_and_place(tmp_path)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("options", "check"),
    [
        ((Option("depth", "How deep."),), "are_arguments_of_open_and_adopt"),
        (("scale",), "are_arguments_of_open_and_adopt"),
        ([], "are_arguments_of_open_and_adopt"),
        ((Option("scale", " "),), "are_told_apart_and_explained"),
        ((Option("scale", "A."), Option("scale", "B.")), "are_told_apart_and_explained"),
        ((Option("a", "A."), Option("b", "B.", flag="--a")), "are_told_apart_and_explained"),
    ],
)
def test_the_suite_notices_wrong_options(monkeypatch, options, check):
    suite, backend = TestNumpyBackend(), load_backend("numpy")
    monkeypatch.setattr(backend, "options", options)
    monkeypatch.setattr(suite, "backend", lambda: backend)
    with pytest.raises((AssertionError, TypeError)):
        getattr(suite, f"test_options_{check}")()


@pytest.mark.usefixtures("plugin")
def test_a_plugin_adopts_objects_that_no_built_in_knows(tmp_path, monkeypatch):
    backend = load_backend("numpy")
    model = open_model(write_model(tmp_path))
    monkeypatch.setattr(
        backend, "adopt", lambda given, **_: model if isinstance(given, dict) else None
    )
    assert open_model({}) is model
    assert open_model({}, backend="numpy") is model
    with pytest.raises(UnknownNameError, match="class 'list'"):
        open_model([])


@pytest.mark.usefixtures("plugin")
def test_plugins_that_do_not_take_an_object_leave_it_to_the_others(tmp_path, site, monkeypatch):
    backend = load_backend("numpy")
    model = open_model(write_model(tmp_path))
    install(site, "invert-broken", "a-broken", "broken_for_objects:It", "")
    source = "from invert_core.models.backend import Backend\nclass It(Backend): pass"
    install(site, "invert-other", "another", "other_for_objects:It", source)
    monkeypatch.setattr(backend, "options", (Option("depth", "How deep."),))
    monkeypatch.setattr(
        backend, "adopt", lambda given, **_: model if isinstance(given, dict) else None
    )
    assert open_model({}, options={"depth": 1}) is model
    with pytest.raises(SettingError, match="'numpy' has no option 'width'"):
        open_model({}, options={"width": 1})
    with pytest.raises(UnknownNameError, match=r"class 'list'.*invert-broken"):
        open_model([])


@pytest.mark.usefixtures("plugin")
def test_a_plugin_is_listed_with_its_distribution():
    found = {info.name: info for info in backends()}
    assert found["onnx"].origin == "built-in"
    assert found["numpy"].origin == "invert-numpy"
    assert found["numpy"].status == "installed"


@pytest.mark.usefixtures("plugin")
def test_a_plugin_opens_files_with_its_suffix(tmp_path):
    path = write_model(tmp_path)
    for spec in (path, f"numpy:{path}"):
        assert type(open_model(spec)).__name__ == "NumpyModel"
    assert type(open_model(path, backend="numpy")).__name__ == "NumpyModel"


def test_without_the_plugin_its_suffix_is_unknown(tmp_path):
    with pytest.raises(UnknownNameError, match="`invert backends` lists all"):
        open_model(write_model(tmp_path))


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import a_package_that_is_not_there", "No module named 'a_package_that_is_not_there'"),
        ("raise ZeroDivisionError('at import')", "ZeroDivisionError: at import"),
        ("def broken(:", "SyntaxError"),
        ("", "has no attribute 'It'"),
        ("It = dict", "is not a subclass of invert_core.models.backend.Backend"),
        (
            "from invert_core.models.backend import Backend\n"
            "class It(Backend): options = ('depth',)",
            "not a tuple of objects of the class invert_core.models.backend.Option",
        ),
        *(
            (
                "from invert_core.models.backend import Backend\n"
                f"class It(Backend): options = {options}",
                "not a tuple of objects of the class invert_core.models.backend.Option",
            )
            for options in ("None", "3", "'depth'", "{}")
        ),
        *(
            (
                "from invert_core.models.backend import Backend, Option\n"
                f"class It(Backend): options = (Option('a', 'A.'), {second})",
                reason,
            )
            for second, reason in {
                "Option('a', 'B.', flag='--b')": "'a' (--a) and 'a' (--b) of the backend",
                "Option('b', 'B.', flag='--a')": "'a' (--a) and 'b' (--a) of the backend",
                "Option('broken_a', 'B.')": "'a' (--a) and 'broken_a' (--broken-a) of the backend",
            }.items()
        ),
        ("raise SystemExit(3)", "cannot be imported: SystemExit: 3."),
        ("import sys\nsys.exit()", "cannot be imported: SystemExit."),
        (
            "from invert_core.models.backend import Option\nOption('no name', 'Help.')",
            "An option cannot have the name 'no name'",
        ),
        ("It = 3", "is not a subclass of invert_core.models.backend.Backend"),
    ],
)
def test_a_broken_plugin_is_reported_and_leaves_the_others_alone(tmp_path, site, source, reason):
    module = f"broken_{abs(hash(source))}"
    install(site, "invert-broken", "broken", f"{module}:It", source)
    found = {info.name: info for info in backends()}
    assert found["broken"].status == "broken"
    assert reason in found["broken"].hint
    assert "'invert-broken'" in found["broken"].hint
    assert "pip uninstall invert-broken" in found["broken"].hint
    assert found["numpy"].status == found["onnx"].status == "installed"
    with pytest.raises(MissingDependencyError, match="invert-broken"):
        load_backend("broken")
    assert type(open_model(write_model(tmp_path))).__name__ == "NumpyModel"


def test_a_broken_plugin_is_named_where_no_backend_fits(tmp_path, site):
    install(site, "invert-broken", "broken", "broken_quietly:It", "")
    with pytest.raises(UnknownNameError, match="invert-broken"):
        open_model(write_model(tmp_path))


def test_a_plugin_cannot_take_the_name_of_a_built_in(site, caplog):
    install(site, "invert-usurper", "onnx", "usurper:It", "raise SystemExit")
    with caplog.at_level(logging.WARNING, "invert"):
        assert load_backend("onnx").__name__ == "OnnxBackend"
    assert "'onnx' of the package 'invert-usurper' is not used" in caplog.text
    assert [info.origin for info in backends() if info.name == "onnx"] == ["built-in"]


def test_of_two_plugins_with_one_name_the_first_package_wins(site, caplog):
    install(site, "invert-b", "twin", "twin_b:It", "")
    install(site, "invert-a", "twin", "twin_a:It", "")
    with caplog.at_level(logging.WARNING, "invert"):
        found = [info.origin for info in backends() if info.name == "twin"]
    assert found == ["invert-a"]
    assert "'invert-b' is not used" in caplog.text


def test_a_plugin_named_like_a_drive_is_refused(site, caplog):
    install(site, "invert-drive", "C", "drive:It", "")
    assert "C" not in {info.name for info in backends()}
    assert "'invert-drive' is not used" in caplog.text


@pytest.mark.usefixtures("plugin")
def test_two_backends_for_one_suffix_have_to_be_told_apart(tmp_path, site):
    source = "from invert_numpy import NumpyBackend\nclass It(NumpyBackend): pass\n"
    install(site, "invert-other", "other", "other_numpy:It", source)
    path = write_model(tmp_path)
    with pytest.raises(SettingError, match=f"`numpy:{path}` or `other:{path}`"):
        open_model(path)
    assert type(open_model(f"other:{path}")).__name__ == "NumpyModel"
