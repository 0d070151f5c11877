"""The tables of docs/performance.md come from a file of results."""

import re

import pytest
from click.testing import CliRunner

from bench import page
from bench.tables import tables
from tests.bench import made_up


def marked(title, content="old"):
    return f"<!-- bench: {title} -->\n\n{content}\n\n<!-- end -->"


def complete():
    """Return results that hold every table and all of the five numbers."""
    made = made_up.full()
    made.timings += [
        made_up.timing(page._LAYER, "invert", 0.25),
        made_up.timing(page._LAYER, "slow", 4.0),
        made_up.timing(page._LAYER, "quick", 0.75),
        made_up.timing(page._LONG, "invert", 0.5),
        made_up.timing(page._LONG, "abacus", 2.0),
        made_up.timing(page._CERTIFIED, "invert", 0.125),
        made_up.timing(page._START, "invert label", 1.5, table="processes"),
    ]
    return made


def test_a_table_replaces_what_stands_in_its_place():
    old = marked("Peak memory", "a\n\nb")
    before = f"# Page\n\n{marked('Ratios')}\n\nText.\n\n{old}\n"
    results = complete()
    after = page.filled(before, results)
    made = {title: "\n".join(of) for title, of in tables(results).items()}
    assert after == (
        f"# Page\n\n{marked('Ratios', made['Ratios'])}\n\nText.\n\n"
        f"{marked('Peak memory', made['Peak memory'])}\n"
    )
    assert page.filled(after, results) == after


def test_the_machine_stands_with_commit_and_date():
    after = page.filled(marked("machine"), complete())
    assert after == marked(
        "machine",
        "Commit abc1234, 2026-11-29. Abacus 9, 2 cores, load 0.25 at the start; Python 3.11.7, "
        "numpy 2.4.6. ImageNet-val: a tree.",
    )


NAMES = {
    "Ratios": "gone | a",
    "Whole processes": "gone | a",
    "Missing labels": "gone | a",
    "Permuted samples": "gone | a",
    "Evidence": "gone | a",
    "Extraction": "gone | a",
    "Stages of one unit": "gone | a",
    "Peak memory": "gone",
    "Sparse or dense": "gone | a | b",
}


@pytest.mark.parametrize("title", tables(made_up.full()))
def test_a_row_that_would_go_is_named_and_refused(title):
    made = page.filled(marked(title), complete())
    before = made.replace("\n\n<!-- end", "\n| gone | a | b | 1.00 s | 2.00 s |\n\n<!-- end")
    with pytest.raises(page.MissingRowsError) as refused:
        page.filled(before, complete())
    assert str(refused.value) == (
        f"The page has 1 row that these results lack: {NAMES[title]}. "
        "Measure every row with: make bench; or, to delete these rows, add: --drop"
    )
    assert page.filled(before, complete(), drop=True) == made


def test_of_many_rows_five_are_named():
    rows = "\n".join(f"| row {number} | invert | 1.00 s |" for number in range(7))
    old = f"| workload | way | processor |\n| --- | --- | --- |\n{rows}"
    with pytest.raises(page.MissingRowsError, match=r"7 rows .* row 4 \| invert; \.\.\.\. Measure"):
        page.filled(marked("Ratios", old), complete())


@pytest.mark.parametrize("drop", [False, True])
def test_results_without_a_whole_table_are_refused(drop):
    results = complete()
    results.timings = [of for of in results.timings if of.table != "extraction"]
    with pytest.raises(LookupError, match="There is no table 'Extraction'"):
        page.filled(marked("Extraction"), results, drop=drop)


def test_the_numbers_compare_with_the_best_of_the_other_ways():
    text = "\n".join(page.numbers(complete()))
    assert re.findall(r"\*\*(.*?)\*\*", text) == [
        *("250 ms", "3.00 times", "4.00 times", "125 ms", "1.50 s")
    ]
    assert "way that we know: quick |" in text
    assert "way that we know: abacus |" in text


def test_every_place_on_the_page_has_a_table():
    titles = re.findall(r"<!-- bench: (.*?) -->", page.PAGE.read_text("utf-8"))
    assert sorted(titles) == sorted(["numbers", "machine", *tables(made_up.full())])
    assert len(page._MARKED.findall(page.PAGE.read_text("utf-8"))) == len(titles)


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "PAGE", tmp_path / "performance.md")
    page.PAGE.write_text(f"{marked('Ratios')}\n{marked('numbers')}\n", "utf-8")
    return page.PAGE


def test_the_command_writes_the_page(written, tmp_path):
    complete().write(tmp_path / "results.json")
    done = CliRunner().invoke(page.main, [str(tmp_path / "results.json")])
    assert done.exit_code == 0
    assert "| layer | invert | 312 ms |" in written.read_text("utf-8")


def without_numbers():
    return made_up.full()


def without_a_row():
    made = complete()
    made.timings = [of for of in made.timings if of.way != "products"]
    return made


@pytest.mark.parametrize(
    ("results", "told"),
    [
        (None, "results.json cannot be read: No such file or directory.\n"),
        (without_numbers, "There is no time of 'invert' for 'ImageNet-val, L=3, B=3: "),
        (without_a_row, "The page has 1 row that these results lack: layer | products. "),
    ],
)
def test_the_command_leaves_the_page_alone_if_results_are_not_enough(
    written, tmp_path, results, told
):
    path = tmp_path / "results.json"
    before = page.filled(written.read_text("utf-8"), complete())
    written.write_text(before, "utf-8")
    if results is not None:
        results().write(path)
    done = CliRunner().invoke(page.main, [str(path)])
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert told in done.output
    assert written.read_text("utf-8") == before


def test_rows_are_dropped_if_that_is_asked_for(written, tmp_path):
    written.write_text(page.filled(written.read_text("utf-8"), complete()), "utf-8")
    without_a_row().write(tmp_path / "results.json")
    done = CliRunner().invoke(page.main, [str(tmp_path / "results.json"), "--drop"])
    assert done.exit_code == 0
    assert "| layer | products |" not in written.read_text("utf-8")
    assert "| layer | invert |" in written.read_text("utf-8")
