"""Formulas as rows of integers: their normal form, their order, and their extents.

Literal 2c is concept c, 2c + 1 its negation. Connective k joins literal k to the formula on its
left; connective 0 means nothing. The four kinds of candidates that a formula F and a concept c make
are numbered connective * 2 + negated: F & c, F & ~c, F | c and F | ~c.
"""

import numpy as np

from invert_core.kernels._jit import inner, kernel
from invert_core.kernels.bits import lowest_bit

AND = 0
OR = 1

LENGTH, N_POSITIVE, RANK_SUM, LITERALS = range(4)
"""Columns of a formula, int64 [3 + 2L]; from LITERALS on there are L literals, then L connectives.

RANK_SUM is the sum of the weights of the search over the extent; for the AUC these are ranks.

Unused columns, after the last literal and before the first connective, are zero.
"""

AND_IT, AND_NOT, OR_IT, OR_NOT = range(4)
"""The kinds of candidates."""


def width_of(length: int) -> int:
    """Return the number of columns for formulas of up to `length` literals."""
    return LITERALS + 2 * length


@inner
def join(code, concept, kind, joined):
    """Join a formula to a literal; write it to `joined` in normal form, without size and rank sum.

    The literal is sorted into the last run of one connective; the first literal of a formula
    belongs to its first run.
    """
    for column in range(code.size):
        joined[column] = code[column]
    last = code[LENGTH]
    literal = 2 * concept + (kind & 1)
    connective = kind >> 1
    # L literals and L connectives follow the other columns: this is LITERALS + L.
    connectives = joined[(LITERALS + code.size) // 2 :]
    literals = joined[LITERALS:]
    # Nothing stands before the first literal.
    connectives[last] = connective if last > 0 else 0
    # The run is sorted already, so the new literal sinks to its place.
    place = last
    while (
        place > 0
        and (place == 1 or connectives[place - 1] == connective)
        and literals[place - 1] > literal
    ):
        literals[place] = literals[place - 1]
        place -= 1
    literals[place] = literal
    joined[LENGTH] = last + 1


@inner
def precedes(one, score, other, other_score):
    """Return whether a formula comes before another: by score, length, literals, connectives."""
    # Equal scores compare equal without a tolerance, because they are quotients of integers.
    if score != other_score:
        return score > other_score
    if one[LENGTH] != other[LENGTH]:
        return one[LENGTH] < other[LENGTH]
    # Literals come before connectives, as the order wants it, so one loop serves both.
    for column in range(LITERALS, one.size):
        if one[column] != other[column]:
            return one[column] < other[column]
    return False


@inner
def of_kind(kind, everything, formula, concept, both):
    """Return the size or rank sum of the candidate of one kind, by inclusion-exclusion.

    The other arguments are the sizes, or the sums, of all samples, of the formula, of the concept,
    and of the intersection of formula and concept.
    """
    if kind == AND_IT:
        return both
    if kind == AND_NOT:
        return formula - both
    if kind == OR_IT:
        return formula + concept - both
    return everything - concept + both


@inner
def word_of_kind(kind, formula, concept, whole):
    """Return one word of the extent of the candidate of one kind."""
    # A negated concept has bits set after the last sample, which `whole` has not.
    literal = ~concept & whole if kind & 1 else concept
    if kind < OR_IT:
        return formula & literal
    return formula | literal


@inner
def write_extent(kind, formula, concept, whole, words):
    """Write the extent of the candidate of one kind; all arguments but the first are uint64 [W]."""
    for word in range(words.size):
        words[word] = word_of_kind(kind, formula[word], concept[word], whole[word])


@inner
def write_formula(length, literals, connectives, bits, whole, words):
    """Write the samples of `whole` on which a formula of concepts uint64 [C, W] is true."""
    for word in range(words.size):
        words[word] = np.uint64(0)
    for number in range(length):
        # The first literal joins the empty set.
        connective = connectives[number] if number > 0 else OR
        kind = 2 * connective + (literals[number] & 1)
        write_extent(kind, words, bits[literals[number] >> 1], whole, words)
    for word in range(words.size):
        words[word] &= whole[word]


@inner
def same_words(one, other):
    """Return whether two extents are equal."""
    # Extents that differ mostly differ in one of the first words.
    for word in range(one.size):
        if one[word] != other[word]:
            return False
    return True


@inner
def is_within(one, other):
    """Return whether an extent lies within another."""
    for word in range(one.size):
        if one[word] & ~other[word] != np.uint64(0):
            return False
    return True


@kernel
def add_over_extents(codes, bits, whole, weights, words, sums):
    """Add other weights int64 [K, S] over the extents of formulas int64 [K, R, columns].

    `bits` uint64 [C, W] are the concepts over the atoms, `whole` uint64 [W] is the set of all
    atoms, and `words` uint64 [W] is room. `sums` int64 [K, R] are filled in; 0 for no formula.
    """
    middle = (LITERALS + codes.shape[2]) // 2
    for unit in range(codes.shape[0]):
        for row in range(codes.shape[1]):
            code = codes[unit, row]
            literals, connectives = code[LITERALS:middle], code[middle:]
            write_formula(code[LENGTH], literals, connectives, bits, whole, words)
            total = np.int64(0)
            for word in range(words.size):
                left = words[word]
                while left != np.uint64(0):
                    total += weights[unit, word * 64 + lowest_bit(left)]
                    left &= left - np.uint64(1)
            sums[unit, row] = total
