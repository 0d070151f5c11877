"""Labelling files into a run directory, as `invert label` does, safe from interrupts."""

import operator
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

from invert_core.errors import ExistingOutputError, MissingFileError, StaleFileError
from invert_core.files.input_file import input_path
from invert_core.files.outputs import check_folder, output_place
from invert_core.files.storage import storage_errors
from invert_core.files.unchanged import Watched
from invert_core.files.write_lock import WriteLock
from invert_core.labelling.alike_records import write_whole_evidence
from invert_core.labelling.choosing import UnitChoice
from invert_core.labelling.evidence_recorder import about_evidence
from invert_core.labelling.grouping import table_of
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.kept_samples import KeptSamples
from invert_core.labelling.label import Progress, label_workload
from invert_core.labelling.q_values import QValues
from invert_core.labelling.searches import with_objective
from invert_core.labelling.workload import Workload
from invert_core.results.evidence_records import saved_types
from invert_core.results.label_table import LabelTable
from invert_core.results.labels import Labels
from invert_core.results.run_directory import (
    EVIDENCE_FILE,
    ROWS_FILE,
    file_identity,
    read_tables,
    refuse_other,
    rows_identity,
    versions,
    write_info,
)
from invert_core.results.unfinished import unfinished_run
from invert_core.results.unfinished_place import clear_record, unfinished_folder
from invert_core.results.unfinished_record import Timer
from invert_core.settings import Settings
from invert_core.values import or_default


def label_files(
    activations: str | PathLike[str],
    concepts: str | PathLike[str],
    output: str | PathLike[str],
    *,
    names: str | PathLike[str] | None = None,
    layers: Sequence[str] | None = None,
    units: UnitChoice | None = None,
    settings: Settings | None = None,
    join: str = "strict",
    match: str = "exact",
    missing: str = "error",
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    groups: str | None = None,
    holdout: float = 0.0,
    held_out: str | PathLike[str] | None = None,
    samples: str | PathLike[str] | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    samples_progress: Progress | None = None,
    each: Callable[[Labels], None] | None = None,
) -> Labels:
    """Label the units of an activation file and write a run directory.

    The run directory is called ``<output>.partial`` until it is complete. If a labelling was
    stopped, the same call with any `jobs` continues after the last unit that was saved.

    Parameters
    ----------
    activations, concepts : path
        Files that `label` and `read_concepts` can read. A folder of concepts is refused.
    output : path
        The run directory to make. It holds labels.csv, labels.jsonl, run.json and, unless
        `settings.evidence` is False, evidence.h5; or it does not exist at all.
    names : path, optional
        Table of the concepts' names; see `read_concepts`.
    layers, units, settings, join, match, missing, include, exclude, holdout, jobs, progress
        As for `label`.
    groups : str, optional
        As for `label`, but no sequence, because a run must record where its groups came from.
    held_out : path, optional
        File of activations of the same units on other samples; see `label`.
    samples : path or "none", optional
        Where the samples are, of which the run keeps small copies to look at, if they are no longer
        where activations were extracted from: the folder or archive of images; the folder, file or
        table of texts; the file of arrays. With "none" it keeps none. What is missing is no error;
        `RunEvidence.shown_missing` says it.
    overwrite : bool
        Replace an existing run directory once the new one is complete. Start again if an
        unfinished run is broken or was made from other inputs or settings.
    samples_progress : callable, optional
        Called with the number of samples looked at and the number of all that the run shows, after
        the last unit.
    each : callable, optional
        Called with the rows of some units at a time, in order, as they are saved; first with
        those of an earlier run, if this one continues it. Their `q_value` is None, because it needs
        all units of a layer.

    Returns
    -------
    Labels
        The rows, which are read from the run directory when they are first used: memory does not
        grow with the number of units before that. If another run has taken its place by then, a
        StaleFileError says so.

    Raises
    ------
    ExistingOutputError
        The output exists and must not be overwritten, is not a run directory, or holds an input.
    MissingFileError
        An input does not exist or is a folder.
    StaleFileError, FileFormatError
        An unfinished run exists and was made from other inputs or settings, or is broken.
    ChangedFileError
        An input changed while it was read. Rows that were saved before are kept.
    StorageError
        The output cannot be written, or another process is writing it. Saved rows are kept.
    InvertError
        As for `label`.
    """
    output = Path(output)
    inputs = Inputs(
        input_path(activations),
        input_path(concepts),
        layers=_as_list(layers),
        units=_as_json(units),
        names=None if names is None else input_path(names),
        join=join,
        missing=missing,
        match=match,
        include=_as_list(include),
        exclude=_as_list(exclude),
        groups=groups,
        holdout=holdout,
        held_out=None if held_out is None else input_path(held_out),
    )
    files = _files_of(inputs)
    with storage_errors(output):
        for folder in (output, unfinished_folder(output)):
            _refuse_to_delete(files.values(), folder)
        clear_record(output)
    check_folder(output, overwrite=overwrite, refuse=refuse_other)
    settings = or_default(settings, Settings)
    kept = KeptSamples(samples, samples_progress)
    kept.check_used(settings.evidence)
    with ExitStack() as opened, ExitStack() as stack:
        lock = WriteLock(output_place(output))
        opened.callback(lock.release)
        watched = Watched(*files.values())
        identities = {name: file_identity(path) for name, path in files.items()}
        timer = Timer()
        work = opened.enter_context(inputs.open(settings.seed))
        settings = with_objective(settings, work)
        fingerprint = _fingerprint(inputs, settings, work, identities)
        unfinished = stack.enter_context(
            unfinished_run(
                output,
                fingerprint,
                work.addresses(),
                work.n_units,
                overwrite=overwrite,
                timer=timer,
            )
        )
        left = label_workload(
            work,
            settings,
            jobs=jobs,
            progress=progress,
            n_done=unfinished.n_done,
            keeps_evidence=True,
        )
        q_values = QValues(settings)

        def note(table: LabelTable) -> None:
            q_values.add(table)
            if each is not None:
                each(Labels.of_tables([table], work.concepts))

        for table in unfinished.earlier():
            note(table)
        for table in stack.enter_context(closing(left)):
            watched.check()  # so that no row is saved that other bytes than the recorded ones gave
            unfinished.add(table)
            note(table)
        watched.check()
        q_values.warn_of_least_p()
        with unfinished.completed(q_values.of_rows(), overwrite=overwrite, refuse=refuse_other) as (
            folder,
            written,
        ):
            arguments = _choices(inputs) | {"jobs": jobs}
            arguments |= {} if samples is None else {"samples": os.fspath(samples)}
            sha256 = written[ROWS_FILE].sha256
            if settings.evidence:
                about = about_evidence(work, settings, identities, sha256)
                saved = unfinished.evidence(saved_types(about.lists))
                of_evidence = write_whole_evidence(
                    folder, saved, len(settings.directions), about, kept
                )
                written = {**written, EVIDENCE_FILE: of_evidence}
            write_info(
                folder,
                settings,
                identities,
                arguments,
                timer.timings(),
                work.aliases,
                written,
            )
            place = output.resolve()  # after the move, "." would mean the old folder
        labels = Labels.loaded_by(lambda: _rows_of(place, sha256), work.all_concepts, work.aliases)
        opened.close()  # now, so that who interrupts it learns that the run is complete
    return labels


