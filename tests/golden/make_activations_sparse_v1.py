"""Writes activations_sparse_v1.h5, which every later version must read. Not to be run again."""

from pathlib import Path

import h5py
import numpy as np

if __name__ == "__main__":
    with h5py.File(Path(__file__).with_name("activations_sparse_v1.h5"), "w") as file:
        file.attrs.update({"format": "invert-activations", "format_version": 1, "rows_done": 4})
        file["sample_id"] = np.array(["a", "b", "c", "d"], h5py.string_dtype())
        # [[0, 2, 0], [0, 0, 0], [0, -1.5, 0], [0, inf, 7]]
        layer = file.create_group("layers/sae%2Flatents")
        layer.attrs.update({"name": "sae/latents", "shape": np.array([4, 3])})
        layer["indptr"] = np.array([0, 0, 3, 4], np.int64)
        layer["indices"] = np.array([3, 0, 2, 3], np.int32)
        layer["data"] = np.array([np.inf, 2, -1.5, 7], np.float32)
