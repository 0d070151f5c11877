"""Samples that are arrays already: from files, from memory, or from an iterable of batches."""
