"""Concepts: named binary labels of samples, and the files they come from."""

from invert_core.concepts.concept_set import ConceptSet
from invert_core.concepts.hdf5_file import write_concepts
from invert_core.concepts.sources import build_concepts, combine, read_concepts

__all__ = [
    "ConceptSet",
    "build_concepts",
    "combine",
    "read_concepts",
    "write_concepts",
]
