"""Formulas as rows of arrays: their normal form, their order, and their extents.

Literal 2c is concept c, 2c + 1 its negation. Connective k joins literal k to the formula on its
left; connective 0 means nothing.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel

AND = 0
OR = 1
AS_IS = 2


LENGTH, N_POSITIVE, RANK_SUM, PARENT, LITERAL, CONNECTIVE, LITERALS = range(7)
"""Columns of `Formulas.codes`; from LITERALS on there are L literals, then L connectives."""


class Formulas(NamedTuple):
    """Up to K formulas of up to L literals; places from `size[0]` on are unused.

    `codes` is int64 [K, 6 + 2L] and `score` float64 [K]. PARENT, LITERAL and CONNECTIVE say how a
    formula was made: from formula PARENT of the shorter formulas, joined to LITERAL, or unchanged
    if CONNECTIVE is AS_IS.
    """

    codes: np.ndarray
    score: np.ndarray
    size: np.ndarray


class Extent(NamedTuple):
    """The extent of a formula with the extent `words` uint64 [W], joined to a literal.

    Its words are computed one by one when needed: most extents are only compared, and differ
    early.
    """

    words: np.ndarray
    literal: int
    connective: int


@kernel
def no_formulas(capacity, length):
    """Return room for `capacity` formulas of up to `length` literals."""
    return Formulas(
        np.zeros((capacity, LITERALS + 2 * length), np.int64),
        np.zeros(capacity, np.float64),
        np.zeros(1, np.int64),
    )


@kernel
def copy_row(source, row, target, place):
    """Overwrite row `place` of `target` with a row of `source`."""
    for column in range(source.codes.shape[1]):
        target.codes[place, column] = source.codes[row, column]
    target.score[place] = source.score[row]


@kernel
def join(before, row, literal, connective, target):
    """Join formula `row` of `before` to a literal; write it to row 0 of `target` in normal form.

    The literal is sorted into the last run of one connective; the first literal of a formula
    belongs to its first run.
    """
    copy_row(before, row, target, 0)
    code = target.codes[0]
    last = code[LENGTH]
    # L literals and L connectives follow the other columns: this is LITERALS + L.
    connectives = code[(LITERALS + code.size) // 2 :]
    literals = code[LITERALS:]
    connectives[last] = connective
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
    code[LENGTH] = last + 1
    code[PARENT] = row
    code[LITERAL] = literal
    code[CONNECTIVE] = connective


@kernel
def precedes(left, row, right, other):
    """Return whether a formula comes before another: by score, length, literals, connectives.

    Unused columns, after the last literal and before the first connective, are zero.
    """
    # Equal scores compare equal without a tolerance, because they are quotients of integers.
    if left.score[row] != right.score[other]:
        return left.score[row] > right.score[other]
    one, two = left.codes[row], right.codes[other]
    if one[LENGTH] != two[LENGTH]:
        return one[LENGTH] < two[LENGTH]
    # Literals come before connectives, as the order wants it, so one loop serves both.
    for column in range(LITERALS, one.size):
        if one[column] != two[column]:
            return one[column] < two[column]
    return False


@kernel
def joined_word(before, concept_word, negated, connective):
    """Return a word of the extent of a formula joined to a literal; bits after the end may be 1."""
    if connective == AS_IS:
        return before
    if negated:
        concept_word = ~concept_word
    if connective == AND:
        return before & concept_word
    return before | concept_word


@kernel
def write_extent(extent, bits, whole, words):
    """Write an extent to `words` uint64 [W]; the concepts are `bits` uint64 [C, W]."""
    concept_words = bits[extent.literal >> 1]
    negated = extent.literal & 1
    for word in range(words.size):
        joined = joined_word(extent.words[word], concept_words[word], negated, extent.connective)
        # A negated concept has bits set after the last sample.
        words[word] = joined & whole[word]


@kernel
def same_extent(one, other, bits, whole):
    """Return whether two formulas hold on the same samples."""
    bits_one = bits[one.literal >> 1]
    bits_other = bits[other.literal >> 1]
    for word in range(whole.size):
        left = joined_word(one.words[word], bits_one[word], one.literal & 1, one.connective)
        right = joined_word(
            other.words[word], bits_other[word], other.literal & 1, other.connective
        )
        # Extents that differ mostly differ in one of the first words.
        if (left ^ right) & whole[word] != np.uint64(0):
            return False
    return True
