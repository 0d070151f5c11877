"""Concept sets as the plain values that `naive` compares."""

from invert_core.concepts import ConceptSet


def labels_of(concepts: ConceptSet) -> dict[str, list[bool | None]]:
    return {
        id: [
            bool(true) if known else None
            for true, known in zip(concepts.extent(id), concepts.defined_on(id), strict=True)
        ]
        for id in concepts.id
    }


def parents_of(concepts: ConceptSet) -> set[tuple[str, str]]:
    """Edges by id; none may stand twice."""
    edges = [(concepts.id[child], concepts.id[parent]) for child, parent in concepts.parents]
    assert len(set(edges)) == len(edges)
    return set(edges)


def aliases_of(concepts: ConceptSet) -> dict[str, str]:
    return {alias.id: concepts.id[alias.concept] for alias in concepts.aliases}
