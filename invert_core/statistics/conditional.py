"""Names of the ways to a p-value given the ties."""

from invert_core.kernels.tails import EXACT, NONE, SADDLEPOINT, SPLIT

METHODS = tuple(
    name
    for _, name in sorted(
        {NONE: "none", EXACT: "exact", SADDLEPOINT: "saddlepoint", SPLIT: "split"}.items()
    )
)
"""The values of the column `method`, by the number of the rung."""
