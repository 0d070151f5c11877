"""Two files of results side by side."""

import pytest
from click.testing import CliRunner

from bench.compare import main
from tests.bench import made_up


@pytest.fixture
def run(tmp_path):
    """Write two results and compare their files; return exit status and output."""

    def compare(before, after, *options):
        for name, results in (("before", before), ("after", after)):
            results.write(tmp_path / f"{name}.json")
        paths = [str(tmp_path / f"{name}.json") for name in ("before", "after")]
        done = CliRunner().invoke(main, [*paths, *options])
        return done.exit_code, done.output

    return compare


def row(output, workload):
    lines = [line for line in output.splitlines() if line.startswith(f"| {workload} |")]
    assert len(lines) == 1
    return lines[0].split(" | ")[1:]


def test_a_row_has_both_medians_and_their_ratio(run):
    before = made_up.results(made_up.timing("layer", "invert", 4.0, 5.0, 4.5, part=0.5))
    after = made_up.results(made_up.timing("layer", "invert", 1.0, 3.0, 2.25))
    status, output = run(before, after)
    assert status == 0
    assert row(output, "layer") == ["invert", "9.00 s", "2.25 s", "0.250", "apart |"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ((1.0, 2.0), (3.0, 4.0), "apart |"),
        ((3.0, 4.0), (1.0, 2.0), "apart |"),
        ((1.0, 3.0), (2.0, 4.0), "overlap |"),
        ((1.0, 4.0), (2.0, 3.0), "overlap |"),
        ((1.0, 2.0), (2.0, 3.0), "overlap |"),
    ],
)
def test_rounds_that_overlap_are_told_from_rounds_that_do_not(run, before, after, told):
    _, output = run(
        made_up.results(made_up.timing("layer", "invert", *before)),
        made_up.results(made_up.timing("layer", "invert", *after)),
    )
    assert row(output, "layer")[-1] == told


def test_one_name_in_two_tables_is_two_ways(run):
    both = [
        made_up.timing("layer", "sort", 1.0),
        made_up.timing("layer", "sort", 2.0, table="stages"),
    ]
    _, output = run(made_up.results(*both), made_up.results(*both))
    rows = [line for line in output.splitlines() if line.startswith("| layer |")]
    assert [line.split(" | ")[2] for line in rows] == ["1.00 s", "2.00 s"]


def test_ways_of_one_file_only_are_named(run):
    status, output = run(
        made_up.results(made_up.timing("layer", "abacus", 1.0)),
        made_up.results(made_up.timing("layer", "invert", 2.0)),
    )
    assert status == 0
    assert "Only before: layer, abacus: 1.00 s" in output
    assert "Only after: layer, invert: 2.00 s" in output


def test_peaks_are_compared_too(run):
    before, after = made_up.full(), made_up.full()
    after.peaks[0] = after.peaks[0].__class__("layer", 2.5, 1.75, 150_000_000)
    _, output = run(before, after)
    assert "| layer | 300 MB | 150 MB | 3.50 s | 1.75 s | 0.500 |" in output


@pytest.mark.parametrize("other", [{"processor": "Abacus 10"}, {"cores": 16}])
def test_another_machine_is_refused_unless_told(run, other):
    before, after = made_up.full(), made_up.full()
    after.machine |= other
    status, output = run(before, after)
    assert status == 1
    assert output.startswith("Error: The two files come from different machines (")
    assert str(*other.values()) in output
    assert output.rstrip().endswith("--other-machine")
    assert run(before, after, "--other-machine")[0] == 0


def test_other_versions_are_shown_not_refused(run):
    before, after = made_up.full(), made_up.full()
    after.machine["versions"] = {"Python": "3.13.0", "numpy": "2.5.0"}
    status, output = run(before, after)
    assert status == 0
    assert "numpy 2.4.6" in output
    assert "numpy 2.5.0" in output


def test_a_broken_file_ends_in_a_sentence(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("{}", "utf-8")
    done = CliRunner().invoke(main, [str(path), str(path)])
    assert done.exit_code == 1
    assert done.output == (
        f"Error: {path} does not hold results of the benchmarks: its format is not 'invert-bench'. "
        "Make it with: python -m pytest bench --json FILE\n"
    )
