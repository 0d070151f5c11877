"""The tables of docs/performance.md come from a file of results."""

import re

import pytest
from click.testing import CliRunner

from bench import page
from bench.tables import tables
from tests.bench import made_up


def marked(title, content="old"):
    return f"<!-- bench: {title} -->\n\n{content}\n\n<!-- end -->"


def test_a_table_replaces_what_stands_in_its_place():
    old = marked("Peak memory", "a\n\nb")
    before = f"# Page\n\n{marked('Ratios')}\n\nText.\n\n{old}\n"
    after, kept = page.filled(before, made_up.full())
    made = {title: "\n".join(of) for title, of in tables(made_up.full()).items()}
    assert after == (
        f"# Page\n\n{marked('Ratios', made['Ratios'])}\n\nText.\n\n"
        f"{marked('Peak memory', made['Peak memory'])}\n"
    )
    assert kept == []
    assert page.filled(after, made_up.full()) == (after, [])


def test_what_was_not_measured_is_kept_and_named():
    before = f"{marked('Ratios')}\n{marked('numbers')}\n{marked('Extraction')}"
    after, kept = page.filled(before, made_up.results())
    assert after == before
    assert kept == ["Ratios", "numbers", "Extraction"]


def test_the_numbers_compare_with_the_best_of_the_other_ways():
    results = made_up.results(
        made_up.timing(page._LAYER, "invert", 0.25),
        made_up.timing(page._LAYER, "slow", 4.0),
        made_up.timing(page._LAYER, "quick", 0.75),
        made_up.timing(page._CLASSES, "invert", 0.5),
        made_up.timing(page._CLASSES, "illico", 2.0),
        made_up.timing(page._CERTIFIED, "invert", 0.125),
        made_up.timing(page._START, "invert label", 1.5, table="processes"),
    )
    text = "\n".join(page.numbers(results))
    assert re.findall(r"\*\*(.*?)\*\*", text) == ["250 ms", "3 times", "4 times", "125 ms", "1.5 s"]
    assert "way that we know: quick |" in text
    assert "way that we know: illico |" in text


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
    made_up.full().write(tmp_path / "results.json")
    done = CliRunner().invoke(page.main, [str(tmp_path / "results.json")])
    assert done.exit_code == 0
    assert "| layer | invert | 312 ms |" in written.read_text("utf-8")
    assert "does not hold them: numbers" in done.output


def test_the_command_leaves_the_page_alone_if_the_file_is_broken(written, tmp_path):
    before = written.read_text("utf-8")
    done = CliRunner().invoke(page.main, [str(tmp_path / "nowhere.json")])
    assert done.exit_code == 1
    assert "cannot be read" in done.output
    assert written.read_text("utf-8") == before
