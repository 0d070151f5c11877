"""What is said about labels after their table: how many, what they are worth, where to look."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from invert_core.commands.label_table import PEAK
from invert_core.labelling.overview import Overview
from invert_core.results.columns import VERDICTS, Label
from invert_core.settings import SIGNIFICANT
from invert_core.wording import counted


def summary(overview: Overview) -> str:
    """Say how many units there are, and how many of them are significant or dead."""
    some = []
    if overview.n_significant is not None:
        some.append(f"{overview.n_significant:,} significant, with q below {SIGNIFICANT}")
    if overview.n_dead:
        some.append(f"{overview.n_dead:,} dead, with a constant activation")
    of_these = f" ({'; '.join(some)})" if some else ""
    return f"{counted(overview.n_units, 'unit')}{of_these}"


def verdicts(of_objectives: Mapping[str, Counter[str]]) -> str:
    """Say how many labels by each objective have which verdict; nothing if some have none."""
    parts = []
    for number, (objective, counts) in enumerate(of_objectives.items()):
        if counts["none"]:
            return ""
        found = ", ".join(f"{counts[word]:,} {word}" for word in VERDICTS if counts[word])
        of = "peaks" if objective == PEAK else f"labels by {objective}"
        parts.append(f"{found} (of the {of})" if number else found)
    return f"Verdicts: {'; '.join(parts)}." if parts else ""


def look_at_all(run: Path) -> str:
    """Say how to look at a run in a browser."""
    return f"Look at all of it in a browser with: {_command('report', run, '--open')}"


def where_to_look(overview: Overview, run: Path) -> Iterator[str]:
    """Say how to look at the most convincing unit, and at a doubtful one."""
    told = {row.address: "Look at one unit with" for row in _first(overview)}
    if overview.doubtful is not None:
        told[overview.doubtful.address] = (
            "Look at one whose label misses its strongest responses with"
        )
    for address, what in told.items():
        yield f"{what}: {_command('show', run, address)}"


def _first(overview: Overview) -> Iterator[Label]:
    yield from (rows[0] for rows in overview.best[:1])


def _command(name: str, run: Path, *more: str) -> str:
    return shlex.join(["invert", name, str(run), *more])
