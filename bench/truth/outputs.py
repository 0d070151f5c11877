"""Labels of output units whose meaning is known: the digits of the demo, characters of OCR."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from bench.truth.agreement import RULES, Agreement, settings_of
from bench.truth.strings import ALPHABET, SEED, Strings
from invert_core import ConceptSet, build_concepts, extract, label, open_activations
from invert_core.activations import Activations
from invert_core.labelling.join import join

_LOGITS, _SOFTMAX = "p2o.Add.277", "softmax_11.tmp_0"
_CHARACTERS = "metadata:character:first=1"
"""Unit 0 is the blank and the last one a space; the model names all others."""


@dataclass(frozen=True)
class Outputs:
    """Outputs of a model, and what they stand for.

    `layers` are names of layers by what they are called; `truth` is the id of the concept that each
    unit stands for.
    """

    activations: Activations
    layers: Mapping[str, str]
    concepts: ConceptSet
    truth: Mapping[int, str]


@contextmanager
def digits(folder: Path) -> Iterator[Outputs]:
    """Extract the outputs of the demo's network from the images that the demo searches."""
    path = folder / "digits.h5"
    demo = resources.files("invert_core.demo")
    with (
        resources.as_file(demo / "digits.onnx") as model,
        resources.as_file(demo / "search.npz") as images,
        resources.as_file(demo / "concepts.csv") as table,
    ):
        extract(model, images, path, ["output"], device="cpu")
        concepts = build_concepts([table])
    with open_activations(path) as activations:
        output = activations.layers["output"]
        _, joined = join(output.sample_id, output.n_samples, concepts, "inner")
        truth = {digit: f"digit_{digit}" for digit in range(10)}
        yield Outputs(activations, {"logits": "output"}, joined, truth)


@contextmanager
def characters(model: Path, folder: Path, seed: int = SEED) -> Iterator[Outputs]:
    """Extract the outputs of an OCR model from rendered strings; each stands for a character.

    `model` is `ch_PP-OCRv4_rec_infer.onnx` of the package `rapidocr-onnxruntime`. An output has one
    activation per string, the largest over time.
    """
    path = folder / f"characters-{seed}.h5"
    strings = Strings.drawn(seed=seed)
    extract(
        model,
        {"x": strings.images()},
        path,
        [f"{layer}:pool=max" for layer in (_LOGITS, _SOFTMAX)],
        device="cpu",
        unit_names=[f"{layer}={_CHARACTERS}" for layer in (_LOGITS, _SOFTMAX)],
    )
    with open_activations(path) as activations:
        names = activations.layers[_LOGITS].unit
        truth = {names.index(character): character for character in ALPHABET}
        layers = {"logits": _LOGITS, "softmax": _SOFTMAX}
        yield Outputs(activations, layers, strings.concepts(), truth)


def agreements(
    outputs: Outputs, layer: str, min_fraction: float
) -> Iterator[tuple[str, Mapping[str, Agreement]]]:
    """Yield the agreement of each unit's label with the truth, by true concept, for each rule.

    Units whose concept is rarer than formulas may be are left out.
    """
    concepts = outputs.concepts
    extent = dict(zip(concepts.id, concepts.dense().T, strict=True))
    truth = {unit: of for unit, of in outputs.truth.items() if np.mean(extent[of]) >= min_fraction}
    source = outputs.activations.layers[layer]
    values = {unit: source.read(unit, unit + 1)[0] for unit in truth}
    for length, rules in RULES.items():
        settings = settings_of(length, min_fraction=min_fraction, permutations=0)
        labels = label(
            outputs.activations, concepts, layers=[layer], units=list(truth), settings=settings
        )
        for name, rule in rules.items():
            found = {}
            for (_, unit), row in rule.chosen(labels).items():
                known = extent[truth[unit]]
                found[truth[unit]] = Agreement.of(row, labels.extent(row), known, values[unit])
            yield name, found


def disagreeing(found: Mapping[str, Agreement], worst: int) -> Sequence[tuple[str, Agreement]]:
    """Return the units whose label holds on other samples than the truth, the worst first."""
    order = sorted(found.items(), key=lambda one: one[1].jaccard)
    return [(of, one) for of, one in order if one.jaccard < 1][:worst]
