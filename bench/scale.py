"""Time and peak memory of `invert label` on data that are too large for `make bench`.

    python -m bench.scale FOLDER imagenet-train sae layer-2048

The script makes the data of each workload in FOLDER unless they exist, in stripes that never fill
the memory, and labels them in a process of its own. The data come from a seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import h5py
import numpy as np

from bench.peak import run_label
from bench.results import Peak, Results
from bench.structures import N_CLASSES, Hierarchy, hierarchy, planted, relu
from bench.tables import lines
from invert_core import ConceptSet, write_concepts
from invert_core.activations import ActivationWriter, Origin, layout
from invert_core.files.hdf5 import store_strings

_STRIPE = layout.STRIPE_ROWS
_SAMPLES_PER_BLOCK = 2**16
_UNITS_PER_BLOCK = 64


@dataclass(frozen=True)
class Workload:
    """Data to label; `density` is the share of nonzero activations, stored as CSC if below 1."""

    n_samples: int
    n_units: int
    density: float = 1.0

    @property
    def n_bytes(self) -> int:
        """Number of bytes that the activations take on disk."""
        return int(self.n_samples * self.n_units * self.density * (4 if self.density == 1 else 8))


WORKLOADS = {
    "imagenet-train": Workload(1_281_167, 2_048),
    "sae": Workload(1_000_000, 16_384, density=0.002),
    "layer-2048": Workload(50_000, 2_048),
}
_SIZES = "; ".join(
    f"{name}: {of.n_samples:,} x {of.n_units:,}, {of.n_bytes / 1e9:.1f} GB"
    for name, of in WORKLOADS.items()
)


@click.command(help=f"Label large data in FOLDER and report time and peak memory. {_SIZES}.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument(
    "names", metavar="WORKLOAD...", type=click.Choice(list(WORKLOADS)), nargs=-1, required=True
)
@click.option("-j", "--jobs", type=int, help="Threads; all cores by default.")
@click.option("--units", help="Only these units, such as 0-63.")
@click.option("--json", type=click.Path(path_type=Path), help="Write the results to this file.")
def main(
    folder: Path, names: tuple[str, ...], jobs: int | None, units: str | None, json: Path | None
) -> None:
    """Make the data, label them, print a table."""
    options = [
        "--objective",
        "auc",
        *(("--jobs", jobs) if jobs else ()),
        *(("--units", units) if units else ()),
    ]
    results = Results.begun()
    for name in names:
        of_name = folder / name
        of_name.mkdir(parents=True, exist_ok=True)
        activations, concepts = make(of_name, WORKLOADS[name])
        click.echo(f"Labelling {name}", err=True)
        output = ("-o", of_name / "run", "--overwrite", "--min-fraction", 0.0005)
        used = run_label(activations, concepts, *output, *options)
        results.peaks.append(Peak(name, *used))
    click.echo("\n".join(lines(results)))
    if json is not None:
        results.write(json)


def make(folder: Path, workload: Workload) -> tuple[Path, Path]:
    """Write activations and concepts unless the files exist."""
    activations, concepts = folder / "activations.h5", folder / "concepts.h5"
    classes = hierarchy()
    rng = np.random.default_rng(0)
    of_sample = rng.permutation(np.arange(workload.n_samples) % N_CLASSES)
    ids = [f"{classes.id[k]}/{number:07}" for number, k in enumerate(of_sample.tolist())]
    if not concepts.exists():
        click.echo(f"Writing {concepts}", err=True)
        write_concepts(concepts, concepts_of(classes, of_sample, ids))
    if not activations.exists():
        click.echo(f"Writing {activations}, {workload.n_bytes / 1e9:.1f} GB", err=True)
        write = write_dense if workload.density == 1 else write_csc
        write(activations, workload, classes, of_sample, ids)
    return activations, concepts


def concepts_of(classes: Hierarchy, of_sample: np.ndarray, ids: list[str]) -> ConceptSet:
    """Return the concepts of samples of these classes, packed block by block."""
    n_samples, n_concepts = of_sample.size, len(classes.id)
    bits = np.zeros((n_concepts, -(-n_samples // 64)), np.uint64)
    by_concept = np.ascontiguousarray(classes.labels.T)
    for start in range(0, n_samples, _SAMPLES_PER_BLOCK):
        labels = by_concept[:, of_sample[start : start + _SAMPLES_PER_BLOCK]]
        packed = np.packbits(labels, axis=1, bitorder="little")
        padded = np.zeros((n_concepts, -(-packed.shape[1] // 8) * 8), np.uint8)
        padded[:, : packed.shape[1]] = packed
        words = padded.view("<u8")
        bits[:, start // 64 : start // 64 + words.shape[1]] = words
    return ConceptSet(
        bits=bits,
        n_samples=n_samples,
        id=classes.id,
        name=classes.id,
        definition=("",) * n_concepts,
        sample_id=tuple(ids),
        parents=np.zeros((0, 2), np.int64),
    )


def write_dense(
    path: Path, workload: Workload, classes: Hierarchy, of_sample: np.ndarray, ids: list[str]
) -> None:
    """Activations as `invert extract` writes them; goes on where it was interrupted."""
    signal = planted(classes.labels, workload.n_units, np.random.default_rng(1))
    origin = Origin(workload.n_samples, {"bench": 1}, tuple(ids))
    with ActivationWriter(path, origin) as writer:
        for start in range(writer.rows_done, workload.n_samples, _STRIPE):
            of_stripe = signal[of_sample[start : start + _STRIPE]]
            writer.write({"layer": relu(of_stripe, np.random.default_rng([1, start]))})
        writer.finish()


def write_csc(
    path: Path, workload: Workload, classes: Hierarchy, of_sample: np.ndarray, ids: list[str]
) -> None:
    """Write activations like those of a sparse autoencoder, column by column."""
    partial = path.with_name(path.name + ".partial")
    n_stored = np.zeros(workload.n_units, np.int64)
    with h5py.File(partial, "w") as file:
        file.attrs["format"] = layout.FORMAT
        file.attrs["format_version"] = layout.FORMAT_VERSION
        file.attrs["rows_done"] = workload.n_samples
        store_strings(file, "sample_id", tuple(ids))
        group = file.create_group("layers/latents")
        group.attrs["name"] = "latents"
        group.attrs["shape"] = [workload.n_samples, workload.n_units]
        growing = {"maxshape": (None,), "chunks": (2**16,)}
        data = group.create_dataset("data", (0,), np.float32, **growing)
        indices = group.create_dataset("indices", (0,), np.int32, **growing)
        first = 0
        for unit in range(0, workload.n_units, _UNITS_PER_BLOCK):
            samples = list(_active_samples(workload, classes, of_sample, unit))
            n_stored[unit : unit + _UNITS_PER_BLOCK] = [of_unit.size for of_unit in samples]
            last = first + sum(of_unit.size for of_unit in samples)
            values = np.random.default_rng([2, unit]).standard_exponential(last - first, np.float32)
            for dataset, block in ((data, values), (indices, np.concatenate(samples))):
                dataset.resize((last,))
                dataset[first:last] = block
            first = last
        group["indptr"] = np.concatenate([[0], np.cumsum(n_stored)])
    partial.rename(path)


def _active_samples(
    workload: Workload, classes: Hierarchy, of_sample: np.ndarray, start: int
) -> Iterator[np.ndarray]:
    """Yield the samples, ascending, on which each unit of a block is active.

    Half of the active samples of every second unit carry one rare concept.
    """
    rng = np.random.default_rng([1, start])
    n_active = int(workload.n_samples * workload.density)
    rare = np.flatnonzero(classes.labels.mean(axis=0) <= workload.density * 10)
    for unit in range(start, min(start + _UNITS_PER_BLOCK, workload.n_units)):
        signal = np.zeros(0, np.int64)
        if unit % 2 == 0:
            carriers = np.flatnonzero(classes.labels[:, rng.choice(rare)][of_sample])
            signal = rng.choice(carriers, min(n_active // 2, carriers.size), replace=False)
        noise = rng.integers(0, workload.n_samples, n_active - signal.size)
        yield np.unique(np.concatenate([signal, noise])).astype(np.int32)


if __name__ == "__main__":
    main()
