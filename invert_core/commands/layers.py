"""``invert layers``."""

import click

from invert_core.commands import options
from invert_core.commands.console import print_rows

COLUMNS = ("name", "module", "op", "shape", "n_units", "pool")


@options.command(epilog="Example: invert layers model.onnx")
@click.argument("model")
@options.backend_option
@options.format_option
def layers(model: str, backend: str | None, style: str) -> None:
    """List the layers of MODEL with their shapes and units.

    'pool' is what --pool auto does; a layer without it cannot be extracted. A layer is asked for
    by its name or by its module.
    """
    from invert_core.backend import shown_shape
    from invert_core.extraction import list_layers

    rows = [
        {
            "name": layer.name,
            "module": layer.module,
            "op": layer.op,
            "shape": layer.shape if style == "json" else shown_shape(layer.shape),
            "n_units": layer.n_units,
            "pool": layer.pool,
        }
        for layer in list_layers(model, backend)
    ]
    print_rows(rows, COLUMNS, style)
