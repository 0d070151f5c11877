"""Runs to make reports of: a labelled layer, and runs of many more units drawn from it."""

import json
from pathlib import Path

import h5py
import numpy as np

from bench.structures import imagenet_val
from invert_core import ConceptSet, Settings, label_files, read_run, write_concepts
from invert_core.files.hdf5_checksums import CHECKSUM, seal, write_array
from invert_core.files.json_digest import DIGEST, with_digest
from invert_core.results.concept_records import (
    HIGHEST,
    LOWEST,
    N_EXTREME,
    NO_CONCEPT,
    UNDEFINED,
    keeps_all,
)
from invert_core.results.evidence_records import ALIKE, CONCEPTS, OF_ROWS, ROWS, UNITS
from invert_core.results.label_table import EXPLAINED, LabelTable
from invert_core.results.labels import Labels
from invert_core.results.run_directory import (
    EVIDENCE_FILE,
    ROWS_FILE,
    RUN_FILE,
    saved_file,
    write_rows,
)

N_LABELLED = 256
HELD_OUT = 0.2
LAYER = "features.7"
_WORDS = ("dog", "beak", "wheel", "mailbox", "crane", "window", "brick", "water", "snow", "metal")
_VARIED = ("auc_held_out", "score", "score_held_out", "p_search", "log10_p_search", "q_value")
"""Columns of rows that drawing a unit twice must not make equal, or a page packs too well."""


def labelled_run(folder: Path, objectives: str) -> Path:
    """Label 256 units on 40,000 samples with 1,473 concepts, and hold 10,000 samples out.

    Names, definitions and sample ids are as long as those of ImageNet.
    """
    data = imagenet_val(N_LABELLED)
    random = np.random.default_rng(0)
    n_samples, n_concepts = len(data.activations), len(data.concepts.id)
    ids = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(n_samples)]
    names = [" ".join(random.choice(_WORDS, 2)) + f" {number}" for number in range(n_concepts)]
    concepts = ConceptSet.from_arrays(
        data.labels,
        [f"n{number:08}" for number in range(n_concepts)],
        names,
        [
            f"what WordNet says in such a gloss of a {name}, in about as many words"
            for name in names
        ],
        ids,
    )
    activations = folder / f"{LAYER}.npz"
    np.savez(activations, **{LAYER: data.activations, "sample_id": ids})
    write_concepts(folder / "concepts.h5", concepts)
    label_files(
        activations,
        folder / "concepts.h5",
        folder / "labelled",
        settings=Settings(objective=objectives, permutations=0),
        holdout=HELD_OUT,
    )
    return folder / "labelled"


