"""PyTorch on CUDA next to the CPU: whether activations and labels agree, and the speed of the GPU.

``python -m bench.cuda`` needs a GPU, torch and torchvision; it takes a minute or two. ResNet-18 has
random weights, and the images are noise.
"""

import contextlib
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from invert_core import ConceptSet, Settings, extract, label, open_activations

N_IMAGES = 2048
BATCH = 64
LAYERS = ["layer1", "layer2", "layer3", "layer4", "avgpool", "fc"]
N_CONCEPTS = 100


@click.command(help="Compare activations, labels and speed of ResNet-18 on the GPU and the CPU.")
def main() -> None:
    """Extract on both devices, compare, and print the result."""
    try:
        import torch
        import torchvision
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} cannot be imported. "
            "Install it with: .venv/bin/python -m pip install torch torchvision"
        ) from error
    if not torch.cuda.is_available():
        raise click.ClickException("There is no GPU that PyTorch can use.")
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None).eval()
    random = np.random.default_rng(0)
    images = random.normal(size=(N_IMAGES, 3, 224, 224)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        files = {device: Path(folder) / f"{device}.h5" for device in ("cuda", "cpu")}
        for device, path in files.items():
            report = extracted(model, images, path, device)
            spent = report.spent
            print(
                f"{report.device}: {N_IMAGES / spent.total:,.0f} images/s, {spent.total:.2f} s "
                f"({spent.in_model:.2f} in the model, {spent.waiting:.2f} waiting for data), "
                f"{report.seconds:.2f} s with opening and hashing the images"
            )
        bare = min(forward(model, images) for _ in range(3))
        print(f"bare forward pass on cuda: {N_IMAGES / bare:,.0f} images/s, {bare:.2f} s")
        compare_values(files)
        compare_labels(files, random)


def extracted(model, images, path, device):
    """Return the report of an extraction; on a GPU the first two only warm up."""
    for _ in range(3 if device == "cuda" else 1):
        report = extract(
            model, images, path, layers=LAYERS, device=device, batch_size=BATCH, overwrite=True
        )
    return report


def forward(model, images):
    """Return the seconds of the model alone in full float32, with the copies to the device."""
    import torch

    torch.backends.cudnn.conv.fp32_precision = "ieee"
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    model.cuda()
    with torch.no_grad():
        begun = time.perf_counter()
        for row in range(0, N_IMAGES, BATCH):
            model(torch.from_numpy(images[row : row + BATCH]).cuda()).cpu()
        seconds = time.perf_counter() - begun
    model.cpu()
    return seconds


def compare_values(files):
    """Print the largest difference of each layer, relative to its largest activation."""
    with contextlib.ExitStack() as opened:
        ours, theirs = (
            opened.enter_context(open_activations(path)).layers for path in files.values()
        )
        for name, layer in ours.items():
            found = layer.read(0, layer.n_units)
            expected = theirs[name].read(0, layer.n_units)
            difference = np.abs(found - expected).max() / np.abs(expected).max()
            print(f"{name}: largest difference {difference:.1e} of the largest activation")


def compare_labels(files, random):
    """Print how many formulas differ, and the largest difference of the AUC of a unit."""
    concepts = ConceptSet.from_arrays(
        random.random((N_IMAGES, N_CONCEPTS)) < 0.2, id=[f"c{row}" for row in range(N_CONCEPTS)]
    )
    ours, theirs = (
        label(path, concepts, settings=Settings(length=2, objective="auc", evidence=False))
        for path in files.values()
    )
    pairs = [
        (one, other) for one, other in zip(ours, theirs, strict=True) if one.rank == other.rank == 1
    ]
    differ = sum(one.formula != other.formula for one, other in pairs)
    auc = max(abs(one.auc - other.auc) for one, other in pairs)
    print(f"{differ} of {len(pairs)} best formulas differ; AUC differ by at most {auc:.1e}")


if __name__ == "__main__":
    main()
