"""Samples that are arrays already: in files, in memory, or batch by batch."""
