"""The kernels that are compiled together, and calls that compile exactly the types in use.

A job is one line of `JOBS` and one function, which calls the kernels with the smallest arrays that
have the types, layouts and write flags of the real ones. Whoever needs kernels names their jobs to
`warm_up.compile_jobs`, the longest first; then a second process can compile some of them.
"""

from collections.abc import Callable, Iterable

import numpy as np

_BITS = np.array([[3], [5]], np.uint64)
"""Two concepts over four samples, each of which has marks of its own."""
_SIZES = np.ones(4, np.int64)


def _atoms() -> None:
    from invert_core.kernels.atoms import merged

    merged(_BITS, 4)


def _index() -> None:
    from invert_core.kernels.sums import BY_COST, label_index

    label_index(_BITS, _SIZES, BY_COST)


def _ranks() -> None:
    from invert_core.kernels.atoms import Atoms
    from invert_core.kernels.ranks import rank_sums

    rank_sums(np.zeros((1, 4), np.float32), Atoms(np.arange(4, dtype=np.int32), _SIZES))


def _codes_of_float64() -> None:
    from invert_core.kernels.codes import codes_of
    from invert_core.kernels.radix import room_for

    # These values leave more bits than a code holds.
    codes_of(np.array([[0.1, 1e9]]), room_for(2))


def _search(dense: bool, measured: bool = False) -> None:
    from invert_core.kernels.beam_search import search_units
    from invert_core.kernels.candidates import Limits
    from invert_core.kernels.formulas import add_over_extents
    from invert_core.kernels.scores import Measures
    from invert_core.kernels.sums import Dense, LabelIndex, concept_sums

    counts, first = np.array([2, 2]), np.array([0, 2, 3, 4, 4])
    concept, rows = np.array([0, 1, 0, 1], np.uint32), np.array([[3], [1], [2], [0]], np.uint64)
    words = np.array([[15]], np.uint64)
    of_dense = Dense(concept[:2], rows, 1.0, words, words[0], True) if dense else None
    index = LabelIndex(_BITS, counts, _SIZES, first, concept, of_dense)
    limits = Limits(1, 1, 4, 1, 3, 1.0, 2)
    weights, searched = np.ones((1, 4), np.int64), np.ones((1, 2), np.bool_)
    if not measured:
        search_units(weights, index, searched, limits)
        return
    one = np.ones(1)
    measures = Measures(np.full(1, 4), one, one, one, one, one, one, True)
    codes = search_units(weights, index, searched, limits, measures).codes
    sums = np.empty(codes.shape[:2], np.int64)
    add_over_extents(codes, _BITS, words[0], weights, np.empty_like(words[0]), sums)
    concept_sums(weights, index, of_dense)


def _exhaustive_search() -> None:
    from invert_core.kernels import bounds, exhaustive, kinds, pairs, sums, triples

    n_samples = 4
    first, concept = pairs.concept_lists(_BITS, n_samples)
    counts, of_pairs, positive = np.zeros((3, 2, 2), np.int64)
    for table in (counts, of_pairs):
        pairs.add_pairs(first, concept, _SIZES, 0, n_samples, table)
        pairs.mirror(table)
    literal = np.array([[0, 1], [2, 3]])
    problem = exhaustive.Problem(
        _BITS, first, concept, literal, 4, _SIZES, _SIZES, counts, of_pairs, n_samples, 1, 3, False
    )
    best = exhaustive.nothing_yet()
    exhaustive.score_literals(problem, best)
    exhaustive.score_pairs(problem, 0, 2, best, np.full(2, -np.inf), np.zeros(2, np.int64))
    nodes = triples.Nodes(np.array([1]), np.array([kinds.EVERY]), np.zeros(1, np.uint8))
    perfect = np.full(1, exhaustive.UNIT + 1)
    triples.score_triples(problem, nodes, perfect, True, 0, 1, best)
    marks = bounds.Pairs(counts, of_pairs, np.zeros_like(counts), np.zeros((2, 2), np.uint8))
    sizes_of_extents = bounds.SizeRange(1, 3, 1, np.zeros(1, np.int64))
    bounds.mark_pairs(marks, positive, 0, n_samples, 0, 2, sizes_of_extents)
    sums.sum_of_set(_BITS[0], _SIZES)


def _missing_labels() -> None:
    from invert_core.kernels import subsets
    from invert_core.kernels.atoms import Atoms
    from invert_core.kernels.bits import whole_set
    from invert_core.kernels.planes import planes_of
    from invert_core.kernels.ranks import sorted_keys
    from invert_core.kernels.sums import BY_COST
    from invert_core.kernels.ties import room_for_large

    sorted_keys(np.ones((1, 4), np.float32), 0, Atoms(np.arange(4, dtype=np.int32), _SIZES))
    planes_of(_SIZES)
    lists = subsets.concept_lists(_BITS, _BITS, np.zeros(2, np.int64), _SIZES, BY_COST)
    runs = subsets.runs_of_keys(np.arange(4, dtype=np.uint64), 0)
    words, weights, tie_sums = whole_set(4), np.empty(4, np.int64), np.empty(2, np.int64)
    subsets.size_of(words, _SIZES)
    subsets.rank_within(runs, words, _SIZES, weights, tie_sums, room_for_large(4))
    ranked = subsets.ranks_in_binary(weights, lists)
    chosen = subsets.Chosen(np.arange(2), np.arange(0, dtype=np.uint32))
    table, (counts, sums) = np.empty((4, 2), np.int64), np.zeros((2, 2), np.int64)
    subsets.add_within(words, ranked, lists, chosen, table, counts, sums)


