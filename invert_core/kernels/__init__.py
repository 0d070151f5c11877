"""All compiled code: plain arrays in, plain arrays out.

`bits` packs marks, `atoms` merges samples with equal marks. `ranks` ranks activations of any type
by the `codes` of their values, which `radix` sorts. `sums` adds ranks over concepts with the help
of `planes`. `formulas` orders and compares formulas, `candidates` scores each formula joined to
every literal, `beam` runs the beam search. `pairs`, `kinds`, `bounds`, `triples` and `exhaustive`
run the complete search. `subsets` ranks and adds within the samples on which formulas are defined.
`_jit` owns the compiler's options, `_cache` keeps machine code, `warm_up` compiles before threads
start.
"""
