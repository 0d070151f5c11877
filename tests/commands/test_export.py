"""`invert export`: the labels of a run for other programs."""

import json
import re
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from invert_core.commands import main
from tests.command_line import invert, refused
from tests.golden.columns import later_columns
from tests.results.changed_files import seal_run

GOLDEN = Path(__file__).parents[1] / "golden" / "run_v1"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_text_goes_to_stdout_or_a_file_as_the_run_has_it(run, kind):
    wanted = (run / f"labels.{kind}").read_bytes()
    assert invert("export", "run", "--format", kind).stdout_bytes == wanted
    written = invert("export", "run", "-o", f"x.{kind}")
    assert written.stdout == ""
    n_rows = len((run / "labels.jsonl").read_bytes().splitlines())
    assert written.stderr == f"{n_rows} rows in 'x.{kind}'.\n"
    assert (run.parent / f"x.{kind}").read_bytes() == wanted


@pytest.mark.parametrize("command", ["export", "show"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_on_a_terminal_what_would_steer_it_is_escaped(run, capsys, monkeypatch, command, kind):
    labels = run / "labels.jsonl"
    labels.write_text(labels.read_text().replace("apple", "\\u009b31m"))
    seal_run(run)
    arguments = {
        "export": ["export", "run", "--format", {"json": "jsonl"}.get(kind, kind)],
        "show": ["show", "run", "fc:0", "--format", kind],
    }[command]
    main(arguments, standalone_mode=False)
    assert "\x9b31m" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    main(arguments, standalone_mode=False)
    printed = capsys.readouterr().out
    assert r"\x9b31m" in printed
    assert all(line.isprintable() for line in printed.splitlines())


def test_csv_is_what_comes_without_a_format(run):
    assert invert("export", "run").stdout_bytes == (run / "labels.csv").read_bytes()


def test_parquet_goes_to_a_file(run):
    invert("export", "run", "-o", "x.parquet")
    rows = pyarrow.parquet.read_table(run.parent / "x.parquet").to_pylist()
    assert {row["unit"] for row in rows} == {0, 1, 2, 3}
    assert "-o labels.parquet" in refused("export", "run", "--format", "parquet", code=2)


def test_the_format_wins_over_the_suffix(run):
    invert("export", "run", "-o", "x.txt", "--format", "jsonl")
    assert (run.parent / "x.txt").read_bytes() == (run / "labels.jsonl").read_bytes()
    assert "--format" in refused("export", "run", "-o", "y.txt", code=2)


def test_a_file_is_replaced_on_request_only(run):
    (run.parent / "x.csv").write_text("mine")
    assert "--overwrite" in refused("export", "run", "-o", "x.csv")
    invert("export", "run", "-o", "x.csv", "--overwrite")
    assert (run.parent / "x.csv").read_bytes() == (run / "labels.csv").read_bytes()


def test_a_folder_is_never_replaced(run):
    (run.parent / "x.csv").mkdir()
    assert "is a folder" in refused("export", "run", "-o", "x.csv", "--overwrite")


def test_the_golden_run_of_version_1_is_exported_to_the_byte_with_what_it_did_not_say():
    head, *rows = (GOLDEN / "labels.csv").read_text(encoding="utf-8").splitlines()
    later = later_columns()
    assert list(later)[:2] == ["gap", "unit_name"]
    cells = ["" if default is None else str(default) for default in later.values()]
    widened = [",".join([head, *later]), *(",".join([row, *cells]) for row in rows)]
    exported = invert("export", GOLDEN, "--format", "csv").stdout_bytes
    assert exported.decode() == "".join(f"{row}\n" for row in widened)
    lines = (GOLDEN / "labels.jsonl").read_text(encoding="utf-8")
    exported = invert("export", GOLDEN, "--format", "jsonl").stdout_bytes
    lines = re.sub(r'("concept_fraction": [0-9.]+)}', r'\1, "score": null}', lines)
    lines = lines.replace('"by_length"', f'{json.dumps(later)[1:-1]}, "by_length"')
    lines = re.sub(r'("n_positive": \d+, )("concept_fraction")', r'\1"n_samples": 80, \2', lines)
    assert exported.decode() == lines
