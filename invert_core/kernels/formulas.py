"""Formulas as rows of arrays: their normal form, their order, and their extents.

Literal 2c is concept c, 2c + 1 its negation. Connective k joins literal k to what stands left of
it; connective 0 of a row says nothing.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel

AND = 0
OR = 1
AS_IS = 2


LENGTH, N_POSITIVE, RANK_SUM, PARENT, LITERAL, CONNECTIVE, LITERALS = range(7)
"""Columns of `Formulas.codes`; from LITERALS on stand L literals, then L connectives."""


class Formulas(NamedTuple):
    """Up to K formulas of up to L literals; rows behind `size[0]` are unused.

    `codes` is int64 [K, 6 + 2L] and `score` float64 [K]. PARENT, LITERAL and CONNECTIVE say how a
    row came about: row PARENT of the formulas before, joined to LITERAL, or that row itself where
    CONNECTIVE is AS_IS.
    """

    codes: np.ndarray
    score: np.ndarray
    size: np.ndarray


@kernel
def no_formulas(capacity, length):
    """Room for `capacity` formulas of up to `length` literals."""
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
    """Write a row of `before`, joined to a literal, to row 0 of `target` in normal form.

    The literal is sorted into the last run of one connective; the first literal of a formula
    belongs to its first run.
    """
    copy_row(before, row, target, 0)
    code = target.codes[0]
    last = code[LENGTH]
    connectives = code[(LITERALS + code.size) // 2 :]
    literals = code[LITERALS:]
    connectives[last] = connective
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
    """Whether one formula comes before another: score, then length, literals, connectives.

    What stands behind the last literal, and before the first connective, is zero.
    """
    if left.score[row] != right.score[other]:
        return left.score[row] > right.score[other]
    one, two = left.codes[row], right.codes[other]
    if one[LENGTH] != two[LENGTH]:
        return one[LENGTH] < two[LENGTH]
    for column in range(LITERALS, one.size):
        if one[column] != two[column]:
            return one[column] < two[column]
    return False


@kernel
def joined_word(before, concept_word, negated, connective):
    """One word of the extent of a formula joined to a literal; bits behind the end may be set."""
    if connective == AS_IS:
        return before
    if negated:
        concept_word = ~concept_word
    if connective == AND:
        return before & concept_word
    return before | concept_word


@kernel
def write_extent(before, bits, literal, connective, whole, words):
    """Write the extent of a formula with words `before` joined to a literal: uint64 [W]."""
    concept_words = bits[literal >> 1]
    for word in range(before.size):
        joined = joined_word(before[word], concept_words[word], literal & 1, connective)
        words[word] = joined & whole[word]


@kernel
def same_extent(
    before, literal, connective, other_before, other_literal, other_connective, bits, whole
):
    """Whether two formulas hold on the same samples, word by word."""
    concept_words = bits[literal >> 1]
    other_words = bits[other_literal >> 1]
    for word in range(before.size):
        one = joined_word(before[word], concept_words[word], literal & 1, connective)
        two = joined_word(
            other_before[word], other_words[word], other_literal & 1, other_connective
        )
        if (one ^ two) & whole[word] != np.uint64(0):
            return False
    return True
