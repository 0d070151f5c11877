"""Hierarchies of concepts: their readers, and the concepts that they add or merge."""
