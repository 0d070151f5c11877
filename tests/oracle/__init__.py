"""A second oracle of the searches, written from the definitions alone.

It shares no line with the product or with `tests.naive`. Extents are Python integers whose bit i
stands for sample i; sums are integers, variances are fractions, and p-values come from `math.erfc`.
Run it with ``python -m tests.oracle --cases 1000 --seed 1``.
"""
