"""SHA-256 of the files that a checkout makes: ``python -m bench.digests [CHECKOUT]``.

Run it for two checkouts and compare the output: it shows whether a change has left every byte as
it was. The files come from the digits demo and from larger seeded data: dense and rectified
activations, complete and missing labels, both searches. Files that hold times or paths (run.json)
are left out.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np

_DEMO = Path("invert_core") / "demo"

_EXTRACT = ("extract", "digits.onnx", "--data", "search.npz", "-l", "relu3", "-l", "output")
_BY_AUC = ("--objective", "auc")

_COMMANDS = {
    "demo": ("demo", "-o", "demo", "--jobs", "2"),
    "extracted": (*_EXTRACT, "-o", "extracted.h5"),
    "extracted-sparse": (*_EXTRACT, "--sparse", "relu3", "-o", "extracted-sparse.h5"),
    "digits": ("concepts", "build", "digits.csv", "--names", "names.csv", "-o", "digits.h5"),
    "dense-concepts": ("concepts", "build", "dense.npz", "-o", "dense-concepts.h5"),
    "gaps-concepts": (
        *("concepts", "build", "gaps.npz", "--missing", "exclude", "-o", "gaps-concepts.h5"),
    ),
    "dense": (
        *("label", "dense.npy", "dense-concepts.h5", "-o", "dense", "--direction", "both"),
        *_BY_AUC,
        *("--length", "4", "--beam", "5", "--min-gain", "0.001"),
    ),
    "dense-exhaustive": (
        *("label", "dense.npy", "dense-concepts.h5", "-o", "dense-exhaustive", "--units", "0-19"),
        *("--search", "exhaustive", "--length", "2", *_BY_AUC),
    ),
    "rectified": ("label", "rectified.npy", "dense-concepts.h5", "-o", "rectified", *_BY_AUC),
    "gaps": (
        *("label", "rectified.npy", "gaps-concepts.h5", "-o", "gaps", "--missing", "exclude"),
        *("--units", "0-49", *_BY_AUC),
    ),
}


def write_inputs(folder: Path) -> None:
    """Write activations and concepts from a seed, which are the same in every run."""
    rng = np.random.default_rng(20231207)
    n_samples, n_concepts, n_units = 20_000, 300, 200
    share = rng.choice([0.002, 0.02, 0.1, 0.4], n_concepts)
    marks = rng.random((n_samples, n_concepts)) < share
    marks[:, 200:] = marks[:, :100] | marks[:, 100:200]
    drive = rng.normal(size=(n_concepts, n_units)) * (rng.random((n_concepts, n_units)) < 0.02)
    values = rng.normal(size=(n_samples, n_units)) + 2 * marks @ drive
    ids = [f"c{i}" for i in range(n_concepts)]
    np.save(folder / "dense.npy", values.astype(np.float32))
    np.save(folder / "rectified.npy", np.maximum(values, 0).astype(np.float32).round(1))
    np.savez(folder / "dense.npz", labels=marks.astype(np.int8), id=ids)
    gaps = np.where(rng.random((n_samples, 3))[:, np.arange(60) % 3] < 0.1, -1, marks[:, :60])
    np.savez(folder / "gaps.npz", labels=gaps.astype(np.int8), id=ids[:60])


@click.command(help="Print the SHA-256 of files that CHECKOUT makes, by default this one.")
@click.argument(
    "checkout",
    type=click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True),
    default=".",
)
def main(checkout: Path) -> None:
    """Run all commands with the code of a checkout, and print the digests of their files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        for file in ("digits.onnx", "search.npz", "names.csv"):
            (folder / file).write_bytes((checkout / _DEMO / file).read_bytes())
        (folder / "digits.csv").write_bytes((checkout / _DEMO / "concepts.csv").read_bytes())
        for arguments in _COMMANDS.values():
            subprocess.run(
                [sys.executable, str(checkout / "cli.py"), *arguments],
                cwd=folder,
                check=True,
                capture_output=True,
            )
        for path in sorted(folder.rglob("*")):
            is_output = path.suffix in (".h5", ".csv", ".jsonl") and path.parent != folder
            if is_output or (path.parent == folder and path.suffix == ".h5"):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                print(f"{digest}  {path.relative_to(folder)}")


if __name__ == "__main__":
    main()
