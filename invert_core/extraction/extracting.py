"""Extracts the activations of some layers of a model into a file."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from invert_core import __version__
from invert_core.activations.group_names import read_groups
from invert_core.activations.writing.contents import Origin
from invert_core.activations.writing.earlier_files import check_output
from invert_core.activations.writing.writer import ActivationWriter
from invert_core.data import (
    Data,
    DataSettings,
    Preprocess,
    Tokenize,
    open_data,
)
from invert_core.errors import ExistingOutputError, SettingError, UnknownNameError
from invert_core.extraction.estimate import estimate
from invert_core.extraction.feed import Feed, with_beside
from invert_core.extraction.listing import ModelSource, open_any
from invert_core.extraction.loop import run_all
from invert_core.extraction.report import Estimate, ExtractedLayer, ExtractionReport, Spent
from invert_core.extraction.runner import CarryingRunner, Runner, Work
from invert_core.extraction.unit_names import UnitNames, UnitNameSource, read_unit_names
from invert_core.files.fingerprint import CONTRACT
from invert_core.models.backend import Extractor, Model, Reading
from invert_core.models.backend_checks import check_readings
from invert_core.models.input_types import in_types_of
from invert_core.models.layer_names import layer_aliases, select_layers
from invert_core.values import check_n_samples, or_default, pattern_rule
from invert_core.wording import first_few, nearest

EXTRACTION_CONTRACT = 3
"""Must be raised if the same fingerprint would give other values than in the last release."""


def extract(
    model: ModelSource,
    data: Data,
    output: str | Path,
    layers: Sequence[str | Reading],
    *,
    pool: str = "auto",
    channel_axis: int | None = None,
    device: str = "auto",
    batch_size: int = 32,
    dtype: str = "float32",
    sparse: Sequence[str] = (),
    unit_names: UnitNameSource = (),
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
    follow_links: bool = False,
    feed: Feed | None = None,
    groups: str | Sequence[str] | None = None,
    save_every: float = 30.0,
    progress: Callable[[int, int], None] | None = None,
    dry_run: bool = False,
) -> ExtractionReport:
    """Run a model over samples and write the activations of some layers to a file.

    An extraction that was stopped goes on where it stopped if it is called again in the same way;
    a finished one is not repeated.

    Parameters
    ----------
    model : path, Model, or object such as a torch.nn.Module
    data : path, array, mapping of input name to array, iterable of batches, or DataSource
        The samples, in one of the forms that `invert_core.data.open_data` takes.
    output : path
        The ``.h5`` file to write; until it is complete, its name ends in ``.partial``.
    layers : sequence of str
        Names or module paths, as `list_layers` returns them. In them ``*`` stands for any
        characters, and ``?`` for a single one. Options may follow, as in
        ``encoder.*:axis=1,pool=max``: ``axis`` counts the units, ``batch`` the samples. In place of
        an address, an `invert_core.models.backend.Reading` says the same.
    pool, channel_axis
        How layers are read whose addresses do not say it; see
        `invert_core.models.backend.Reading`.
    device, batch_size
        See `invert_core.models.backend.Model.open_layers`.
    dtype : {"float32", "float16"}
        Type of the activations in the file.
    sparse : sequence of str
        Layers, or patterns of layers, that are stored as compressed sparse columns. This takes
        less space if most activations are 0.
    unit_names : sequence of str, or mapping of layer name to sequence of str
        Where the names of units are: a file, or ``metadata:KEY`` for what the model says about
        itself. ``LAYER=`` before it names the layer if there are several, and ``:first=N`` behind
        it the unit that the first name belongs to. Or a mapping with the names themselves.
    backend : str, optional
        The backend that opens the model; by default its name or class decides.
    model_options : mapping, optional
        Options of the backend, such as ``{"weights": "model.safetensors"}``.
    overwrite : bool
        Start anew even if the output exists.
    preprocess, text, column, id_column, root, workers, skip_bad, follow_links
        See `invert_core.data.DataSettings`.
    feed : Feed, optional
        Fills the inputs of the model that samples do not fill: constants, zeros and state.
    groups : str or sequence of str, optional
        The group of each sample, such as the clip of a frame; see
        `invert_core.activations.group_names.read_groups`. State is carried within groups, and the
        file says which samples belong together.
    save_every : float
        The most seconds between two saves: the work that a kill can cost.
    progress : callable, optional
        Called with the number of samples done and the number of all samples.
    dry_run : bool
        Open everything, check that the output can be written, and run the model for two seconds,
        or on two batches, to estimate what the extraction would take. Nothing is written.

    Returns
    -------
    ExtractionReport

    Raises
    ------
    SettingError, MissingFileError, ModelError, UnknownNameError, MissingDependencyError
        A setting is wrong, or the model, the data, a layer or a package is missing or broken.
    DataError
        The data do not fit the model, a sample cannot be read, or an activation is NaN.
    StaleFileError, ExistingOutputError
        The output exists and was made from something else, or it is the data or the model.
    StorageError
        The output cannot be written. Finished samples stay, and the same call goes on from there.
    """
    started = time.perf_counter()
    usual = Reading("", pool, channel_axis)
    check_readings(_as_readings(layers, usual), device, batch_size)
    _keep_from_output(Path(output), data, model)
    check_output(Path(output))
    settings = DataSettings(
        preprocess, text, column, id_column, root, workers, skip_bad, follow_links
    )
    feed = or_default(feed, Feed)
    opened = feed.arranged(open_any(model, backend, model_options))
    work = _work(opened, data, feed, groups, settings, progress)
    readings = select_layers(work.model, layers, usual)
    aliases = layer_aliases(work.model.names(), [each.layer for each in readings])
    named = read_unit_names(unit_names, work.model, [each.layer for each in readings], aliases)
    batch_size = min(batch_size, work.source.largest_batch)  # models may pad batches to this size
    with work.model.open_layers(
        readings,
        device=device,
        batch_size=1 if work.carry else batch_size,
        raw=tuple(work.carry),
    ) as extractor:
        runner_of = CarryingRunner if work.carry else Runner
        runner = runner_of(extractor, work, batch_size, named)
        stored = {
            "sparse": _sparse_layers(work.model, [each.layer for each in readings], sparse),
            "dtype": dtype,
            "batch_size": batch_size,
        }
        origin = _origin(work, extractor, feed, named, aliases, stored)
        with ActivationWriter(
            Path(output), origin, overwrite=overwrite, save_every=save_every
        ) as writer:
            resumed_from, already_done = writer.rows_done, writer.finished
            spent = Spent()
            estimated: Estimate | None = None
            n_units = writer.n_units
            if not dry_run:
                spent = run_all(runner, writer, progress)
            elif resumed_from < len(work.source):
                estimated, n_units = estimate(runner, writer)
            n_units = n_units or writer.n_units
        return ExtractionReport(
            path=Path(output),
            n_samples=len(work.source),
            resumed_from=resumed_from,
            layers=tuple(
                ExtractedLayer(
                    each.layer, each.pool, n_units[each.layer], each.layer in origin.sparse
                )
                for each in extractor.outputs
            ),
            device=extractor.device,
            seconds=time.perf_counter() - started,
            already_done=already_done,
            spent=spent,
            estimate=estimated,
        )


def _work(
    model: Model,
    data: Data,
    feed: Feed,
    groups: str | Sequence[str] | None,
    settings: DataSettings,
    progress: Callable[[int, int], None] | None,
) -> Work:
    """Open the samples for a model, and show the first of them to the model."""
    source = open_data(data, feed.left_to_samples(model.inputs), settings, progress=progress)
    check_n_samples(len(source))
    grouped = None if groups is None else read_groups(groups, source.sample_id, len(source))
    example = in_types_of(model.inputs, source.example())
    beside = feed.beside(model, source.constants, example)
    settled = with_beside(model, beside, source.channel_axes).settled(
        example | {name: each.value for name, each in beside.items()}
    )
    return Work(settled, source, beside, feed.carry, grouped)


def _origin(
    work: Work,
    extractor: Extractor,
    feed: Feed,
    named: UnitNames,
    aliases: Mapping[str, str],
    stored: Mapping[str, Any],
) -> Origin:
    """Describe what the file will hold; `stored` says how its activations are computed and kept."""
    fingerprint = _fingerprint(work, extractor) | {
        "feed": feed.identity(work.model.inputs, work.beside),
        **stored,
        "data": work.source.manifest,
    }
    if named.of_layer:
        fingerprint["unit_names"] = named.digests
    return Origin(
        n_samples=len(work.source),
        fingerprint=fingerprint,
        sample_id=work.source.sample_id,
        versions=_versions(work),
        dtype=stored["dtype"],
        sparse=stored["sparse"],
        sample_digests=work.source.sample_digests,
        groups=work.groups,
        aliases=aliases,
        source=work.source.origin,
    )


def _fingerprint(work: Work, extractor: Extractor) -> dict[str, Any]:
    """Describe the model, its layers, and how samples become its inputs."""
    outputs = extractor.outputs
    return {
        CONTRACT: EXTRACTION_CONTRACT,
        "model": work.model.fingerprint,
        "model_settings": dict(work.model.settings),
        "layers": [output.layer for output in outputs],
        "pooling": {output.layer: output.pool for output in outputs},
        "axes": {output.layer: [output.axes.batch, output.axes.channel] for output in outputs},
        "preprocessing": work.source.settings,
        "groups": None if work.groups is None else work.groups.digest,
        "device": extractor.device,
    }


def _as_readings(layers: Sequence[str | Reading], usual: Reading) -> list[Reading]:
    """Return readings for a first check, before the model is open to tell names from options."""
    if isinstance(layers, str):
        return []
    return [each if isinstance(each, Reading) else replace(usual, layer=each) for each in layers]


def _keep_from_output(output: Path, *inputs: object) -> None:
    """Refuse an output that is one of the inputs."""
    for path in inputs:
        if (
            isinstance(path, str | Path)
            and os.path.exists(path)
            and os.path.exists(output)
            and os.path.samefile(path, output)
        ):
            raise ExistingOutputError(
                f"The output {str(output)!r} is also an input.", "Choose another with -o."
            )


def _sparse_layers(model: Model, layers: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Return the layers that fit a pattern, by the names they were asked for or their own."""
    if isinstance(patterns, str):
        raise SettingError("The sparse layers are not in a list.", 'Give one, as in ("sae.*",).')
    known = model.names() if patterns else {}
    sparse: set[str] = set()
    for pattern in patterns:
        rule = pattern_rule(pattern)
        fitting = {pattern}
        for pair in known.items():
            if any(name and rule.fullmatch(name) for name in pair):
                fitting.update(pair)
        found = fitting.intersection(layers)
        if not found:
            raise UnknownNameError(
                f"No extracted layer fits {pattern!r}, which was named as sparse.",
                nearest(pattern, layers, f"The layers are {first_few(layers)}."),
            )
        sparse |= found
    return [name for name in layers if name in sparse]


def _versions(work: Work) -> dict[str, str]:
    own = {"invert-core": __version__, "numpy": np.__version__, "h5py": version("h5py")}
    return own | dict(work.source.versions) | dict(work.model.versions)
