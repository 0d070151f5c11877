"""Formulas as rows of arrays: their normal form, their order, and their extents.

Literal 2c is concept c, 2c + 1 its negation. Connective k joins literal k to what stands left of
it; connective 0 of a row is never read.
"""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import kernel

AND = 0
OR = 1
AS_IS = 2


class Formulas(NamedTuple):
    """K formulas of up to L literals, as [K] and [K, L] arrays; rows behind `size[0]` are unused.

    `parent`, `literal` and `connective` say how a row came about: row `parent` of the formulas
    before, joined to `literal`, or that row itself where `connective` is AS_IS.
    """

    literals: np.ndarray
    connectives: np.ndarray
    length: np.ndarray
    n_positive: np.ndarray
    rank_sum: np.ndarray
    score: np.ndarray
    parent: np.ndarray
    literal: np.ndarray
    connective: np.ndarray
    size: np.ndarray


@kernel
def no_formulas(capacity, length):
    """Room for `capacity` formulas of up to `length` literals."""
    return Formulas(
        np.zeros((capacity, length), np.int64),
        np.zeros((capacity, length), np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.float64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(1, np.int64),
    )


@kernel
def copy_row(source, row, target, place):
    """Overwrite row `place` of `target` with a row of `source`."""
    target.literals[place] = source.literals[row]
    target.connectives[place] = source.connectives[row]
    target.length[place] = source.length[row]
    target.n_positive[place] = source.n_positive[row]
    target.rank_sum[place] = source.rank_sum[row]
    target.score[place] = source.score[row]
    target.parent[place] = source.parent[row]
    target.literal[place] = source.literal[row]
    target.connective[place] = source.connective[row]


@kernel
def join(before, row, literal, connective, target):
    """Write a row of `before`, joined to a literal, to row 0 of `target` in normal form.

    The literal is sorted into the last run of one connective; the first literal of a formula
    belongs to its first run.
    """
    last = before.length[row]
    literals = target.literals[0]
    connectives = target.connectives[0]
    literals[:last] = before.literals[row, :last]
    connectives[:last] = before.connectives[row, :last]
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
    target.length[0] = last + 1
    target.parent[0] = row
    target.literal[0] = literal
    target.connective[0] = connective


@kernel
def precedes(left, row, right, other):
    """Whether one formula comes before another: score, then length, literals, connectives."""
    if left.score[row] != right.score[other]:
        return left.score[row] > right.score[other]
    length = left.length[row]
    if length != right.length[other]:
        return length < right.length[other]
    for k in range(length):
        if left.literals[row, k] != right.literals[other, k]:
            return left.literals[row, k] < right.literals[other, k]
    for k in range(1, length):
        if left.connectives[row, k] != right.connectives[other, k]:
            return left.connectives[row, k] < right.connectives[other, k]
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
def extent_of(before, bits, literal, connective, whole):
    """The extent of a formula with words `before` joined to a literal: uint64 [W]."""
    words = np.empty_like(before)
    concept_words = bits[literal >> 1]
    for word in range(before.size):
        joined = joined_word(before[word], concept_words[word], literal & 1, connective)
        words[word] = joined & whole[word]
    return words


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
