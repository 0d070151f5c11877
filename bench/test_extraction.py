"""Extraction next to the bare forward pass: ResNet-18's shape, batches of 16, JPEG files.

Throughput is what `invert extract` reports: all work from the first batch on. Opening the model and
the data comes on top, once. Both sides use all cores. Decoding is also measured alone: it shares
the cores with the model, so the time from files cannot be less than the processor time of both
divided by the number of cores.
"""

import contextlib

import numpy as np
import onnxruntime
import pytest

from bench.resnet18 import write_images, write_model
from bench.tables import Timing
from invert_core import Preprocess, extract, open_activations
from invert_core.data import DataSettings, open_data
from invert_core.models.registry import open_model

N_IMAGES = 480
BATCH = 16
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


@pytest.fixture
def extraction(made, expected, measure, results, tmp_path):
    """Measure an extraction: the whole call, and its part from the first batch on."""

    def run(way, data, **settings):
        path = tmp_path / "x.h5"
        running = []

        def call():
            settings_of_all = {"batch_size": BATCH, "device": "cpu", "overwrite": True}
            report = extract(made[0], data, path, LAYERS, **settings_of_all, **settings)
            running.append(report.spent.total)

        measure(WORKLOAD, f"invert extract, {way}", call, lambda _: check_file(path, expected))
        whole = results.timings[-1]
        results.timings.append(
            Timing(
                WORKLOAD,
                f"{way}, from the first batch on",
                min(running),
                whole.cores,
                remark="cores: of the whole call",
            )
        )

    return run


def test_from_arrays(made, extraction):
    extraction("decoded images", made[3])


def test_forward_pass(made, session, measure):
    measure(WORKLOAD, "bare forward pass", lambda: forward(session, made[3]), lambda _: None)


@pytest.mark.parametrize("workers", [0, 2])
def test_from_files(made, extraction, workers):
    extraction(
        f"JPEG files, {workers} worker processes",
        made[1],
        preprocess=Preprocess.preset("imagenet"),
        workers=workers,
    )


def test_decoding_alone(made, measure):
    def decode():
        with contextlib.closing(made[2].batches(0, BATCH)) as batches:
            return sum(len(batch.rows) for batch in batches)

    def check(count):
        assert count == N_IMAGES

    measure(WORKLOAD, "decoding alone, in this process", decode, check)
