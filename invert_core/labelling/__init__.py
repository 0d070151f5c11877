"""Labelling: activations and concepts in, rows out."""
