"""Writes an activation file so that a killed extraction can go on where it was."""
