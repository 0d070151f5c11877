"""Whether a shorter formula that was scored has an extent, which then says nothing new."""

import numpy as np

from invert_core.kernels._jit import inlined, inner
from invert_core.kernels.bits import lowest_bit
from invert_core.kernels.formulas import AND_IT, AND_NOT, OR_IT, OR_NOT, is_within, word_of_kind


@inner
def is_known(words, past, unit, dense):
    """Return whether an extent is that of a past extent uint64 [P, W] joined to a literal.

    The first of the past extents is the set of all atoms, joined to every concept by & alone.
    """
    for p in range(past.shape[0]):
        parent = past[p]
        # & makes extents within the parent, | extents around it: most parents fit neither.
        is_inside = is_within(words, parent)
        is_around = p > 0 and is_within(parent, words)
        if is_inside and is_around:
            return True
        for kind in range(AND_IT, OR_NOT + 1):
            if (is_around if kind >= OR_IT else is_inside) and _some_concept_makes(
                kind, parent, words, p == 0, unit, dense
            ):
                return True
    return False


@inlined
def _some_concept_makes(kind, parent, words, all_concepts, unit, dense):
    """Return whether a concept and the extent `parent` make the extent `words`."""
    whole, searched, index = unit.whole, unit.searched, unit.concepts
    # One atom that the concept must carry leaves few concepts to compare.
    atom = _telling_atom(kind, parent, words, whole)
    # No early return: inlined code with one exit compiles faster.
    found = False
    for entry in range(index.first[atom], index.first[atom + 1]):
        c = index.concept[entry]
        if (all_concepts or searched[c]) and _makes(kind, parent, index.bits[c], whole, words):
            found = True
    if dense is not None:
        for c in dense.concept:
            if (all_concepts or searched[c]) and _makes(kind, parent, index.bits[c], whole, words):
                found = True
    return found


@inner
def _telling_atom(kind, parent, words, whole):
    """Return an atom that a concept must carry if it makes `words` of `parent`, another extent."""
    for word in range(words.size):
        if kind == AND_IT:
            tells = words[word]
        elif kind == AND_NOT:
            tells = parent[word] & ~words[word]
        elif kind == OR_IT:
            tells = words[word] & ~parent[word]
        else:
            tells = whole[word] & ~words[word]
        if tells != np.uint64(0):
            return word * 64 + lowest_bit(tells)
    return 0


@inner
def _makes(kind, parent, concept, whole, words):
    """Return whether an extent and a concept make the extent `words`."""
    for word in range(words.size):
        if word_of_kind(kind, parent[word], concept[word], whole[word]) != words[word]:
            return False
    return True
