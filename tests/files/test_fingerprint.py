"""Messages about a file that was made from something else."""

from pathlib import Path

import pytest

from invert_core.errors import StaleFileError
from invert_core.files.fingerprint import refuse_stale

UNITS = list(range(40))
LONG = "a" * 200


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ([0, 1], [0, 2], "made with units [0, 1], now it is [0, 2]."),
        (None, 3, "made with units null, now it is 3."),
        (
            UNITS,
            [*UNITS[:16], 70],
            "of 40 elements (number 17: 16), now it is of 17 elements (number 17: 70).",
        ),
        (
            UNITS,
            UNITS[:-1],
            "of 40 elements (number 40: 39), now it is of 39 elements (number 40: missing).",
        ),
        (None, UNITS, "made with units null, now it is [0, 1, 2, "),
        (f"{LONG}b{LONG}", f"{LONG}c", f'{"a" * 30}b{"a" * 29}…, now it is …{"a" * 30}c".'),
        ([f"{LONG}b"], [f"{LONG}c"], f'{"a" * 30}b"), now it is of 1 element (number 1: …aa'),
    ],
)
def test_the_message_shows_where_two_values_differ(old, new, told):
    with pytest.raises(StaleFileError) as caught:
        refuse_stale(Path("run"), {"units": old}, {"units": new})
    assert told in str(caught.value)
