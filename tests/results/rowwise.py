"""labels.csv and labels.jsonl, written one row after the other by what Python brings along."""

import csv
import io
import json

from invert_core.results.labels import COLUMNS


def to_csv(rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.row().values() for row in rows)
    return text.getvalue()


def to_jsonl(rows):
    return "".join(
        json.dumps(
            row.row() | {"by_length": [vars(found) for found in row.by_length]},
            ensure_ascii=False,
            allow_nan=False,
        )
        + "\n"
        for row in rows
    )
