"""The work that is killed: small extractions and labellings of every kind."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import h5py
import numpy as np
from PIL import Image

from invert_core import Preprocess, Settings, extract, label_files
from invert_core.activations.writing import gathering, unfinished_file
from invert_core.data.texts.tokenizer_file import Tokenize
from invert_core.executors import threads
from invert_core.labelling import batches
from invert_core.results import final_rows, unfinished
from tests.backends import models
from tests.data.texts.small_tokenizer import description
from tests.fake_model import FakeModel, ShuffledSource, samples

STEPS_OF_EXTRACT = (
    (unfinished_file.DenseRows, "write"),
    (unfinished_file.SparseRows, "write"),
    (unfinished_file.SparseRows, "_append"),
    (h5py.File, "flush"),
    (h5py.AttributeManager, "modify"),
    (gathering, "_write"),
    (os, "fsync"),
    (os, "replace"),
    (Path, "unlink"),
)
STEPS_OF_LABEL = (
    (unfinished.UnfinishedRun, "save"),
    (unfinished.UnfinishedRun, "_write_rows"),
    (unfinished.UnfinishedRun, "_write_record"),
    (final_rows, "_written"),
    (os, "fsync"),
    (os, "replace"),
    (os, "mkdir"),
    (os, "unlink"),
    (os, "rmdir"),
)


@dataclass(frozen=True)
class Job:
    """Work in a folder; `run` begins it, or goes on with it."""

    prepare: Callable[[Path], None]
    run: Callable[[Path], object]
    steps: tuple[tuple[Any, str], ...]
    runs_in_parent: bool = True
    """Whether it may run before other processes are forked, because no thread outlives it."""


def _nothing(folder: Path) -> None:
    """An array in memory needs no file."""


def _extract_array(folder: Path, layers: tuple[str, ...]) -> None:
    extract(
        FakeModel(delay=0.002),
        ShuffledSource({"x": samples(1300)}),
        folder / "x.h5",
        layers,
        sparse=[layer for layer in layers if layer == "latents"],
        batch_size=50,
        save_every=0.02,
    )


def _write_images(folder: Path) -> None:
    models.save(models.network(), folder)
    (folder / "images").mkdir()
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 5, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number:02}.png")


def _extract_images(folder: Path) -> None:
    extract(
        folder / "model.onnx",
        folder / "images",
        folder / "x.h5",
        ("relu", "logits"),
        sparse=["relu"],
        preprocess=Preprocess(resize=(4, 5)),
        device="cpu",
        batch_size=4,
        workers=0,
        save_every=0.0,
    )


def _write_texts(folder: Path) -> None:
    models.save(models.language_model(), folder)
    (folder / "tokenizer.json").write_text(json.dumps(description()))
    rows = [{"sample_id": f"s{n}", "text": "a b c d e"[: 1 + n % 9]} for n in range(60)]
    (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _extract_texts(folder: Path) -> None:
    extract(
        folder / "model.onnx",
        folder / "x.jsonl",
        folder / "x.h5",
        ("hidden",),
        text=Tokenize(folder / "tokenizer.json"),
        device="cpu",
        batch_size=4,
        save_every=0.0,
    )


def _write_inputs(folder: Path, n_units: int = 60, missing: bool = False) -> None:
    """Two layers and ten concepts on 300 samples."""
    random = np.random.default_rng(3)
    values = np.maximum(random.normal(size=(300, n_units)).round(1), 0)
    np.savez(folder / "a.npz", b=values[:, : n_units // 3], a=values[:, n_units // 3 :])
    labels = (random.random((300, 10)) < 0.3).astype(np.int8)
    if missing:
        labels[random.random(labels.shape) < 0.1] = -1
    ids = np.array([f"concept {number}" for number in range(10)])
    np.savez(folder / "c.npz", labels=labels, id=ids)


def _label(folder: Path, settings: Settings, **more: Any) -> None:
    # Save often: after every few units instead of once a second.
    with (
        patch.object(unfinished, "SECONDS_BETWEEN_SAVES", 0.0),
        patch.object(batches, "_UNITS", 4),
        patch.object(threads, "_units_per_piece", lambda *_: 4),
    ):
        label_files(
            folder / "a.npz", folder / "c.npz", folder / "run", settings=settings, jobs=1, **more
        )


def _write_earlier_run(folder: Path) -> None:
    _write_inputs(folder)
    _label(folder, Settings(length=1, permutations=0))


def _labelling(settings: Settings, prepare: Callable[[Path], None], **more: Any) -> Job:
    return Job(prepare, partial(_label, settings=settings, **more), STEPS_OF_LABEL)


_BEAM = Settings(length=3, beam=5, direction="both", permutations=20)
_SHORT = Settings(length=2, permutations=20)

JOBS = {
    "extract, dense": Job(
        _nothing, partial(_extract_array, layers=("hidden", "out")), STEPS_OF_EXTRACT
    ),
    "extract, sparse": Job(
        _nothing, partial(_extract_array, layers=("latents",)), STEPS_OF_EXTRACT
    ),
    "extract, dense and sparse": Job(
        _nothing, partial(_extract_array, layers=("hidden", "out", "latents")), STEPS_OF_EXTRACT
    ),
    "extract, images": Job(_write_images, _extract_images, STEPS_OF_EXTRACT, runs_in_parent=False),
    "extract, texts": Job(_write_texts, _extract_texts, STEPS_OF_EXTRACT, runs_in_parent=False),
    "label, beam": _labelling(_BEAM, _write_inputs),
    "label, exhaustive": _labelling(replace(_SHORT, search="exhaustive"), _write_inputs),
    "label, missing labels": _labelling(
        _SHORT,
        partial(_write_inputs, n_units=30, missing=True),
        missing="exclude",
    ),
    "label, overwrite": _labelling(_BEAM, _write_earlier_run, overwrite=True),
}
