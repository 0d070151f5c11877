"""A beam: the best formulas found so far, with distinct extents."""

from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inner
from invert_core.kernels.formulas import N_POSITIVE, RANK_SUM, precedes, same_words, width_of


class Beam(NamedTuple):
    """Up to B formulas, of which ``size[0]`` are there.

    The formula at place k, from the best on, is in slot ``order[k]``: row `codes` int64 [B, 3 + 2L]
    holds it, `scores` float64 [B] its score and `words` uint64 [B, W] its extent. So no extent
    moves when another formula takes a place before it.
    """

    order: np.ndarray
    codes: np.ndarray
    scores: np.ndarray
    words: np.ndarray
    size: np.ndarray


def no_formulas(capacity: int, length: int, n_words: int) -> Beam:
    """Return an empty beam for `capacity` formulas of up to `length` literals."""
    return Beam(
        np.arange(capacity),
        np.zeros((capacity, width_of(length)), np.int64),
        np.zeros(capacity, np.float64),
        np.zeros((capacity, n_words), np.uint64),
        np.zeros(1, np.int64),
    )


@inner
def last_score(beam):
    """Return the score below which no formula enters: that of the last one of a full beam."""
    if beam.size[0] < beam.scores.size:
        return -np.inf
    return beam.scores[beam.order[-1]]


@inner
def enters(beam, code, score):
    """Return whether a formula comes before the last one, or the beam is not full."""
    if beam.size[0] < beam.scores.size:
        return True
    last = beam.order[-1]
    return precedes(code, score, beam.codes[last], beam.scores[last])


@inner
def place_of(beam, code, words):
    """Return the place of the formula with this extent, or -1; `code` has its size and rank sum."""
    order, codes, all_words = beam.order, beam.codes, beam.words
    for place in range(beam.size[0]):
        slot = order[place]
        # Equal extents have equal sizes and sums, so words are compared only if these are equal.
        if (
            codes[slot, N_POSITIVE] == code[N_POSITIVE]
            and codes[slot, RANK_SUM] == code[RANK_SUM]
            and same_words(all_words[slot], words)
        ):
            return place
    return -1


@inner
def insert(beam, code, score, words):
    """Put a formula that `enters` into the beam; of those with one extent, the first stays."""
    order, codes, scores = beam.order, beam.codes, beam.scores
    last = place_of(beam, code, words)
    if last >= 0:
        if not precedes(code, score, codes[order[last]], scores[order[last]]):
            return
    elif beam.size[0] < scores.size:
        last = beam.size[0]
        beam.size[0] += 1
    else:
        last = scores.size - 1
    # The formula that leaves, or the first free place, gives its slot.
    slot = order[last]
    place = last
    while place > 0 and precedes(code, score, codes[order[place - 1]], scores[order[place - 1]]):
        order[place] = order[place - 1]
        place -= 1
    order[place] = slot
    write(beam, slot, code, score, words)


@inner
def write(beam, slot, code, score, words):
    """Write a formula to a slot."""
    codes, all_words = beam.codes, beam.words
    for column in range(code.size):
        codes[slot, column] = code[column]
    for word in range(words.size):
        all_words[slot, word] = words[word]
    beam.scores[slot] = score


@inner
def copy(source, target):
    """Overwrite a beam with the formulas of another of the same capacity."""
    for place in range(source.size[0]):
        slot = source.order[place]
        target.order[place] = slot
        write(target, slot, source.codes[slot], source.scores[slot], source.words[slot])
    # The other places hold the slots that are free.
    for place in range(source.size[0], source.order.size):
        target.order[place] = source.order[place]
    target.size[0] = source.size[0]
