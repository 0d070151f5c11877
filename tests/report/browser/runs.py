"""Small runs of all kinds, with what they were made from, so that numbers can be found again."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from invert_core import ConceptSet, Labels, Settings, label_files, write_concepts, write_report

N_SAMPLES = 240

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)> \'single\' & "double"',
    "שלום עולם",
    "left \u202eright to left\u202c again",
    "🦊 fox 👩\u200d🚀",
    "x" * 300,
    "tab\there \x07bell \x1bescape",
    "=HYPERLINK('x')",
    "日本語の概念",
    "@@DATA@@ ${1} {{2}} %s \\u003c",
    "javascript:alert(1)",
)
"""Names of which each must be shown as the text that it is."""


@dataclass(frozen=True, eq=False)
class Made:
    """A run directory and its inputs.

    Attributes
    ----------
    path : Path
    values : dict of str to float32 array [N, K]
        The activations of each layer.
    concepts : ConceptSet
    labels : Labels
        The rows of the run, whose concepts are joined to the searched samples.
    unseen : dict of str to float32 array [n, K] or None
        The activations on held-out samples, which are the last ones of the concepts.
    report : dict
        Options of `write_report`.
    """

    path: Path
    values: Mapping[str, np.ndarray]
    concepts: ConceptSet
    labels: Labels
    unseen: Mapping[str, np.ndarray] | None = None
    report: Mapping[str, int] = field(default_factory=dict)


def activations(random: np.random.Generator, marks: np.ndarray, n_units: int) -> np.ndarray:
    """Return units as after a ReLU: unit k detects concept k for some of its highest samples.

    Unit 1 is dead, and what unit 2 responds to most strongly is not its concept.
    """
    values = random.normal(size=(len(marks), n_units))
    for unit in range(n_units):
        values[:, unit] += (1 + unit % 3) * marks[:, unit % marks.shape[1]]
    if n_units > 2:
        values[:, 1] = 2.5
        values[:, 2] += 9 * (random.random(len(marks)) < 0.06)
    return np.maximum(values, 0).astype(np.float32)


def marks_of(random: np.random.Generator, n_concepts: int, n_samples: int) -> np.ndarray:
    """Return concepts on 10 to 40 % of the samples: bool [N, C]."""
    return random.random((n_samples, n_concepts)) < np.linspace(0.1, 0.4, n_concepts)


def write_activations(
    path: Path,
    layers: Mapping[str, np.ndarray],
    ids: Sequence[str] | None,
    unit_names: Sequence[str] | None = None,
    source: Mapping[str, str] | None = None,
) -> None:
    text = h5py.string_dtype()
    n_samples = len(next(iter(layers.values())))
    with h5py.File(path, "w") as file:
        file.attrs.update(format="invert-activations", format_version=1, rows_done=n_samples)
        if ids is not None:
            file.create_dataset("sample_id", data=ids, dtype=text)
        for number, (name, values) in enumerate(layers.items()):
            group = file.create_group(f"layers/{number}")
            group.attrs["name"] = name
            group["activations"] = values
            if unit_names is not None:
                group.create_dataset("unit", data=unit_names, dtype=text)
        if source is not None:
            file.create_group("source").attrs.update(source)


def make(
    folder: Path,
    *,
    seed: int = 0,
    layers: Mapping[str, int] | None = None,
    n_samples: int = N_SAMPLES,
    objective: str = "auc,phi",
    direction: str = "positive",
    beam: int = 3,
    names: Sequence[str] = ("dog", "beak", "wheel", "water", "night", "grass"),
    definitions: Sequence[str] | None = None,
    ids: bool = True,
    n_held_out: int = 0,
    missing: float = 0.0,
    unknown: Sequence[int] = (),
    change: Callable[[np.ndarray], np.ndarray] = lambda values: values,
    unit_names: Sequence[str] | None = None,
    source: Callable[[Path, Sequence[str]], Mapping[str, str]] | None = None,
) -> Made:
    """Label a small layer into ``folder/run``; `change` is applied to the activations of each.

    Besides labels that are missing anywhere, those of some concepts are unknown on all unseen
    samples.
    """
    random = np.random.default_rng(seed)
    n_all = n_samples + n_held_out
    marks = marks_of(random, len(names), n_all)
    of_layers = {
        name: change(activations(random, marks, n_units))
        for name, n_units in (layers or {"conv2": 12}).items()
    }
    sample_id = [f"sample-{number:04}.png" for number in range(n_all)]
    if missing:
        marks = np.where(random.random(marks.shape) < missing, -1, marks.astype(np.int8))
        marks[n_samples:, list(unknown)] = -1
    concepts = ConceptSet.from_arrays(
        marks,
        [f"n{number:04}" for number in range(len(names))],
        names,
        definitions or [f"what people call {name}" for name in names],
        sample_id if ids else None,
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_concepts(folder / "concepts.h5", concepts)
    searched = {name: values[:n_samples] for name, values in of_layers.items()}
    unseen = {name: values[n_samples:] for name, values in of_layers.items()}
    written_ids = sample_id if ids else None
    write_activations(
        folder / "activations.h5",
        searched,
        written_ids and written_ids[:n_samples],
        unit_names,
        source and source(folder, sample_id[:n_samples]),
    )
    if n_held_out:
        write_activations(folder / "unseen.h5", unseen, sample_id[n_samples:], unit_names)
    labels = label_files(
        folder / "activations.h5",
        folder / "concepts.h5",
        folder / "run",
        settings=Settings(
            objective=objective,
            direction=direction,
            beam=beam,
            permutations=50,
            min_fraction=0.02,
        ),
        held_out=folder / "unseen.h5" if n_held_out else None,
        join="inner" if ids else "strict",
        missing="exclude" if missing else "error",
        jobs=1,
    )
    return Made(folder / "run", searched, concepts, labels, unseen if n_held_out else None)


def texts(folder: Path, ids: Sequence[str]) -> dict[str, str]:
    """Write a table of texts, some of them hostile, and return where they are."""
    with (folder / "texts.csv").open("w", encoding="utf-8", newline="") as file:
        lines = [(id, f"{HOSTILE[at % 12]} in text {at}") for at, id in enumerate(ids)]
        csv.writer(file).writerows([("id", "text"), *lines])
    return {"kind": "texts", "path": str(folder / "texts.csv"), "column": "text", "id_column": "id"}


def pictures(folder: Path, ids: Sequence[str]) -> dict[str, str]:
    """Write pictures of 40 pixels, and return where they are."""
    (folder / "images").mkdir()
    for number, id in enumerate(ids):
        colour = (number % 256, 255 - number % 256, 80)
        Image.new("RGB", (40, 30), colour).save(folder / "images" / id)
    return {"kind": "images", "path": str(folder / "images")}


def without_some_charts(made: Made) -> Made:
    """Return the run with a size of its report that has no room for all charts.

    Some bytes are kept free for sentences on what is left out.
    """
    whole = write_report(made.path, made.path.parent / "whole.html").stat().st_size
    return replace(made, report={"max_size": whole + 2_400})


KINDS: dict[str, Callable[[Path], Made]] = {
    "usual": lambda folder: make(folder, n_held_out=80),
    "pictures": lambda folder: make(folder, source=pictures),
    "texts": lambda folder: make(folder, source=texts),
    "one objective": lambda folder: make(folder, objective="auc"),
    "three objectives": lambda folder: make(folder, objective="auc,phi,mad", n_held_out=80),
    "both directions": lambda folder: make(folder, direction="both", n_held_out=80),
    "missing labels": lambda folder: make(folder, missing=0.2, n_held_out=80, objective="auc"),
    "no sample ids": lambda folder: make(folder, ids=False),
    "one unit": lambda folder: make(folder, layers={"only": 1}),
    "dead units": lambda folder: make(folder, change=lambda values: np.ones_like(values)),
    "unit names": lambda folder: make(
        folder, layers={"flat": 6}, unit_names=[f"{HOSTILE[k]}@0,{k}" for k in range(6)]
    ),
    "many layers": lambda folder: make(
        folder, layers={f"block{number}.relu": 2 for number in range(150)}, objective="auc"
    ),
    "hostile names": lambda folder: make(
        folder,
        layers={'<b>"layer"</b>:\u202e/%2F#?': 12},
        names=HOSTILE,
        definitions=["", *HOSTILE[1:-1], "y" * 3000],
        objective="auc",
    ),
    "nothing known of unseen samples": lambda folder: make(
        folder, missing=0.1, unknown=range(3), n_held_out=80, objective="auc"
    ),
    "tiny p-values": lambda folder: make(folder, layers={"conv2": 6}, n_samples=3000, beam=1),
    "layers called like words": lambda folder: make(
        folder, layers={"layer": 3, "verdict": 3, "unit": 3, "peak": 3}, beam=1
    ),
    "few charts": lambda folder: without_some_charts(make(folder, n_held_out=80)),
    "samples that are gone": lambda folder: make(
        folder, beam=1, source=lambda *_: {"kind": "images", "path": str(folder / ("x" * 250))}
    ),
    "infinite values": lambda folder: make(
        folder, change=lambda values: np.where(values > 4.4, np.inf, values).astype(np.float32)
    ),
}
"""How runs are made, by what is special about them."""
