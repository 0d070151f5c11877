"""The tables of the benchmarks, from results that nobody measured."""

import click.testing
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import tables
from tests.bench import made_up


def test_a_ratio_is_that_of_median_processor_times_of_whole_workloads():
    header, _, *rows = tables.ratios(made_up.full().of_table("timings"))
    assert header == "| workload | way | processor | wall | spread | ratio | remark |"
    assert rows == [
        "| layer | invert | 312 ms | 625 ms | 40% | 1.00 | by invert |",
        "| layer | products | 1.00 s | 2.00 s |  | 3.20 | by products |",
    ]


def test_a_workload_has_ratios_of_its_own():
    timings = [
        made_up.timing("layer", "invert", 1.0),
        made_up.timing("layer", "products", 2.0),
        made_up.timing("pairs", "invert", 4.0),
        made_up.timing("pairs", "products", 2.0),
    ]
    ratios = [row.split(" | ")[5] for row in tables.ratios(timings)[2:]]
    assert ratios == ["1.00", "2.00", "1.00", "0.500"]


def test_ways_without_invert_have_no_ratio():
    rows = tables.ratios([made_up.timing("layer", "products", 1.0)])
    assert rows[2] == "| layer | products | 1.00 s | 2.00 s |  |  | by products |"


def test_every_table_has_its_rows():
    assert {title: len(of) - 2 for title, of in tables.tables(made_up.full()).items()} == {
        "Ratios": 2,
        "Whole processes": 1,
        "Missing labels": 1,
        "Permuted samples": 1,
        "Evidence": 1,
        "Extraction": 1,
        "Stages of one unit": 1,
        "Peak memory": 1,
        "Sparse or dense": 1,
    }


def test_peak_memory_stands_beside_both_times():
    assert tables.memory(made_up.full().peaks)[2] == "| layer | 300 MB | 3.50 s | 2.50 s |"


def test_regret_compares_with_the_better_way():
    row = tables.choices(made_up.full().choices)[2]
    assert row == "| 1,000 | 1.0% | 50% | 40.0 µs | 80.0 µs | 60.0 µs | 1.50 |"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.00002, "20.0 µs"),
        (0.00099949, "999 µs"),
        (0.0009996, "1.00 ms"),
        (0.0015, "1.50 ms"),
        (0.09996, "100 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (99.96, "100 s"),
        (7386.4, "7,386 s"),
    ],
)
def test_a_time_has_three_digits_in_the_unit_that_fits(seconds, told):
    assert tables.time(seconds) == told


@given(st.floats(1e-6, 999))
def test_a_time_is_never_a_thousand_of_its_unit(seconds):
    number, _ = tables.time(seconds).split()
    assert 1 <= float(number) < 1000
    assert sum(of.isdigit() for of in number.removeprefix("0.")) == 3


def test_the_command_prints_the_machine_and_all_tables(tmp_path):
    path = tmp_path / "results.json"
    made_up.full().write(path)
    done = click.testing.CliRunner().invoke(tables.main, [str(path)])
    assert done.exit_code == 0
    assert done.output.startswith("Abacus 9, 2 cores, load 0.25 at the start; Python 3.11.7")
    assert all(f"**{title}**" in done.output for title in tables.tables(made_up.full()))


def test_the_command_refuses_a_broken_file(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("[]", "utf-8")
    done = click.testing.CliRunner().invoke(tables.main, [str(path)])
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {path} does not hold results")
