"""What ``invert extract`` says about its work, in a sentence or two."""

from typing import TYPE_CHECKING

from invert_core.commands.progress import rounded

if TYPE_CHECKING:
    from invert_core.extraction.report import ExtractionReport

_WORTH_SAYING = 0.1
"""Seconds of trial runs from which on they are reported."""


def summary(report: "ExtractionReport") -> str:
    """Say what was extracted, how fast, and where it is.

    Parameters
    ----------
    report : ExtractionReport
        Report of an extraction that was not a dry run.
    """
    samples, place = f"{report.n_samples:,} samples", f"in {str(report.path)!r}"
    if report.already_done:
        return f"{samples} were extracted before, {place}."
    rate = report.samples_per_second
    speed = ""
    if rate is not None:
        waiting = 100 * report.spent.waiting / report.spent.total
        speed = f" at {rounded(rate)} samples/s ({waiting:.0f} % waiting for data)"
        if report.spent.trial >= _WORTH_SAYING:
            speed += f", after {rounded(report.spent.trial)} seconds of trial runs"
    left = f", of which an earlier run had left {report.resumed_from:,}"
    return f"{samples} on {report.device}{speed}, {place}{left if report.resumed_from else ''}."


def plan(report: "ExtractionReport") -> str:
    """Say what would be extracted, and what that would take.

    Parameters
    ----------
    report : ExtractionReport
        Report of a dry run.
    """
    samples, place = f"{report.n_samples:,} samples", f"in {str(report.path)!r}"
    if report.already_done:
        return f"{samples} were extracted before, {place}; nothing would be done."
    sentences = [f"{samples} would be extracted on {report.device}, {place}."]
    if report.resumed_from:
        sentences.append(
            f"An earlier run has left {report.resumed_from:,}; it would go on from there."
        )
    if report.estimate is not None:
        memory = report.estimate.memory_bytes
        sentences.append(
            f"That would take about {_duration(report.estimate.seconds)}"
            + ("" if memory is None else f", {_size(memory)} of memory")
            + f" and a file of {_size(report.estimate.file_bytes)}."
        )
    return " ".join(sentences)


def _size(n_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{rounded(n_bytes)} {unit}"
        n_bytes /= 1000
    return f"{rounded(n_bytes)} TB"


def _duration(seconds: float) -> str:
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds" if seconds >= 2 else "a second or two"
