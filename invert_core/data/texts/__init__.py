"""Texts as samples: where they are stored, and how they become tokens."""
