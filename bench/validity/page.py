"""The tables of docs/statistics.md, from ``<!-- validity: NAME -->`` to ``<!-- end -->``."""

import re
from pathlib import Path

from bench.tables import table
from bench.validity import record
from bench.validity.record import Record
from bench.validity.studies import STUDIES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"
_MARKED = re.compile(r"(<!-- validity: (\w+) -->\n\n).*?\n*<!-- end -->", re.DOTALL)


def table_of(made: Record) -> list[str]:
    """Return the table of a study as Markdown."""
    header, lines = STUDIES[made.study].summary(made.rows)
    return table(header, lines)


def filled(page: str) -> str:
    """Return the page with the table of every study that was recorded made from its numbers."""

    def fill(found: re.Match[str]) -> str:
        begin, study = found.groups()
        path = record.FOLDER / f"{study}.toml"
        if not path.is_file():
            return found[0]
        lines = table_of(record.read(path))
        return begin + "\n".join(lines) + "\n\n<!-- end -->"

    return _MARKED.sub(fill, page)


def fill() -> None:
    """Write the tables into the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
