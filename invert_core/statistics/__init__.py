"""Statistics: the Mann-Whitney test with ties, its p-values, and corrections for many tests."""
