"""Executors: running a search over all units, a piece at a time."""
