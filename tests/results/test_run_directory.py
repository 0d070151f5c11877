"""Run directories are read back, and broken ones are refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from invert_core.errors import FileFormatError, MissingFileError
from invert_core.labelling.label_files import label_files
from invert_core.results.run_directory import read_run
from invert_core.settings import Settings
from tests.golden.columns import later_columns
from tests.results.changed_files import seal

GOLDEN = Path(__file__).parents[1] / "golden" / "run_v1"


def test_the_golden_run_of_version_1_is_read():
    run = read_run(GOLDEN)
    assert [row.address for row in run.labels if row.rank == 1] == [
        "layer4.1.relu:0",
        "layer4.1.relu:1",
        "fc:0",
    ]
    by_length = run.labels.at("layer4.1.relu:1")[0].by_length
    assert [(found.length, found.n_samples) for found in by_length] == [(1, 80), (2, 80), (3, 80)]
    assert {row.gap for row in run.labels} == {None}
    lines = (GOLDEN / "labels.jsonl").read_text(encoding="utf-8")
    # Formulas of each length have had two more columns since.
    lines = re.sub(r'("n_positive": \d+), "concept', r'\1, "n_samples": 80, "concept', lines)
    lines = re.sub(r'("concept_fraction": [0-9.]+)}', r'\1, "score": null}', lines)
    lines = lines.replace('"by_length"', f'{json.dumps(later_columns())[1:-1]}, "by_length"')
    assert run.labels.to_jsonl() == lines


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for path in GOLDEN.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_folder_that_is_no_run_is_named(tmp_path, run):
    with pytest.raises(MissingFileError, match="no run directory"):
        read_run(tmp_path / "none")
    with pytest.raises(MissingFileError, match=r"it has no run\.json"):
        read_run(tmp_path)
    (run / "labels.jsonl").unlink()
    with pytest.raises(MissingFileError, match=r"it has no labels\.jsonl"):
        read_run(run)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is broken"),
        (b"{", "is broken"),
        (b"\xff", "is not encoded in UTF-8.*invert label"),
        (b"[" * 100_000, "is broken"),
        (b"[]", "does not describe a run"),
        (b"null", "does not describe a run"),
        (b"{}", "does not describe a run"),
        (b'{"format": "other", "format_version": 1}', "does not describe a run"),
        (b'{"format": "invert-run"}', "format version None"),
        (b'{"format": "invert-run", "format_version": 3}', "format version 3, this program reads"),
    ],
)
def test_a_broken_description_of_a_run_is_refused(run, content, words):
    (run / "run.json").write_bytes(content)
    with pytest.raises(FileFormatError, match=words):
        read_run(run)


def changed(line, **values):
    return json.dumps(json.loads(line) | values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda line: "", "holds no labels"),
        (lambda line: line[: len(line) // 2], r"Line 1 of .* is not a label"),
        (lambda line: "[]", "Line 1"),
        (lambda line: "{}", "Line 1"),
        (lambda line: "[" * 100_000, "Line 1"),
        (lambda line: line + "\n\n", "Line 2"),
        (lambda line: changed(line, unit="0"), "unit is '0'"),
        (lambda line: changed(line, auc=float("nan")), "auc is nan"),
        (lambda line: line.replace('"log10_p_search": 0.0', '"log10_p_search": -1e999'), "-inf"),
        (lambda line: changed(line, by_length=[{}]), "Line 1"),
        (lambda line: changed(line, by_length=None), "Line 1"),
        (lambda line: changed(line, by_length=[["formula"]]), "Line 1"),
        (lambda line: changed(line, log10_p_search=400.0), "log10_p_search is 400"),
        (lambda line: changed(line, unit=10**400), "unit is out of range"),
        (lambda line: changed(line, label="\ud800"), "Line 1"),
        (lambda line: changed(line, surplus=1), "surplus"),
        (lambda line: changed(line, gap=-0.1), "gap is -0.1"),
        (lambda line: changed(line, gap=0), "gap is 0"),
        (lambda line: changed(line, gap=float("inf")), "gap is inf"),
    ],
)
def test_broken_labels_are_refused_with_their_line(run, change, words):
    line = (GOLDEN / "labels.jsonl").read_text(encoding="utf-8").splitlines()[0]
    (run / "labels.jsonl").write_text(change(line), encoding="utf-8")
    with pytest.raises(FileFormatError, match=words):
        read_run(run)


def test_labels_that_are_not_utf_8_are_refused(run):
    (run / "labels.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(FileFormatError, match=r"line 1 is not encoded in UTF-8.*invert label"):
        read_run(run)


def test_a_byte_order_mark_is_no_part_of_a_run(run):
    before = read_run(run)
    for name in ("run.json", "labels.jsonl"):
        (run / name).write_bytes(b"\xef\xbb\xbf" + (run / name).read_bytes())
    assert read_run(run) == before


@pytest.fixture
def fresh(tmp_path):
    """A run of the present version, with two layers."""
    values = np.random.default_rng(0).normal(size=(60, 3))
    labels = np.column_stack([values[:, 0] > 0.3, values[:, 1] > 1])
    np.savez(tmp_path / "x.npz", fc=values, relu=np.maximum(values, 0))
    np.savez(tmp_path / "c.npz", labels=labels, id=["a", "b"])
    settings = Settings(permutations=5)
    label_files(tmp_path / "x.npz", tmp_path / "c.npz", tmp_path / "run", settings=settings)
    return tmp_path / "run"


@pytest.mark.parametrize("name", ["run.json", "labels.jsonl"])
def test_no_changed_byte_of_a_run_changes_what_is_read(fresh, name):
    whole, expected = (fresh / name).read_bytes(), read_run(fresh)
    places = np.random.default_rng(0).choice(len(whole), 300, replace=False).tolist()
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 + place % 255
        (fresh / name).write_bytes(damaged)
        try:
            found = read_run(fresh)
        except FileFormatError:
            continue
        assert (found.labels.to_jsonl(), found.info) == (expected.labels.to_jsonl(), expected.info)


@pytest.mark.parametrize("files", [None, {}, {"labels.jsonl": 1}])
def test_a_description_without_the_digest_of_the_rows_is_refused(fresh, files):
    info = json.loads((fresh / "run.json").read_text())
    seal(fresh / "run.json", info | {"files": files})
    with pytest.raises(FileFormatError, match=r"does not say what is in labels\.jsonl"):
        read_run(fresh)


def test_a_run_without_its_digests_is_refused(fresh):
    info = json.loads((fresh / "run.json").read_text())
    del info["sha256"]
    (fresh / "run.json").write_text(json.dumps(info))
    with pytest.raises(FileFormatError, match=r"run\.json' is damaged or was changed"):
        read_run(fresh)
