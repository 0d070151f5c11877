"""Metrics: numbers computed from activations and an extent; each is a column of the result."""