def _placements() -> None:
    from invert_core.kernels.placements import placements

    units = np.zeros((1, 4), np.float32)
    placements(units, np.zeros(1, np.int64), _BITS[:1], None, 4)


def _group_placements() -> None:
    from invert_core.kernels.bits import whole_set
    from invert_core.kernels.group_placements import compare_groups

    group, room = np.zeros(4, np.int32), (np.zeros((1, 3), np.int64), np.zeros((1, 5)))
    compare_groups(np.zeros(0, np.uint64), 0, _BITS[:1], whole_set(4)[None], group, *room)


def _tails() -> None:
    from invert_core.kernels.tails import log_tails
    from invert_core.kernels.ties import Ties

    two, three = np.full(1, 2), np.full(1, 3)
    log_tails(two, three, np.zeros(1, np.int64), Ties(two, two, np.array([0, 1]), three))


def _draws() -> None:
    from invert_core.kernels.atoms import Atoms
    from invert_core.kernels.shuffles import drawn_counts

    drawn_counts(np.ones(1, np.uint64), Atoms(np.arange(4, dtype=np.int32), _SIZES), 1, 1)


def _shuffles() -> None:
    from invert_core.kernels.atoms import Atoms
    from invert_core.kernels.blocks import atoms_of_blocks
    from invert_core.kernels.shuffles import shuffled_sums

    atoms = Atoms(np.arange(4, dtype=np.int32), _SIZES)
    shuffled_sums(np.ones(1, np.uint64), atoms, 1)
    atoms_of_blocks(atoms, atoms.of_sample, 4)


def _evidence() -> None:
    from invert_core.kernels import evidence, midranks, orders, shared_concepts
    from invert_core.kernels.bits import whole_set
    from invert_core.kernels.radix import room_for

    everywhere, bits = whole_set(4), _BITS.view()
    bits.setflags(write=False)
    samples, codes = np.arange(4, dtype=np.int32), np.ones(1, np.int64)
    formulas = evidence.Formulas(
        *(codes, np.zeros((1, 1), np.int64), np.zeros((1, 1), np.int64)),
        *(bits, bits, everywhere),
    )
    unit = orders.sorted_unit(samples, np.ones(4, np.float32), everywhere, room_for(4))
    among, units = midranks.Among.of(np.arange(1), everywhere, 4), evidence.OfUnits.empty(1)
    evidence.add_evidence(
        *(unit, evidence.Task(0, 0, 1, False, np.zeros(1, np.uint16)), formulas),
        *(evidence.Places(np.arange(1, 4), among), evidence.room_for_evidence(4, 4)),
        *(units, evidence.OfFormulas.empty(1, 3)),
    )
    concepts = shared_concepts.Concepts(np.arange(1, dtype=np.uint32), bits, bits, _SIZES, _SIZES)
    shared_concepts.find_shared(units.top, concepts, shared_concepts.Shared.empty(1))


SEARCH = "search"
DENSE_SEARCH = "search among dense labels"
MEASURED_SEARCH = "search by other objectives"
DENSE_MEASURED_SEARCH = "search by other objectives among dense labels"
RANKS = "ranks"
CODES_OF_FLOAT64 = "codes of float64"
SHUFFLES = "shuffles"
DRAWS = "draws"
ATOMS = "atoms"
INDEX = "index"
EXHAUSTIVE = "exhaustive search"
MISSING_LABELS = "missing labels"
TAILS = "tails given ties"
PLACEMENTS = "held-out samples"
GROUP_PLACEMENTS = "held-out groups"
EVIDENCE = "evidence"

JOBS: dict[str, Callable[[], None]] = {
    SEARCH: lambda: _search(dense=False),
    DENSE_SEARCH: lambda: _search(dense=True),
    MEASURED_SEARCH: lambda: _search(dense=False, measured=True),
    DENSE_MEASURED_SEARCH: lambda: _search(dense=True, measured=True),
    RANKS: _ranks,
    CODES_OF_FLOAT64: _codes_of_float64,
    EXHAUSTIVE: _exhaustive_search,
    MISSING_LABELS: _missing_labels,
    TAILS: _tails,
    INDEX: _index,
    ATOMS: _atoms,
    PLACEMENTS: _placements,
    GROUP_PLACEMENTS: _group_placements,
    SHUFFLES: _shuffles,
    EVIDENCE: _evidence,
    DRAWS: _draws,
}
"""The call of each job, keyed by the name that users are told."""


def jobs_of_types(dtypes: Iterable[np.dtype]) -> tuple[str, ...]:
    """Return the jobs that make codes of activations of some types; most types need none."""
    return (CODES_OF_FLOAT64,) if np.dtype(np.float64) in dtypes else ()
