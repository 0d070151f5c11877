"""Concepts of other programs: tables, arrays, annotations, and hierarchies."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from invert_core import Reading, build_concepts
from tests.concepts.hierarchy import synsets
from tests.concepts.sources.annotations import coco_files
from tests.fuzz.formats import Format
from tests.fuzz.mutations import changed_json, changed_json_line, changed_lines, changed_members
from tests.fuzz.own import concepts_of

_N = 40


def _columns() -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    columns = {"sample_id": np.array([f"{number:03}.png" for number in range(_N)])}
    return columns | {f"n{c}": (random.random(_N) < 0.3).astype(int) for c in range(6)}


def _write_wide(folder: Path) -> None:
    columns = _columns()
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    (folder / "c.csv").write_text("\n".join(lines) + "\n")


def _write_tidy(folder: Path) -> None:
    columns = _columns()
    rows = ["sample_id,concept_id,value"]
    for name, marks in list(columns.items())[1:]:
        rows += [
            f"{id},{name},{mark}" for id, mark in zip(columns["sample_id"], marks, strict=True)
        ]
    (folder / "c.csv").write_text("\n".join(rows) + "\n")


def _write_long(folder: Path) -> None:
    rows = ["sample_id,concepts,score,kind"]
    rows += [f"{n}.png,{'cat dog' if n % 3 else 'bird'},{n / 7},{n % 2}" for n in range(_N)]
    (folder / "c.csv").write_text("\n".join(rows) + "\n")


def _write_jsonl(folder: Path) -> None:
    columns = _columns()
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    text = "".join(json.dumps(row, default=lambda value: value.item()) + "\n" for row in rows)
    (folder / "c.jsonl").write_text(text)


def _write_parquet(folder: Path) -> None:
    columns = {name: column.tolist() for name, column in _columns().items()}
    columns["tags"] = [["cat", "dog"][: number % 3] for number in range(_N)]
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "c.parquet")


def _write_npz(folder: Path) -> None:
    columns = _columns()
    labels = np.stack(list(columns.values())[1:], axis=1).astype(np.int8)
    ids = np.array(list(columns)[1:])
    np.savez(folder / "c.npz", labels=labels, id=ids, sample_id=columns["sample_id"])


def _write_coco(folder: Path) -> None:
    document = coco_files.instances(
        [(4, 1), (2, 17), (5, 18), (1, 90), (3, 10), (4, 17)], coco_files.IMAGES
    )
    (folder / "c.json").write_text(json.dumps(document, indent=1))


def _write_voc(folder: Path) -> None:
    (folder / "voc" / "Annotations").mkdir(parents=True)
    for number, names in enumerate((["cat"], ["cat", "dog"], ["person"])):
        objects = "\n".join(
            f"<object><name>{name}</name><part><name>x</name></part></object>" for name in names
        )
        text = f"<annotation>\n<filename>{number}.jpg</filename>\n{objects}\n</annotation>\n"
        (folder / "voc" / "Annotations" / f"{number}.xml").write_text(text)


def _write_parents(folder: Path) -> None:
    _write_wide(folder)
    rows = ["child,parent", "n0,n1", "n2,n1", "n1,top", "n3,top", "n4,n2"]
    (folder / "h.csv").write_text("\n".join(rows) + "\n")


def _write_wordnet(folder: Path) -> None:
    random = np.random.default_rng(2)
    names = ["sample_id", "n00001740", "n00001930", "n00002000"]
    rows = [
        ",".join([str(n), *("01"[int(random.random() < 0.3)] for _ in names[1:])]) for n in range(9)
    ]
    (folder / "c.csv").write_text("\n".join([",".join(names), *rows]) + "\n")
    (folder / "nouns").mkdir()
    lines = (synsets.LICENCE, synsets.ENTITY, synsets.PHYSICAL, synsets.EVEREST)
    synsets.write(folder / "nouns", *lines)


def _write_names(folder: Path) -> None:
    _write_wide(folder)
    rows = ["concept_id,name,definition", *(f'n{c},name {c},"said, of {c}"' for c in range(6))]
    (folder / "names.csv").write_text("\n".join(rows) + "\n")


def _build(folder: Path, *, source: str, **more: Any) -> Any:
    more |= {key: folder / more[key] for key in ("names", "hierarchy") if key in more}
    return concepts_of(build_concepts(folder / source, missing="exclude", **more))


def _table(write: Any, source: str, structured: Any, **more: Any) -> Format:
    return Format(write, partial(_build, source=source, **more), {source: False}, structured)


_LONG = Reading(bins=(("score", 4),), classes=("kind",))

FORMATS = {
    "csv": _table(_write_wide, "c.csv", changed_lines),
    "csv-tidy": _table(_write_tidy, "c.csv", changed_lines),
    "csv-lists": _table(_write_long, "c.csv", changed_lines, reading=_LONG),
    "jsonl": _table(_write_jsonl, "c.jsonl", changed_json_line),
    "parquet": Format(
        _write_parquet,
        partial(_build, source="c.parquet", reading=Reading(tags=("tags",))),
        {"c.parquet": False},
        in_parent=False,
    ),
    "npz-concepts": Format(
        _write_npz, partial(_build, source="c.npz"), {"c.npz": True}, changed_members
    ),
    "coco": _table(_write_coco, "c.json", changed_json),
    "json-lists": _table(_write_coco, "c.json", changed_lines),
    "voc": Format(
        _write_voc, partial(_build, source="voc"), {"voc/Annotations/1.xml": False}, changed_lines
    ),
    "names": Format(
        _write_names,
        partial(_build, source="c.csv", names="names.csv"),
        {"names.csv": False},
        changed_lines,
    ),
    "hierarchy": Format(
        _write_parents,
        partial(_build, source="c.csv", hierarchy="h.csv"),
        {"h.csv": False},
        changed_lines,
    ),
    "wordnet": Format(
        _write_wordnet,
        partial(_build, source="c.csv", hierarchy="nouns"),
        {"nouns/data.noun": False},
        changed_lines,
    ),
}
