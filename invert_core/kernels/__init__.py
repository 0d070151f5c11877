"""All compiled code: plain arrays in, plain arrays out.

`bits` packs marks, `atoms` merges samples with equal marks. `ranks` ranks activations of any type
by the `codes` of their values, which `radix` sorts. `sums` adds ranks over concepts with the help
of `planes`. `formulas` orders formulas and knows their extents, `scores` is the measure, `beam`
keeps the best formulas, `candidates` offers it each formula joined to every literal, `known` tells
which extents shorter formulas have, and `beam_search` runs the steps. `pairs`, `kinds`, `bounds`,
`triples` and `exhaustive` run the complete search. `subsets` ranks and adds within the samples on
which formulas are defined. `shuffles` permutes ranks and `blocks` keeps blocks of samples together.
`placements` ranks samples that no search saw. `ties` finds equal values, `tails` gives p-values of
rank sums given these, with the help of `unsplit_tails`, `counting`, `saddlepoint` and
`hypergeometric`. `_jit` owns the compiler's options, `_cache` keeps machine code, `jobs`
lists what is compiled together, `warm_up` compiles it before threads start.
"""

from invert_core.errors import MissingDependencyError

try:
    import numba  # noqa: F401
except ImportError:
    raise
except Exception as error:
    raise MissingDependencyError(
        f"Numba cannot be loaded ({error}).",
        "Correct or unset the environment variables whose names begin with NUMBA_.",
    ) from error
