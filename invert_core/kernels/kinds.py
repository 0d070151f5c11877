"""The formulas of three concepts, by what a third literal does to a pair.

Two concepts a and b cut the samples into four cells: 0 is a & b, 1 is a & ~b, 2 is ~a & b, 3 is
~a & ~b. A formula (x op y) op z of a, b and a third concept k is constant on three cells and
follows k, or ~k, on the fourth, its free cell. With p & q the free cell,

- p & q & k and its complement ~p | ~q | ~k are constant in the same way on the other three;
- p & (r | k), the free cell being p & ~r, is true on p & r besides, and its complement is
  ~p | (~r & ~k).

So a kind is made of a free cell, a shape, a complement or not, and k negated or not. A formula is
found from every two of its literals that these shapes allow, but it is *examined* from one such two
alone. Concepts are numbered by size, ascending, none larger than half of the samples, so that the
sizes of literals ascend in the order 0, 1, ..., C-1, ~(C-1), ..., ~1, ~0. In that order p and q
precede k in the first shape, and r follows k in the second. This leaves the smallest free cell,
and with it the tightest bound; it gives each kind a range of k, which starts at 0 or behind a or
b, and ends at C or before a or b.
"""

import numpy as np

BOTH = 0
SHARES_A = 1
SHARES_B = 2
"""Shapes: p & q & k with the literals of a and b, or p & (r | k) where p is that of a, or of b."""

N_KINDS = 48
EDGE = 0
AT_A = 1
AT_B = 2
NOWHERE = 3
"""Where a range of k starts (behind) or ends (before)."""


def _range(cell: int, shape: int, negated: int) -> tuple[int, int]:
    """Start and end of the range of k from which a kind is examined."""
    not_a, not_b = cell >> 1, cell & 1
    # An empty range: all formulas of the kind are examined from another pair.
    nothing = (NOWHERE, NOWHERE)
    if shape == BOTH:
        if not negated:
            return (AT_B, EDGE) if cell == 0 else nothing
        return (EDGE, (EDGE, AT_B, AT_A, AT_A)[cell])
    at = AT_B if shape == SHARES_A else AT_A
    r_is_negated = not (not_b if shape == SHARES_A else not_a)
    if r_is_negated:
        return (at, EDGE) if negated else (EDGE, EDGE)
    return nothing if negated else (EDGE, at)


def _kinds() -> np.ndarray:
    kinds = []
    for cell in range(4):
        for shape in (BOTH, SHARES_A, SHARES_B):
            # p & r lies in the cell that has p in common with the free one.
            true_on = (0, 1 << (cell ^ 1), 1 << (cell ^ 2))[shape]
            for complement in range(2):
                # A complement is true on the cells where the formula is not, the free one apart.
                base = true_on if not complement else ~true_on & 15 & ~(1 << cell)
                for negated in range(2):
                    # Negating the formula and negating k undo each other on the free cell.
                    falls = complement != negated
                    without = base | (1 << cell if falls else 0)
                    start, end = _range(cell, shape, negated)
                    kinds.append((cell, shape, complement, negated, without, falls, start, end))
    return np.array(kinds, np.int64)


def _irreducible(kinds: np.ndarray) -> np.ndarray:
    """For every set of cells that are not empty: the kinds, as bits, that need both a and b."""
    masks = np.zeros(16, np.int64)
    for occupied in range(16):
        cells = [cell for cell in range(4) if occupied >> cell & 1]
        for kind, (free, _, _, _, without, *_) in enumerate(kinds.tolist()):
            value = {cell: (without >> cell & 1, cell == free) for cell in cells}

            # Cells without samples cannot tell two formulas apart.
            def ignores(flip: int, value: dict = value) -> bool:
                return all(value[cell] == value.get(cell ^ flip, value[cell]) for cell in value)

            # With no free cell k says nothing; without a or b, a formula of two literals says it.
            if free in cells and not ignores(1) and not ignores(2):
                masks[occupied] |= 1 << kind
    return masks


_TABLE = _kinds()
CELL, SHAPE, COMPLEMENT, NEGATED, WITHOUT, FALLS, START, END = _TABLE.T.copy()
"""Per kind. `WITHOUT` has a bit for every cell on which the formula is true outside k; `FALLS`
says that it is false, not true, on the free cell within k."""
EXAMINED = np.flatnonzero(START != NOWHERE)
EXAMINED = EXAMINED[np.lexsort((FALLS[EXAMINED], END[EXAMINED], START[EXAMINED]))]
"""Kinds that have a range, in an order that brings those of one cap together."""
CAPS = (START * 4 + END) * 2 + FALLS
"""Per kind: equal where a third concept can add the same, by its range and by how it acts."""
EVERY = (1 << N_KINDS) - 1
"""All kinds, as bits."""
IRREDUCIBLE = _irreducible(_TABLE) & int(np.sum(1 << EXAMINED))
"""Per set of occupied cells: kinds, as bits, that say more than any formula of two literals."""
