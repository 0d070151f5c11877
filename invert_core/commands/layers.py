"""The command ``invert layers``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.command import command
from invert_core.commands.console import say
from invert_core.commands.feed_options import batch_axis_option, constant_option, feed_options
from invert_core.commands.model_command import ModelCommand, model_prints_on_stderr
from invert_core.commands.tables import Fit, print_rows

if TYPE_CHECKING:
    from invert_core.models.backend import Layer

COLUMNS = ("name", "module", "op", "shape", "axis", "n_units", "pool", "n_parameters")
"""What people see of a layer."""
ALL_COLUMNS = (
    "name",
    "module",
    "op",
    "shape",
    "batch_axis",
    "axis",
    "n_units",
    "pool",
    "reason",
    "certain",
    "problem",
    "n_parameters",
)
"""What programs get."""
FIT = Fit(drop=("n_parameters", "module", "op"))
_INDENT = "  "
_MODULE_ONLY = {
    "op": "",
    "shape": "",
    "axis": "",
    "n_units": None,
    "pool": "",
    "n_parameters": None,
}


@command(
    cls=ModelCommand,
    epilog="Examples: invert layers model.onnx 'encoder.layer.5.*' --supported; "
    "invert layers model.onnx 'encoder.*:axis=1,pool=max' --constant sr=16000; "
    "invert layers torch:package.module:factory --input image=3x224x224 --tree",
)
@click.argument("model")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--supported", is_flag=True, help="List only layers that can be extracted.")
@click.option("--tree", is_flag=True, help="Show the modules as a tree.")
@click.option(
    "--channel-axis", type=int, help="Axis of the units. [default: as the model shows it]"
)
@click.option(
    "--layout",
    type=click.Choice(["NCHW", "NHWC"]),
    help="Order of the axes of images in the model's input. [default: as the model shows it]",
)
@feed_options(constant_option, batch_axis_option)
@options.backend_option
@options.format_option
def layers(
    model: str,
    patterns: tuple[str, ...],
    supported: bool,
    tree: bool,
    style: str,
    **settings: Any,
) -> None:
    """List the layers of MODEL with their shapes, units and weights.

    The layers are described as 'invert extract' would read them with these options. Ask for a layer
    by its name or by its module. With patterns, in which * stands for any characters, list only the
    layers that fit one of them; options may follow, as in 'encoder.*:axis=1,pool=max'. 'axis'
    counts the units: '?' must be said, and '1?' is a guess. 'pool' says what --pool auto does; a
    layer without it cannot be extracted. If it says 'auto', shapes are unknown until the model has
    seen a sample: describe one with --input. --format json also says why.
    """
    from invert_core.extraction import list_layers

    if tree and style != "table":
        raise click.UsageError(f"--tree is for people; leave it out with --format {style}.")
    with model_prints_on_stderr():
        listed = list_layers(model, layers=patterns or ("*",), **settings)
    if supported:
        found, listed = listed, [layer for layer in listed if layer.pool]
        if found and not listed:
            say("None of these layers can be extracted; leave out --supported to see why.")
    if tree:
        print_rows(_tree(listed), ("layer", *COLUMNS[2:]), "table", FIT)
    else:
        rows = [_row(layer, style) for layer in listed]
        columns = _shown_columns(rows) if style == "table" else ALL_COLUMNS
        print_rows(rows, columns, style, FIT)


def _row(layer: "Layer", style: str) -> dict[str, Any]:
    from invert_core.models.backend import shown_shape

    derived = {
        "shape": layer.shape if style == "json" else shown_shape(layer.shape),
        "batch_axis": layer.axes.batch,
        "axis": _shown_axis(layer) if style == "table" else layer.axes.channel,
        "reason": layer.axes.reason,
        "certain": layer.axes.certain,
    }
    row = {name: derived[name] if name in derived else getattr(layer, name) for name in ALL_COLUMNS}
    if style == "table":
        row |= {name: row[name] or None for name in ("module", "axis", "pool")}
    return row


def _shown_columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the columns of a table; older exports of ONNX files have no modules."""
    has_modules = any(row["module"] for row in rows)
    return [name for name in COLUMNS if name != "module" or has_modules]


def _shown_axis(layer: "Layer") -> str:
    axis = layer.axes.channel
    if layer.problem:
        return ""
    if axis is None:
        return "" if layer.pool else "?"
    return str(axis) if layer.axes.certain else f"{axis}?"


def _tree(listed: "Sequence[Layer]") -> list[dict[str, Any]]:
    """Return a row for each module, indented by depth; name a tensor that has no module."""
    rows: list[dict[str, Any]] = []
    above: list[str] = []
    for layer in listed:
        parts = (layer.module or layer.name).split(".")
        known = 0
        while known < len(parts) - 1 and parts[known : known + 1] == above[known : known + 1]:
            known += 1
        for depth in range(known, len(parts) - 1):
            rows.append(_MODULE_ONLY | {"layer": _INDENT * depth + parts[depth]})
        own = _INDENT * (len(parts) - 1) + parts[-1]
        rows.append(_row(layer, "table") | {"layer": own})
        above = parts
    return rows
