"""A file evidence.h5 that no labelling writes is refused, although all its checksums match."""

import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from invert_core import Settings, label_files, read_evidence
from invert_core.errors import FileFormatError
from invert_core.files.hdf5_checksums import CHECKSUM, seal
from invert_core.results.evidence_records import NO_SAMPLE

GOLDEN = Path(__file__).parents[1] / "golden" / "evidence_v1.h5"


def resealed(path, name, changed):
    """Change or remove something in a file as a writer with a bug would: all checksums match."""
    with h5py.File(path, "r+") as file:
        values = None if changed is None else changed(file[name][...])
        del file[name]
        if values is not None:
            file[name] = values
            file[name].attrs[CHECKSUM] = np.uint32(zlib.crc32(values.tobytes()))
        seal(file)


def with_last(number):
    """Return what puts a number in the place of the last value."""

    def changed(values):
        values.reshape(-1)[-1] = number
        return values

    return changed


NOT_ALL_THERE = [
    (name, None, f"/{name} is missing")
    for name in (
        *("cuts", "n_units", "compared", "concept_positive", "concept_defined", "shown_row"),
        *("held_out", "held_out_cuts", "rows/record", "alike"),
    )
]
OF_ANOTHER_TYPE = [
    ("cuts", lambda cuts: cuts[None], r"has /cuts of type uint32 and shape \(1, 11\)"),
    ("cuts", lambda cuts: cuts.astype(float), "has /cuts of type float64"),
    ("n_units", lambda numbers: numbers.astype(float), "has /n_units of type float64"),
    ("n_units", lambda numbers: numbers[0], r"has /n_units of type uint32 and shape \(\)"),
    ("compared", lambda rows: rows.astype(np.int64), "has /compared of type int64"),
    ("rows/top_in", lambda marks: marks[:, :-1], r"has /rows/top_in of type uint8 and shape"),
    ("concept_positive", lambda numbers: numbers[:-1], "has /concepts/auc of type uint16 and"),
]
CONTRADICTIONS = [
    ("cuts", with_last(13), "/cuts does not end with the number of samples"),
    ("cuts", lambda cuts: np.where(cuts == 1, cuts - 1, cuts), "hits are counted among no samples"),
    ("held_out_cuts", lambda cuts: cuts[::-1], "/held_out_cuts does not ascend"),
    ("compared", with_last(10**6), "it names more samples than were searched"),
    ("compared", with_last(NO_SAMPLE), "it names a sample that cannot be"),
    ("compared", lambda rows: rows * 0, "/compared does not ascend"),
    ("shown_row", with_last(12), "/units/top holds 11, which"),
    ("n_units", with_last(2), "has 3 entries, not one for each"),
    ("n_units", lambda numbers: numbers[:-1], "/n_units has 0 entries, not one for each layer"),
    ("concept_defined", lambda numbers: numbers[:-1], "/concept_defined has 0 entries"),
    ("concepts/auc", lambda auc: auc[:-1], "/concepts/auc has 2 entries, not one for each unit"),
    ("rows/hits", lambda hits: hits[:-1], "/rows/hits has 4 entries, not one for each row"),
    ("held_out/auc", lambda auc: auc[:-1], "/held_out/auc has 4 entries, not one for each row"),
    ("alike/unit", lambda units: units[:-1], "/alike/unit has 2 entries, not one for each record"),
    ("rows/record", with_last(3), "/rows/record holds 3, which stands for nothing"),
    ("rows/objective", with_last(2), "/rows/objective holds 2, which"),
    ("rows/top_in", with_last(3), "/rows/top_in holds 3, which"),
    ("rows/missed", with_last(12), "/rows/missed holds 12, which"),
    ("rows/alarm", with_last(12), "/rows/alarm holds 12, which"),
    ("units/middle", with_last(12), "/units/middle holds 12, which"),
    ("units/layer", with_last(1), "/units/layer holds 1, which"),
    ("units/direction", lambda ways: ways + np.uint8(2), "/units/direction holds 2, which"),
    ("units/share", with_last(1), "/units/share holds 1, which"),
    ("alike/unit", with_last(3), "/alike/unit holds 3, which"),
    ("concept_positive", with_last(13), "/concept_positive is above /concept_defined"),
    ("concept_defined", with_last(13), "/concept_defined is above the number of samples"),
]
REFUSED = [*NOT_ALL_THERE, *OF_ANOTHER_TYPE, *CONTRADICTIONS]


@pytest.mark.parametrize(
    ("name", "changed", "message"), REFUSED, ids=[message for *_, message in REFUSED]
)
def test_a_file_that_cannot_be_right_is_refused(tmp_path, name, changed, message):
    path = tmp_path / "evidence.h5"
    path.write_bytes(GOLDEN.read_bytes())
    resealed(path, name, changed)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_evidence(path)
    assert caught.value.hint


def test_units_alike_and_directions_that_do_not_fit_the_units_are_refused(tmp_path):
    values = np.random.default_rng(4).normal(size=(30, 4)).astype(np.float32)
    np.savez(tmp_path / "a.npz", one=values[:, :3], two=values[:, 3:])
    np.savez(tmp_path / "c.npz", labels=values > 0.5, id=list("abcd"))
    settings = Settings(permutations=0, length=1, direction="both")
    label_files(tmp_path / "a.npz", tmp_path / "c.npz", tmp_path / "run", settings=settings)
    made = (tmp_path / "run" / "evidence.h5").read_bytes()
    for name, changed, message in (
        # Unit 2 is in the other layer only.
        ("alike/unit", with_last(2), "/alike/unit holds 2, which"),
        ("units/unit", with_last(1), "/units/unit changes within a unit"),
        ("n_units", lambda numbers: numbers[::-1], "/n_units is not how many units there are"),
        ("units/direction", lambda ways: np.sort(ways), "/units/direction is not the same"),
    ):
        changed_file = tmp_path / "changed.h5"
        changed_file.write_bytes(made)
        resealed(changed_file, name, changed)
        with pytest.raises(FileFormatError, match=message):
            read_evidence(changed_file)


def test_held_out_samples_without_any_place_where_hits_are_counted_are_refused(tmp_path):
    path = tmp_path / "evidence.h5"
    path.write_bytes(GOLDEN.read_bytes())
    resealed(path, "held_out_cuts", lambda cuts: cuts[:0])
    resealed(path, "held_out/hits", lambda hits: hits[:, :0])
    with pytest.raises(FileFormatError, match="/held_out_cuts is empty"):
        read_evidence(path)
