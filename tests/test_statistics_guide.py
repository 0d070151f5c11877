"""What docs/statistics.md shows and claims is true of the numbers that the studies recorded."""

import re

import pytest

from bench.validity import page, record
from bench.validity.studies import STUDIES
from bench.validity.study import percent
from invert_core import Settings
from invert_core.commands import main
from invert_core.demo import SETTINGS, run_demo
from tests.command_line import assert_prints_what_is_shown, call

GUIDE = page.PAGE.read_text(encoding="utf-8")
TEXT = " ".join(GUIDE.split())
RECORDED = {path.stem: record.read(path) for path in record.FOLDER.glob("*.toml")}


def rows(study, **having):
    """Return the recorded rows with these values, of which there is at least one."""
    of_study = RECORDED[study].rows
    found = [row for row in of_study if all(row[name] == of for name, of in having.items())]
    assert found
    return found


def test_every_study_is_recorded_at_its_own_size():
    assert {name: (of.repeats, of.units) for name, of in RECORDED.items()} == {
        name: (of.repeats, of.units) for name, of in STUDIES.items()
    }


def test_the_tables_are_what_was_recorded():
    assert set(re.findall(r"<!-- validity: (\w+) -->", GUIDE)) == set(STUDIES) - {"level"}
    assert page.filled(GUIDE) == GUIDE, "run: python -m bench.validity --record"


def test_noise_is_significant_no_more_often_than_chance_explains():
    for study in ("level", "searches", "objectives"):
        for row in rows(study):
            assert row["significant"] <= row["bound"], row
    for row in (*rows("groups", way="groups"), *rows("optimism")):
        assert row["significant"] <= row["bound"], row
    assert all(row["untrusted"] <= 0.05 for row in rows("level"))
    assert f"none of the {len(rows('level'))} cells" in TEXT
    for size in {row["units"] for row in rows("level")}:
        largest = max(row["significant"] for row in rows("level", units=size))
        assert f"{percent(largest)} of {size}" in TEXT


def test_the_largest_level_of_other_objectives_is_told():
    assert {row["objective"] for row in rows("objectives")} == {"correlation", "phi", "mad"}
    for size in {row["units"] for row in rows("objectives")}:
        largest = max(row["significant"] for row in rows("objectives", units=size))
        assert re.search(rf"the largest shares are .*\b{percent(largest)} of {size}\b", TEXT)


def test_p_search_of_noise_is_near_uniform():
    shares = [row["below_half"] for row in rows("level")]
    assert min(shares) >= 0.2
    assert max(shares) <= 0.7
    assert f"{100 * min(shares):.1f} to {100 * max(shares):.1f} % of the noise has" in TEXT


def test_samples_in_groups_need_their_groups():
    for row in rows("groups", way="permutation"):
        assert row["significant"] > 0.5, row
    for row in rows("groups", way="space"):
        if row["case"].endswith(("per clip", "per document")):
            assert row["significant"] > 0.9, row


def test_the_p_value_given_the_ties_is_right_where_the_normal_one_is_not():
    assert all(abs(row["conditional"] - row["exact"]) < 0.1 for row in rows("ties"))
    tens = [row for row in rows("ties", zeros=0.98) if -10.5 < row["exact"] < -9.5]
    assert tens
    assert all(row["normal"] < -20 for row in tens)


def test_the_headline_finds_what_rank_1_and_the_formula_space_miss():
    at_default = {
        way: [row["found"] for row in rows("power", min_fraction=Settings.min_fraction, way=way)]
        for way in ("permutation", "rank 1")
    }
    assert min(at_default["permutation"]) >= 0.8
    for row in rows("power", way="rank 1 by space"):
        assert row["found"] < 0.3, row
    headline, first = (
        f"{100 * min(found):.1f} to {100 * max(found):.1f} %" for found in at_default.values()
    )
    assert f"is significant in {headline} of the units below, where rank 1 is in {first}." in TEXT


def test_permuted_labels_have_small_p_values_until_they_are_corrected():
    (permuted,) = rows("labels", labels="permuted")
    assert permuted["nominal_of_first"] > 0.9
    assert permuted["after_search"] <= 0.05
    assert f"the {percent(permuted['after_search'])} above" in TEXT


def test_intervals_hold_what_they_should():
    assert all(row["union"] >= 0.9 for row in rows("intervals"))
    assert min(row["delong"] for row in rows("intervals")) < 0.5


def test_false_discoveries_are_as_rare_as_was_asked_for():
    for row in rows("fdr"):
        assert row["false_discovery_rate"] <= 0.05, row


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("statistics")


@pytest.mark.slow
def test_every_command_runs_and_prints_what_is_shown(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert_prints_what_is_shown(GUIDE)


@pytest.mark.slow
def test_headlines_of_the_demo_are_not_rank_1_as_often_as_is_said(tmp_path):
    headlines = run_demo(tmp_path / "run").best()
    others = [row for row in headlines if row.rank > 1]
    after = [row for row in others if row.rank > SETTINGS.beam]
    assert f"for {len(others)} of {len(headlines)} living units. In {len(after)} of these" in TEXT


def test_every_option_and_column_that_is_mentioned_exists():
    names = [[name] for name in main.list_commands(None)]
    helped = "".join(call(*name, "--help").stdout for name in names) + " --record --units"
    for option in re.findall(r"--[a-z][a-z-]*", GUIDE):
        assert option in helped, option


def test_linked_files_and_sections_exist():
    titles = re.findall(r"^#+ (.*)$", GUIDE, flags=re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", GUIDE):
        path, _, anchor = target.partition("#")
        assert not path or (page.PAGE.parent / path).exists(), target
        assert path or anchor in anchors, target
