"""All studies, by name."""

from bench.validity import (
    discoveries,
    groups,
    intervals,
    level,
    objectives,
    optimism,
    permuted_labels,
    power,
    searches,
    ties,
)

STUDIES = {
    "ties": ties.STUDY,
    "level": level.STUDY,
    "searches": searches.STUDY,
    "objectives": objectives.STUDY,
    "groups": groups.STUDY,
    "power": power.POWER,
    "curves": power.CURVES,
    "labels": permuted_labels.STUDY,
    "intervals": intervals.STUDY,
    "optimism": optimism.STUDY,
    "fdr": discoveries.STUDY,
}
