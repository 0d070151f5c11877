"""From a model and samples to a file of activations."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from invert_core import __version__
from invert_core.activations import ActivationWriter
from invert_core.atomic import check_target
from invert_core.backend import Extractor, Layer, Model
from invert_core.backend_checks import check_settings
from invert_core.data import Batch, Data, DataSource, Preprocess, Tokenize, open_data
from invert_core.errors import DataError, ExistingOutputError, InvertError, ModelError
from invert_core.layer_names import select_layers
from invert_core.read_ahead import read_ahead
from invert_core.values import check_n_samples

EXTRACTION_CONTRACT = 2
"""To be raised when the same fingerprint would give other values than in the last release."""

ModelSource = str | Path | Model | object
"""A path, ``backend:target``, a model that is open, or an object that a backend knows."""


@dataclass(frozen=True)
class ExtractedLayer:
    """One layer of an activation file: how it was pooled, and its number of units."""

    name: str
    pool: str
    n_units: int


@dataclass(frozen=True)
class ExtractionReport:
    """What an extraction did.

    `resumed_from` is the number of samples that an earlier run had left, `already_done` says that
    it had finished; `device` is what the model ran on, `seconds` how long everything took.
    """

    path: Path
    n_samples: int
    resumed_from: int
    layers: tuple[ExtractedLayer, ...]
    device: str
    seconds: float
    already_done: bool


def list_layers(
    model: ModelSource,
    backend: str | None = None,
    model_options: Mapping[str, Any] | None = None,
) -> list[Layer]:
    """All layers of a model in its order.

    Parameters
    ----------
    model : path, Model, or object such as a torch.nn.Module
    backend : str, optional
        What opens the model; found out from its name or class if absent.
    model_options : mapping, optional
        What the backend is to know besides, such as ``{"weights": "model.safetensors"}``.

    Raises
    ------
    MissingFileError, ModelError, UnknownNameError, MissingDependencyError, SettingError
        The model or its backend cannot be opened.
    """
    return _open_model(model, backend, model_options).layers()


def extract(
    model: ModelSource,
    data: Data,
    output: str | Path,
    layers: Sequence[str],
    *,
    pool: str = "auto",
    channel_axis: int | None = None,
    device: str = "auto",
    batch_size: int = 32,
    dtype: str = "float32",
    backend: str | None = None,
    model_options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    preprocess: Preprocess | None = None,
    text: Tokenize | None = None,
    column: str | None = None,
    id_column: str | None = None,
    root: str | Path | None = None,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: Callable[[int, int], None] | None = None,
    dry_run: bool = False,
) -> ExtractionReport:
    """Run a model over samples and write the activations of some layers to a file.

    A run that was stopped goes on where it was when it is called again in the same way; one that
    was finished is not repeated.

    Parameters
    ----------
    model : path, Model, or object such as a torch.nn.Module
    data : path, array, mapping of input name to array, iterable of batches, or DataSource
        As `invert_core.data.open_data` says.
    output : path
        The ``.h5`` file to make; until it is whole its name ends in ``.partial``.
    layers : sequence of str
        Names or module paths, as `list_layers` gives them; ``*`` and ``?`` in them stand for any
        characters and for one.
    pool, channel_axis, device, batch_size
        As `invert_core.backend.Model.extractor` says.
    dtype : {"float32", "float16"}
        Of the file.
    backend : str, optional
        What opens the model; found out from its name or class if absent.
    model_options : mapping, optional
        What the backend is to know besides, such as ``{"weights": "model.safetensors"}``.
    overwrite : bool
        Start anew whatever is there.
    preprocess, text, column, id_column, root, workers, skip_bad
        As `invert_core.data.open_data` says.
    progress : callable, optional
        Called with samples done and samples in all.
    dry_run : bool
        Open everything, see that the output could be written, and run the model on one sample.

    Returns
    -------
    ExtractionReport

    Raises
    ------
    SettingError, MissingFileError, ModelError, UnknownNameError, MissingDependencyError
        Something was named that is not there or does not work.
    DataError
        The data does not fit the model, a sample cannot be read, or an activation is NaN.
    StaleFileError, ExistingOutputError
        The output exists and was made from something else.
    StorageError
        It cannot be written. What is marked as done stays, and the same call goes on from there.
    """
    started = time.perf_counter()
    check_settings(layers, pool, device, batch_size)
    check_target(Path(output), overwrite=True)
    opened = _open_model(model, backend, model_options)
    source = open_data(
        data,
        opened.inputs,
        preprocess=preprocess,
        text=text,
        column=column,
        id_column=id_column,
        root=root,
        workers=workers,
        skip_bad=skip_bad,
        progress=progress,
    )
    check_n_samples(len(source))
    opened = opened.settled(source.example())
    names = select_layers(opened, layers)
    batch_size = min(batch_size, len(source))  # models may pad every batch to this size
    with opened.extractor(
        names, pool=pool, channel_axis=channel_axis, device=device, batch_size=batch_size
    ) as extractor:
        fingerprint = {
            "contract": EXTRACTION_CONTRACT,
            "model": opened.fingerprint,
            "model_settings": dict(opened.settings),
            "layers": [output.layer for output in extractor.outputs],
            "pooling": {output.layer: output.pool for output in extractor.outputs},
            "channel_axis": channel_axis,
            "preprocessing": source.settings,
            "dtype": dtype,
            "device": extractor.device,
            "batch_size": batch_size,
            "data": source.manifest,
        }
        with ActivationWriter(
            Path(output),
            n_samples=len(source),
            fingerprint=fingerprint,
            sample_id=source.sample_id,
            versions=_versions(opened, source),
            dtype=dtype,
            overwrite=overwrite,
        ) as writer:
            resumed_from, already_done = writer.rows_done, writer.finished
            if dry_run:
                n_units = writer.n_units or _units_of_one_sample(extractor, source)
            else:
                _run(extractor, source, writer, batch_size, progress)
                n_units = writer.n_units
        return ExtractionReport(
            path=Path(output),
            n_samples=len(source),
            resumed_from=resumed_from,
            layers=tuple(
                ExtractedLayer(output.layer, output.pool, n_units[output.layer])
                for output in extractor.outputs
            ),
            device=extractor.device,
            seconds=time.perf_counter() - started,
            already_done=already_done,
        )


def _run(
    extractor: Extractor,
    source: DataSource,
    writer: ActivationWriter,
    batch_size: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    if writer.finished:
        return
    try:
        with closing(read_ahead(source.batches(writer.rows_done, batch_size))) as batches:
            row = writer.rows_done
            for values in _in_order(_run_batches(extractor, batches), row):
                writer.write(values)
                row += len(next(iter(values.values())))
                if progress is not None:
                    progress(row, len(source))
        writer.finish()
    except (KeyboardInterrupt, InvertError) as error:
        said = isinstance(error, ExistingOutputError)
        if writer.rows_done and writer.partial.exists() and not said:
            when = " once the data are as they were" if isinstance(error, DataError) else ""
            error.add_note(
                f"{writer.rows_done:,} of {writer.n_samples:,} samples are kept in "
                f"{str(writer.partial)!r}; the same command, without --overwrite, goes on from "
                f"there{when}."
            )
        raise


def _run_batches(
    extractor: Extractor, batches: Iterable[Batch]
) -> Generator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    for batch in batches:
        yield batch.rows, _run_batch(extractor, batch.inputs)


def _in_order(
    results: Iterable[tuple[np.ndarray, dict[str, np.ndarray]]], start: int
) -> Generator[dict[str, np.ndarray]]:
    """Activations of the rows from `start` on, in order, as soon as all rows before are there."""
    held: list[tuple[np.ndarray, dict[str, np.ndarray]]] = []
    for rows, values in results:
        held.append((rows, values))
        n_held = sum(np.count_nonzero(rows >= start) for rows, _ in held)
        stop = max(int(rows.max()) for rows, _ in held) + 1
        if n_held < stop - start:
            continue
        if n_held:
            all_rows = np.concatenate([rows for rows, _ in held])
            order = np.argsort(all_rows)
            order = order[all_rows[order] >= start]
            yield {
                name: np.concatenate([values[name] for _, values in held])[order]
                for name in held[0][1]
            }
        start, held = max(start, stop), []


def _run_batch(extractor: Extractor, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    activations = extractor.run(inputs)
    rows = len(next(iter(inputs.values())))
    for name, values in activations.items():
        if values.ndim != 2 or len(values) != rows or values.shape[1] == 0:
            raise ModelError(
                f"Layer {name!r} gave activations of shape {values.shape} for {rows} samples.",
                "It must be [samples, units] with at least one unit; choose another layer.",
            )
    return activations


def _units_of_one_sample(extractor: Extractor, source: DataSource) -> dict[str, int]:
    activations = _run_batch(extractor, source.example())
    return {name: values.shape[1] for name, values in activations.items()}


def _open_model(
    model: ModelSource, backend: str | None, options: Mapping[str, Any] | None
) -> Model:
    if isinstance(model, Model):
        return model
    from invert_core.registry import open_model

    return open_model(model, backend, options)


def _versions(model: Model, source: DataSource) -> dict[str, str]:
    own = {"invert-core": __version__, "numpy": np.__version__, "h5py": version("h5py")}
    return own | dict(source.versions) | dict(model.versions)
