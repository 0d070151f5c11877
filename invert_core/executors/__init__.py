"""Executors: who runs a search over the units, a piece at a time."""
