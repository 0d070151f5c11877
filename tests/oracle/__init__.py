"""A second oracle of the searches, written from the definitions alone.

It shares no line with the product or with `tests.naive`. Extents are Python integers whose bit i
stands for sample i; sums are integers, and variances are fractions. p given the ties comes from
counting all extents of a size, and p after the search from searching all orders of few samples.
Run it with ``python -m tests.oracle --cases 1000 --seed 1``.
"""
