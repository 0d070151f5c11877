"""Writes evidence_v1.h5, which every later version must read. Not to be run again."""

import tempfile
from pathlib import Path

import numpy as np

from invert_core import Settings, label_files

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        ids = [f"s{number}" for number in range(12)]
        values = np.array(
            [[9, 1], [7, 1], [7, 1], [0, 1], [0, 1], [5, 1], [0, 1], [-2, 1]] + 4 * [[0, 1]]
        )
        marks = np.array([1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0])
        np.savez(place / "a.npz", fc=values.astype(np.float32), sample_id=ids)
        np.savez(place / "c.npz", labels=marks[:, None], id=["bird"], sample_id=ids)
        settings = Settings(length=1, beam=1, permutations=0)
        label_files(place / "a.npz", place / "c.npz", place / "run", settings=settings)
        made = (place / "run" / "evidence.h5").read_bytes()
    Path(__file__).with_name("evidence_v1.h5").write_bytes(made)
