"""A file evidence.h5 that no labelling writes is refused, although all its checksums match."""

import shutil
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from invert_core import Settings, label_files, read_evidence
from invert_core.errors import FileFormatError
from invert_core.files.hdf5_checksums import CHECKSUM, seal, write_strings
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


def numbers(changed):
    """Return what changes an array in place."""

    def copied(values):
        changed(values)
        return values

    return copied


def filled(number, at=...):
    return numbers(lambda values: values.__setitem__(at, number))


IMPOSSIBLE = [
    # Hits are looked up at places where they are always counted.
    ("cuts", lambda cuts: cuts[cuts != 10], "/cuts lacks 10"),
    ("cuts", lambda cuts: cuts[-1:], "/cuts lacks 1"),
    ("cuts", lambda cuts: cuts[cuts != 100], "/cuts lacks 100"),
    ("held_out_cuts", lambda cuts: cuts[cuts != 3], "/held_out_cuts lacks 3"),
    *(
        (f"{group}/hits", with_last(number), f"/{group}/hits are not between 0 and /")
        for group in ("rows", "held_out")
        for number in (np.nan, np.inf, -1, 10**6)
    ),
    *(
        ("alike/correlation", filled(number), "/alike/correlation is not between -1 and 1")
        for number in (np.nan, np.inf, -1.01)
    ),
    ("units/range", filled(np.nan), "/units/range has no ends"),
    ("units/range", lambda ends: ends[:, ::-1], "/units/range has no ends"),
    *(
        (f"{name}_value", filled(np.nan), f"/{name}_value is not a number")
        for name in ("units/top", "units/middle", "rows/missed", "rows/alarm")
    ),
    ("units/share_hits", filled(255), "/units/share_hits does not fit /units/share"),
    ("units/share_hits", filled(0), "/units/share_hits does not fit /units/share"),
    ("units/share_hits", filled(25, (0, 0)), "/units/share_hits is above 24"),
    ("concept_positive", filled(0), "/units/share_hits is above /concept_positive"),
    ("units/top", filled(NO_SAMPLE), "/units/top does not name 24 samples"),
    ("units/middle", filled(NO_SAMPLE, (0, 7)), "/units/middle does not name 8 samples"),
    *(
        (name, filled(NO_SAMPLE, (0, 0)), f"/{name} has gaps")
        for name in (
            *("units/top", "units/middle", "units/share", "alike/unit"),
            *("rows/missed", "rows/alarm"),
        )
    ),
]


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The folder of a run of three units alike, with concepts that their top shares."""
    folder = tmp_path_factory.mktemp("full")
    rng = np.random.default_rng(5)
    one = rng.normal(size=(240, 1))
    np.savez(folder / "a.npz", one=(one + 0.3 * rng.normal(size=(240, 3))).astype(np.float32))
    labels = np.hstack([one + rng.normal(size=(240, 1)) > bound for bound in (1.0, 0.8, 1.2)])
    np.savez(folder / "c.npz", labels=labels, id=["a", "b", "c d"])
    settings = Settings(permutations=0, length=2)
    label_files(folder / "a.npz", folder / "c.npz", folder / "run", settings=settings, holdout=0.3)
    return folder / "run"


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    IMPOSSIBLE,
    ids=[f"{name}-{number}" for number, (name, *_) in enumerate(IMPOSSIBLE)],
)
def test_numbers_on_which_readers_rely_are_possible(full, tmp_path, name, changed, message):
    path = tmp_path / "evidence.h5"
    path.write_bytes((full / "evidence.h5").read_bytes())
    if name.endswith("cuts"):
        group = "held_out" if name == "held_out_cuts" else "rows"
        with h5py.File(path) as file:
            kept = np.isin(file[name][...], changed(file[name][...]))
        resealed(path, f"{group}/hits", lambda hits: np.ascontiguousarray(hits[:, kept]))
    resealed(path, name, lambda values: np.ascontiguousarray(changed(values)))
    with pytest.raises(FileFormatError, match=message):
        read_evidence(path)


def test_evidence_of_other_units_rows_or_concepts_than_those_of_its_run_is_refused(full, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(full, run)
    whole = (run / "evidence.h5").read_bytes()
    read_evidence(run)

    def refused(name, changed, message):
        (run / "evidence.h5").write_bytes(whole)
        resealed(run / "evidence.h5", name, changed)
        read_evidence(run / "evidence.h5")
        with pytest.raises(FileFormatError, match=f"belongs to other labels: {message}") as caught:
            read_evidence(run)
        assert caught.value.hint

    row = r"row \d+ is about 'one:\d' \(\w+, positive\), and the evidence about "
    refused("rows/record", filled(1), row + r"'one:1' \(\w+, positive\)")
    refused("rows/objective", filled(1), row + r"'one:0' \(phi, positive\)")
    refused("units/direction", filled(1), row + r"'one:0' \(auc, negative\)")
    refused("units/unit", lambda units: units[::-1].copy(), row + "'one:2'")
    for name, texts, message in (
        ("layer", ("two",), row + "'two:0'"),
        ("concept", ("a", "b", "e"), "it does not know the concept 'c d'"),
    ):
        (run / "evidence.h5").write_bytes(whole)
        with h5py.File(run / "evidence.h5", "r+") as file:
            del file[name]
            write_strings(file, name, texts)
            seal(file)
        with pytest.raises(FileFormatError, match=f"belongs to other labels: {message}"):
            read_evidence(run)


def test_the_row_of_a_dead_unit_is_about_its_first_record(tmp_path):
    values = np.random.default_rng(6).normal(size=(40, 3)).astype(np.float32)
    values[:, 1] = 0
    np.savez(tmp_path / "a.npz", one=values)
    np.savez(tmp_path / "c.npz", labels=values > 0.5, id=list("abc"))
    settings = Settings(permutations=0, length=1, direction="both")
    run = tmp_path / "run"
    label_files(tmp_path / "a.npz", tmp_path / "c.npz", run, settings=settings)
    found = read_evidence(run)
    (row,) = np.flatnonzero(found.rows["record"] // 2 == 1).tolist()
    resealed(run / "evidence.h5", "rows/record", filled(3, row))
    with pytest.raises(FileFormatError, match=f"row {row + 1} is about 'one:1'"):
        read_evidence(run)
