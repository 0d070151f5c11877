"""Concepts: named binary labels of samples, and the files they come from."""

from invert_core.concepts.building import build_concepts, read_concepts
from invert_core.concepts.combining import combine
from invert_core.concepts.concept_set import Alias, ConceptSet
from invert_core.concepts.hdf5_file import write_concepts
from invert_core.concepts.sources.source import Reading

__all__ = [
    "Alias",
    "ConceptSet",
    "Reading",
    "build_concepts",
    "combine",
    "read_concepts",
    "write_concepts",
]
