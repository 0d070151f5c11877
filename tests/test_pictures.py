"""The pictures of the documentation are what their texts give."""

import re

import pytest
from click.testing import CliRunner

from docs.pictures import draw

PERFORMANCE = draw.PERFORMANCE.read_text("utf-8")


@pytest.mark.parametrize("path", draw.pictures(), ids=lambda path: path.name)
def test_a_picture_is_what_its_text_gives(path):
    assert path.read_text("utf-8") == draw.pictures()[path], "run: python -m docs.pictures.draw"


def test_a_time_that_is_not_in_the_table_is_named():
    with pytest.raises(LookupError, match="no time of 'abacus' for 'sums'"):
        draw.measured(PERFORMANCE, "sums", "abacus")


def test_the_five_numbers_stand_in_the_log():
    first, log = PERFORMANCE.split("## Log of measurements")
    numbers = re.findall(r"\*\*(\d\S*)( [mµ]?s)?( times)?\*\*", first)
    assert len(numbers) == 5
    for number, unit, _ in numbers:
        assert f"| {number}{unit} |" in log


@pytest.mark.parametrize(("word", "status"), [("--help", 0), ("speed", 2)])
def test_pictures_are_drawn_only_if_nothing_else_is_asked_for(monkeypatch, word, status):
    def draw_anyway():
        raise AssertionError

    monkeypatch.setattr(draw, "pictures", draw_anyway)
    done = CliRunner().invoke(draw.main, [word])
    assert done.exit_code == status
    assert "Usage: " in done.output
