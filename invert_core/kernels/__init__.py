"""All compiled code: plain arrays in, plain arrays out.

`bits` packs labels, `atoms` merges samples with equal ones, `ranks` ranks activations, `sums` adds
ranks over concepts with the help of `planes`. `formulas` orders and compares formulas, `candidates`
scores what they are joined to, `beam` searches them. `pairs`, `kinds`, `bounds`, `triples` and
`exhaustive` search all of them. `subsets` ranks and adds within the samples on which formulas are
defined. `_jit` owns the compiler's options, `_cache` keeps what it makes, `warm_up` compiles before
threads start.
"""
