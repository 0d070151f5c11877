"""Concept sets as plain values."""

from invert_core.concepts import ConceptSet


def contents(concepts: ConceptSet) -> dict:
    """All that a concept set holds, so that two sets can be compared."""
    return {
        "dense": concepts.dense().tolist(),
        "bits": concepts.bits.tolist(),
        "id": concepts.id,
        "name": concepts.name,
        "definition": concepts.definition,
        "sample_id": concepts.sample_id,
        "parents": concepts.parents.tolist(),
        "defined": None if concepts.defined is None else concepts.defined.tolist(),
        "aliases": concepts.aliases,
    }
