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
        values = np.column_stack([values, -values[:, 0]])
        marks = np.array([1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0])
        np.savez(place / "a.npz", fc=values.astype(np.float32), sample_id=ids)
        unseen = np.array([[4, 1, 0], [6, 2, 0], [0, 3, 1], [4, 4, 0]], np.float32)
        of_unseen = [f"unseen {number}" for number in range(4)]
        np.savez(place / "unseen.npz", fc=unseen, sample_id=of_unseen)
        marks = np.append(marks, [1, 0, 0, 1])[:, None]
        np.savez(place / "c.npz", labels=marks, id=["bird"], sample_id=ids + of_unseen)
        settings = Settings(length=1, beam=1, permutations=0, objective="auc,phi")
        label_files(
            *(place / "a.npz", place / "c.npz", place / "run"),
            held_out=place / "unseen.npz",
            settings=settings,
            join="inner",
        )
        made = (place / "run" / "evidence.h5").read_bytes()
    Path(__file__).with_name("evidence_v1.h5").write_bytes(made)
