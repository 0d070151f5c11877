"""Writes activations_v1.h5, which every later version must read. Not to be run again."""

from pathlib import Path

import numpy as np

from invert_core.activations import ActivationWriter, Origin

if __name__ == "__main__":
    path = Path(__file__).with_name("activations_v1.h5")
    ids = ("cat/1.jpg", "cat/ü.jpg", "dog.png")
    with ActivationWriter(path, Origin(3, {"model": "none"}, ids)) as writer:
        relu = np.array([[0, np.inf], [1.5, 0], [3, -2]], np.float32)
        fc = np.array([[-1], [0.25], [1e-30]], np.float32)
        writer.write({"layer4/1.relu": relu, "fc": fc})
        writer.finish()