def many_units(source: Path, output: Path, n_units: int, seed: int = 0) -> Path:
    """Write a run whose units are drawn from those of a run of one layer and direction.

    Each drawing takes all units in random order, so that equal ones are far apart, and numbers
    that a page has for every unit are moved a little. The rest is what was measured once.
    """
    random = np.random.default_rng(seed)
    labels = read_run(source).labels
    table = labels.tables[0]
    for more in labels.tables[1:]:
        table = table.joined(more)
    begins = table.begins_unit()
    n_known = int(begins.sum())
    n_drawings = -(-n_units // n_known)
    drawn = np.concatenate([random.permutation(n_known) for _ in range(n_drawings)])[:n_units]
    bounds = np.append(np.flatnonzero(begins), len(table))
    rows = np.concatenate([np.arange(bounds[one], bounds[one + 1]) for one in drawn])
    number = np.repeat(np.arange(n_units), np.diff(bounds)[drawn])
    output.mkdir()
    files = write_rows(output, Labels.of_tables([_varied(table, rows, number, random)]))
    with (
        h5py.File(source / EVIDENCE_FILE) as file,
        h5py.File(output / EVIDENCE_FILE, "w") as written,
    ):
        _write_evidence(file, written, drawn, rows, number)
        written.attrs["labels_sha256"] = files[ROWS_FILE].sha256
        seal(written)
    info = json.loads((source / RUN_FILE).read_text(encoding="utf-8"))
    of_files = {name: {"bytes": one.n_bytes, "sha256": one.sha256} for name, one in files.items()}
    evidence = saved_file(output / EVIDENCE_FILE)
    of_files[EVIDENCE_FILE] = {"bytes": evidence.n_bytes, "sha256": evidence.sha256}
    del info[DIGEST]
    text = json.dumps(with_digest(info | {"files": of_files}))
    (output / RUN_FILE).write_text(text, encoding="utf-8")
    return output


def _varied(
    table: LabelTable, rows: np.ndarray, number: np.ndarray, random: np.random.Generator
) -> LabelTable:
    """Return rows of a table, as rows of other units, with numbers that differ a little."""
    made = table.rearranged(rows)
    taken = np.concatenate([made.formula, made.by_length])
    explained = {name: np.asarray(made.explained[name])[taken] for name in EXPLAINED}
    # One factor for all numbers of a unit: a score by AUC remains the AUC.
    factor = np.exp(random.normal(0, 0.004, number[-1] + 1))
    of_formula = np.append(number, np.repeat(number, np.diff(np.append(0, made.ends))))
    is_living = explained["length"] > 0
    for name in ("auc", "score"):
        moved = np.minimum(explained[name] * factor[of_formula], 1.0)
        explained[name] = np.where(is_living, moved, explained[name])
    columns = {name: np.asarray(column) for name, column in made.rows.items()}
    columns["unit"] = number
    for name in _VARIED:
        if name in columns:
            columns[name] = np.minimum(columns[name] * factor[number], _most(name))
    n_rows = number.size
    return LabelTable(
        explained,
        columns,
        np.arange(n_rows),
        np.arange(n_rows, taken.size),
        made.ends,
    )


def _most(name: str) -> float:
    return 0.0 if name.startswith("log10") else 1.0


def _write_evidence(
    file: h5py.File, written: h5py.File, drawn: np.ndarray, rows: np.ndarray, number: np.ndarray
) -> None:
    """Write the evidence of units and rows; what is not theirs stays as it was."""
    of_units = dict.fromkeys((UNITS, ALIKE, CONCEPTS), drawn)
    taken = of_units | dict.fromkeys(OF_ROWS, rows)
    for name, item in file.items():
        if name in taken:
            fields = {field: dataset[()][taken[name]] for field, dataset in item.items()}
            _write_records(written, name, fields, number)
        elif name != "n_units":
            file.copy(item, written)
    write_array(written, "n_units", np.array([drawn.size], "<u4"))
    written.attrs.update({name: of for name, of in file.attrs.items() if name != CHECKSUM})


def _write_records(
    written: h5py.File, name: str, fields: dict[str, np.ndarray], number: np.ndarray
) -> None:
    if name == UNITS:
        fields["unit"], fields["layer"][:] = np.unique(number).astype("<u4"), 0
    elif name == ROWS:
        fields["record"] = number.astype("<u4")
    elif name == CONCEPTS and "auc" in fields and not keeps_all(*fields["auc"].shape[::-1]):
        fields = _extreme(fields["auc"])
    group = written.create_group(name)
    for field, values in fields.items():
        write_array(group, field, values)


def _extreme(stored: np.ndarray) -> dict[str, np.ndarray]:
    """Return the concepts with the highest and the lowest AUC, uint16 [U, C], of each unit."""
    fields = {}
    for name, sign in ((HIGHEST, -1), (LOWEST, 1)):
        keys = np.where(stored == UNDEFINED, 2 * UNDEFINED, sign * stored.astype(np.int64))
        order = np.argsort(keys, axis=1, kind="stable")[:, :N_EXTREME]
        of_order = np.take_along_axis(stored, order, axis=1)
        is_none = of_order == UNDEFINED
        fields[name] = np.where(is_none, NO_CONCEPT, order).astype("<u4")
        fields[f"{name}_auc"] = of_order
    return fields
