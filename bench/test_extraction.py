"""Extraction next to the bare forward pass: ResNet-18's shape, batches of 16, JPEG files.

Throughput is what `invert extract` reports: all work from the first batch on. Opening the model and
the data comes on top, once, and so do the trial runs, which are listed apart. Both sides use all
cores. Decoding is also measured alone: it shares the cores with the model, so the time from files
cannot be less than the processor time of both divided by the number of cores.
"""

import contextlib

import numpy as np
import onnxruntime
import pytest

from bench.measuring import Way
from bench.resnet18 import write_images, write_model
from bench.results import Round, Timing
from invert_core import Preprocess, extract, open_activations
from invert_core.data import DataSettings, open_data
from invert_core.models.registry import open_model

N_IMAGES = 240
BATCH = 16
ROUNDS = 2
LAYERS = ["layer4.1.relu", "layer2.0.relu"]
WORKLOAD = f"{N_IMAGES} images through ResNet-18, two layers"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The model, the image files, and the same images as an array."""
    folder = tmp_path_factory.mktemp("resnet18")
    model = write_model(folder / "model.onnx")
    images = write_images(folder / "images", N_IMAGES)
    source = open_data(
        images,
        open_model(str(model)).inputs,
        DataSettings(preprocess=Preprocess.preset("imagenet"), workers=0),
    )
    with contextlib.closing(source.batches(0, BATCH)) as batches:
        pixels = np.concatenate([batch.inputs["image"] for batch in batches])
    return model, images, source, pixels


def forward(session, pixels):
    """Run the bare forward pass of the whole network, and keep nothing."""
    for row in range(0, N_IMAGES, BATCH):
        session.run(None, {"image": pixels[row : row + BATCH]})


@pytest.fixture(scope="module")
def session(made):
    return onnxruntime.InferenceSession(str(made[0]), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def expected(made):
    """Activations of the layers, from a session of their own."""
    import onnx

    model = onnx.load(made[0])
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in LAYERS)
    whole = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    parts = [
        whole.run(LAYERS, {"image": made[3][row : row + BATCH]})
        for row in range(0, N_IMAGES, BATCH)
    ]
    return {
        name: np.concatenate(values).mean((2, 3))
        for name, values in zip(LAYERS, zip(*parts, strict=True), strict=True)
    }


def check_file(path, expected):
    with open_activations(path) as activations:
        for name, values in expected.items():
            found = activations.layers[name].read(0, values.shape[1]).T
            np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-5)


def extraction(way, made, path, expected, data, **settings):
    """Return the way of a whole extraction, and where the time of its rounds went."""
    spent = []

    def call():
        settings_of_all = {"batch_size": BATCH, "device": "cpu", "overwrite": True}
        report = extract(made[0], data, path, LAYERS, **settings_of_all, **settings)
        spent.append(report.spent)

    return Way(f"invert extract, {way}", call, lambda _: check_file(path, expected)), spent


def test_extraction(alternate, results, made, session, expected, tmp_path):
    from_files = {"data": made[1], "preprocess": Preprocess.preset("imagenet")}
    calls = [
        extraction(way, made, tmp_path / f"{number}.h5", expected, **settings)
        for number, (way, settings) in enumerate(
            {
                "decoded images": {"data": made[3]},
                "JPEG files, 0 worker processes": {**from_files, "workers": 0},
                "JPEG files, 2 worker processes": {**from_files, "workers": 2},
            }.items()
        )
    ]
    ways = [
        Way("bare forward pass", lambda: forward(session, made[3])),
        Way("decoding alone, in this process", lambda: decode(made[2]), all_images),
        *(way for way, _ in calls),
    ]
    alternate(WORKLOAD, ways, rounds=ROUNDS, table="extraction")
    for way, spent in calls:
        whole = results.one(WORKLOAD, way.name)
        for part, name in (("total", "from the first batch on"), ("trial", "trial runs")):
            rounds = tuple(
                Round(getattr(each, part), of.processor)
                for each, of in zip(spent[-ROUNDS:], whole.rounds, strict=True)
            )
            results.timings.append(
                Timing(
                    WORKLOAD,
                    f"{way.name}, {name}",
                    rounds,
                    remark="processor time of the whole call",
                    table="extraction",
                )
            )


def decode(source):
    with contextlib.closing(source.batches(0, BATCH)) as batches:
        return sum(len(batch.rows) for batch in batches)


def all_images(count):
    assert count == N_IMAGES
