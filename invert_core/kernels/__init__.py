"""All compiled code: plain arrays in, plain arrays out.

`bits` packs labels, `ranks` ranks activations, `sums` adds ranks over concepts, `formulas` orders
and compares formulas, `beam` searches them for one unit. `_jit` owns the compiler's options.
"""
