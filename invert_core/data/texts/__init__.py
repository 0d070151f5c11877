"""Texts as samples: where they stand, and how they become tokens."""
