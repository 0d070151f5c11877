"""Tells you what the neurons of a trained network detect.

The names below are imported when they are first used, so that ``import invert_core`` stays light.
"""

import importlib
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Activations": "activations",
    "ConceptSet": "concepts",
    "Feed": "extraction",
    "Formula": "formula.formula",
    "Labels": "results.labels",
    "Preprocess": "data",
    "Reading": "concepts",
    "Settings": "settings",
    "auc": "statistics.mann_whitney",
    "build_concepts": "concepts",
    "check_held_out": "labelling.held_out_check",
    "check_permuted_labels": "labelling.permuted_labels",
    "compare_runs": "results.comparison",
    "export_labels": "results.export",
    "extract": "extraction",
    "label": "labelling.label",
    "label_files": "labelling.label_files",
    "label_units": "labelling.label",
    "list_layers": "extraction",
    "mann_whitney": "statistics.mann_whitney",
    "open_activations": "activations",
    "probe": "labelling.probing",
    "read_concepts": "concepts",
    "read_evidence": "results.evidence_file",
    "read_run": "results.run_directory",
    "score": "labelling.scoring",
    "shown_samples": "data.previews.shown_samples",
    "verify_run": "labelling.verifying",
    "write_concepts": "concepts",
    "write_report": "report.html_report",
}

__all__ = sorted(_HOME)

_root = Path(__file__).resolve().parent.parent
if not (Path(__file__).parent / "backends").is_dir() and (_root / "backends").is_dir():
    # In a source checkout, `backends/` lies beside the package. The finder answers for this one
    # name, so that the folders next to `backends/` do not become importable too.
    from invert_core._checkout import find_backends_in

    find_backends_in(_root / "backends")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
