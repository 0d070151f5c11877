"""The columns that `run_v1` was written without."""

from dataclasses import MISSING
from typing import Any

from invert_core.results.column_fields import columns
from invert_core.results.columns import Label


def later_columns() -> dict[str, Any]:
    """Return what the rows get in these columns, in the order of the file."""
    defaults = {name: columns(Label)[name].default for name in Label.ORDER}
    return {name: default for name, default in defaults.items() if default is not MISSING}
