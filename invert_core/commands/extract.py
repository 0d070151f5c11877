"""The command ``invert extract``."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from invert_core.commands import options
from invert_core.commands.command import command, typed_command
from invert_core.commands.console import say, written
from invert_core.commands.data_options import data_options
from invert_core.commands.extraction_summary import plan, summary
from invert_core.commands.feed_options import (
    batch_axis_option,
    carry_option,
    constant_option,
    feed_options,
    groups_option,
    zeros_option,
)
from invert_core.commands.model_command import ModelCommand, model_prints_on_stderr
from invert_core.commands.progress import progress
from invert_core.commands.tables import print_rows


@command(
    cls=ModelCommand,
    epilog="""Examples: invert extract model.onnx --data images/ --preset imagenet
-l layer4.1.relu -o activations.h5;

invert extract encoder.onnx --data texts.csv --column text --tokenizer tokenizer.json
-l 'encoder.layer.*.intermediate' --pool mean -o activations.h5;

invert extract torch:package.module:factory --weights model.safetensors --data images.zip
--preset clip -l 'blocks.*.mlp' --sparse blocks.11.mlp -o activations.h5""",
)
@click.argument("model")
@data_options
@feed_options(constant_option, zeros_option, batch_axis_option, carry_option)
@groups_option
@options.layer_option
@options.hdf5_option("Activation file to write.")
@click.option(
    "--pool",
    type=click.Choice(["auto", "mean", "max", "first", "last", "none", "flatten"]),
    default="auto",
    show_default=True,
    help="How the other axes become one number per unit: auto is none for rank 2, else mean; first "
    "and last take one token; flatten makes every place a unit.",
)
@click.option(
    "--channel-axis", type=int, help="Axis of the units. [default: as the model shows it]"
)
@click.option(
    "--sparse",
    multiple=True,
    metavar="LAYER",
    help="Store this layer without its zeros; may be repeated.",
)
@click.option(
    "--unit-names",
    multiple=True,
    metavar="[LAYER=]FILE",
    help="Name the units by a file, or by the model's own metadata:KEY; may be repeated.",
)
@click.option(
    "-b",
    "--batch-size",
    type=click.IntRange(min=1, max=1_000_000),
    default=32,
    show_default=True,
    help="Run the model over this many samples at once.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Device that runs the model: auto takes cuda if it works, else cpu.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16"]),
    default="float32",
    show_default=True,
    help="Type of the numbers in the activation file.",
)
@options.backend_option
@options.overwrite_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check everything, say what the work would take, and write nothing.",
)
@options.format_option
@click.pass_context
def extract(
    ctx: click.Context,
    model: str,
    layers: tuple[str, ...],
    output: Path,
    dry_run: bool,
    style: str,
    samples: dict[str, Any],
    **settings: Any,
) -> None:
    """Run MODEL over samples and write its activations.

    After an interruption, the same command goes on where it stopped. 'invert layers MODEL' lists
    the layers; in LAYER, * stands for any characters.
    """
    from invert_core.extraction import extract as extract_layers

    if not layers:
        raise click.UsageError(
            f"Name at least one layer with -l; list them with: invert layers {model}"
        )
    with (
        _said_how_to_go_on(ctx),
        progress("Extracting", "samples") as report,
        model_prints_on_stderr(),
    ):
        done = extract_layers(
            model,
            output=output,
            layers=layers,
            progress=report,
            dry_run=dry_run,
            **samples,
            **settings,
        )
    rows = [
        {
            "layer": layer.name,
            "pool": layer.pool,
            "n_units": layer.n_units,
            "stored": "sparse" if layer.sparse else "dense",
        }
        for layer in done.layers
    ]
    columns = ("layer", "pool", "n_units", "stored")
    if dry_run:
        print_rows(rows, columns, style)
    else:
        with written(f"The activations were written to {str(output)!r}."):
            print_rows(rows, columns, style)
    say(plan(done) if dry_run else summary(done))


@contextlib.contextmanager
def _said_how_to_go_on(ctx: click.Context) -> Iterator[None]:
    """If the work ends early and rows are kept, say which command goes on from there."""
    try:
        yield
    except BaseException as error:
        from invert_core.extraction.loop import GOES_ON

        if any(GOES_ON in note for note in getattr(error, "__notes__", ())):
            error.add_note(f"Go on with: {typed_command(ctx, without='--overwrite')}")
        raise
