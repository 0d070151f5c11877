"""The formulas of three concepts, by what a third literal does to a pair.

Two concepts a and b cut the samples into four cells: 0 is a & b, 1 is a & ~b, 2 is ~a & b, 3 is
~a & ~b. A formula (x op y) op z of a, b and a third concept k is constant on three cells and
follows k, or ~k, on the fourth, its free cell. With p & q the free cell,

- p & q & k and its complement ~p | ~q | ~k are constant in the same way on the other three;
- p & (r | k), whose free cell is p & ~r, is also true on p & r; its complement is
  ~p | (~r & ~k).

So a kind consists of a free cell, a shape, a complement or not, and k negated or not. A formula can
be made from each pair of its literals that these shapes allow, but it is *examined* from only one
of these pairs. Concepts are numbered by size, ascending, none larger than half of the samples, so
that the sizes of literals ascend in the order 0, 1, ..., C-1, ~(C-1), ..., ~1, ~0. In that order p
and q precede k in the first shape, and r follows k in the second. This leaves the smallest free
cell, and with it the tightest bound; it gives each kind a range of k, which starts at 0 or after a
or b, and ends at C or before a or b.
"""

import numpy as np

BOTH = 0
SHARES_A = 1
SHARES_B = 2
"""Shapes: p & q & k with the literals of a and b, or p & (r | k), where p belongs to a, or to b."""

N_KINDS = 48
EDGE = 0
AT_A = 1
AT_B = 2
NOWHERE = 3
"""The concept after which a range of k starts, or before which it ends."""


def _range(cell: int, shape: int, negated: int) -> tuple[int, int]:
    """Return start and end of the range of k from which a kind is examined."""
    not_a, not_b = cell >> 1, cell & 1
    # An empty range: all formulas of this kind are examined from another pair.
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
                # Apart from the free cell, a complement is true where the formula is not.
                base = true_on if not complement else ~true_on & 15 & ~(1 << cell)
                for negated in range(2):
                    # Negating the formula and negating k undo each other on the free cell.
                    falls = complement != negated
                    without = base | (1 << cell if falls else 0)
                    start, end = _range(cell, shape, negated)
                    kinds.append((cell, shape, complement, negated, without, falls, start, end))
    return np.array(kinds, np.int64)


def _irreducible(kinds: np.ndarray) -> np.ndarray:
    """Return the kinds, as bits, that need both a and b, for every set of occupied cells."""
    masks = np.zeros(16, np.int64)
    for occupied in range(16):
        cells = [cell for cell in range(4) if occupied >> cell & 1]
        for kind, (free, _, _, _, without, *_) in enumerate(kinds.tolist()):
            value = {cell: (without >> cell & 1, cell == free) for cell in cells}

            # Cells without samples cannot tell two formulas apart.
            def ignores(flip: int, value: dict = value) -> bool:
                return all(value[cell] == value.get(cell ^ flip, value[cell]) for cell in value)

            # Without the free cell k changes nothing; without a or b, two literals are enough.
            if free in cells and not ignores(1) and not ignores(2):
                masks[occupied] |= 1 << kind
    return masks


_TABLE = _kinds()
CELL, SHAPE, COMPLEMENT, NEGATED, WITHOUT, FALLS, START, END = _TABLE.T.copy()
"""Properties of each kind.

`WITHOUT` has a bit for every cell on which the formula is true outside k; `FALLS` says that the
formula is false, not true, on the free cell within k.
"""
EXAMINED = np.flatnonzero(START != NOWHERE)
EXAMINED = EXAMINED[np.lexsort((FALLS[EXAMINED], END[EXAMINED], START[EXAMINED]))]
"""The kinds that have a range, in an order that brings kinds with the same cap together."""
CAPS = (START * 4 + END) * 2 + FALLS
"""A number for each kind, equal for kinds to which a third concept can add the same."""
EVERY = (1 << N_KINDS) - 1
"""All kinds, as bits."""
IRREDUCIBLE = _irreducible(_TABLE) & int(np.sum(1 << EXAMINED))
"""The kinds, as bits, that say more than any two literals, for each set of occupied cells."""