def _rows_of(run: Path, sha256: str) -> Iterator[LabelTable]:
    """Read the rows of a run, if they are still those with this SHA-256."""
    if rows_identity(run)["sha256"] != sha256:
        raise StaleFileError(
            f"The run {str(run)!r} was replaced or changed since these labels were written.",
            "Read what is there now with: invert_core.read_run(path).labels",
        )
    return read_tables(run)


def _files_of(inputs: Inputs) -> dict[str, Path]:
    """Return the files that a run is made from, keyed by their role."""
    files = {
        "activations": inputs.activations,
        "concepts": inputs.concepts,
        "names": inputs.names,
        "groups": table_of(inputs.groups),
        "held_out": inputs.held_out,
    }
    paths = {name: path for name, path in files.items() if isinstance(path, Path)}
    if paths["concepts"].is_dir():
        build = ["invert", "concepts", "build", str(paths["concepts"]), "-o", "concepts.h5"]
        raise MissingFileError(
            f"{str(paths['concepts'])!r} is a folder, but a run can only record files as its "
            "inputs.",
            f"Make a concept file from it with: {shlex.join(build)}",
        )
    return paths


def _choices(inputs: Inputs) -> dict[str, Any]:
    """Return the choices made among the inputs, as run.json records them."""
    return {
        "layers": None if inputs.layers is None else list(inputs.layers),
        "units": inputs.units,
        "join": inputs.join,
        "match": inputs.match,
        "missing": inputs.missing,
        **_concept_choice(inputs),
        **({} if inputs.groups is None else {"groups": inputs.groups}),
        **_holdout(inputs),
    }


def _concept_choice(inputs: Inputs) -> dict[str, list[str]]:
    """Return which concepts were asked for; nothing if all are used, as in earlier versions."""
    choices = {"include": inputs.include, "exclude": inputs.exclude}
    return {name: list(choice) for name, choice in choices.items() if choice is not None}


def _holdout(inputs: Inputs) -> dict[str, float]:
    """Return which share of the samples is held out; nothing if none is."""
    return {"holdout": float(inputs.holdout)} if inputs.holdout else {}


def _as_list(names: Sequence[str] | None) -> Sequence[str] | None:
    return [names] if isinstance(names, str) else names


def _as_json(units: UnitChoice | None) -> str | list[int | str] | None:
    if units is None or isinstance(units, str):
        return units
    return [unit if isinstance(unit, str) else operator.index(unit) for unit in units]


def _fingerprint(
    inputs: Inputs, settings: Settings, work: Workload, identities: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return all that determines the rows."""
    units = inputs.units
    if units is not None and not isinstance(units, str):
        units = sorted(set(units), key=lambda unit: (isinstance(unit, str), unit))
    return {
        "layers": [layer.name for layer, _ in work.layers],
        "units": units,
        "join": inputs.join,
        "match": inputs.match,
        "missing": inputs.missing,
        **_concept_choice(inputs),
        **({} if work.groups is None else {"groups": work.groups.digest}),
        **_holdout(inputs),
        # What follows from the inputs, such as the objectives, is named after them.
        "settings": asdict(settings),
        "inputs": {name: found["sha256"] for name, found in identities.items()},
        "versions": versions(),
    }


def _refuse_to_delete(inputs: Iterable[Path], output: Path) -> None:
    for path in inputs:
        if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(output)):
            raise ExistingOutputError(
                f"The output {str(output)!r} holds the input {str(path)!r}, which would be lost.",
                "Choose another output with -o.",
            )
