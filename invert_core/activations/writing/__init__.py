"""Writes activation files so that a killed extraction can be resumed."""
