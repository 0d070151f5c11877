"""Results that nobody measured."""

from bench.results import Choice, Peak, Results, Round, Timing

MACHINE = {
    "processor": "Abacus 9",
    "cores": 2,
    "system": "Linux x86_64",
    "load": 0.25,
    "versions": {"Python": "3.11.7", "numpy": "2.4.6"},
}


def timing(workload, way, *processor, part=1.0, table="timings"):
    """Return a timing whose wall times are twice its processor times."""
    rounds = tuple(Round(2 * of, of) for of in processor)
    return Timing(workload, way, rounds, part, f"by {way}", table)


def results(*timings, **machine):
    made = Results(
        "ImageNet-val: a tree.", {**MACHINE, **machine}, "abc1234", "2026-11-29T12:00:00+00:00"
    )
    made.timings.extend(timings)
    return made


def full():
    """Return results of which every table has a row."""
    made = results(
        timing("layer", "invert", 0.25, 0.375, 0.3125),
        timing("layer", "products", 0.5, part=0.5),
        timing("first run", "invert label", 12.0, 14.0, table="processes"),
        timing("gaps", "invert", 0.5, table="missing"),
        timing("shuffles", "no permutations", 0.5, table="permutations"),
        timing("tops", "no evidence", 0.5, table="evidence"),
        timing("images", "bare forward pass", 4.0, table="extraction"),
        timing("layer", "sort", 0.0005, table="stages"),
    )
    made.peaks.append(Peak("layer", 2.5, 3.5, 300_000_000))
    made.choices.append(Choice(1_000, 0.01, 0.5, 4e-5, 8e-5, 6e-5))
    return made
