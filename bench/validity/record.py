"""What a study measured, and the TOML file that holds it."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "validity"
Row = Mapping[str, str | int | float]
_DIGITS = 6


@dataclass(frozen=True)
class Record:
    """The rows of a study, and how they were made: `repeats` runs of `units` units a cell."""

    study: str
    repeats: int
    units: int
    rows: Sequence[Row]

    def write(self, path: Path) -> None:
        """Write everything as TOML, a line per row."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(self._lines()) + "\n", encoding="utf-8", newline="\n")

    def _lines(self) -> Iterator[str]:
        sizes = f"--repeats {self.repeats} --units {self.units}"
        yield f"# Made by: python -m bench.validity {self.study} {sizes} --record"
        for name in ("study", "repeats", "units"):
            yield f"{name} = {_value(getattr(self, name))}"
        yield "rows = ["
        for row in self.rows:
            cells = ", ".join(f"{name} = {_value(value)}" for name, value in row.items())
            yield f"    {{ {cells} }},"
        yield "]"


def read(path: Path) -> Record:
    """Read what `Record.write` wrote."""
    return Record(**tomllib.loads(path.read_text(encoding="utf-8")))


def _value(value: str | int | float) -> str:
    """Write a value as TOML, floats to six digits; JSON's texts and numbers are TOML's, too."""
    if isinstance(value, float):
        value = float(f"{value:.{_DIGITS}g}")
    return json.dumps(value)
