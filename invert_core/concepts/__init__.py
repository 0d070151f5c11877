"""Concepts: named binary labels of samples, and the files they come from."""

from invert_core.concepts.adding import add_samples
from invert_core.concepts.building import build_concepts, read_concepts
from invert_core.concepts.catalogue import list_concepts
from invert_core.concepts.export import export_concepts
from invert_core.concepts.hdf5_file import write_concepts
from invert_core.concepts.quick_check import check_concepts
from invert_core.concepts.sets.appending import append_samples
from invert_core.concepts.sets.combining import combine
from invert_core.concepts.sets.concept_set import Alias, ConceptSet
from invert_core.concepts.sources.source import Reading

__all__ = [
    "Alias",
    "ConceptSet",
    "Reading",
    "add_samples",
    "append_samples",
    "build_concepts",
    "check_concepts",
    "combine",
    "export_concepts",
    "list_concepts",
    "read_concepts",
    "write_concepts",
]
