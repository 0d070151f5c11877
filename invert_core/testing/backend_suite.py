"""The tests that every backend must pass; `invert_core.testing` says how to use them."""

import contextlib
import inspect
from abc import abstractmethod
from pathlib import Path

import numpy as np

from invert_core.errors import (
    DataError,
    InvertError,
    MissingDependencyError,
    MissingFileError,
    ModelError,
    SettingError,
    UnknownNameError,
)
from invert_core.extraction.trial_runs import try_out
from invert_core.models.backend import MASK, POOLS, STATES, Extractor, Finding, Model, Option
from invert_core.testing.token_suite import TokenSuite, refused


class BackendSuite(TokenSuite):
    """What a backend must do, as tests that use one small model.

    The name does not begin with "Test", so that pytest runs only the subclasses.
    """

    @abstractmethod
    def changed_target(self, folder: Path) -> str:
        """Write the same model with one weight changed; return the target for `Backend.open`."""

    @abstractmethod
    def batch(self) -> dict[str, np.ndarray]:
        """Return inputs for at least 5 samples, with at least one more axis of fixed length."""

    @abstractmethod
    def expected(self) -> dict[tuple[str, str], np.ndarray]:
        """Return the right activations of `batch()` for pairs of a layer and a pool.

        The pool "none" is for layers of rank 2, and the others are for higher ranks. If the
        backend has layers of both kinds, give some of each.
        """

    def test_options_are_arguments_of_open_and_adopt(self) -> None:
        backend = self.backend()
        assert isinstance(backend.options, tuple)
        assert all(isinstance(option, Option) for option in backend.options), backend.options
        names = [option.name for option in backend.options]
        for method in (backend.open, backend.adopt):
            inspect.signature(method).bind("a model", **dict.fromkeys(names))

    def test_options_are_told_apart_and_explained(self) -> None:
        options = self.backend().options
        for told in ([each.name for each in options], [each.flag for each in options]):
            assert len(set(told)) == len(told), f"one of {told} repeats"
        for option in options:
            assert option.help.strip(), f"the option {option.name!r} has no help"

    def test_an_object_that_is_no_model_is_not_adopted(self) -> None:
        assert self.backend().adopt(object()) is None

    def test_an_example_leaves_the_activations_the_same(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        for (layer, pool), right in self.expected().items():
            for example in (self._part(1, 2), self.batch()):
                found = self._run(model.settled(example), layer, pool)
                self._close(found, right)
                np.testing.assert_array_equal(found, self._run(model, layer, pool))

    def test_layers_are_listed_with_unique_names_in_a_stable_order(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        names = [layer.name for layer in model.layers()]
        assert names, "no layers are listed"
        assert len(set(names)) == len(names), "a name is listed twice"
        assert names == [layer.name for layer in self._model(tmp_path).layers()]
        assert {layer for layer, _ in self.expected()} <= {
            *names,
            *(layer.module for layer in model.layers()),
        }

    def test_metadata_are_texts_by_key(self, tmp_path: Path) -> None:
        for key, text in self._model(tmp_path).metadata().items():
            assert isinstance(key, str), key
            assert isinstance(text, str), f"the metadata {key!r} are {text!r}"

    def test_what_is_listed_is_what_is_extracted(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        listed = [layer for layer in model.layers() if layer.pool]
        assert listed, "no layer can be extracted"
        names = [layer.name for layer in listed]
        with model.extractor(names, device="cpu", batch_size=self._count) as extractor:
            assert [output.layer for output in extractor.outputs] == names
            assert [output.pool for output in extractor.outputs] == [each.pool for each in listed]
            found = extractor.run(self.batch())
        for layer in listed:
            assert layer.pool in set(POOLS) - {"auto"}
            assert found[layer.name].dtype == np.float32
            assert found[layer.name].ndim == 2
            assert layer.n_units in (None, found[layer.name].shape[1])

    def test_module_paths_lead_to_the_layers_they_are_listed_with(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        for layer in model.layers():
            if layer.module and layer.pool:
                by_module = self._run(model, layer.module)
                np.testing.assert_array_equal(by_module, self._run(model, layer.name))

    def test_layers_that_cannot_be_extracted_are_refused(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        for layer in model.layers():
            if not layer.pool:
                with refused(ModelError, f"the layer {layer.name!r}, listed without a pool"):
                    model.extractor([layer.name], device="cpu")

    def test_each_layer_alone_has_the_right_activations(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        for (layer, pool), right in self.expected().items():
            with model.extractor(
                [layer], pool=pool, device="cpu", batch_size=self._count
            ) as extractor:
                assert [output.layer for output in extractor.outputs] == [layer]
                assert extractor.outputs[0].pool == pool
                assert extractor.device == "cpu"
                self._close(extractor.run(self.batch())[layer], right)
                assert (layer in extractor.unit_names()) == (pool == "flatten")

    def test_flattened_units_are_named_by_channel_and_place(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        for layer, pool in self.expected():
            if pool != "flatten":
                continue
            with model.extractor(
                [layer], pool=pool, device="cpu", batch_size=self._count
            ) as extractor:
                found = extractor.run(self.batch())[layer]
                names = extractor.unit_names()[layer]
            assert len(set(names)) == len(names) == found.shape[1]
            parts = [name.split("@") for name in names]
            units = [(int(channel), *map(int, place.split(","))) for channel, place in parts]
            assert units == sorted(units), "the channel comes first, then the axes in their order"
            channels = np.array([channel for channel, *_ in units])
            for other, pooled in (("mean", np.mean), ("max", np.max)):
                columns = [pooled(found[:, channels == each], axis=1) for each in set(channels)]
                self._close(np.stack(columns, axis=1), self._run(model, layer, other))

    def test_several_layers_at_once_have_the_right_activations(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        for wanted in {pool for _, pool in self.expected()}:
            right = {
                layer: values for (layer, pool), values in self.expected().items() if pool == wanted
            }
            with model.extractor(
                list(right), pool=wanted, device="cpu", batch_size=self._count
            ) as extractor:
                found = extractor.run(self.batch())
            assert list(found) == list(right)
            for layer, values in right.items():
                self._close(found[layer], values)

    def test_automatic_pooling_is_stated_and_goes_by_rank(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        for (layer, pool), right in self.expected().items():
            with model.extractor([layer], device="cpu", batch_size=self._count) as extractor:
                chosen = extractor.outputs[0].pool
                assert chosen in ("mean", "none")
                if chosen == pool:
                    self._close(extractor.run(self.batch())[layer], right)

    def test_the_channel_axis_counts_the_units(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        for (layer, pool), right in self.expected().items():
            if pool not in ("mean", "max") or MASK in self.batch():
                continue
            pooled = np.mean if pool == "mean" else np.max
            first, second = (self._run(model, layer, pool, axis) for axis in (1, 2))
            for found in (first, second):
                self._close(pooled(found, axis=1), pooled(right, axis=1))
            assert not np.array_equal(first, second), f"channel_axis has no effect on {layer!r}"

    def test_a_channel_axis_that_a_layer_lacks_is_refused(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        for layer, pool in self.expected():
            for axis in (0, 99):
                with refused(ModelError, f"channel_axis={axis} for the layer {layer!r}"):
                    model.extractor([layer], pool=pool, channel_axis=axis, device="cpu")

    def test_the_batch_size_does_not_change_the_activations(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        (layer, pool), right = next(iter(self.expected().items()))
        for size in (1, 2, self._count - 1, self._count + 3):
            with model.extractor([layer], pool=pool, device="cpu", batch_size=size) as extractor:
                found = [
                    extractor.run(self._part(start, start + size))[layer]
                    for start in range(0, self._count, size)
                ]
            assert all(len(part) <= size for part in found)
            self._close(np.concatenate(found), right)

    def test_the_same_batches_give_the_same_bits(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        layers = list(dict.fromkeys(layer for layer, _ in self.expected()))
        runs = []
        for _ in range(2):
            with model.extractor(layers, device="cpu", batch_size=2) as extractor:
                runs.append([extractor.run(self._part(at, at + 2)) for at in (0, 2)])
        for first, second in zip(*runs, strict=True):
            for layer in layers:
                assert first[layer].tobytes() == second[layer].tobytes()

    def test_a_sample_alone_makes_its_activations(self, tmp_path: Path) -> None:
        layers = list(dict.fromkeys(layer for layer, _ in self.expected()))
        model = self._model(tmp_path)
        with model.extractor(layers, device="cpu", batch_size=self._count) as extractor:
            for layer, found in try_out(extractor, self.batch()).layers.items():
                assert not found.varies, f"{layer!r} differs when a batch runs again"
                assert not found.mixes, f"{layer!r} depends on the other samples of a batch"

    def test_an_unknown_layer_is_refused_with_the_nearest_names(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        layer = next(iter(self.expected()))[0]
        with refused(UnknownNameError, f"the layer '{layer}x'") as errors:
            model.extractor([f"{layer}x"], device="cpu")
        assert layer in errors[0].hint

    def test_settings_that_do_not_exist_are_refused(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        layers = [next(iter(self.expected()))[0]]
        with refused(SettingError, "no layers"):
            model.extractor([], device="cpu")
        with refused(SettingError, "a layer named twice"):
            model.extractor(layers * 2, device="cpu")
        with refused(SettingError, "pool='median'"):
            model.extractor(layers, pool="median", device="cpu")
        with refused(SettingError, "device='abacus'"):
            model.extractor(layers, device="abacus")
        with refused(SettingError, "batch_size=0"):
            model.extractor(layers, device="cpu", batch_size=0)

    def test_an_option_that_changes_activations_changes_the_settings_too(
        self, tmp_path: Path
    ) -> None:
        # Otherwise `invert extract` would take activations made with another value for right.
        usual = self._model(tmp_path)
        layers = list(dict.fromkeys(layer for layer, _ in self.expected()))
        before = {layer: self._run(usual, layer) for layer in layers}
        for option in self.backend().options:
            for value in _values_of(option):
                try:
                    other = self._model(tmp_path, **{option.name: value})
                    after = {layer: self._run(other, layer) for layer in layers}
                except InvertError:  # this value does not suit this model
                    continue
                if all(np.array_equal(after[layer], before[layer]) for layer in layers):
                    continue
                told_apart = (other.fingerprint, dict(other.settings)) != (
                    usual.fingerprint,
                    dict(usual.settings),
                )
                assert told_apart, (
                    f"{option.name}={value!r} changes activations, but neither the settings nor "
                    "the fingerprint of the model"
                )

    def test_inputs_that_do_not_fit_are_refused(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        layers = list(dict.fromkeys(layer for layer, _ in self.expected()))
        batch = self.batch()
        name = next(iter(batch))
        array = batch[name]
        other = np.float64 if array.dtype == np.float32 else np.float32
        wrong = {
            "a missing input": {},
            "an unknown input": {**batch, f"{name}_of_another": array},
            "another type": {**batch, name: array.astype(other)},
            "an axis too many": {**batch, name: array[..., np.newaxis]},
            "twice the batch size": {key: np.concatenate([it, it]) for key, it in batch.items()},
            "no samples": {key: it[:0] for key, it in batch.items()},
        }
        for axis, length in enumerate(self._input(model, name)[1:], 1):
            if length is not None:
                longer = np.concatenate([array, array], axis=axis)
                wrong[f"another length of axis {axis}"] = {**batch, name: longer}
        with model.extractor(layers, device="cpu", batch_size=self._count) as extractor:
            for what, bad in wrong.items():
                with refused(DataError, what):
                    extractor.run(bad)
            self._still_runs(extractor)

    def test_cuda_works_or_is_refused(self, tmp_path: Path) -> None:
        model = self._model(tmp_path)
        layers = [next(iter(self.expected()))[0]]
        with (
            contextlib.suppress(MissingDependencyError),
            model.extractor(layers, device="cuda", batch_size=self._count) as extractor,
        ):
            assert extractor.device == "cuda"
            self._still_runs(extractor)

    def test_an_automatic_device_says_what_it_is(self, tmp_path: Path) -> None:
        layers = [next(iter(self.expected()))[0]]
        with self._model(tmp_path).extractor(layers, batch_size=self._count) as extractor:
            assert extractor.device in ("cpu", "cuda")
            self._still_runs(extractor)

    def test_the_fingerprint_follows_the_content(self, tmp_path: Path) -> None:
        first, again, changed = (tmp_path / name for name in ("first", "again", "changed"))
        for folder in (first, again, changed):
            folder.mkdir()
        backend = self.backend()
        fingerprint = backend.open(self.target(first)).fingerprint
        assert len(fingerprint) == 64, "the fingerprint is not a SHA-256 in hex"
        int(fingerprint, 16)
        assert backend.open(self.target(again)).fingerprint == fingerprint
        assert backend.open(self.changed_target(changed)).fingerprint != fingerprint

    def test_a_missing_model_is_refused(self, tmp_path: Path) -> None:
        with refused(MissingFileError, "a file that does not exist"):
            self.backend().open(str(tmp_path / "there" / f"is_none{self._suffix(tmp_path)}"))

    def test_a_file_that_is_no_model_is_refused(self, tmp_path: Path) -> None:
        for content in (b"", b"this is no model\n" * 99):
            file = tmp_path / f"no_model{self._suffix(tmp_path)}"
            file.write_bytes(content)
            with refused(ModelError, f"a file that holds {content[:20]!r}"):
                self.backend().open(str(file))

    def test_closing_twice_does_no_harm(self, tmp_path: Path) -> None:
        layers = [next(iter(self.expected()))[0]]
        extractor = self._model(tmp_path).extractor(layers, device="cpu")
        extractor.close()
        extractor.close()

    def test_the_check_says_what_it_found(self) -> None:
        findings = self.backend().check()
        assert findings
        for each in findings:
            assert isinstance(each, Finding)
            assert each.state in STATES
            assert each.subject
            assert each.finding

    @property
    def _count(self) -> int:
        return len(next(iter(self.batch().values())))

    def _model(self, folder: Path, **options: object) -> Model:
        place = folder / "model"
        place.mkdir(exist_ok=True)
        return self.backend().open(self.target(place), **options).settled(self._part(0, 1))

    def _suffix(self, folder: Path) -> str:
        place = folder / "suffix"
        place.mkdir(exist_ok=True)
        return Path(self.target(place)).suffix

    def _input(self, model: Model, name: str) -> tuple[int | None, ...]:
        return next(value.shape or () for value in model.inputs if value.name == name)

    def _part(self, start: int, stop: int) -> dict[str, np.ndarray]:
        return {name: array[start:stop] for name, array in self.batch().items()}

    def _run(
        self, model: Model, layer: str, pool: str = "auto", channel_axis: int | None = None
    ) -> np.ndarray:
        with model.extractor(
            [layer], pool=pool, channel_axis=channel_axis, device="cpu", batch_size=self._count
        ) as extractor:
            return extractor.run(self.batch())[layer]

    def _still_runs(self, extractor: Extractor) -> None:
        for values in extractor.run(self.batch()).values():
            assert values.shape[0] == self._count


def _values_of(option: Option) -> tuple[object, ...]:
    """Values of an option that can be tried without knowing what it means."""
    if option.kind is bool:
        return (True,)
    return option.kind if isinstance(option.kind, tuple) else ()
