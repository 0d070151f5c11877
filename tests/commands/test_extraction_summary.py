"""What `invert extract` says at the end."""

from pathlib import Path

import pytest

from invert_core.commands.extraction_summary import summary
from invert_core.extraction.report import ExtractionReport, Spent


@pytest.mark.parametrize(
    ("trial", "said"), [(0.0009, ""), (0.25, ", after 0.25 seconds of trial runs")]
)
def test_trial_runs_are_reported_only_if_they_take_time(trial, said):
    report = ExtractionReport(
        Path("x.h5"), 100, 0, (), "cpu", 2.0, already_done=False, spent=Spent(1.0, 1.0, 2.0, trial)
    )
    assert summary(report) == (
        f"100 samples on cpu at 50 samples/s (50 % waiting for data){said}, in 'x.h5'."
    )
