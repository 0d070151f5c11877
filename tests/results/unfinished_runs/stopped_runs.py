"""Labellings of a small input that are stopped in the middle."""

import contextlib
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from invert_core import Settings
from invert_core.labelling.label import label_workload
from invert_core.labelling.label_files import label_files
from invert_core.results.evidence_records import OF_ROWS, EvidenceRecords
from invert_core.results.label_table import LabelTable

N_UNITS = 12
FILES = ("labels.csv", "labels.jsonl", "evidence.h5", "run.json")
# Of such a small labelling, null distributions take nearly all the time; a few are enough.
SETTINGS = Settings(length=2, beam=2, permutations=5)


class Stop(Exception):
    """An error that no code expects."""


def write_inputs(folder):
    """Two layers, of four units and eight, on 40 samples with five concepts."""
    random = np.random.default_rng(3)
    values = np.maximum(random.normal(size=(40, N_UNITS)).round(1), 0)
    np.savez(folder / "a.npz", b=values[:, :4], a=values[:, 4:])
    ids = np.array([f"concept {number}" for number in range(5)])
    np.savez(folder / "c.npz", labels=random.random((40, 5)) < 0.3, id=ids)


def finish(output="run", **arguments):
    return label_files("a.npz", "c.npz", output, **{"settings": SETTINGS, "jobs": 1} | arguments)


def one_by_one(tables):
    """Split tables into tables of one unit."""
    for table in tables:
        unit = row = 0
        for _, labels in itertools.groupby(table, lambda row: (row.layer, row.unit)):
            one = LabelTable.of_rows(labels)
            evidence = table.evidence
            if evidence is not None:
                of_unit = {
                    name: records[row : row + len(one)] if name in OF_ROWS else records[unit:][:1]
                    for name, records in evidence.groups.items()
                }
                of_unit["rows"] = of_unit["rows"].copy()
                of_unit["rows"]["record"] = 0
                evidence = EvidenceRecords(of_unit)
            yield replace(one, evidence=evidence)
            unit, row = unit + 1, row + len(one)


def fail(error):
    def work():
        raise error

    return work


@contextlib.contextmanager
def before_unit(number, work):
    """Do some work before a unit is labelled, one after the other; the first is 0."""

    def units(*arguments, n_done=0, **options):
        with contextlib.closing(label_workload(*arguments, n_done=n_done, **options)) as found:
            for unit, table in enumerate(one_by_one(found), start=n_done):
                if unit == number:
                    work()
                yield table

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("invert_core.labelling.label_files.label_workload", units)
        yield


def stop(after, output="run", **arguments):
    with pytest.raises(Stop) as caught, before_unit(after, fail(Stop())):
        finish(output, **arguments)
    return caught.value


def is_whole(folder, like):
    """Whether a run has what another one has, and nothing else."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    return all((folder / name).read_bytes() == (like / name).read_bytes() for name in FILES[:3])


def units_on_disk(folder):
    try:
        return json.loads((folder / "run.partial" / "unfinished.json").read_text())["n_units"]
    except FileNotFoundError:
        return 0


def add(folder, name):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("years of work")
