"""The command ``invert score``."""

from typing import Any

from invert_core.commands import options
from invert_core.commands.command import command
from invert_core.commands.progress import progress


@command(epilog="Example: invert score activations.h5 concepts.h5 --formula 'even & ~digit_4'")
@options.inputs_options
@options.formula_option
@options.table_options
def score(
    inputs: dict[str, Any],
    formula: str,
    table: options.Table,
) -> None:
    """Test one formula of your own on all units.

    Nothing is searched, so p_search equals p_value. The table shows significant units first, by
    the distance of their AUC from 0.5; JSON and CSV hold all units.
    """
    from invert_core.commands.label_table import print_labels
    from invert_core.labelling.scoring import score as score_formula

    with progress("Scoring") as report:
        labels = score_formula(
            **inputs,
            formula=formula,
            progress=report,
        )
    print_labels(labels, table)
