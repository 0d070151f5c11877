"""Readers of the sources in which people have their concepts, one for each kind."""
