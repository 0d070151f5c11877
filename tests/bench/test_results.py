"""A file of results is read back as it was written, or refused in a sentence."""

import json
import math

import pytest

from bench.results import BadResultsError, read
from tests.bench import made_up


def test_results_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "results.json"
    made_up.full().write(path)
    assert read(path) == made_up.full()


def test_a_timing_counts_for_the_whole_workload():
    timing = made_up.timing("layer", "products", 1.0, 3.0, 2.0, part=0.25)
    assert timing.processor == 8.0
    assert timing.wall == 16.0
    assert timing.extremes == (4.0, 12.0)
    assert timing.spread == 1.0


def test_one_round_has_no_spread():
    assert made_up.timing("layer", "products", 1.0).spread is None


def changed(**fields):
    def change(told):
        return {**told, **fields}

    return change


def without(name):
    def change(told):
        return {key: value for key, value in told.items() if key != name}

    return change


BROKEN = {
    "a list": (lambda told: [told], "its format is not 'invert-bench'"),
    "another format": (changed(format="pytest"), "its format is not 'invert-bench'"),
    "a newer version": (changed(format_version=2), "its version is 2, not 1"),
    "no timings": (without("timings"), r"KeyError\('timings'\)"),
    "no machine": (changed(machine={}), "KeyError"),
    "an unknown field": (changed(peaks=[{"colour": "red"}]), "colour"),
    "rounds of one number": (changed(timings=[{"rounds": [[1.0]]}]), "processor"),
    "no rounds": (changed(timings=[{"rounds": []}]), "a way without rounds"),
    "a time of zero": (changed(timings=[{"rounds": [[1.0, 0.0]]}]), "a time that is not positive"),
    "no number": (changed(timings=[{"rounds": [[1.0, math.nan]]}]), "a time that is not positive"),
    "words for seconds": (changed(timings=[{"rounds": [["fast", 1.0]]}]), "fast"),
}


@pytest.mark.parametrize(("change", "why"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_the_reason(tmp_path, change, why):
    path = tmp_path / "results.json"
    made_up.full().write(path)
    path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")
    with pytest.raises(BadResultsError, match=rf"does not hold results.*{why}.*Make it with: "):
        read(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"], ids=["empty", "cut off", "not text"])
def test_what_is_not_json_is_refused(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(BadResultsError, match="it is not JSON"):
        read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadResultsError, match=r"nowhere\.json cannot be read: No such file"):
        read(tmp_path / "nowhere.json")
