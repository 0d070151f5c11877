"""Options that say how a model is opened, shared by the commands that open one."""

import contextlib
import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from invert_core.commands import options

if TYPE_CHECKING:
    from invert_core.models.backend import ModelInput

_NAMES = ("weights", "trust_model", "inputs", "autocast", "channels_last")
_KINDS = "biuf"


class InputShape(click.ParamType):
    """One input of a model: NAME=3x224x224, NAME=?:int64; the axis of the samples is left out."""

    name = "input"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "ModelInput":
        """Parse name, sizes and type."""
        import numpy as np

        from invert_core.models.backend import ModelInput

        if isinstance(value, ModelInput):
            return value
        name, _, described = str(value).rpartition("=")
        shape, _, dtype = described.partition(":")
        sizes = shape.split("x")
        if not name or not all(size == "?" or options.is_count(size) for size in sizes):
            self.fail(f"{value!r} is not of the form x=3x224x224 or tokens=?:int64", param, ctx)
        try:
            kind = np.dtype(dtype or "float32")
        except (TypeError, ValueError, SyntaxError):
            self.fail(f"{dtype!r} is no type such as float32 or int64", param, ctx)
        if kind.kind not in _KINDS:
            self.fail(f"{dtype!r} is no type of numbers", param, ctx)
        return ModelInput(
            name, (None, *(None if size == "?" else int(size) for size in sizes)), kind
        )


_OPTIONS = (
    options.backend_option,
    click.option(
        "--weights",
        type=options.PATH,
        metavar="FILE",
        help="torch: weights for what the factory makes, .safetensors or a state dict.",
    ),
    click.option(
        "--trust-model",
        is_flag=True,
        help="torch: let a model file run code of its own. Only for files whose origin you know.",
    ),
    click.option(
        "--input",
        "inputs",
        type=InputShape(),
        multiple=True,
        metavar="NAME=SHAPE[:TYPE]",
        help="torch: an input as x=3x224x224 or tokens=?:int64, without the axis of the samples; "
        "may be repeated. [default type: float32]",
    ),
    click.option("--autocast", is_flag=True, help="torch: compute in half precision where it may."),
    click.option(
        "--channels-last", is_flag=True, help="torch: the memory layout that suits convolutions."
    ),
)


def model_prints_on_stderr() -> contextlib.AbstractContextManager[object]:
    """Keep what the code of a model prints out of the data on stdout."""
    return contextlib.redirect_stdout(sys.stderr)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add these options; the command gets `backend`, and the others as one `model_options`."""

    @functools.wraps(command)
    def gathered(*arguments: Any, **values: Any) -> Any:
        given = {name: values.pop(name) for name in _NAMES}
        asked_for = {name: value for name, value in given.items() if value}
        return command(*arguments, model_options=asked_for or None, **values)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered
