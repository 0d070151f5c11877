"""Writes activations_v2.h5, which every later version must read. Not to be run again."""

from pathlib import Path

import numpy as np

from invert_core.activations.groups import Groups
from invert_core.activations.writing.contents import Origin
from invert_core.activations.writing.writer import ActivationWriter

if __name__ == "__main__":
    path = Path(__file__).with_name("activations_v2.h5")
    origin = Origin(
        3,
        {"model": "none"},
        ("cat/1.jpg", "cat/ü.jpg", "dog.png"),
        sparse=["latents"],
        groups=Groups(np.array([0, 0, 1], np.int32), ("cat", "dog")),
        aliases={"fc": "classifier"},
        source={"kind": "images", "path": "/data/photos"},
    )
    with ActivationWriter(path, origin) as writer:
        latents = np.array([[0, np.inf], [1.5, 0], [0, 0]], np.float32)
        fc = np.array([[-1], [0.25], [1e-30]], np.float32)
        writer.write({"latents": latents, "fc": fc}, {"fc": ("score",)})
        writer.finish()
