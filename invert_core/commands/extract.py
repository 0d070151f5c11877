"""``invert extract``."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.console import print_rows, progress, say, written

if TYPE_CHECKING:
    from invert_core.data import Preprocess


class Size(click.ParamType):
    """A size in pixels: 224 or 224x320 (height x width)."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | tuple[int, int]:
        """Parse one number or two."""
        if isinstance(value, int | tuple):
            return value
        parts = str(value).lower().split("x")
        if len(parts) > 2 or not all(map(options.is_count, parts)):
            self.fail(f"{value!r} is not of the form 224 or 224x320", param, ctx)
        numbers = [int(part) for part in parts]
        return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


class Numbers(click.ParamType):
    """Numbers with commas between them, one per channel."""

    name = "numbers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Parse the numbers."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not of the form 0.485,0.456,0.406", param, ctx)


@options.command(
    epilog="Example: invert extract model.onnx --data images/ -l layer4.1.relu -o activations.h5"
    " --resize 256 --crop 224 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225"
)
@click.argument("model")
@click.option(
    "--data",
    type=options.PATH,
    required=True,
    help="A folder of images, a .npy array, or a .npz with one array per model input.",
)
@options.layer_option
@options.hdf5_option("Activation file to write.")
@click.option(
    "--pool",
    type=click.Choice(["auto", "mean", "max", "first", "none"]),
    default="auto",
    show_default=True,
    help="How all axes but the units' become one number: auto takes none for rank 2, else mean.",
)
@click.option(
    "--channel-axis", type=int, help="Axis of the units. [default: 1, and the last for rank 3]"
)
@click.option(
    "-b",
    "--batch-size",
    type=click.IntRange(min=1, max=1_000_000),
    default=32,
    show_default=True,
    help="Samples that the model runs over at once.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the model runs: auto takes cuda if it works, else cpu.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16"]),
    default="float32",
    show_default=True,
    help="Of the activation file.",
)
@click.option(
    "--preprocessor",
    type=options.PATH,
    metavar="FILE.json",
    help="Hugging Face style preprocessor_config.json; flags below override it.",
)
@click.option("--resize", type=Size(), help="Images: shorter edge 256, or exactly 224x320.")
@click.option("--crop", type=Size(), help="Images: centre that is kept, 224 or 224x320.")
@click.option(
    "--scale",
    type=float,
    help="Images: factor on 0..255. [default: 1/255, and 1 for a uint8 model]",
)
@click.option("--mean", type=Numbers(), help="Images: subtracted, as in 0.485,0.456,0.406.")
@click.option("--std", type=Numbers(), help="Images: divided by, as in 0.229,0.224,0.225.")
@click.option(
    "--layout",
    type=click.Choice(["NCHW", "NHWC"]),
    help="Images: layout of the model's input. [default: NCHW]",
)
@click.option(
    "--mode",
    type=click.Choice(["RGB", "L"]),
    help="Images: colours, or L for shades of grey. [default: RGB]",
)
@click.option(
    "--resample",
    type=click.Choice(["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]),
    help="Images: how --resize makes new pixels. [default: bilinear]",
)
@click.option("--skip-bad", is_flag=True, help="Leave out images that cannot be read.")
@options.backend_option
@options.overwrite_option
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")
@options.format_option
def extract(
    model: str,
    data: Path,
    layers: tuple[str, ...],
    output: Path,
    pool: str,
    channel_axis: int | None,
    batch_size: int,
    device: str,
    dtype: str,
    preprocessor: Path | None,
    skip_bad: bool,
    backend: str | None,
    overwrite: bool,
    dry_run: bool,
    style: str,
    **image_flags: Any,
) -> None:
    """Run MODEL over samples and write its activations.

    Asked again after an interruption, it goes on where it was. 'invert layers MODEL' lists the
    layers.
    """
    from invert_core.extraction import extract as extract_layers

    if not layers:
        raise click.UsageError(
            f"Name at least one layer with -l; list them with: invert layers {model}"
        )
    with progress("Extracting") as report:
        done = extract_layers(
            model,
            data,
            output,
            layers,
            pool=pool,
            channel_axis=channel_axis,
            device=device,
            batch_size=batch_size,
            dtype=dtype,
            backend=backend,
            overwrite=overwrite,
            skip_bad=skip_bad,
            preprocess=_preprocess(preprocessor, image_flags),
            progress=report,
            dry_run=dry_run,
        )
    rows = [
        {"layer": layer.name, "pool": layer.pool, "n_units": layer.n_units} for layer in done.layers
    ]
    columns = ("layer", "pool", "n_units")
    if dry_run:
        print_rows(rows, columns, style)
    else:
        with written(f"The activations were written to {str(output)!r}."):
            print_rows(rows, columns, style)
    ending = "would be extracted" if dry_run else f"on {done.device}, in {str(output)!r}"
    if done.already_done:
        ending = f"were extracted before, in {str(output)!r}"
    elif done.resumed_from:
        ending += f", of which an earlier run had left {done.resumed_from:,}"
    say(f"{done.n_samples:,} samples {ending}.")


def _preprocess(config: Path | None, flags: dict[str, Any]) -> "Preprocess | None":
    """What the flags say, over what the config file says; None where neither says anything."""
    from invert_core.data import Preprocess

    given = {name: value for name, value in flags.items() if value is not None}
    if isinstance(given.get("crop"), int):
        given["crop"] = (given["crop"], given["crop"])
    if config is None and not given:
        return None
    return replace(Preprocess.from_config(config) if config else Preprocess(), **given)
