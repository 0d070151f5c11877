"""The formats of this project: activations, concepts, runs, and work that was interrupted."""

import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from invert_core import extract, open_activations, read_concepts, read_run, write_concepts
from invert_core.activations.values import Activations
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.labelling.label_files import label_files
from invert_core.settings import Settings
from tests.fake_model import FakeModel, ShuffledSource, samples
from tests.fuzz.formats import Format

_BATCH = 10
_N_SAMPLES = 60


class Stopped(Exception):
    """Ends an extraction or a labelling half way."""


def _extract(folder: Path, layers: tuple[str, ...], stop_at: int | None = None) -> None:
    seen = 0

    def fail(x: np.ndarray) -> None:
        nonlocal seen
        seen += len(x)
        if stop_at is not None and seen > stop_at:
            raise Stopped

    sparse = [layer for layer in layers if layer == "latents"]
    extract(
        FakeModel(fail=fail),
        ShuffledSource({"x": 2 * samples(_N_SAMPLES)}),
        folder / "x.h5",
        layers,
        sparse=sparse,
        batch_size=_BATCH,
    )


def _stopped_extraction(folder: Path) -> None:
    try:
        _extract(folder, ("out", "latents"), stop_at=60)
    except Stopped:
        assert (folder / "x.h5.partial.rows").exists()
        return
    raise AssertionError("the extraction was not stopped")


def _resumed_extraction(folder: Path) -> Any:
    _extract(folder, ("out", "latents"))
    left = sorted(os.listdir(folder))
    with h5py.File(folder / "x.h5") as file:
        attributes = {key: file.attrs[key] for key in sorted(file.attrs) if key != "versions"}
        return left, attributes, _activations(folder)


def _activations(folder: Path) -> Any:
    with open_activations(folder / "x.h5") as activations:
        return all_of(activations)


def all_of(activations: Activations) -> Any:
    """All that an activation file holds."""
    found: list[Any] = [activations.sample_id, activations.groups]
    for name, layer in activations.layers.items():
        block = layer.read(0, layer.n_units)
        if layer.is_sparse:
            block = [block[unit] for unit in range(len(block))]
        found.append((name, layer.unit, layer.alias, block))
    return found


def concepts_of(concepts: ConceptSet) -> Any:
    """All that a set of concepts holds."""
    return [getattr(concepts, name) for name in sorted(concepts.__dataclass_fields__)]


def _write_concepts(folder: Path) -> None:
    random = np.random.default_rng(1)
    labels = (random.random((150, 9)) < 0.3).astype(np.int8)
    labels[3:9, 2] = -1
    made = ConceptSet.from_arrays(
        labels,
        [f"n{number:04}" for number in range(9)],
        name=[f"name of {number}" for number in range(9)],
        definition=["what it is"] * 9,
        sample_id=[f"images/{number:03}.png" for number in range(150)],
        parents=[(1, 0), (2, 0)],
    )
    write_concepts(folder / "c.h5", made)


def _inputs_of_a_run(folder: Path) -> None:
    random = np.random.default_rng(3)
    values = np.maximum(random.normal(size=(40, 12)).round(1), 0)
    np.savez(folder / "a.npz", b=values[:, :4], a=values[:, 4:])
    ids = np.array([f"concept {number}" for number in range(5)])
    np.savez(folder / "c.npz", labels=random.random((40, 5)) < 0.3, id=ids)


def _label(folder: Path, **more: Any) -> None:
    label_files(
        folder / "a.npz",
        folder / "c.npz",
        folder / "run",
        settings=Settings(length=2, beam=2, permutations=5),
        jobs=1,
        **more,
    )


def _stopped_labelling(folder: Path) -> None:
    _inputs_of_a_run(folder)
    seen = 0

    def stop(done: float, _n_units: int) -> None:
        nonlocal seen
        seen += 1
        # On a slow machine, units that are only begun count in parts; nothing of them is saved.
        if done >= 4 and isinstance(done, int):
            raise Stopped

    try:
        _label(folder, progress=stop)
    except Stopped:
        assert (folder / "run.partial/unfinished.jsonl").stat().st_size
        return
    raise AssertionError("the labelling was not stopped")


def _resumed_labelling(folder: Path) -> Any:
    _label(folder)
    run = folder / "run"
    shutil.rmtree(folder / "run.partial", ignore_errors=True)
    return sorted(os.listdir(run)), [
        (run / f"labels.{end}").read_bytes() for end in ("csv", "jsonl")
    ]


def _whole_run(folder: Path) -> None:
    _inputs_of_a_run(folder)
    _label(folder)


def _read_run(folder: Path) -> Any:
    run = read_run(folder / "run")
    return run.labels.rows, run.labels.aliases


FORMATS = {
    "activations": Format(
        partial(_extract, layers=("hidden", "out")), _activations, {"x.h5": True}
    ),
    "sparse-activations": Format(
        partial(_extract, layers=("latents",)), _activations, {"x.h5": True}
    ),
    "concepts": Format(
        _write_concepts,
        lambda folder: concepts_of(read_concepts(folder / "c.h5", missing="exclude")),
        {"c.h5": True},
    ),
    "unfinished-extraction": Format(
        _stopped_extraction,
        _resumed_extraction,
        {"x.h5.partial": True, "x.h5.partial.rows": True},
    ),
    "unfinished-run": Format(
        _stopped_labelling,
        _resumed_labelling,
        {
            "run.partial/unfinished.json": True,
            "run.partial/unfinished.jsonl": True,
            "run.partial/unfinished.csv": True,
        },
    ),
    "run": Format(
        _whole_run,
        _read_run,
        {"run/run.json": True, "run/labels.jsonl": True, "run/labels.csv": True},
    ),
}
