"""What the small pictures that a run keeps cost: ``python -m bench.pictures``, half a minute.

The photographs are JPEG files of 500x375, sums of random fields of several scales with rectangles
in front, so that they compress as photographs do (60 kB each in quality 90).
"""

import tempfile
import time
from pathlib import Path

import click
import numpy as np
from PIL import Image, __version__

from invert_core import shown_samples

WIDTH, HEIGHT = 500, 375
FIELDS = {4: 90, 12: 60, 40: 40, 120: 20, 300: 10}
"""The amplitude of the field with so many random numbers along the width."""
N_RECTANGLES = 6


def photograph(random):
    """Make up a photograph."""
    pixels = np.full((HEIGHT, WIDTH, 3), 128.0)
    for n_columns, amplitude in FIELDS.items():
        shape = max(2, n_columns * HEIGHT // WIDTH), n_columns
        noise = random.normal(size=(*shape, 3))
        noise = 0.4 * noise + 0.8 * noise.mean(axis=2, keepdims=True)  # colours go together
        for channel in range(3):
            field = Image.fromarray(noise[:, :, channel].astype(np.float32))
            large = field.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
            pixels[:, :, channel] += amplitude * np.asarray(large)
    for _ in range(N_RECTANGLES):
        top, left = random.integers(0, HEIGHT), random.integers(0, WIDTH)
        height, width = random.integers(20, 200, 2)
        pixels[top : top + height, left : left + width] += random.normal(0, 60, 3)
    return Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))


@click.command(help="Measure time and size of the small pictures of photographs.")
@click.option("--photographs", default=1000, show_default=True, help="How many to make up.")
@click.option("--rounds", default=3, show_default=True, help="How often to measure.")
def main(photographs: int, rounds: int) -> None:
    """Make photographs up, and print what their pictures cost."""
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        shown = {number: f"{number}.jpg" for number in range(photographs)}
        for name in shown.values():
            photograph(random).save(Path(folder) / name, quality=90)
        source = {"kind": "images", "path": folder}
        spent = []
        for _ in range(rounds):
            before = time.process_time(), time.perf_counter()
            made = shown_samples(shown, source)
            spent.append((time.process_time() - before[0], time.perf_counter() - before[1]))
            if made.missing:
                raise click.ClickException(made.missing)
    processor, wall = np.min(spent, axis=0) * 1000 / photographs
    n_bytes = sum(map(len, made.picture)) / photographs
    print(f"Pillow {__version__}; for 1,000 photographs, the best of {rounds} rounds:")
    print(f"{processor:.2f} s of processor time, {wall:.2f} s; {n_bytes:,.0f} bytes a picture")


if __name__ == "__main__":
    main()
