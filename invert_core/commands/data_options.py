"""Options for the samples that a model runs over, and for how they become its inputs."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH

if TYPE_CHECKING:
    from invert_core.data import Preprocess, Tokenize


class Size(click.ParamType):
    """A size in pixels: 224 or 224x320 (height x width)."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | tuple[int, int]:
        """Parse one number or two."""
        from invert_core.values import is_count

        if isinstance(value, int | tuple):
            return value
        parts = str(value).lower().split("x")
        if len(parts) > 2 or not all(map(is_count, parts)):
            self.fail(f"{value!r} is not of the form 224 or 224x320", param, ctx)
        numbers = [int(part) for part in parts]
        return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


class Numbers(click.ParamType):
    """Numbers separated by commas, one per channel."""

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


_OF_IMAGES = {
    "resize": click.option(
        "--resize",
        type=Size(),
        help="Images: resize the shorter edge, as in 256, or both, as in 224x320.",
    ),
    "crop": click.option(
        "--crop", type=Size(), help="Images: keep the centre only, as in 224 or 224x320."
    ),
    "scale": click.option(
        "--scale",
        type=float,
        help="Images: multiply pixel values by this. [default: 1/255, or 1/65535 for --depth 16, "
        "or 1 for --depth float and uint8 models]",
    ),
    "mean": click.option(
        "--mean",
        type=Numbers(),
        help="Images: subtract these from the channels, as in 0.485,0.456,0.406.",
    ),
    "std": click.option(
        "--std",
        type=Numbers(),
        help="Images: divide the channels by these, as in 0.229,0.224,0.225.",
    ),
    "layout": click.option(
        "--layout",
        type=click.Choice(["NCHW", "NHWC"]),
        help="Images: order of the axes in the model's input. [default: NCHW]",
    ),
    "mode": click.option(
        "--mode",
        type=click.Choice(["RGB", "BGR", "L"]),
        help="Images: RGB or BGR for colours, as OpenCV orders them, L for shades of grey. "
        "[default: RGB]",
    ),
    "depth": click.option(
        "--depth",
        type=click.Choice(["8", "16", "float"]),
        help="Images: bits of the channels; 16 and float are for grey images. [default: 8]",
    ),
    "resample": click.option(
        "--resample",
        type=click.Choice(["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]),
        help="Images: how --resize and --letterbox compute new pixels. [default: bilinear]",
    ),
    "letterbox": click.option(
        "--letterbox",
        type=Size(),
        help="Images: fit into 640 or 480x640 with margins, instead of --resize and --crop.",
    ),
    "pad": click.option(
        "--pad",
        type=Numbers(),
        help="Images: colour of these margins, as in 0 or 114,114,114. [default: 114]",
    ),
}
_OF_TEXTS = {
    "max_length": click.option(
        "--max-length",
        type=click.IntRange(min=1),
        help="Texts: cut off tokens beyond this number. [default: the tokenizer's]",
    ),
    "padding": click.option(
        "--padding",
        type=click.Choice(["longest", "max"]),
        help="Texts: pad to the longest text of a batch, or always to --max-length. "
        "[default: longest]",
    ),
    "bucketing": click.option(
        "--bucketing/--no-bucketing",
        default=None,
        help="Texts: run texts of similar length together, to save time. [default: bucketing]",
    ),
}
_OPTIONS = (
    click.option(
        "--data",
        type=PATH,
        required=True,
        help="Images: a folder, a .zip or .tar archive, or a table of paths. Texts, with "
        "--tokenizer: a .txt file, a folder, or a table. Tables are .csv, .tsv, .parquet or "
        ".jsonl. Arrays: .npy, .npz, .safetensors or .h5.",
    ),
    click.option(
        "--preset",
        type=click.Choice(["imagenet", "clip", "none"]),
        help="Images: use the usual preprocessing of such models, or none; the options below "
        "override it.",
    ),
    click.option(
        "--preprocessor",
        type=PATH,
        metavar="FILE.json",
        help="Images: use this Hugging Face style preprocessor_config.json; the options below "
        "override it.",
    ),
    *_OF_IMAGES.values(),
    click.option("--skip-bad", is_flag=True, help="Images: leave out those that cannot be read."),
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        help="Images: decode them in this many processes. [default: one per core, or none for few "
        "images]",
    ),
    click.option(
        "--tokenizer",
        type=PATH,
        metavar="FILE.json",
        help="Texts: read --data as texts, with this Hugging Face tokenizer.json.",
    ),
    *_OF_TEXTS.values(),
    click.option("--column", help="Tables: column of the texts or paths."),
    click.option("--id-column", help="Tables: column of the sample ids. [default: sample_id]"),
    options.follow_links_option,
    click.option(
        "--root",
        type=PATH,
        metavar="FOLDER",
        help="Tables of paths: folder where the paths start. [default: the folder of the table]",
    ),
)


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add these options, which a command gets as one `samples`: keywords of `extract`."""

    @functools.wraps(command)
    def gathered(*arguments: Any, **values: Any) -> Any:
        of_images = {name: values.pop(name) for name in _OF_IMAGES}
        of_texts = {name: values.pop(name) for name in _OF_TEXTS}
        samples = {
            name: values.pop(name)
            for name in (
                "data",
                "column",
                "id_column",
                "root",
                "workers",
                "skip_bad",
                "follow_links",
            )
        }
        samples["preprocess"] = _preprocess(
            values.pop("preset"), values.pop("preprocessor"), of_images
        )
        samples["text"] = _tokenize(values.pop("tokenizer"), of_texts)
        return command(*arguments, samples=samples, **values)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


def _preprocess(
    preset: str | None, config: Path | None, flags: dict[str, Any]
) -> "Preprocess | None":
    """Let the flags override a preset or the config file; return None if none of them is given."""
    from invert_core.data import Preprocess

    if preset is not None and config is not None:
        raise click.UsageError("Give --preset or --preprocessor, not both.")
    given = {name: value for name, value in flags.items() if value is not None}
    for name in ("crop", "letterbox"):
        if isinstance(given.get(name), int):
            given[name] = (given[name], given[name])
    if "letterbox" in given:
        given = {"resize": None, "crop": None} | given  # those of a preset are overridden
    if preset is None and config is None and not given:
        return None
    if preset is not None:
        return replace(Preprocess.preset(preset), **given)
    return replace(Preprocess.from_config(config) if config else Preprocess(), **given)


def _tokenize(tokenizer: Path | None, flags: dict[str, Any]) -> "Tokenize | None":
    from invert_core.data import Tokenize

    given = {name: value for name, value in flags.items() if value is not None}
    if tokenizer is not None:
        return Tokenize(tokenizer, **given)
    if given:
        flag = next(iter(given)).replace("_", "-")
        raise click.UsageError(f"--{flag} is for texts; give --tokenizer too.")
    return None
