"""The command ``invert layers``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options
from invert_core.commands.console import echo_line, print_rows, say, table
from invert_core.commands.model_command import ModelCommand, model_prints_on_stderr

if TYPE_CHECKING:
    from invert_core.models.backend import Layer

COLUMNS = ("name", "module", "op", "shape", "n_units", "pool", "n_parameters")
_INDENT = "  "
_MODULE_ONLY = {"op": "", "shape": "", "n_units": None, "pool": "", "n_parameters": None}


@options.command(
    cls=ModelCommand,
    epilog="Examples: invert layers model.onnx 'encoder.layer.5.*' --supported; "
    "invert layers torch:package.module:factory --input image=3x224x224 --tree",
)
@click.argument("model")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--supported", is_flag=True, help="List only layers that can be extracted.")
@click.option("--tree", is_flag=True, help="Show the modules as a tree.")
@options.backend_option
@options.format_option
def layers(
    model: str,
    patterns: tuple[str, ...],
    supported: bool,
    tree: bool,
    style: str,
    backend: str | None,
    model_options: dict[str, Any] | None,
) -> None:
    """List the layers of MODEL with their shapes, units and weights.

    Ask for a layer by its name or by its module. With patterns, in which * stands for any
    characters, list only the layers that fit one of them. 'pool' says what --pool auto does; a
    layer without it cannot be extracted. If it says 'auto', shapes are unknown until the model has
    seen a sample: describe one with --input.
    """
    from invert_core.extraction import list_layers
    from invert_core.models.layer_names import matching

    if tree and style != "table":
        raise click.UsageError(f"--tree is for people; leave it out with --format {style}.")
    with model_prints_on_stderr():
        listed = list_layers(model, backend, model_options)
    if patterns:
        listed = matching(listed, patterns)
    if supported:
        listed = [layer for layer in listed if layer.pool]
    if patterns and not listed:
        say(f"No layer fits {' or '.join(map(repr, patterns))}; leave them out to list all layers.")
    if tree:
        echo_line(_tree(listed))
    else:
        print_rows([_row(layer, style) for layer in listed], COLUMNS, style)


def _row(layer: "Layer", style: str) -> dict[str, Any]:
    from invert_core.models.backend import shown_shape

    shape = layer.shape if style == "json" else shown_shape(layer.shape)
    return {name: getattr(layer, name) for name in COLUMNS} | {"shape": shape}


def _tree(listed: "Sequence[Layer]") -> str:
    """Draw the modules line by line, indented by depth; name a tensor that has no module."""
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
    return table(rows, ("layer", "op", "shape", "n_units", "pool", "n_parameters"))
