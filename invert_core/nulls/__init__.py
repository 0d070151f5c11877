"""Null distributions of a search: what it finds where there is nothing to find."""
